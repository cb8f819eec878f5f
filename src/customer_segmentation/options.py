"""The command line: options as `key=value` pairs over a YAML file, and whether a port is free."""

from __future__ import annotations

import atexit
import difflib
import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from customer_segmentation import interrupts

TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
NEW_OBJECTS = 100_000  # before garbage is looked for: imports make many objects, and no garbage


class OptionError(ValueError):
    """An option that the command does not have, or cannot use."""


def command(
    argv: Sequence[str],
    defaults: Path,
    root: Path,
    run: Callable[[dict[str, Any]], int | None],
    *,
    interrupted: str,
) -> int:
    """Run a command with its options, and say in plain words what went wrong.

    Parameters
    ----------
    argv, defaults, root
        As for :func:`read`; ``--help`` prints the file of the defaults.
    run : callable
        Takes the options; returns the exit code, None for 0.
    interrupted : str
        Said on Ctrl-C, and when the process is asked to terminate.

    Returns
    -------
    int
        Exit code: 1 after an error, 130 after an interrupt.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "count.yaml"
    >>> _ = file.write_text("upto: 2")
    >>> command(["upto=3"], file, Path("."), lambda chosen: print(*range(chosen["upto"])),
    ...         interrupted="Nothing was counted.")
    0 1 2
    0
    """
    if {"-h", "--help"} & set(argv):
        print(defaults.read_text(encoding="utf-8"))
        return 0
    interrupts.heed()
    gc.set_threshold(NEW_OBJECTS)
    atexit.register(gc.freeze)  # or a second goes by at the end, looking for garbage among modules
    try:
        return run(read(argv, defaults, root)) or 0
    except KeyboardInterrupt:
        print(f"Interrupted: {interrupted}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # of `| head`, say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to print
        print("Stopped: nobody reads what this command prints any more.", file=sys.stderr)
        return 1
    except Exception as error:
        from customer_segmentation.terminal import show_error  # noqa: PLC0415 - help needs none

        show_error(error)
        return 1


def read(argv: Sequence[str], defaults: Path, root: Path) -> dict[str, Any]:
    r"""Read a command's options.

    Parameters
    ----------
    argv : sequence of str
        ``key=value`` each; keys of nested options are dotted.
    defaults : Path
        YAML with every option there is, and its default. Where its ``tracking`` is a word, the
        options of that file in ``tracking/`` beside it are taken in.
    root : Path
        What ``${root:}`` stands for.

    Returns
    -------
    dict
        Nested as in the file; a value is of the type of its default, text where that is null. An
        empty one, or null, is the default.

    Raises
    ------
    OptionError
        On an unknown key (naming the closest) or a value of another type.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "score.yaml"
    >>> _ = file.write_text("input: null\nrows: 1000")
    >>> read(["input=new.csv", "rows=50"], file, Path("."))
    {'input': 'new.csv', 'rows': 50}
    """
    config = _load(defaults, root)
    if isinstance(config.get("tracking"), str):
        config.tracking = _load(defaults.parent / "tracking" / f"{config.tracking}.yaml", root)
    known = _keys(config)
    for pair in argv:
        key, equals, text = pair.partition("=")
        if not equals or key not in known:
            raise OptionError(_unknown(pair, key, known, bool(equals)))
        OmegaConf.update(config, key, _typed(key, text, OmegaConf.select(config, key)))
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}


def _load(file: Path, root: Path) -> DictConfig:
    # Of the interpolations that Hydra knows, these files use one.
    config = OmegaConf.create(file.read_text(encoding="utf-8").replace("${root:}", str(root)))
    assert isinstance(config, DictConfig)
    return config


def _keys(config: DictConfig, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for key in map(str, config):
        value = config._get_node(key)  # not resolved: a value may refer to what is not set yet
        if isinstance(value, DictConfig):
            keys += _keys(value, f"{prefix}{key}.")
        else:
            keys.append(f"{prefix}{key}")
    return keys


def _unknown(pair: str, key: str, known: list[str], has_value: bool) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]}=?" if close else ""
    got = f"option {key!r}" if has_value else f"{pair!r}"
    return f"got {got}, expected key=value with one of these keys: {', '.join(known)}.{hint}"


def _typed(key: str, text: str, default: object) -> object:
    """Turn the text into what the default is; so a reason may hold colons, commas and quotes."""
    if text.lower() in ("null", "none", ""):
        return default
    if isinstance(default, bool):
        if text.lower() in (*TRUE, *FALSE):
            return text.lower() in TRUE
        raise OptionError(f"got {key}={text}, expected true or false. Correct it.")
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError as error:
            kind = "a whole number" if isinstance(default, int) else "a number"
            raise OptionError(f"got {key}={text}, expected {kind}. Correct it.") from error
    if OmegaConf.is_list(default):
        return [part.strip() for part in text.strip("[]").split(",") if part.strip()]
    return text


def busy_port(host: str, port: int, instead: str) -> str:
    """Say what to do when a port is taken or cannot be used.

    Parameters
    ----------
    host : str
    port : int
    instead : str
        How another port is chosen, with ``{port}`` for one.

    Returns
    -------
    str
        Empty if the port is free.

    Examples
    --------
    >>> busy_port("127.0.0.1", 70000, "port={port}").rpartition("choose another: ")[2]
    'port=10001.'
    """
    with socket.socket() as probe:
        # As the server does: a port that was closed a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            return (
                f"got port {port}, which cannot be used ({error}), expected a free one. Close what "
                f"uses it or choose another: {instead.format(port=port % 60000 + 1)}."
            )
    return ""

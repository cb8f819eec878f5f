"""The hidden file that an output is written to, until all of it is there."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ENDING = f"@{socket.gethostname()}.part"  # whose process it is that a name holds the number of


def new_part(final: Path) -> Path:
    """Make an empty file beside `final`, as private as that is where it exists.

    What killed processes left of earlier ones is removed.

    Examples
    --------
    >>> import tempfile
    >>> part = new_part(Path(tempfile.mkdtemp()) / "scored.csv")
    >>> part.name.startswith(".scored.csv."), part.stat().st_size
    (True, 0)
    """
    start = f".{final.name[:100]}."
    for left in left_behind(final.parent, start):
        with suppress(OSError):
            left.unlink()
    part = final.with_name(f"{start}{uuid.uuid4().hex[:8]}.{os.getpid()}{ENDING}")
    mode = stat.S_IMODE(final.stat().st_mode) | 0o600 if final.exists() else 0o666
    part.touch(mode, exist_ok=False)
    return part


def left_behind(folder: Path, start: str) -> Iterator[Path]:
    """What processes that are gone left in a folder under such a name, with their number.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / f".offers-x.{os.getpid()}{ENDING}").touch()
    >>> list(left_behind(folder, ".offers-"))
    []
    """
    for left in folder.glob(f"{glob.escape(start)}*{glob.escape(ENDING)}"):
        pid = left.name.removesuffix(ENDING).rpartition(".")[2]
        if pid.isdigit() and _gone(int(pid)):
            yield left


def put_in_place(part: Path, final: Path) -> None:
    """Give a whole part its final name, and what others may do with it; the disk has it first."""
    if final.exists():
        shutil.copymode(final, part)
    _flush(part)
    part.replace(final)
    _flush(final.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False

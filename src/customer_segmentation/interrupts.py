"""Ctrl-C, and a request to terminate, end a command in an orderly way: as a KeyboardInterrupt."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

SOON = 0.05  # seconds: Python has left the callback by then
POLL = 1.0  # seconds between two looks whether the launcher is there
_requested = False
_report = sys.unraisablehook  # as it was: for all that is no interrupt


class LateInterruptError(RuntimeError):
    """An interrupt that came when the work was done, but for noting it."""


def heed() -> None:
    """Turn SIGINT and SIGTERM into a KeyboardInterrupt, and lose none.

    Python reports and drops an exception in a destructor or a weak reference's callback. An
    interrupt that comes at such a moment is sent again. Other code may turn one into an error of
    its own: see :func:`requested`. One that came since :func:`rest` is raised at once.
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _again
    if _requested:
        raise KeyboardInterrupt


def rest() -> None:
    """Between two jobs of a launcher's process, only note an interrupt: nobody would catch it."""
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, _note)
        signal.signal(signal.SIGTERM, _note)


@contextmanager
def held() -> Iterator[None]:
    """Let an interrupt wait for the end of a few quick steps that belong together.

    Examples
    --------
    >>> try:
    ...     with held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("all of it")
    ... except KeyboardInterrupt:
    ...     print("interrupted")
    all of it
    interrupted
    """
    came: list[int] = []
    before = {
        sent: signal.signal(sent, lambda number, _: came.append(number))
        for sent in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for sent, handler in before.items():
            signal.signal(sent, handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def complete(what: Path) -> Iterator[None]:
    """Say of an interrupt that it came when all was written, and nothing is half done.

    Raises
    ------
    LateInterruptError
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise LateInterruptError(
            f"interrupted when {what} was complete; it may not be logged as a run. The same "
            "command makes both again."
        ) from error


def requested() -> bool:
    """Whether this process was asked to end: an error since then is no failure of the work."""
    return _requested


@cache
def end_with_launcher() -> None:
    """End this process, if it is one that a launcher started for jobs, soon after the launcher.

    One that was killed cannot end its processes: they would go on with a sweep that is over, beside
    the one that was started instead. Their runs are closed by the next start, as after any kill.

    Examples
    --------
    >>> end_with_launcher()
    """
    launcher = multiprocessing.parent_process()
    if launcher is not None:  # by its own number: by now it may be gone
        threading.Thread(target=_watch, args=(launcher.pid,), daemon=True).start()


def _watch(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(POLL)
    os._exit(1)


def _note(*_: object) -> None:
    global _requested  # noqa: PLW0603
    _requested = True


def _interrupt(*_: object) -> None:
    _note()
    raise KeyboardInterrupt


def _again(lost: Any) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(SOON, _thread.interrupt_main).start()
    else:
        _report(lost)

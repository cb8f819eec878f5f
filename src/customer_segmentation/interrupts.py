"""Ctrl-C, and a request to terminate, end a command in an orderly way: as a KeyboardInterrupt."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import Any

SOON = 0.05  # seconds: Python has left the callback by then
_report = sys.unraisablehook  # as it was: for all that is no interrupt


def heed() -> None:
    """Turn SIGTERM into a KeyboardInterrupt, and lose none that falls into a callback of Python's.

    Python reports and drops an exception in a destructor or a weak reference's callback. An
    interrupt that comes at such a moment is sent again.

    Examples
    --------
    >>> before = signal.getsignal(signal.SIGTERM), sys.unraisablehook
    >>> heed()
    >>> try:
    ...     signal.raise_signal(signal.SIGTERM)
    ... except KeyboardInterrupt:
    ...     print("closing")
    closing
    >>> _, sys.unraisablehook = signal.signal(signal.SIGTERM, before[0]), before[1]
    """
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _again


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _again(lost: Any) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(SOON, _thread.interrupt_main).start()
    else:
        _report(lost)

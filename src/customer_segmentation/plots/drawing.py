"""Pictures drawn beside the work: by a second process, while this one goes on logging.

Half of a tracked run is drawing. The functions that draw are pure, so they can do it elsewhere.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the process that only starts another need not load Matplotlib for it
    from matplotlib.figure import Figure

Drawn = Callable[[], bytes]  # waits for the picture if need be, and returns it as PNG
_pool: ProcessPoolExecutor | None = None


def start() -> None:
    """Start the process that draws; without it pictures are drawn when they are asked for."""
    global _pool  # noqa: PLW0603 - one for the whole process, like a thread pool
    if _pool is None:
        _pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_serve
        )
        _pool.submit(_warm)


def started() -> bool:
    """Whether another process draws."""
    return _pool is not None


def begin(draw: Callable[..., Figure], *args: Any) -> Drawn:
    """Begin to draw, and return at once.

    Parameters
    ----------
    draw : callable
        A module's function that returns a Figure.
    *args
        What it draws; sent to the other process.

    Returns
    -------
    callable
        Returns the PNG, or raises what drawing it raised.

    Examples
    --------
    >>> from customer_segmentation.plots import canvas
    >>> begin(canvas.blank, 4, 3, "Title")()[1:4]
    b'PNG'
    """
    return make(_draw, draw, *args)


def make(write: Callable[..., bytes], *args: Any) -> Drawn:
    r"""As :func:`begin`, for any file that a module's function returns as bytes.

    Examples
    --------
    >>> make(bytes, 3)()
    b'\x00\x00\x00'
    """
    here = partial(write, *args)
    if _pool is None:
        return cache(here)  # once, however often it is asked for
    try:
        future = _pool.submit(write, *args)
    except BrokenProcessPool:
        return cache(here)
    return cache(partial(_collect, future, here))


def _collect(future: Future[bytes], here: Drawn) -> bytes:
    try:
        return future.result()
    except BrokenProcessPool:  # the process was killed, for its memory say: the run goes on
        return here()


def _draw(draw: Callable[..., Figure], *args: Any) -> bytes:
    from customer_segmentation.plots import canvas  # noqa: PLC0415

    return canvas.png(draw(*args))


def _warm() -> None:
    """Load fonts and draw once, so that the first picture need not wait for it."""
    from customer_segmentation.plots import canvas  # noqa: PLC0415

    _draw(canvas.blank, 1, 1, "Title")


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that logs
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

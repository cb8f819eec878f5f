"""Memory that was freed, given back to the system: the allocators keep it for themselves."""

from __future__ import annotations

import ctypes
import sys

import pyarrow


def release() -> None:
    """Give back what NumPy and Arrow have freed; takes a millisecond.

    The C library keeps freed blocks of up to 32 MB, columns of a million customers among them,
    wherever something small lies above them (malloc_trim(3)); Arrow keeps all that it has read.

    Examples
    --------
    >>> release()
    """
    pyarrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)

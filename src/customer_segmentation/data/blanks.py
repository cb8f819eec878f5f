"""Blanks around the text of cells."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def trimmed(cells: Any) -> Any:
    """Text without blanks around it, missing where nothing is left.

    Parameters
    ----------
    cells : pyarrow array of text

    Returns
    -------
    pyarrow array
        The same object if nothing changes.

    Examples
    --------
    >>> trimmed(pa.chunked_array([[" a", " ", None]])).to_pylist()
    ['a', None, None]
    """
    short = pc.utf8_trim_whitespace(cells)
    empty = pc.equal(pc.binary_length(short), 0)
    if not pc.any(empty).as_py():
        return cells if short.equals(cells) else short
    return pc.if_else(empty, pa.scalar(None, short.type), short)

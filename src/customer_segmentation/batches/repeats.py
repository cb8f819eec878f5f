"""Ids that come again in a file that is read in chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

MOST = 10_000_000  # ids that are compared: eight bytes each


class Repeats:
    """Counts the rows that have the id of an earlier one.

    Examples
    --------
    >>> repeats = Repeats()
    >>> repeats.update(pa.array(["007", "7", None]))
    >>> repeats.update(pa.array(["8", "007", None]))
    >>> repeats.count()
    1
    """

    def __init__(self) -> None:
        self._seen: list[np.ndarray] = []
        self._rows = 0

    def update(self, ids: pa.Array) -> None:
        """Add the ids of a chunk, whole numbers or text; rows without one do not count."""
        if self._rows < MOST:
            self._seen.append(_as_numbers(ids.drop_null()))
            self._rows += len(self._seen[-1])

    def count(self) -> int:
        """Rows whose id an earlier row has, among the first ten million."""
        seen = np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *self._seen]))
        return int((seen[1:] == seen[:-1]).sum())


def _as_numbers(ids: pa.Array) -> np.ndarray:
    """One number for each id: two of 64 bits are the same by chance in no file."""
    cells = ids.to_numpy(zero_copy_only=False)
    if pa.types.is_integer(ids.type):
        return np.asarray(cells.view(np.uint64))
    return pd.util.hash_array(cells, categorize=False)

"""One column of a drift comparison: fine counts of the training, and of what was scored since."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.data.levels import is_numeric
from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.style import number

GRID = 200  # quantiles at which the cumulative shares are compared
BINS = 10  # deciles, as credit scorecards use
MOST_LEVELS = 50  # further levels share a bin
MOST_NEW = 1000  # new levels remembered by name


def describe_column(cells: pd.Series, filled: int = 0) -> dict[str, Any]:
    """Count the training customers of a column in fine cells.

    Parameters
    ----------
    cells : Series
    filled : int
        Gaps that were filled before training, numbers with the median and levels with the most
        frequent one: they are counted as missing again.

    Returns
    -------
    dict
        For numbers ``grid``, the 200-quantiles without repetition, and ``counts`` of the 2k + 1
        cells: below the first, equal to it, between it and the next, and so on. For levels
        ``levels`` and ``counts``, and ``other`` for levels beyond the fifty most frequent.

    Examples
    --------
    >>> describe_column(pd.Series([0.0, 0.0, 7.0, None]))
    {'grid': [0.0, 7.0], 'counts': [0, 2, 0, 1, 0], 'missing': 1}
    >>> describe_column(pd.Series(["a", "b", "a"]))
    {'levels': ['a', 'b'], 'counts': [2, 1], 'other': 0, 'missing': 0}
    """
    if is_numeric(cells):
        return _describe_number(cells, filled)
    counts = cells.dropna().astype("str").value_counts()
    order = sorted(counts.index, key=lambda level: (-counts[level], level))
    kept = [int(counts[level]) for level in order[:MOST_LEVELS]]
    taken = min(filled, kept[0]) if kept else 0
    return {
        "levels": [str(level) for level in order[:MOST_LEVELS]],
        "counts": [kept[0] - taken, *kept[1:]] if kept else [],
        "other": int(counts.sum() - sum(kept)),
        "missing": int(cells.isna().sum()) + taken,
    }


def _describe_number(cells: pd.Series, filled: int) -> dict[str, Any]:
    known, gaps = _sorted(cells)
    steps = np.linspace(0, 1, GRID + 1)
    # Quantiles that are values of the data: a point mass is then a cell of its own.
    grid = np.unique(np.quantile(known, steps, method="inverted_cdf")) if len(known) else known
    counts = _cells(grid, known)
    taken = 0
    if filled and len(known):
        place = int(_cells(grid, np.array([np.median(known)])).argmax())
        taken = min(filled, int(counts[place]))
        counts[place] -= taken
    return {"grid": grid.tolist(), "counts": counts.tolist(), "missing": gaps + taken}


def _sorted(cells: pd.Series) -> tuple[FloatArray, int]:
    """Numbers of a column in order, and how many are missing."""
    values = np.sort(cells.to_numpy(dtype="float64", na_value=np.nan))
    known = values[: np.searchsorted(values, np.nan)]  # which is sorted behind all numbers
    return known, len(values) - len(known)


def _cells(grid: FloatArray, known: FloatArray) -> IntArray:
    """Sorted numbers in each cell: to sort them is quicker than to look each up in the grid."""
    ends = np.column_stack([np.searchsorted(known, grid, side) for side in ("left", "right")])
    return np.diff(ends.ravel(), prepend=0, append=len(known))


def column_of(described: Mapping[str, Any]) -> NumberColumn | LevelColumn:
    """Start a comparison with a column as :func:`describe_column` counted it.

    Examples
    --------
    >>> column = column_of(describe_column(pd.Series([1.0, 2.0, 3.0, 4.0])))
    >>> column.update(pd.Series([3.0, 4.0]))
    >>> column.ks()
    0.5
    """
    return NumberColumn(described) if "grid" in described else LevelColumn(described)


class _Column:
    """Customers per cell of a column: expected from the training, and found since."""

    def __init__(self, counts: Sequence[int], missing: int) -> None:
        self._expected = np.asarray(counts, dtype=np.int64)
        self._found = np.zeros_like(self._expected)
        self._gaps = np.array([missing, 0])

    @property
    def known(self) -> tuple[int, int]:
        """Customers with a value, expected and found."""
        return int(self._expected.sum()), int(self._found.sum())

    @property
    def missing(self) -> tuple[float, float]:
        """Share of missing cells, expected and found."""
        expected, found = self._gaps / np.maximum(self._gaps + self.known, 1)
        return float(expected), float(found)


class NumberColumn(_Column):
    """Numbers: counted at the quantiles of the training and between them."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        super().__init__(described["counts"], described["missing"])
        self._grid = np.asarray(described["grid"], dtype=float)

    def update(self, cells: pd.Series) -> None:
        """Add cells; what is no number counts as missing."""
        numbers = cells if is_numeric(cells) else pd.to_numeric(cells, errors="coerce")
        known, gaps = _sorted(numbers)
        self._found += _cells(self._grid, known)
        self._gaps[1] += gaps

    def bins(self) -> tuple[IntArray, IntArray, list[str]]:
        """Customers per bin, expected and found, and each bin in words; missing is a bin.

        The bins are deciles of the training; a value that holds one by itself is a bin of its own.
        """
        starts = _bin_starts(self._expected)
        cells = itertools.pairwise([*starts, len(self._expected)])
        labels = [_interval(self._grid, start, end) for start, end in cells]
        expected = np.append(np.add.reduceat(self._expected, starts), self._gaps[0])
        found = np.append(np.add.reduceat(self._found, starts), self._gaps[1])
        return expected, found, [*labels, "missing"]

    def ks(self) -> float:
        """Largest difference of the cumulative shares at the quantiles, from both sides."""
        n, m = self.known
        if not n or not m:
            return 0.0
        return float(np.abs(self._expected.cumsum() / n - self._found.cumsum() / m).max())

    @property
    def ks_error(self) -> float:
        """By how much the true KS may be larger: the largest share between two quantiles."""
        return float(self._expected[::2].max(initial=0)) / max(self.known[0], 1)


class LevelColumn(_Column):
    """Levels: each a bin; rare ones share the last, and so do those not met in training."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        super().__init__([*described["counts"], described["other"]], described["missing"])
        self._places = {str(level): place for place, level in enumerate(described["levels"])}
        self._new = Counter[str]()

    def update(self, cells: pd.Series) -> None:
        """Add cells."""
        counts = cells.value_counts()
        self._gaps[1] += len(cells) - counts.sum()
        for cell, count in counts.items():
            level = str(cell)
            self._found[self._places.get(level, -1)] += count
            new = count and level not in self._places
            if new and (len(self._new) < MOST_NEW or level in self._new):
                self._new[level] += int(count)

    @property
    def new(self) -> dict[str, int]:
        """Customers of each level not met in training, most frequent first."""
        # Where the training had more levels than were kept, an unknown one may be one of them.
        found = {} if self._expected[-1] else self._new
        return {level: found[level] for level in sorted(found, key=lambda v: (-found[v], v))}

    def bins(self) -> tuple[IntArray, IntArray, list[str]]:
        """Customers per bin, expected and found, and each bin in words; missing is a bin."""
        named = ", ".join(map(repr, [*self.new][:3])) or "new"
        unknown = "other levels" if self._expected[-1] else f"of the new level {named}"
        expected, found = (
            np.append(counts, gaps)
            for counts, gaps in zip((self._expected, self._found), self._gaps, strict=True)
        )
        return expected, found, [*map(repr, self._places), unknown, "missing"]


def _bin_starts(counts: IntArray) -> list[int]:
    """First fine cell of each bin.

    Cells go to the decile in which their middle lies. A cell that holds a tenth by itself, such
    as the zeros of an amount that most customers never spent, stands alone.
    """
    total = max(int(counts.sum()), 1)
    after = counts.cumsum()
    decile = np.minimum((BINS * (after - counts / 2) / total).astype(int), BINS - 1)
    alone = counts * BINS >= total
    starts = np.ones(len(counts), dtype=bool)
    starts[1:] = alone[1:] | alone[:-1] | (decile[1:] != decile[:-1])
    return [int(place) for place in np.flatnonzero(starts)]


def _interval(grid: FloatArray, start: int, end: int) -> str:
    """Cells start..end-1 in words: "from 20 to 30", "at 0", "from 70 up"."""
    if end - start == 1 and start % 2:
        return f"at {number(float(grid[start // 2]))}"
    low, high = (start - 1) // 2, end // 2
    if start == 0:
        return f"up to {number(float(grid[high]))}" if high < len(grid) else "with any value"
    if high >= len(grid):
        return f"from {number(float(grid[low]))} up"
    return f"from {number(float(grid[low]))} to {number(float(grid[high]))}"

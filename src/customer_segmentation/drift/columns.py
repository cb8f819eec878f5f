"""One column of a drift comparison: fine counts of the training, and of what was scored since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.style import number

GRID = 200  # quantiles at which the cumulative shares are compared
BINS = 10  # deciles, as credit scorecards use
MOST_LEVELS = 50  # further levels share a bin
MOST_NEW = 1000  # new levels remembered by name


class Column(Protocol):
    """What was expected of a column and what was found."""

    def update(self, cells: pd.Series) -> None:
        """Add cells."""

    def bins(self) -> tuple[IntArray, IntArray, list[str]]:
        """Customers per bin, expected and found, and each bin in words; missing is a bin."""

    def ks(self) -> float | None:
        """Largest difference of the cumulative shares; None for levels."""

    @property
    def ks_error(self) -> float:
        """By how much the true KS may be larger: the largest share between two quantiles."""

    @property
    def missing(self) -> tuple[float, float]:
        """Share of missing cells, expected and found."""

    @property
    def expected_known(self) -> int:
        """Training customers with a value."""

    @property
    def found_known(self) -> int:
        """Scored customers with a value."""


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
    if is_number(cells):
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


def is_number(cells: pd.Series) -> bool:
    """Tell numbers from levels.

    Examples
    --------
    >>> is_number(pd.Series([1, 2])), is_number(pd.Series([True])), is_number(pd.Series(["1"]))
    (True, False, False)
    """
    types = pd.api.types
    return bool(types.is_numeric_dtype(cells) and not types.is_bool_dtype(cells))


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


def column_of(described: Mapping[str, Any]) -> Column:
    """Start a comparison with a column as :func:`describe_column` counted it.

    Examples
    --------
    >>> column = column_of(describe_column(pd.Series([1.0, 2.0, 3.0, 4.0])))
    >>> column.update(pd.Series([3.0, 4.0]))
    >>> column.ks()
    0.5
    """
    return NumberColumn(described) if "grid" in described else LevelColumn(described)


class NumberColumn:
    """Numbers: counted at the quantiles of the training and between them."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._grid = np.asarray(described["grid"], dtype=float)
        self._expected = np.asarray(described["counts"], dtype=np.int64)
        self._found = np.zeros_like(self._expected)
        self._missing = [int(described["missing"]), 0]

    def update(self, cells: pd.Series) -> None:
        """Add cells; what is no number counts as missing."""
        numbers = cells if is_number(cells) else pd.to_numeric(cells, errors="coerce")
        known, gaps = _sorted(numbers)
        self._found += _cells(self._grid, known)
        self._missing[1] += gaps

    def bins(self) -> tuple[IntArray, IntArray, list[str]]:
        """Deciles of the training; a value that holds a decile by itself is a bin of its own."""
        starts = _bin_starts(self._expected)
        labels = [
            _interval(self._grid, start, end)
            for start, end in zip(starts, [*starts[1:], len(self._expected)], strict=True)
        ]
        expected = np.add.reduceat(self._expected, starts)
        found = np.add.reduceat(self._found, starts)
        return (
            np.append(expected, self._missing[0]),
            np.append(found, self._missing[1]),
            [*labels, "missing"],
        )

    def ks(self) -> float | None:
        """Largest difference of the cumulative shares at the quantiles, from both sides."""
        n, m = self.expected_known, self.found_known
        if not n or not m:
            return 0.0
        difference = self._expected.cumsum() / n - self._found.cumsum() / m
        return float(np.abs(difference).max())

    @property
    def ks_error(self) -> float:
        """Largest share of the training strictly between two quantiles: at most 1/200."""
        return float(self._expected[::2].max(initial=0)) / max(self.expected_known, 1)

    @property
    def missing(self) -> tuple[float, float]:
        """Share of missing cells, expected and found."""
        return _shares(self._missing, self.expected_known, self.found_known)

    @property
    def expected_known(self) -> int:
        """Training customers with a number."""
        return int(self._expected.sum())

    @property
    def found_known(self) -> int:
        """Scored customers with a number."""
        return int(self._found.sum())


class LevelColumn:
    """Levels: each a bin; rare ones share one, and so do those not met in training."""

    ks_error = 0.0

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._levels = [str(level) for level in described["levels"]]
        # Where the training had more levels than were kept, an unknown one may be one of them.
        self._other = int(described["other"])
        self._expected = np.asarray(described["counts"], dtype=np.int64)
        self._found: Counter[str] = Counter()
        self._new, self._names = 0, Counter[str]()
        self._missing = [int(described["missing"]), 0]

    def update(self, cells: pd.Series) -> None:
        """Add cells."""
        self._missing[1] += int(cells.isna().sum())
        for cell, count in cells.value_counts().items():
            level = str(cell)
            if level in self._levels:
                self._found[level] += int(count)
            elif count:
                self._new += int(count)
                if len(self._names) < MOST_NEW or level in self._names:
                    self._names[level] += int(count)

    def new_levels(self) -> dict[str, int]:
        """Levels not met in training, with the customers that have them, most frequent first."""
        return dict(sorted(self._names.items(), key=lambda item: (-item[1], item[0])))

    def bins(self) -> tuple[IntArray, IntArray, list[str]]:
        """Levels, then those not met in training, then missing."""
        named = ", ".join(f"{level!r}" for level in list(self.new_levels())[:3]) or "new"
        unknown = "other levels" if self._other else f"of the new level {named}"
        found = [self._found[level] for level in self._levels]
        return (
            np.array([*self._expected, self._other, self._missing[0]], dtype=np.int64),
            np.array([*found, self._new, self._missing[1]], dtype=np.int64),
            [*(f"{level!r}" for level in self._levels), unknown, "missing"],
        )

    def ks(self) -> float | None:
        """None: levels have no order."""
        return None

    @property
    def missing(self) -> tuple[float, float]:
        """Share of missing cells, expected and found."""
        return _shares(self._missing, self.expected_known, self.found_known)

    @property
    def expected_known(self) -> int:
        """Training customers with a level."""
        return int(self._expected.sum()) + self._other

    @property
    def found_known(self) -> int:
        """Scored customers with a level."""
        return sum(self._found.values()) + self._new


def _shares(missing: list[int], expected: int, found: int) -> tuple[float, float]:
    return missing[0] / max(expected + missing[0], 1), missing[1] / max(found + missing[1], 1)


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

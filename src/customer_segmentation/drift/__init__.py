"""Drift: whether scored customers still look like those that the model was trained on.

Every column is kept as counts in fine cells, so that chunks add up: memory is bounded, and the
order of the rows cannot matter.

They are compared by PSI and KS; :mod:`customer_segmentation.drift.divergence` has the thresholds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.drift.columns import (
    LevelColumn,
    NumberColumn,
    column_of,
    describe_column,
)
from customer_segmentation.drift.divergence import LARGE, contributions, ks_limits, psi, psi_limits
from customer_segmentation.labels import OUTLIER, IntArray
from customer_segmentation.style import listed, name_of, percent, plural

FALSE_ALARMS = 0.01  # share of batches without drift in which anything at all may be named
SEGMENTS = "segment shares"
LEVELS = ("stable", "moderate", "large")
NAMED = 3  # columns named in one line
COLUMNS = (
    "what", "psi", "psi_limit", "ks", "ks_limit", "level", "missing_expected", "missing_found",
    "change",
)  # fmt: skip


def reference(
    table: pd.DataFrame,
    columns: Sequence[str],
    segments: pd.Series[int],
    *,
    imputed: Mapping[str, int] | None = None,
    decimal_mark: str = ".",
    missing_tokens: Sequence[str] = (),
    missing_codes: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Describe the training customers, for later comparison.

    Parameters
    ----------
    table : DataFrame
        The training customers in raw units, indexed by customer id.
    columns : sequence of str
        The columns that the model uses.
    segments : Series of int
        Segment of each customer as the model assigns it, -1 = outlier.
    imputed : mapping, column -> customers, optional
        How many gaps were filled before training: else an equal share of gaps in new data would
        look like drift.
    decimal_mark : "." or ","
        Of the training data, where it was text.
    missing_tokens : sequence of str
        Words that meant "missing" in the training data, besides the usual ones.
    missing_codes : mapping, column -> numbers, optional
        Those that meant "missing" in it.

    Returns
    -------
    dict
        Plain numbers and text, about 5 kB a column: fit for JSON.

    Examples
    --------
    >>> ids = pd.Index(["a", "b", "c", "d"], name="id")
    >>> table = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0]}, index=ids)
    >>> described = reference(table, ["age"], pd.Series([1, 1, 2, -1], index=table.index))
    >>> described["customers"], described["segments"], described["id_column"]
    (4, {'-1': 1, '1': 2, '2': 1}, 'id')
    """
    filled = imputed or {}
    counts = pd.Series(np.asarray(segments, dtype=np.int64)).value_counts().sort_index()
    return {
        "customers": len(table),
        "id_column": str(table.index.name) if table.index.name is not None else None,
        "columns": {c: describe_column(table[c], filled.get(c, 0)) for c in columns},
        "segments": {str(segment): int(count) for segment, count in counts.items()},
        "decimal_mark": decimal_mark,
        "missing_tokens": [str(token) for token in missing_tokens],
        "missing_codes": {c: list(codes) for c, codes in (missing_codes or {}).items()},
    }


class Monitor:
    """Compares scored customers with the training customers, a chunk at a time.

    Parameters
    ----------
    reference : dict
        As :func:`reference` made it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> trained = pd.DataFrame({"age": rng.normal(40, 10, 1000)})
    >>> monitor = Monitor(reference(trained, ["age"], pd.Series(np.ones(1000, dtype=int))))
    >>> monitor.update(pd.DataFrame({"age": rng.normal(50, 10, 500)}), [1] * 500)
    >>> monitor.table()[["what", "level"]].to_numpy().tolist()
    [['segment shares', 'stable'], ['age', 'large']]
    >>> monitor.words()
    'A refresh is due: age (more from 52.3 up, 45 % instead of 10 %) has drifted.'
    """

    def __init__(self, reference: Mapping[str, Any]) -> None:
        self._columns = {str(c): column_of(told) for c, told in reference["columns"].items()}
        self._expected = {int(k): int(n) for k, n in reference["segments"].items()}
        self._found: Counter[int] = Counter()

    @property
    def customers(self) -> int:
        """How many customers have been seen."""
        return sum(self._found.values())

    def update(self, table: pd.DataFrame, segments: Sequence[int] | IntArray) -> None:
        """Add customers.

        Parameters
        ----------
        table : DataFrame
            With the columns of the reference, as numbers and levels.
        segments : sequence of int
            Segment of each row, -1 = outlier.
        """
        self.__dict__.pop("_rows", None)
        numbers, counts = np.unique(np.asarray(segments, dtype=np.int64), return_counts=True)
        self._found.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
        for name, column in self._columns.items():
            column.update(table[name])

    def table(self) -> pd.DataFrame:
        """Compare: a row for the segment shares, and one per column.

        Returns
        -------
        DataFrame
            ``what``; ``psi`` and its ``psi_limit``, from where on it is more than stable;
            ``ks`` and ``ks_limit``, for numbers; ``level`` (stable, moderate or large);
            ``missing_expected`` and ``missing_found``, shares; ``change``, the largest one in
            words where there is drift. Empty when no customer has been seen.
        """
        table = pd.DataFrame(self._rows, columns=COLUMNS)
        return table.assign(change=table["change"].where(table["level"] != LEVELS[0], ""))

    def shares(self) -> pd.DataFrame:
        """Segment shares, expected and found.

        Returns
        -------
        DataFrame, columns ``segment``, ``expected``, ``found`` (shares), ``customers`` (found)
        """
        numbers = sorted(set(self._expected) | set(self._found), key=lambda s: (s == OUTLIER, s))
        n, m = sum(self._expected.values()), max(self.customers, 1)
        rows = [
            (s, self._expected.get(s, 0) / n, self._found[s] / m, self._found[s]) for s in numbers
        ]
        return pd.DataFrame(rows, columns=["segment", "expected", "found", "customers"])

    def new_levels(self) -> dict[str, dict[str, int]]:
        """Customers by column and level, of levels that the training customers did not have."""
        levels = {n: c.new for n, c in self._columns.items() if isinstance(c, LevelColumn)}
        return {name: new for name, new in levels.items() if new}

    def words(self) -> str:
        """Say in one line whether a refresh is due, and because of what."""
        if not self.customers:
            return "No customer was scored: drift cannot be told."
        table = self.table()
        for level, start in (("large", "A refresh is due"), ("moderate", "Watch")):
            drifted = table[table["level"] == level].sort_values("psi", ascending=False)
            if len(drifted):
                return f"{start}: {_named(drifted)}."
        limit = float(table["psi_limit"].max())
        what = plural(self.customers, "customer")
        if limit > LARGE:
            return (
                f"No refresh is due: no drift beyond chance; among {what} only a very large one "
                f"would show."
            )
        return "No refresh is due: segment shares and features are as in training."

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        if not self.customers:
            return []
        # Every test of the table shares one rate of false alarms (Bonferroni).
        numbers = sum(isinstance(column, NumberColumn) for column in self._columns.values())
        alpha = FALSE_ALARMS / (1 + len(self._columns) + numbers)
        columns = [_column_row(name, column, alpha) for name, column in self._columns.items()]
        return [self._segment_row(alpha), *columns]

    def _segment_row(self, alpha: float) -> dict[str, Any]:
        shares = self.shares()
        expected = np.array([self._expected.get(s, 0) for s in shares["segment"]])
        found = shares["customers"].to_numpy()
        moved = shares.iloc[int(np.argmax(contributions(expected, found)))]
        name = name_of(int(moved["segment"]), {})
        change = f"{name}: {percent(moved['found'])} instead of {percent(moved['expected'])}"
        return _row(SEGMENTS, expected, found, alpha, change)


def _column_row(name: str, column: NumberColumn | LevelColumn, alpha: float) -> dict[str, Any]:
    expected, found, labels = column.bins()
    place = int(np.argmax(contributions(expected, found)))
    p, q = float(expected[place] / expected.sum()), float(found[place] / found.sum())
    verb = "more" if q > p else "fewer"
    change = f"{verb} {labels[place]}, {percent(q)} instead of {percent(p)}"
    row = _row(name, expected, found, alpha, change)
    row["missing_expected"], row["missing_found"] = column.missing
    if isinstance(column, NumberColumn):
        limits = ks_limits(*column.known, alpha, column.ks_error)
        level = max(row["level"], _level(column.ks(), limits), key=LEVELS.index)
        row |= {"ks": column.ks(), "ks_limit": limits[0], "level": level}
    return row


def _row(
    what: str, expected: IntArray, found: IntArray, alpha: float, change: str
) -> dict[str, Any]:
    score, limits = psi(expected, found), psi_limits(expected, found, alpha)
    row = dict.fromkeys(COLUMNS, math.nan)
    level = _level(score, limits)
    return row | {
        "what": what, "psi": score, "psi_limit": limits[0], "level": level, "change": change
    }  # fmt: skip


def _level(value: float, limits: tuple[float, float]) -> str:
    return LEVELS[sum(value > limit for limit in limits)]


def _named(drifted: pd.DataFrame) -> str:
    named = listed([f"{row.what} ({row.change})" for row in drifted.itertuples()], NAMED)
    single = len(drifted) == 1 and drifted["what"].iloc[0] != SEGMENTS
    return f"{named} {'has' if single else 'have'} drifted"

"""Drift: whether scored customers still look like those that the model was trained on.

Every column is kept as counts in fine cells, so that chunks add up: memory is bounded, and the
order of the rows cannot matter. Two measures compare them with the training customers.

*PSI*, the population stability index: the sum over bins of (found - expected) ln(found /
expected). By convention (Siddiqi 2006, Credit Risk Scorecards) below 0.1 is stable, from 0.25 on a
large shift. It is positive without any drift: about (bins - 1)(1/n + 1/m) for n training and m
scored customers (Yurdakul 2018, Statistical Properties of Population Stability Index), 0.2 for
50 customers in ten bins. So that a small batch does not call for a refresh by chance, a shift
must exceed the convention by that much, and what chance alone gives.

*KS*, the largest difference between the two cumulative shares of a number. A shift of the mean of
a normal distribution that has a PSI of 0.1 (0.25) has a KS of 0.13 (0.20): these are its bands.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kstwobign, norm

from customer_segmentation.drift_columns import Column, column_of, describe_column
from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.style import name_of, percent

MODERATE, LARGE = 0.1, 0.25  # Siddiqi (2006)
FALSE_ALARMS = 0.01  # share of batches without drift in which anything at all may be named
DRAWS = 4000  # of what chance gives; the seed is fixed, so that a table can be made again
SEGMENTS = "segment shares"
LEVELS = ("stable", "moderate", "large")
NAMED = 3  # columns named in one line


def ks_of(psi_value: float) -> float:
    """KS of the shift of a normal distribution's mean that has this PSI.

    For two normal distributions one standard deviation apart in units d, PSI = d² and
    KS = 2 Φ(d/2) - 1.

    Examples
    --------
    >>> round(ks_of(0.1), 3), round(ks_of(0.25), 3)
    (0.126, 0.197)
    """
    return float(2 * norm.cdf(math.sqrt(psi_value) / 2) - 1)


def psi(expected: FloatArray | IntArray, found: FloatArray | IntArray) -> float:
    """Population stability index of counts in the same bins (Siddiqi 2006).

    Half a customer is added to every bin (Jeffreys' prior), so that an empty one is finite. Bins
    that are empty on both sides do not count.

    Parameters
    ----------
    expected, found : array of shape (n_bins,)
        Customers per bin.

    Examples
    --------
    >>> round(psi(np.array([100, 100]), np.array([100, 100])), 3)
    0.0
    >>> round(psi(np.array([5000, 5000]), np.array([7000, 3000])), 3)
    0.169
    """
    used = (expected > 0) | (found > 0)
    return float(_psi(expected[used].astype(float), found[used].astype(float)))


def _psi(expected: FloatArray, found: FloatArray) -> FloatArray:
    p, q = expected + 0.5, found + 0.5
    p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    result: FloatArray = ((q - p) * np.log(q / p)).sum(axis=-1)
    return result


def chance(expected: IntArray, m: int, alpha: float) -> float:
    """PSI that m customers without drift exceed in a share `alpha` of all batches.

    Both samples are drawn anew from the expected shares, since the training customers are a
    sample too; for large counts it tends to (1/n + 1/m) times a chi-squared quantile (Yurdakul
    2018), but small batches have heavier tails.

    Examples
    --------
    >>> from scipy.stats import chi2
    >>> simulated = chance(np.full(10, 10_000), 50_000, 0.01)
    >>> bool(abs(simulated / (chi2.ppf(0.99, 9) * (1 / 100_000 + 1 / 50_000)) - 1) < 0.1)
    True
    """
    rng = np.random.default_rng(0)
    p = (expected + 0.5) / (expected + 0.5).sum()
    draws = _psi(
        rng.multinomial(int(expected.sum()), p, DRAWS).astype(float),
        rng.multinomial(m, p, DRAWS).astype(float),
    )
    return float(np.quantile(draws, 1 - alpha))


def reference(
    table: pd.DataFrame,
    columns: Sequence[str],
    segments: pd.Series[int],
    *,
    imputed: Mapping[str, int] | None = None,
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
        How many gaps were filled before training (see :func:`imputed`): else an equal share of
        gaps in new data would look like drift.

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
    }


def imputed(report: pd.DataFrame) -> dict[str, int]:
    """Count the filled gaps of each column in a cleaning report.

    Examples
    --------
    >>> imputed(pd.DataFrame({"rule": ["missing value imputed"], "column": ["age"], "count": [3]}))
    {'age': 3}
    """
    filled = report[report["rule"] == "missing value imputed"]
    return {str(c): int(n) for c, n in zip(filled["column"], filled["count"], strict=True)}


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
    'A refresh is due: age (PSI 1.10: more from 52.3 up, 10 % -> 45 %) has drifted.'
    """

    def __init__(self, reference: Mapping[str, Any]) -> None:
        self._columns: dict[str, Column] = {
            str(name): column_of(described) for name, described in reference["columns"].items()
        }
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
        table = pd.DataFrame(self._rows, columns=list(COLUMNS))
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
        if limit > LARGE:
            return (
                f"No refresh is due: no drift beyond chance. {self.customers:,} customers show "
                f"only a PSI above {limit:.2f}."
            )
        return "No refresh is due: segment shares and features are as in training."

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        if not self.customers:
            return []
        # Every test of the table shares one rate of false alarms (Bonferroni).
        numbers = [name for name, column in self._columns.items() if column.ks() is not None]
        alpha = FALSE_ALARMS / (1 + len(self._columns) + len(numbers))
        return [self._segment_row(alpha)] + [
            _row(name, column, alpha) for name, column in self._columns.items()
        ]

    def _segment_row(self, alpha: float) -> dict[str, Any]:
        shares = self.shares()
        expected = np.array([self._expected.get(s, 0) for s in shares["segment"]])
        found = shares["customers"].to_numpy()
        score = psi(expected, found)
        limits = _psi_limits(expected, found, alpha)
        moved = shares.iloc[int(np.argmax(_parts(expected, found)))]
        name = name_of(int(moved["segment"]), {})
        change = f"{name} {percent(moved['expected'])} -> {percent(moved['found'])}"
        return _filled(SEGMENTS, score, limits, change=change)


COLUMNS = {
    "what": "", "psi": math.nan, "psi_limit": math.nan, "ks": math.nan, "ks_limit": math.nan,
    "level": "", "missing_expected": math.nan, "missing_found": math.nan, "change": "",
}  # fmt: skip


def _row(name: str, column: Column, alpha: float) -> dict[str, Any]:
    expected, found, labels = column.bins()
    score, limits = psi(expected, found), _psi_limits(expected, found, alpha)
    distance, ks_limits = column.ks(), (math.nan, math.nan)
    if distance is not None:
        ks_limits = _ks_limits(column.expected_known, column.found_known, alpha, column.ks_error)
    place = int(np.argmax(_parts(expected, found)))
    p, q = float(expected[place] / expected.sum()), float(found[place] / found.sum())
    verb = "more" if q > p else "fewer"
    change = f"{verb} {labels[place]}, {percent(p)} -> {percent(q)}"
    row = _filled(name, score, limits, change=change)
    row |= {"ks": math.nan if distance is None else distance, "ks_limit": ks_limits[0]}
    row |= {"missing_expected": column.missing[0], "missing_found": column.missing[1]}
    level = max(LEVELS.index(row["level"]), _level(row["ks"], ks_limits))
    return row | {"level": LEVELS[level]}


def _filled(what: str, score: float, limits: tuple[float, float], *, change: str) -> dict[str, Any]:
    level = LEVELS[_level(score, limits)]
    row: dict[str, Any] = {"what": what, "psi": score, "psi_limit": limits[0], "level": level}
    return COLUMNS | row | {"change": change}


def _level(value: float, limits: tuple[float, float]) -> int:
    return sum(value > limit for limit in limits)


def _parts(expected: IntArray, found: IntArray) -> FloatArray:
    p, q = expected + 0.5, found + 0.5
    p, q = p / p.sum(), q / q.sum()
    parts: FloatArray = (q - p) * np.log(q / p)
    return parts


def _psi_limits(expected: IntArray, found: IntArray, alpha: float) -> tuple[float, float]:
    """From where on a PSI is moderate, and large: beyond the convention and beyond chance."""
    used = (expected > 0) | (found > 0)
    n, m = int(expected.sum()), int(found.sum())
    floor = (used.sum() - 1) * (1 / n + 1 / m)
    by_chance = chance(expected[used], m, alpha)
    return max(MODERATE + floor, by_chance), max(LARGE + floor, by_chance)


def _ks_limits(n: int, m: int, alpha: float, error: float) -> tuple[float, float]:
    """From where on a KS is moderate, and large (asymptotic critical value; Smirnov 1948)."""
    if not n or not m:
        return math.inf, math.inf
    by_chance = float(kstwobign.isf(alpha)) * math.sqrt(1 / n + 1 / m) + error
    return max(ks_of(MODERATE), by_chance), max(ks_of(LARGE), by_chance)


def _named(drifted: pd.DataFrame) -> str:
    parts = [f"{r.what} ({_measure(r)}: {r.change})" for r in drifted.head(NAMED).itertuples()]
    more = len(drifted) - NAMED
    parts += [f"{more} more"] if more > 0 else []
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    single = len(drifted) == 1 and drifted["what"].iloc[0] != SEGMENTS
    return f"{listed} {'has' if single else 'have'} drifted"


def _measure(row: Any) -> str:
    by_psi = row.psi > row.psi_limit or not row.ks > row.ks_limit
    return f"PSI {row.psi:.2f}" if by_psi else f"KS {row.ks:.2f}"

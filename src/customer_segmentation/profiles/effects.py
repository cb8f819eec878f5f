"""How far each segment differs from all customers: the long profile, effect sizes and tests."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, false_discovery_control, fisher_exact, norm, rankdata

from customer_segmentation.data.levels import commonest, is_category, is_numeric
from customer_segmentation.labels import OUTLIER, FloatArray
from customer_segmentation.naming.traits import distinct, traits
from customer_segmentation.naming.wording import SLIGHT, Trait, told
from customer_segmentation.profiles import check_aligned, contrasts, standardised_means
from customer_segmentation.style import name_of

Row = dict[str, Any]
MOST_TOLD = 3  # differences of a segment
FALSE_DISCOVERIES = 0.05  # share of false ones among the differences called significant
COLUMNS = (
    "segment", "name", "column", "level", "customers", "mean", "median", "spread", "q25", "q75",
    "share", "overall", "effect", "lift", "p_value", "q_value", "significant", "used_to_cluster",
)  # fmt: skip
Codes = npt.NDArray[np.intp]
# Below this expected count the chi-squared distribution is a poor approximation (Cochran 1954).
LEAST_EXPECTED = 5


def profile(
    table: pd.DataFrame,
    segments: pd.Series[int],
    names: Mapping[int, str],
    *,
    used: Collection[Hashable] = (),
) -> pd.DataFrame:
    """Profile of every segment in every column, clustered on or not, with tested effect sizes.

    Each segment is compared with all customers by its effect size and with all other customers by
    a test: numbers by the Mann-Whitney U test (no normal distribution is assumed; ties corrected),
    category levels by Pearson's chi-squared test of the 2 x 2 table, or by Fisher's exact test
    where an expected count is below 5 (Cochran 1954). The Benjamini-Hochberg procedure holds the
    expected share of false discoveries over all tests of the table at 5 %.

    Columns that were used to find the segments differ between them by construction, also in data
    without any structure: testing them is circular (Kriegeskorte et al. 2009; Gao et al. 2022).
    They are marked, have an effect size and no p-value. Tests of columns that are correlated with
    those say that the segments carry over to them, not that the segments exist.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table in raw units; dates and text are left out.
    segments : Series of int, shape (n_customers,)
        1..k; outliers (-1) are left out, of "all customers" too. Same index as `table`.
    names : mapping of int to str
    used : collection of column names
        Those which the segments were found with; if none is told, every column is tested.

    Returns
    -------
    DataFrame, shape (n_segments * n_features, 18)
        ``level`` is "" for a number. ``customers`` with a known value. For a number ``mean``,
        ``median``, ``spread`` (standard deviation), ``q25``, ``q75`` in its own units and
        ``overall``, the mean of all; for a level (the 20 most frequent of a column) ``share`` of
        the segment's customers and ``overall``, the share of all. ``effect``: the standardised mean
        difference (segment - all) / standard deviation of all; for a level that of its 0/1
        indicator. ``lift``: share / overall. ``p_value``, ``q_value`` (adjusted), ``significant``
        (q at most 0.05); NaN and False where not tested.

    Raises
    ------
    ValueError
        If `segments` does not have the index of `table`.

    References
    ----------
    Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences"; Mann and Whitney (1947),
    Annals of Mathematical Statistics 18; Pearson (1900), Philosophical Magazine 50; Fisher (1922),
    Journal of the Royal Statistical Society 85; Cochran (1954), Biometrics 10; Benjamini and
    Hochberg (1995), Journal of the Royal Statistical Society B 57; Kriegeskorte, Simmons, Bellgowan
    and Baker (2009), "Circular analysis in systems neuroscience", Nature Neuroscience 12; Gao,
    Bien and Witten (2022), "Selective inference for hierarchical clustering", Journal of the
    American Statistical Association.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 22.0, 60.0, 62.0]})
    >>> found = profile(table, pd.Series([1, 1, 2, 2]), {1: "Young", 2: "Older"})
    >>> found[["segment", "mean", "overall"]].to_dict("records")[0]
    {'segment': 1, 'mean': 21.0, 'overall': 41.0}
    """
    check_aligned(table, segments)
    inside = (segments != OUTLIER).to_numpy()
    numbers, codes = np.unique(segments.to_numpy()[inside], return_inverse=True)
    parts = [part for column in table.columns for part in _column(table[column][inside], codes)]
    for part in parts:
        part |= {"segment": numbers, "name": [name_of(int(s), names) for s in numbers]}
        part["used_to_cluster"] = part["column"] in used
    if not parts or not len(numbers):
        return pd.DataFrame(columns=list(COLUMNS))
    result = pd.concat([pd.DataFrame(part) for part in parts]).reindex(columns=list(COLUMNS))
    result.loc[result["used_to_cluster"], "p_value"] = np.nan
    result["q_value"] = adjusted(result["p_value"].to_numpy(dtype="float64"))
    result["significant"] = (result["q_value"] <= FALSE_DISCOVERIES).to_numpy()
    return result.sort_values("segment", kind="stable", ignore_index=True)


def differentiators(
    table: pd.DataFrame,
    segments: pd.Series[int],
    tested: pd.DataFrame | None = None,
) -> dict[int, tuple[str, ...]]:
    """The strongest differences of every segment from all customers, in words with numbers.

    Parameters
    ----------
    table, segments
        As for `profile`.
    tested : DataFrame, optional
        As `profile` gives it, where it is known already.

    Returns
    -------
    dict of int to tuple of str
        At most three, the strongest first; empty for a segment that is like everyone. A difference
        below Cohen's "small" (0.2 standard deviations) is none; so is one that chance explains,
        unless its column was used to cluster. A column speaks once.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0] * 5 + [60.0] * 5})
    >>> differentiators(table, pd.Series([1] * 5 + [2] * 5))[2]
    ('higher Age (60 against 40 for all)',)
    """
    certain = _certain(profile(table, segments, {}) if tested is None else tested)
    inside = (segments != OUTLIER).to_numpy()
    result = {}
    for segment, found in traits(contrasts(table, segments, most=None), table, segments).items():
        member = (segments == segment).to_numpy()
        told_of: dict[int, Trait] = {}
        for trait in found:
            level = "" if trait.answers else trait.level or ""
            key = (segment, str(table.columns[trait.order]), level)
            if abs(trait.contrast) >= SLIGHT and key in certain:
                told_of.setdefault(trait.order, trait)
        strongest = distinct(told_of.values(), table, MOST_TOLD)
        result[segment] = tuple(told(trait, table, member, inside) for trait in strongest)
    return result


def _certain(tested: pd.DataFrame) -> set[tuple[int, str, str]]:
    """Segment, column and level of the differences that chance does not explain."""
    real = tested[tested["significant"].astype(bool) | tested["used_to_cluster"].astype(bool)]
    rows = zip(real["segment"], real["column"], real["level"], strict=True)
    return {(int(segment), str(column), str(level)) for segment, column, level in rows}


def _column(column: pd.Series[Any], codes: Codes) -> Iterator[Row]:
    k = int(codes.max(initial=-1)) + 1
    if is_numeric(column):
        yield _number(column, codes, k)
    elif is_category(column):
        for level in commonest(column):
            yield _level(column, level, codes, k)


def _number(column: pd.Series[Any], codes: Codes, k: int) -> Row:
    values = column.to_numpy(dtype="float64", na_value=np.nan)
    # Before the groups, which keep a copy of the order of the customers.
    effect, p_value = standardised_means(values, codes, k), rank_tests(values, codes, k)
    groups = pd.Series(values).groupby(codes)
    return {
        "column": column.name,
        "level": "",
        "customers": groups.count().to_numpy(),
        "mean": groups.mean().to_numpy(),
        "median": groups.median().to_numpy(),
        "spread": groups.std(ddof=0).to_numpy(),
        "q25": groups.quantile(0.25).to_numpy(),
        "q75": groups.quantile(0.75).to_numpy(),
        "overall": float(np.nanmean(values)) if np.isfinite(values).any() else np.nan,
        "effect": effect,
        "p_value": p_value,
    }


def _level(column: pd.Series[Any], level: object, codes: Codes, k: int) -> Row:
    having = (column == level).fillna(False).to_numpy(dtype=bool)
    share = np.bincount(codes, weights=having, minlength=k) / np.bincount(codes, minlength=k)
    overall = float(having.mean())
    return {
        "column": column.name,
        "level": str(level),
        "customers": np.bincount(codes, weights=column.notna().to_numpy(), minlength=k).astype(int),
        "share": share,
        "overall": overall,
        "effect": standardised_means(having.astype("float64"), codes, k),
        "lift": share / overall,
        "p_value": share_tests(having, codes, k),
    }


def adjusted(p_values: FloatArray) -> FloatArray:
    """Benjamini and Hochberg's (1995) adjusted p-values (q-values); NaN, not tested, stays NaN.

    Parameters
    ----------
    p_values : array of float

    Examples
    --------
    >>> adjusted(np.array([0.01, 0.04, np.nan])).tolist()
    [0.02, 0.04, nan]
    """
    result = np.full(len(p_values), np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        result[tested] = false_discovery_control(p_values[tested], method="bh")
    return result


def rank_tests(values: FloatArray, codes: Codes, k: int) -> FloatArray:
    """Mann and Whitney's (1947) U test of each segment against all other customers, two-sided.

    One ranking serves all segments. The normal approximation with correction for ties and for
    continuity is used.

    Parameters
    ----------
    values : array, shape (n_customers,)
        NaN is left out.
    codes : array of int, shape (n_customers,)
        Segment of each customer, 0..k-1.
    k : int

    Returns
    -------
    array, shape (k,)
        p-values; NaN where a side is empty or all values are equal.

    Examples
    --------
    >>> rank_tests(np.arange(10.0), np.repeat([0, 1], 5), 2).round(3).tolist()
    [0.012, 0.012]
    """
    known = np.isfinite(values)
    ranks, codes = rankdata(values[known]), codes[known]
    n, sizes = len(ranks), np.bincount(codes, minlength=k).astype(float)
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    u = np.bincount(codes, weights=ranks, minlength=k) - sizes * (sizes + 1) / 2
    product = sizes * (n - sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = product / 12 * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1)))
        z = np.maximum(np.abs(u - product / 2) - 0.5, 0) / np.sqrt(np.maximum(variance, 0))
    return np.where(variance > 0, np.minimum(2 * norm.sf(z), 1), np.nan)


def share_tests(level: npt.NDArray[np.bool_], codes: Codes, k: int) -> FloatArray:
    """Test whether each segment has more or fewer customers of a level than all others.

    Parameters
    ----------
    level : array of bool, shape (n_customers,)
    codes : array of int, shape (n_customers,)
        Segment of each customer, 0..k-1.
    k : int

    Returns
    -------
    array, shape (k,)
        p-values of Pearson's chi-squared test, or of Fisher's exact one where an expected count is
        below 5; NaN where a side is empty or everyone has the level.

    Examples
    --------
    >>> share_tests(np.array([True] * 5 + [False] * 5), np.repeat([0, 1], 5), 2).round(3).tolist()
    [0.008, 0.008]
    """
    inside = np.bincount(codes, weights=level, minlength=k)
    sizes, n = np.bincount(codes, minlength=k).astype(float), float(len(codes))
    having = float(level.sum())
    result = np.full(k, np.nan)
    for s in range(k):
        margins = sizes[s] * (n - sizes[s]), having * (n - having)
        if not all(margins):
            continue
        a, b = inside[s], sizes[s] - inside[s]
        c, d = having - a, n - sizes[s] - (having - a)
        if min(sizes[s], n - sizes[s]) * min(having, n - having) / n < LEAST_EXPECTED:
            result[s] = fisher_exact(np.array([[a, b], [c, d]], dtype=int)).pvalue
        else:
            result[s] = chi2.sf(n * (a * d - b * c) ** 2 / margins[0] / margins[1], 1)
    return result

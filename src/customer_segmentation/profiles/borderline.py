"""Customers whose segment is in doubt: between two segments, or elsewhere when the run repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.neighbors import NearestNeighbors

from customer_segmentation.evidence.stability import Resample, contingency
from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.segmenter.neighbours import spread
from customer_segmentation.style import name_of, percent

# At most half of the nearest customers are in the same segment: the neighbourhood does not
# outvote the others. The limit lies between 5 and 6 of ten, so that no rounding decides.
LOW_CONFIDENCE = 0.55
# Of the four or five resamples that a customer usually takes part in, one that ends elsewhere is
# the resample's accident; two are a pattern. Two of five (0.6) are unsteady, one of three is not.
LOW_STEADINESS = 0.65
MIN_RESAMPLES = 2  # once in or once out says nothing about coming back
NOWHERE = -2  # came out in a cluster that is no cluster of the full run
NEIGHBOURS = 10  # as the confidence counts them
MAX_NEIGHBOURS = 20_000  # customers who may be neighbours, evenly spread over the table
COLUMNS = (
    "segment", "name", "confidence", "steadiness", "next_best", "next_best_name", "reason",
)  # fmt: skip


def renumbered(
    found: pd.DataFrame | None, numbers: Mapping[int, int], names: Mapping[int, str]
) -> pd.DataFrame:
    """The table of a run under other segment numbers and names; without rows if there is none.

    Examples
    --------
    >>> found = pd.DataFrame({"segment": [1], "name": ["A"], "next_best": [2]}, index=["c"])
    >>> renumbered(found.assign(next_best_name="B"), {1: 2, 2: 5}, {2: "Two"}).values.tolist()
    [[2, 'Two', 5, '']]
    """
    if found is None:
        return pd.DataFrame(columns=[*COLUMNS])
    found = found.copy()
    for number, name in (("segment", "name"), ("next_best", "next_best_name")):
        found[number] = found[number].replace(numbers).astype("Int64")
        found[name] = [names.get(int(n), "") if pd.notna(n) else "" for n in found[number]]
    return found


def table(
    segments: pd.Series[int],
    names: Mapping[int, str],
    *,
    X: FloatArray,
    confidence: FloatArray,
    resamples: Sequence[Resample] = (),
) -> pd.DataFrame:
    """Customers whose segment is in doubt, the most doubtful first.

    A customer is borderline when at most half of its nearest customers share its segment
    (``LOW_CONFIDENCE``), or when refits without some of the other customers put it elsewhere
    repeatedly (``LOW_STEADINESS``). Outliers are few and far between by nature: they are
    borderline only by the latter.

    Parameters
    ----------
    segments : Series of int of shape (n_samples,)
        Indexed by customer id; -1 = outlier.
    names : mapping of int to str
    X : ndarray of shape (n_samples, n_features)
        What the run was fitted on.
    confidence : ndarray of shape (n_samples,)
        Share of a customer's nearest customers that are in its segment, 0 to 1.
    resamples : sequence of Resample
        Of the bootstrap of the candidate taken; see
        :func:`customer_segmentation.evidence.stability.bootstrap`.

    Returns
    -------
    DataFrame, indexed by customer id
        ``segment``, ``name``, ``confidence``, ``steadiness`` (share of the resamples in which it
        came back; missing for a customer in fewer than two of them, as most are where there are
        many customers), ``next_best`` (the other segment most common among its neighbours; with
        none there the one it flips to; missing without either), ``next_best_name`` and ``reason``.
        Sorted by the mean of confidence and steadiness, of outliers by their steadiness.

    Raises
    ------
    ValueError
        When `X` or `confidence` does not have a row per customer.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [4.4], [9.0], [10.0]])
    >>> segments = pd.Series([1, 1, 1, 2, 2], index=list("abcde"))
    >>> runs = [Resample(np.arange(5), np.array(found)) for found in ([0, 0, 0, 1, 1],
    ...         [0, 0, 1, 1, 1], [0, 0, 1, 1, 1])]
    >>> found = table(segments, {1: "Low", 2: "High"}, X=X, confidence=np.ones(5), resamples=runs)
    >>> found[["name", "next_best_name", "reason"]].loc["c"].tolist()
    ['Low', 'High', 'elsewhere in 2 of 3 repetitions']
    """
    _check(segments, X, confidence)
    numbers: IntArray = np.asarray(segments, dtype=np.int64)
    crowded = (numbers != OUTLIER) & (np.asarray(confidence) < LOW_CONFIDENCE)
    # Of many customers few are crowded or took part in a resample: no other can be borderline.
    rows = np.unique(np.concatenate([np.flatnonzero(crowded), *(r.rows for r in resamples)]))
    found = steadiness(
        numbers[rows], [r._replace(rows=np.searchsorted(rows, r.rows)) for r in resamples]
    ).set_axis(rows)
    found.insert(0, "segment", numbers[rows])
    found.insert(1, "confidence", np.asarray(confidence, dtype=float)[rows])
    found["crowded"] = crowded[rows]
    found["flips"] = found["steadiness"] < LOW_STEADINESS
    both = found[["confidence", "steadiness"]].mean(axis=1)
    found["doubt"] = both.where(found["segment"] != OUTLIER, found["steadiness"])
    found = found[found["crowded"] | found["flips"]]
    found = found.sort_values(["doubt", "confidence"], kind="stable")
    found["next_best"] = _next_best(X, numbers, found["flips_to"])
    found["name"] = _named(found["segment"], names)
    found["next_best_name"] = _named(found["next_best"], names)
    reasons = ["; ".join(_reasons(row)) for row in found.itertuples()]
    found["reason"] = pd.Series(reasons, index=found.index, dtype="str")
    return found.set_index(segments.index[found.index])[list(COLUMNS)]


def _check(segments: pd.Series[int], X: FloatArray, confidence: FloatArray) -> None:
    if not len(segments) == len(X) == len(confidence):
        raise ValueError(
            f"got {len(segments)} segments, {len(X)} rows and {len(confidence)} confidences, "
            "expected one of each per customer. Pass those of one and the same run."
        )


def _reasons(row: Any) -> Iterator[str]:
    """Why a customer is borderline: its neighbours, its refits, or both."""
    if row.crowded:
        yield f"only {percent(row.confidence)} of its nearest customers are in its segment"
    if row.flips:
        away = round(row.resamples * (1 - row.steadiness))
        yield f"elsewhere in {away} of {row.resamples} repetitions"


def _next_best(X: FloatArray, segments: IntArray, flips_to: pd.Series[int]) -> pd.Series[int]:
    """Runner-up of the rows that `flips_to` is indexed by; outliers only where nothing else is."""
    rows = flips_to.index.to_numpy(dtype=np.int64)
    near = _neighbours(X, segments, rows)
    asked, votes = np.repeat(np.arange(len(rows)), near.shape[1]), segments[near].ravel()
    other = votes != np.repeat(segments[rows], near.shape[1])
    inside = other & (votes != OUTLIER)
    best = most_frequent(asked[inside], votes[inside], len(rows)).set_axis(flips_to.index)
    rest = most_frequent(asked[other], votes[other], len(rows)).set_axis(flips_to.index)
    return best.fillna(flips_to).fillna(rest)


def _neighbours(X: FloatArray, segments: IntArray, rows: IntArray) -> IntArray:
    """Nearest customers of each row, itself left out even where others are equal to it."""
    among = spread(segments, MAX_NEIGHBOURS)
    k = min(NEIGHBOURS, len(among) - 1)
    if not len(rows) or k < 1:
        return np.zeros((len(rows), 0), dtype=np.int64)
    index = NearestNeighbors(n_neighbors=k + 1).fit(X[among])
    near = among[index.kneighbors(X[rows], return_distance=False)]
    itself = near == rows[:, None]
    itself[~itself.any(axis=1), -1] = True  # not among them, or crowded out by equal customers
    return np.asarray(near[~itself].reshape(len(rows), k))


def _named(segments: pd.Series[int], names: Mapping[int, str]) -> pd.Series[Any]:
    words = ["" if pd.isna(number) else name_of(int(number), names) for number in segments]
    return pd.Series(words, index=segments.index, dtype="str")


def steadiness(labels: IntArray, resamples: Sequence[Resample]) -> pd.DataFrame:
    """How often each customer came back in its own cluster when others were left out.

    The clusters of a resample are matched to those of the full run so that as many customers as
    possible are where they were (Kuhn 1955, the Hungarian method): what is left did move. An
    outlier comes back when it is an outlier again.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Of the full run, -1 = outlier. Segment numbers do as well as clusters.
    resamples : sequence of Resample
        As :func:`customer_segmentation.evidence.stability.bootstrap` returns them.

    Returns
    -------
    DataFrame of shape (n_samples, 3)
        ``resamples`` (how many the customer took part in), ``steadiness`` (share of them in which
        it came back, 0 to 1; NaN below ``MIN_RESAMPLES``) and ``flips_to`` (the other cluster it
        came out in most often, -1 = as an outlier; missing for one that always came back).

    Examples
    --------
    >>> labels = np.array([1, 1, 1, 2, 2])
    >>> same = Resample(np.arange(5), np.array([0, 0, 0, 1, 1]))
    >>> other = Resample(np.arange(4), np.array([7, 7, 3, 3]))
    >>> steadiness(labels, [same, other])
       resamples  steadiness  flips_to
    0          2         1.0      <NA>
    1          2         1.0      <NA>
    2          2         0.5         2
    3          2         1.0      <NA>
    4          1         NaN      <NA>
    """
    none = [np.zeros(0, dtype=np.int64)]
    rows = np.concatenate([r.rows for r in resamples] or none)
    came = np.concatenate([_in_full_run(labels[r.rows], r.labels) for r in resamples] or none)
    back = came == labels[rows]
    gone = ~back & (came != NOWHERE)
    times = np.bincount(rows, minlength=len(labels))
    share = np.bincount(rows, weights=back, minlength=len(labels)) / np.maximum(times, 1)
    return pd.DataFrame(
        {
            "resamples": times,
            "steadiness": np.where(times >= MIN_RESAMPLES, share, np.nan),
            "flips_to": most_frequent(rows[gone], came[gone], len(labels)),
        }
    )


def _in_full_run(full: IntArray, found: IntArray) -> IntArray:
    """The labels of a resample in the words of the full run on the same rows."""
    both = contingency(full + 1, found + 1)[1:, 1:]  # outliers are no cluster: -1 stays -1
    clusters, partners = linear_sum_assignment(both, maximize=True)
    names = np.full(both.shape[1] + 1, NOWHERE, dtype=np.int64)
    names[-1] = OUTLIER
    met = both[clusters, partners] > 0
    names[partners[met]] = clusters[met]
    return names[found]


def most_frequent(rows: IntArray, values: IntArray, n: int) -> pd.Series[int]:
    """The value that occurs most often in each of `n` rows; on a tie the smallest.

    Parameters
    ----------
    rows, values : ndarray of shape (n_pairs,)
    n : int

    Returns
    -------
    Series of Int64 of shape (n,)
        Missing for a row without a value.

    Examples
    --------
    >>> most_frequent(np.array([0, 0, 0, 2]), np.array([5, 4, 5, -1]), 3).tolist()
    [5, <NA>, -1]
    """
    times = pd.DataFrame({"row": rows, "value": values}).groupby(["row", "value"]).size()
    ranked = times.sort_values(ascending=False, kind="stable").reset_index()
    best = ranked.drop_duplicates("row").set_index("row")["value"]
    return best.astype("Int64").reindex(range(n)).rename_axis(None).rename(None)

"""Tables that tell a reader who the customers of each segment are."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_segmentation.data.levels import is_category, is_numeric
from customer_segmentation.labels import FloatArray
from customer_segmentation.naming.traits import distinct, indicators, traits
from customer_segmentation.naming.wording import feature, told, visible
from customer_segmentation.style import OUTLIER, name_of, percent, plural

MOST_FEATURES = 15
RESERVED = ("segment", "name", "customers", "share")


def summary(
    table: pd.DataFrame, segments: "pd.Series[int]", names: Mapping[int, str]
) -> pd.DataFrame:
    """Profile of every segment: the deliverable ``cluster_summary.csv``.

    There is no "all customers" row: whoever averages or sums a column would count everyone twice.
    Outliers are not profiled; `counts` lists them.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table in raw units, indexed by customer id.
    segments : Series of int, shape (n_customers,)
        Segment of each customer, 1..k, -1 for outliers; same index as `table`.
    names : mapping of int to str
        Name per segment number.

    Returns
    -------
    DataFrame, shape (n_segments, ...)
        Columns ``segment``, ``name``, ``customers``, ``share`` (of all customers, 0 to 1), then
        in the table's order the mean of each numeric column, and for each category its most
        frequent level with that level's share (``Gender``, ``Gender (share)``). A column of the
        table that is called like one of the first four gets " (data)" appended.

    Raises
    ------
    ValueError
        If `segments` does not have the index of `table`.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 30.0, 60.0]}, index=["a", "b", "c"])
    >>> segments = pd.Series([1, 1, 2], index=table.index)
    >>> summary(table, segments, {1: "Young", 2: "Older"})
       segment   name  customers     share   Age
    0        1  Young          2  0.666667  25.0
    1        2  Older          1  0.333333  60.0
    """
    check_aligned(table, segments)
    rows = counts(segments, names)
    rows = rows[rows["segment"] != OUTLIER].reset_index(drop=True)
    numbers = segments.to_numpy()
    said: dict[Hashable, Any] = {}
    for column in table.columns:
        title = f"{column} (data)" if column in RESERVED else column
        if is_numeric(table[column]):
            means = table[column].astype("float64").groupby(numbers).mean()
            said[title] = means.reindex(rows["segment"]).to_numpy()
        elif is_category(table[column]):
            level, having = _most_frequent(table[column], numbers, rows["segment"])
            said[title], said[f"{column} (share)"] = level, having / rows["customers"]
    return pd.concat([rows, pd.DataFrame(said, index=rows.index)], axis=1)


def counts(segments: "pd.Series[int]", names: Mapping[int, str]) -> pd.DataFrame:
    """Count the customers per segment: the deliverable ``cluster_counts.csv``.

    Parameters
    ----------
    segments : Series of int, shape (n_customers,)
        Segment of each customer, 1..k, -1 for outliers.
    names : mapping of int to str
        Name per segment number; a segment without customers is listed with 0.

    Returns
    -------
    DataFrame
        Columns ``segment``, ``name``, ``customers``, ``share`` (of all customers, outliers
        included, so the shares sum to 1); outliers, if any, are the last row, segment -1.

    Examples
    --------
    >>> counts(pd.Series([1, 1, 2, -1]), {1: "Young", 2: "Older"})
       segment      name  customers  share
    0        1     Young          2   0.50
    1        2     Older          1   0.25
    2       -1  Outliers          1   0.25
    """
    found = segments.value_counts()
    order = sorted({*map(int, found.index), *map(int, names)} - {OUTLIER})
    order += [OUTLIER] if OUTLIER in found.index else []
    customers = found.reindex(order, fill_value=0).to_numpy(dtype="int64")
    return pd.DataFrame(
        {
            "segment": np.asarray(order, dtype="int64"),
            "name": [name_of(s, names) for s in order],
            "customers": customers,
            "share": customers / max(len(segments), 1),
        }
    )


def contrasts(
    table: pd.DataFrame, segments: "pd.Series[int]", *, most: int | None = MOST_FEATURES
) -> pd.DataFrame:
    """How far each segment is from the average customer, in overall standard deviations.

    For a number (segment mean - overall mean) / overall standard deviation; for a category level
    the same of its 0/1 indicator. Overall means all customers in segments: outliers would blow up
    the standard deviation and hide every difference. Of a category with two levels only the second
    is kept (the first mirrors it). Only the `most` features with the largest variance between
    segments (eta squared) are kept, the most separating first.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table in raw units; dates and text are left out.
    segments : Series of int, shape (n_customers,)
        Segment of each customer, 1..k, -1 for outliers; same index as `table`.
    most : int or None, default `MOST_FEATURES`
        Features to keep; None keeps every one.

    Returns
    -------
    DataFrame, shape (n_segments, n_features)
        Index ``segment``; columns are the table's, or "column = level". Size-weighted, every
        column averages to 0. Features that are constant are 0.

    Raises
    ------
    ValueError
        If `segments` does not have the index of `table`.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 20.0, 60.0, 60.0]})
    >>> contrasts(table, pd.Series([1, 1, 2, 2]))["Age"].tolist()
    [-1.0, 1.0]
    """
    check_aligned(table, segments)
    inside = (segments != OUTLIER).to_numpy()
    numbers, codes = np.unique(segments.to_numpy()[inside], return_inverse=True)
    columns = {
        feature(column, level): standardised_means(values, codes, len(numbers))
        for column, level, values in indicators(table, inside)
    }
    result = pd.DataFrame(columns, index=pd.Index(numbers.astype("int64"), name="segment"))
    sizes = np.bincount(codes, minlength=len(numbers))
    separation = (result**2).mul(sizes / max(len(codes), 1), axis=0).sum()
    keep = separation.sort_values(ascending=False, kind="stable").index[:most]
    return result[keep]


def values(
    table: pd.DataFrame, segments: "pd.Series[int]", features: Iterable[Hashable]
) -> pd.DataFrame:
    """Raw mean (or level share, 0 to 1) of every segment for the features of `contrasts`.

    Parameters
    ----------
    table, segments
        As for `contrasts`.
    features : iterable
        Columns of a contrast table.

    Returns
    -------
    DataFrame, shape (n_segments, n_features)
        Index ``segment``; what a profile heatmap writes into its cells.

    Examples
    --------
    >>> table = pd.DataFrame({"Gender": pd.Categorical(["Female", "Male", "Male"])})
    >>> values(table, pd.Series([1, 1, 2]), ["Gender = Male"])["Gender = Male"].tolist()
    [0.5, 1.0]
    """
    check_aligned(table, segments)
    inside = (segments != OUTLIER).to_numpy()
    wanted = list(features)
    numbers = segments.to_numpy()[inside]
    found = {
        feature(column, level): pd.Series(values).groupby(numbers).mean()
        for column, level, values in indicators(table, inside)
        if feature(column, level) in wanted
    }
    return pd.DataFrame(found)[wanted].rename_axis("segment")


def describe(
    contrasts: pd.DataFrame, table: pd.DataFrame, segments: "pd.Series[int]"
) -> dict[int, str]:
    """One short sentence per segment: its size, and its strongest differences with their means.

    Parameters
    ----------
    contrasts, table, segments
        As for `naming.names`.

    Returns
    -------
    dict of int to str
        Sentence per segment number.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 20.0, 60.0, 60.0]})
    >>> segments = pd.Series([1, 1, 2, 2])
    >>> describe(contrasts(table, segments), table, segments)[1]
    '2 customers (50 %): lower Age (20 against 40 for all).'
    """
    inside, least = (segments != OUTLIER).to_numpy(), visible(len(contrasts))
    sentences = {}
    for segment, found in traits(contrasts, table, segments).items():
        member = (segments == segment).to_numpy()
        strong = distinct((trait for trait in found if abs(trait.contrast) >= least), table, 3)
        count = int(member.sum())
        phrases = [told(trait, table, member, inside) for trait in strong]
        size = f"{plural(count, 'customer')} ({percent(count / max(len(table), 1))})"
        sentences[segment] = f"{size}: {', '.join(phrases) or 'close to the average customer'}."
    return sentences


def check_aligned(table: pd.DataFrame, segments: "pd.Series[Any]") -> None:
    """Raise unless the segments belong to the table's customers, in the same order.

    Raises
    ------
    ValueError
        If the two indexes differ.

    Examples
    --------
    >>> check_aligned(pd.DataFrame({"Age": [1.0]}), pd.Series([1]))
    """
    if not table.index.equals(segments.index):
        raise ValueError(
            f"got {len(segments)} segments that do not follow the {len(table)} customers of the "
            "table, expected one per customer in the same order; use segments.reindex(table.index)"
        )


def standardised_means(column: FloatArray, codes: npt.NDArray[np.intp], k: int) -> FloatArray:
    """Mean of each group in overall standard deviations from the overall mean; constant: 0.

    Parameters
    ----------
    column : array, shape (n_customers,)
        NaN is left out.
    codes : array of int, shape (n_customers,)
        Group of each customer, 0..k-1.
    k : int

    Examples
    --------
    >>> standardised_means(np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]), 2).tolist()
    [-1.0, 1.0]
    """
    known = np.isfinite(column)
    column, codes = column[known], codes[known]
    # Centred first: a constant column of large values must give 0, not rounding noise over noise.
    centred = column - column.mean() if len(column) else column
    deviation = float(np.sqrt(np.mean(centred**2))) if len(column) else 0.0
    scale = float(np.abs(column).max()) if len(column) else 0.0
    if deviation <= 1e-12 * max(scale, 1e-300):
        return np.zeros(k)
    sums = np.bincount(codes, weights=centred, minlength=k)
    sizes = np.maximum(np.bincount(codes, minlength=k), 1)
    return np.asarray(sums / sizes / deviation, dtype="float64")


def _most_frequent(
    column: "pd.Series[Any]", numbers: npt.NDArray[Any], order: "pd.Series[int]"
) -> tuple[list[str], npt.NDArray[Any]]:
    """Level per segment and who has it; on a tie the first level, so the answer is stable."""
    table = pd.crosstab(numbers, column.astype("category").to_numpy())
    if table.empty:
        return [""] * len(order), np.full(len(order), np.nan)
    having = table.reindex(order, fill_value=0).to_numpy()
    return [str(table.columns[i]) for i in having.argmax(axis=1)], having.max(axis=1)

"""What is to be seen in each picture, in words and numbers, for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_segmentation.naming.wording import humanise
from customer_segmentation.results import Tables
from customer_segmentation.style import OUTLIER, name_of, number, percent, plural

FACTS = 2  # per segment
MOST_STEPS = 15  # of a path


def of_segments(
    tables: Tables, columns: Sequence[str], silhouettes: npt.ArrayLike = ()
) -> dict[str, str]:
    """Text alternatives of the pictures that show segments, by the picture's name.

    Parameters
    ----------
    tables : Tables
    columns : sequence of str
        What was clustered.
    silhouettes : array, optional
        Of each customer.
    """
    return {
        "sizes": _sizes(tables.counts),
        "scatter": _scatter(tables, list(columns)),
        "profiles": _profiles(tables),
        "silhouette": _silhouette(tables, np.asarray(silhouettes, dtype=float)),
        "dendrogram": _dendrogram(tables),
    }


def of_path(
    scores: pd.DataFrame,
    chosen: Mapping[Any, Any],
    parameter: str,
    distances: npt.ArrayLike | None = None,
) -> dict[str, str]:
    """Text alternatives of the pictures that show how the setting was chosen.

    Parameters
    ----------
    scores : DataFrame
        The path table.
    chosen : mapping
        Its row that was taken.
    parameter : str
        What was varied along the path.
    distances : array, optional
        To the neighbours that DBSCAN looks at, of each customer.
    """
    found = {
        "elbow": _path(scores, chosen, parameter),
        "path": _path(scores, chosen, parameter),
        "bic": _bic(scores, chosen, parameter),
    }
    if distances is not None:
        found["k_distance"] = _distances(np.asarray(distances, dtype=float), chosen, parameter)
    return found


def _label(segment: int, names: Mapping[int, str]) -> str:
    name = name_of(segment, names)
    return name if segment == OUTLIER else f"{segment} · {name}"


def _sizes(counts: pd.DataFrame) -> str:
    rows = (
        f"{_label(int(s), {int(s): name})} {plural(int(n), 'customer')} ({percent(float(share))})"
        for s, name, n, share in counts[["segment", "name", "customers", "share"]].itertuples(
            index=False
        )
    )
    return f"Bars of the customers per segment: {'; '.join(rows)}."


def _scatter(tables: Tables, columns: list[str]) -> str:
    summary = tables.summary
    means = [c for c in columns if c in summary and pd.api.types.is_numeric_dtype(summary[c])]
    rows = []
    for row in summary.to_dict("records"):
        where = ", ".join(f"{humanise(c)} {number(float(row[c]))}" for c in means[:3])
        rows.append(f"{_label(int(row['segment']), tables.names)} around {where or 'the middle'}")
    out = int((tables.segments == OUTLIER).sum())
    plane = (
        f"the plane of {' and '.join(humanise(c) for c in columns)}"
        if len(columns) <= 2
        else "the two directions in which customers differ most"
    )
    end = f"; {plural(out, 'outlier')} in grey" if out else ""
    what = "; ".join(rows) or "no segments"
    return f"Points for customers in {plane}: {what}{end}."


def _profiles(tables: Tables) -> str:
    rows = []
    for segment, row in tables.contrasts.iterrows():
        strongest = row.abs().sort_values(ascending=False, kind="stable").index[:FACTS]
        told = ", ".join(f"{humanise(str(c))} {row[c]:+.1f}" for c in strongest)
        rows.append(f"{_label(int(str(segment)), tables.names)}: {told or 'no difference'}")
    return (
        "Map of segments by columns; standard deviations above (+) or below (-) the average "
        f"customer. {'; '.join(rows)}."
    )


def _path(scores: pd.DataFrame, chosen: Mapping[Any, Any], parameter: str) -> str:
    """The candidates from first to last; of many, evenly spread ones."""
    places = np.unique(np.linspace(0, len(scores) - 1, MOST_STEPS).astype(int))
    steps = "; ".join(_steps(scores.iloc[places], parameter))
    taken = f"{parameter} = {number(float(chosen['value']))}"
    return (
        f"Lines over {plural(len(scores), 'setting')} of {parameter}. {steps}. Taken: {taken}, "
        f"{plural(int(chosen['n_segments']), 'segment')}."
    )


def _steps(scores: pd.DataFrame, parameter: str) -> Iterator[str]:
    counted = (scores["value"] != scores["n_segments"]).any()
    for row in scores.to_dict("records"):
        values = {
            "sum of squares within": row.get("wcss", np.nan),
            "silhouette": row.get("silhouette", np.nan),
            "outliers": row.get("outlier_share", 0) or np.nan,
        }
        told = [plural(int(row["n_segments"]), "segment")] if counted else []
        told += [
            f"{name} {percent(value) if name == 'outliers' else number(value)}"
            for name, value in values.items()
            if np.isfinite(value)
        ]
        yield f"{parameter} {number(float(row['value']))}: {', '.join(told)}"


def _bic(scores: pd.DataFrame, chosen: Mapping[Any, Any], parameter: str) -> str:
    known = scores[np.isfinite(scores["bic"])] if "bic" in scores else scores.iloc[:0]
    if known.empty:
        return "Bayesian information criterion over the settings."
    best = known.sort_values("bic", kind="stable").iloc[0]
    return (
        f"Line of the Bayesian information criterion over {parameter}: lowest (best), "
        f"{number(float(best['bic']))}, at {number(float(best['value']))}; taken: "
        f"{number(float(chosen['value']))}."
    )


def _silhouette(tables: Tables, widths: npt.NDArray[np.float64]) -> str:
    if not len(widths) or not np.isfinite(widths).any():
        return "No silhouette: it needs at least two segments."
    means = pd.Series(widths).groupby(tables.segments.to_numpy()).mean()
    rows = (
        f"{_label(int(str(s)), tables.names)} {number(round(float(v), 2))}"
        for s, v in means.items()
        if s != OUTLIER
    )
    below = float(np.mean(widths[np.isfinite(widths)] < 0))
    return (
        f"Silhouette of every customer, from -1 to 1: on average {np.nanmean(widths):.2f}. By "
        f"segment: {'; '.join(rows)}. {percent(below)} are closer to another segment."
    )


def _dendrogram(tables: Tables) -> str:
    return (
        f"Tree in which the {plural(len(tables.segments), 'customer')} are merged step by step, "
        f"cut where {plural(len(tables.names), 'segment')} are left. {_sizes(tables.counts)}"
    )


def _distances(
    distances: npt.NDArray[np.float64], chosen: Mapping[Any, Any], parameter: str
) -> str:
    half, most = np.quantile(distances, [0.5, 0.95])
    return (
        f"Curve of each customer's distance to the neighbours, sorted: half are within "
        f"{number(float(half))}, 95 % within {number(float(most))}; taken: {parameter} = "
        f"{number(float(chosen['value']))}."
    )

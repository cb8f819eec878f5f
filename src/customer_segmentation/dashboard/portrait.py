"""One segment against everyone, and where all customers lie on a map of two dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.explanations import listed
from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.page.html import Html, element
from customer_segmentation.profiles import effects
from customer_segmentation.profiles.indicators import is_numeric
from customer_segmentation.style import OUTLIER_NAME, colour, number, percent

WIDEST = 2.0  # standard deviations at which a bar ends
MOST = 15  # columns compared


@dataclass(frozen=True)
class Plane:
    """Customers on a map.

    Attributes
    ----------
    points : DataFrame
        ``customer``, ``x``, ``y``, ``segment``, ``label``.
    axes : tuple of str
    note : str
        How to read it.
    """

    points: pd.DataFrame
    axes: tuple[str, str]
    note: str


def profile(champion: Champion) -> pd.DataFrame:
    """Every segment in every column; see :func:`customer_segmentation.profiles.effects.profile`."""
    return effects.profile(
        champion.table, champion.segments, champion.names, used=champion.segmenter.columns
    )


def strongest(found: pd.DataFrame, segment: int, most: int = MOST) -> pd.DataFrame:
    """Rows of a profile of one segment, the largest differences first, a mirrored level left out.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 30.0, 60.0, 70.0]})
    >>> found = effects.profile(table, pd.Series([1, 1, 2, 2]), {})
    >>> strongest(found, 1)["column"].tolist()
    ['Age']
    """
    mine = found[(found["segment"] == segment) & found["effect"].notna()]
    levels = mine.groupby("column", sort=False)["level"].transform("size")
    first = mine.groupby("column", sort=False).cumcount() == 0
    shown = mine[~((levels == 2) & first & (mine["level"] != ""))]
    order = shown["effect"].abs().sort_values(ascending=False, kind="stable").index
    return shown.loc[order].head(most)


def differences(rows: pd.DataFrame, segment: int) -> Html:
    """Show how far a segment is from everyone: a bar to the right where it has more.

    Parameters
    ----------
    rows : DataFrame
        As :func:`strongest` gives them.
    segment : int
        Gives the colour.
    """
    lines: list[Html] = []
    for row in rows.to_dict("records"):
        level, effect = str(row["level"]), float(row["effect"])
        what = f"{row['column']}: {level}" if level else str(row["column"])
        mine, all_ = _values(row["share"] if level else row["mean"], row["overall"], bool(level))
        parts = (
            element("span", what, class_="what"),
            element("span", _bar(effect, segment), class_="track", aria_hidden="true"),
            element("span", element("b", mine), f" against {all_} for all", class_="n"),
        )
        lines.append(element("div", *parts))
    return element("div", *lines, class_="diff")


def _values(mine: float, everyone: float, share: bool) -> tuple[str, str]:
    return (percent(mine), percent(everyone)) if share else (number(mine), number(everyone))


def _bar(effect: float, segment: int) -> Html:
    width = min(abs(effect), WIDEST) / WIDEST * 50
    left = 50.0 if effect >= 0 else 50 - width
    look = f"left:{left:.1f}%;width:{max(width, 0.5):.1f}%;background:{colour(segment)}"
    return element("span", style=look)


def numeric_columns(champion: Champion) -> list[str]:
    """Columns that can be an axis, those of the model first."""
    numeric = [str(c) for c in champion.table if is_numeric(champion.table[c])]
    used = [c for c in champion.segmenter.columns if c in numeric]
    return [*used, *(c for c in numeric if c not in used)]


def plane(champion: Champion, axes: tuple[str, str] | None, most: int) -> Plane:
    """Place the customers: by two columns, or by the two directions in which they differ most.

    Parameters
    ----------
    champion : Champion
    axes : tuple of two columns, optional
        None takes the columns of the model if there are two numbers, else principal components.
    most : int
        Customers shown, every segment by its share.
    """
    used = champion.segmenter.columns
    if axes is None and len(used) == 2 and set(used) <= set(numeric_columns(champion)):
        axes = (used[0], used[1])
    shown = evenly(np.asarray(champion.segments, dtype=np.int64), most)
    if axes is not None:
        values, titles = champion.table[list(axes)].to_numpy(dtype=float), axes
        note = ""
    else:
        values, shares = components(champion.matrix)
        titles = (f"Direction 1 ({percent(shares[0])})", f"Direction 2 ({percent(shares[1])})")
        note = (
            f"The map shows the two directions in which customers differ most in "
            f"{listed(used)}: together {percent(sum(shares))} of all differences."
        )
    if len(shown) < len(champion.segments):
        note = f"{note} {len(shown):,} of {len(champion.segments):,} customers are drawn.".strip()
    return Plane(_points(champion, values, shown), titles, note)


def _points(champion: Champion, values: FloatArray, shown: IntArray) -> pd.DataFrame:
    segments = champion.segments.iloc[shown]
    labels = {**{n: champion.label(n) for n in champion.names}, OUTLIER: OUTLIER_NAME}
    return pd.DataFrame(
        {
            "customer": champion.table.index[shown].astype(str),
            "x": values[shown, 0],
            "y": values[shown, 1],
            "segment": segments.to_numpy(),
            "label": [labels[int(n)] for n in segments],
        }
    )


def components(X: FloatArray) -> tuple[FloatArray, tuple[float, float]]:
    """The first two principal components (Pearson 1901), and their shares of the variance.

    The sign of a component is arbitrary: its largest loading is made positive. A single column
    has a second component of zeros.

    Examples
    --------
    >>> points, shares = components(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]))
    >>> points.round(1).tolist(), [round(share, 1) for share in shares]
    ([[-2.5, 0.0], [2.5, 0.0]], [1.0, 0.0])
    """
    centred = np.nan_to_num(X - np.nanmean(X, axis=0))
    spectrum, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, :2]
    rows = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[rows, np.arange(directions.shape[1])])
    shares = spectrum[::-1][:2] / max(float(spectrum.sum()), 1e-300)
    points, missing = centred @ directions, 2 - directions.shape[1]
    padded = np.pad(points, ((0, 0), (0, missing)))
    both = np.pad(shares, (0, missing)).clip(0)
    return padded, (float(both[0]), float(both[1]))


def evenly(segments: IntArray, most: int) -> IntArray:
    """Positions of at most `most` customers, every segment by its share.

    Examples
    --------
    >>> evenly(np.array([2, 1, 1, 2]), 2).tolist()
    [1, 3]
    """
    order: IntArray = np.argsort(segments, kind="stable").astype(np.int64)
    if len(order) > most:
        order = order[np.linspace(0, len(order) - 1, most).astype(int)]
    return order

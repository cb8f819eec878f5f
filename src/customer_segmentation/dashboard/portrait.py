"""One segment against everyone, and a map of all customers in the colours of all pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.data.levels import is_numeric
from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.naming.wording import YES
from customer_segmentation.page.html import Html, element
from customer_segmentation.plots.scatter import directions, evenly
from customer_segmentation.style import OUTLIER_NAME, colour, listed, marker, number, percent

WIDEST = 2.0  # standard deviations at which a bar ends
MOST = 15  # columns compared
SHAPES = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond"}
HEIGHT = 460  # pixels
FEW = 3  # columns are named
MOST_LEGEND = 24


@dataclass(frozen=True)
class Plane:
    """Customers on a map."""

    points: pd.DataFrame  #: ``customer``, ``x``, ``y``, ``segment``, ``label``
    axes: tuple[str, str]
    note: str  #: How to read it


def strongest(found: pd.DataFrame, segment: int) -> pd.DataFrame:
    """Rows of a profile of one segment, the largest differences first, a mirrored level left out.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 30.0, 60.0, 70.0]})
    >>> from customer_segmentation.profiles import effects
    >>> found = effects.profile(table, pd.Series([1, 1, 2, 2]), {})
    >>> strongest(found, 1)["column"].tolist()
    ['Age']
    """
    mine = found[(found["segment"] == segment) & found["effect"].notna()]
    levels = mine.groupby("column", sort=False)["level"].transform("size")
    first = mine.groupby("column", sort=False).cumcount() == 0
    shown = mine[~((levels == 2) & first & (mine["level"] != ""))]
    order = shown["effect"].abs().sort_values(ascending=False, kind="stable").index
    return shown.loc[order].head(MOST)


def differences(rows: pd.DataFrame, segment: int, flags: Collection[str] = ()) -> Html:
    """Show how far a segment is from everyone: a bar to the right where it has more.

    Parameters
    ----------
    rows : DataFrame
        As :func:`strongest` gives them.
    segment : int
        Gives the colour.
    flags : collection of str
        Columns of ones and zeros: their means are shares.
    """
    lines: list[Html] = []
    for row in rows.to_dict("records"):
        level, effect = str(row["level"]), float(row["effect"])
        answer = level or (YES if row["column"] in flags else "")
        what = f"{row['column']}: {answer}" if answer else str(row["column"])
        mine, all_ = _values(row["share"] if level else row["mean"], row["overall"], bool(answer))
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
    note = ""
    if axes is not None:
        values, titles = champion.table[list(axes)].to_numpy(dtype=float), axes
    else:
        values, _, (across, up) = directions(champion.matrix)
        titles = (across, up)
        columns = listed(used) if len(used) <= FEW else f"the {len(used)} columns of the model"
        note = f"The map shows the two directions in which customers differ most in {columns}."
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


def customer_map(plane: Plane) -> Any:
    """Draw the customers by segment, with a number at the middle of each.

    Parameters
    ----------
    plane : Plane

    Examples
    --------
    >>> points = pd.DataFrame({"customer": ["a"], "x": [1.0], "y": [2.0], "segment": [1],
    ...                        "label": ["1 · Young"]})
    >>> chart = customer_map(Plane(points, ("Age", "Income"), ""))
    >>> chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]["range"]
    ['#0072B2']
    """
    found = plane.points.drop_duplicates("segment").sort_values(
        "segment", key=lambda s: s.where(s > 0, s.max() + 1)
    )
    labels, numbers = found["label"].tolist(), found["segment"].tolist()
    legend = alt.Legend(
        title=None, orient="bottom", columns=1, labelLimit=240, symbolLimit=MOST_LEGEND
    )
    points = (
        alt.Chart(plane.points)
        .mark_point(filled=True, size=46, opacity=0.75)
        .encode(
            x=_axis("x", plane.axes[0]),
            y=_axis("y", plane.axes[1]),
            color=alt.Color(
                "label:N",
                scale=alt.Scale(domain=labels, range=[colour(n) for n in numbers]),
                legend=legend,
            ),
            shape=alt.Shape(
                "label:N",
                scale=alt.Scale(domain=labels, range=[SHAPES[marker(n)] for n in numbers]),
            ),
            tooltip=[
                alt.Tooltip("customer:N", title="Customer"),
                alt.Tooltip("label:N", title="Segment"),
                alt.Tooltip("x:Q", title=plane.axes[0], format=",.4~g"),
                alt.Tooltip("y:Q", title=plane.axes[1], format=",.4~g"),
            ],
        )
    )
    return alt.layer(points, _middles(plane.points)).properties(height=HEIGHT)


def _axis(channel: str, title: str) -> Any:
    kind = alt.X if channel == "x" else alt.Y
    return kind(f"{channel}:Q", title=title, scale=alt.Scale(zero=False, nice=True))


def _middles(points: pd.DataFrame) -> Any:
    """Number of each segment at its middle, outlined in white."""
    inside = points[points["segment"] > 0]
    middles = inside.groupby("segment", as_index=False)[["x", "y"]].median()
    middles["text"] = middles["segment"].astype(str)
    return (
        alt.Chart(middles)
        .mark_text(fontSize=18, fontWeight="bold", stroke="white", strokeWidth=0.6, fill="#111111")
        .encode(x="x:Q", y="y:Q", text="text:N")
    )

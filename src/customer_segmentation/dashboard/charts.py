"""The map of the customers, in the colours and markers of all pictures."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from customer_segmentation.dashboard.portrait import Plane
from customer_segmentation.style import colour, marker

SHAPES = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond"}
HEIGHT = 460  # pixels
MOST_LEGEND = 24


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
        title=None, orient="bottom", columns=1, labelLimit=320, symbolLimit=MOST_LEGEND
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

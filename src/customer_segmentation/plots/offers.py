"""Pictures of offers: would they have been right, and what segments buy more than others."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from customer_segmentation.plots import canvas, panels
from customer_segmentation.style import colour, percent

MEASURES = {"hit_rate": "Hit rate", "ndcg": "NDCG", "coverage": "Coverage of the items"}
ROW, PANEL, GAP, TOP, FOOT = 0.42, 2.3, 0.35, 0.95, 0.45  # inches
MOST_SEGMENTS, MOST_OFFERS = 9, 8
NOTE = (
    "Hit rate: customers who bought one of their 10 best offers after the split. NDCG: the same, "
    "the first offers count most; 1 is perfect. Coverage: items offered to anyone. Lines: 95 %"
)


@canvas.picture
def trial(methods: pd.DataFrame, title: str) -> Figure:
    """Hit rate, NDCG and coverage of every method, with their intervals.

    Parameters
    ----------
    methods : DataFrame
        As `evaluation.compare` gives it; the last one is highlighted.
    title : str

    Examples
    --------
    >>> row = {f"{m}{end}": 0.5 for m in MEASURES for end in ("", "_low", "_high")}
    >>> len(trial(pd.DataFrame([{"method": "popularity", **row}]), "Segments help").axes)
    3
    """
    names = methods["method"].tolist()
    margin = canvas.widest(names) + 0.3
    width, height = margin + 3 * (PANEL + GAP), TOP + len(names) * ROW + FOOT
    figure = canvas.blank(width, height, title, NOTE)
    colours = [canvas.LINE] * (len(names) - 1) + [canvas.CHOSEN]
    for place, (measure, name) in enumerate(MEASURES.items()):
        left = margin + place * (PANEL + GAP)
        ax = panels.place(figure, left, TOP, PANEL, len(names) * ROW, title=name)
        rows, values = np.arange(len(names)), methods[measure].to_numpy()
        low, high = methods[f"{measure}_low"], methods[f"{measure}_high"]
        ax.hlines(rows, low, high, colors=colours, linewidth=2)
        ax.scatter(values, rows, color=colours, s=34, zorder=3)
        for row, value in zip(rows, values, strict=True):
            ax.annotate(f"{value:.3f}", (value, row), (0, 6), textcoords="offset points",
                        ha="center", size=canvas.SMALL)  # fmt: skip
        ax.set_yticks(rows, names if place == 0 else [""] * len(names))
        ax.set_ylim(len(names) - 0.5, -0.7)
        ax.tick_params(axis="y", length=0)
        ax.margins(x=0.2)
        ax.grid(axis="x")
    return figure


@canvas.picture
def preferences(offers: pd.DataFrame, names: Mapping[int, str]) -> Figure:
    """What to offer to each segment: share of its customers who bought it, and of all.

    Parameters
    ----------
    offers : DataFrame
        As `preferences.listed` gives it.
    names : mapping, segment -> name

    Returns
    -------
    Figure
        A panel for each of the first nine segments, with its eight first offers.

    Examples
    --------
    >>> row = {"segment": 1, "rank": 1, "offer": "tea", "share": 0.5, "share_all": 0.2, "lift": 2.5}
    >>> preferences(pd.DataFrame([row]), {1: "Young"}).texts[0].get_text()
    'What to offer to each segment'
    """
    segments = offers["segment"].unique()[:MOST_SEGMENTS].tolist()
    note = "Bar: share of the segment's customers who bought it; tick: of all customers; ×: lift"
    if offers["segment"].nunique() > len(segments):
        note += f"; the first {len(segments)} of {offers['segment'].nunique()} segments"
    title = "What to offer to each segment"
    figure, axes = panels.grid(title, note, [canvas.segment_label(s, names) for s in segments])
    for ax, segment in zip(axes, segments, strict=True):
        shown = offers[offers["segment"] == segment].head(MOST_OFFERS)
        rows = np.arange(len(shown))
        ax.barh(rows, shown["share"], color=colour(segment), alpha=0.4, height=0.8)
        ax.vlines(shown["share_all"], rows - 0.4, rows + 0.4, color=canvas.MUTED, linewidth=1)
        for row, (offer, lift) in enumerate(zip(shown["offer"], shown["lift"], strict=True)):
            text = canvas.fit(str(offer), panels.WIDTH - 0.95, 7.5)
            ax.text(0, row, f" {text} ×{lift:.1f}", va="center", size=7.5)
        ax.set_ylim(MOST_OFFERS - 0.4, -0.6)
        ax.set_xlim(0, max(float(shown[["share", "share_all"]].max().max()) * 1.05, 0.05))
        ax.xaxis.set_major_formatter(lambda value, _: percent(value))
        ax.xaxis.set_major_locator(MaxNLocator(4))
    return figure

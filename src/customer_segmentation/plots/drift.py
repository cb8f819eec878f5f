"""Picture of drift: segment shares expected and found, and how far each feature has moved."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from customer_segmentation.plots import canvas
from customer_segmentation.style import colour, percent

LEVEL_COLOURS = {"stable": "#9FB8C8", "moderate": "#E69F00", "large": canvas.CHOSEN}
MOST_BARS = 20
MOST_SEGMENTS = 24
PANEL, EDGE = 5.2, 0.55  # inches: width of the axes, and what is right of them
TOP, HEAD, ROW, FOOT = 0.85, 0.3, 0.3, 0.65  # inches: headline, legend, row, axis
LONGEST_FEATURE = 2.6
NOTE = (
    "The population stability index (PSI) says how far a distribution has moved; 0 is not at all. "
    "Dotted: 0.1 moderate, 0.25 large (Siddiqi 2006). Black tick: up to there it may be chance."
)


@canvas.picture
def drift(table: pd.DataFrame, shares: pd.DataFrame, names: Mapping[int, str]) -> Figure:
    """Segment shares, expected against found, above the PSI of each feature with its limit.

    Parameters
    ----------
    table : DataFrame
        As `drift.Monitor.table` gives it: a row per feature, the segment shares among them.
    shares : DataFrame
        As `drift.Monitor.shares` gives it: segment, expected, found, customers.
    names : mapping of int to str
        Name per segment number.

    Returns
    -------
    Figure
        Two Axes, one above the other, that grow with their rows: the twenty features and the
        24 segments that moved most.

    Examples
    --------
    >>> table = pd.DataFrame({"what": ["segment shares", "age"], "psi": [0.02, 0.4],
    ...                       "psi_limit": [0.1, 0.1], "level": ["stable", "large"]})
    >>> shares = pd.DataFrame({"segment": [1, 2], "expected": [0.5, 0.5], "found": [0.4, 0.6],
    ...                        "customers": [40, 60]})
    >>> drift(table, shares, {1: "Young"}).texts[0].get_text()
    '1 of 2 measures has drifted: age'
    """
    bars = table.sort_values("psi", ascending=False, kind="stable").head(MOST_BARS)
    shown = _largest(shares)
    heads = [canvas.fit(str(what), LONGEST_FEATURE) for what in bars["what"]]
    labels = [canvas.segment_label(int(segment), names) for segment in shown["segment"]]
    margin = canvas.widest([*labels, *heads]) + 0.35
    first, second = (HEAD + max(count, 2) * ROW + FOOT for count in (len(shown), len(bars)))
    height, customers = TOP + first + second, f"{int(shares['customers'].sum()):,} customers scored"
    figure = canvas.blank(margin + PANEL + EDGE, height, _headline(table), f"{customers}. {NOTE}")
    upper = canvas.axes(figure, left=margin, right=EDGE, top=TOP + HEAD, bottom=second + FOOT)
    lower = canvas.axes(figure, left=margin, right=EDGE, top=TOP + first + HEAD, bottom=FOOT)
    _draw_shares(upper, shown, labels)
    _draw_psi(lower, bars, heads)
    return figure


def _headline(table: pd.DataFrame) -> str:
    moved = table.loc[table["level"] != "stable"].sort_values("psi", ascending=False)
    if not len(moved):
        return "No drift: segments and features are as in training"
    verb = "has" if len(moved) == 1 else "have"
    return f"{len(moved)} of {len(table)} measures {verb} drifted: {', '.join(moved['what'])}"


def _largest(shares: pd.DataFrame) -> pd.DataFrame:
    """Keep the segments that moved most when there are too many to read."""
    moved = (shares["found"] - shares["expected"]).abs()
    return shares.loc[moved.nlargest(MOST_SEGMENTS).index.sort_values()]


def _draw_shares(ax: Axes, shares: pd.DataFrame, labels: list[str]) -> None:
    """Hollow: expected. Filled: found. The line between them is the change."""
    places = np.arange(len(shares))
    expected, found = shares["expected"].to_numpy(), shares["found"].to_numpy()
    colours = [colour(int(segment)) for segment in shares["segment"]]
    ax.hlines(places, expected, found, colors=colours, linewidth=2.2)
    ax.scatter(expected, places, s=46, facecolors="white", edgecolors=colours, linewidths=1.6,
               zorder=3, clip_on=False)  # fmt: skip
    ax.scatter(found, places, s=46, color=colours, zorder=4, clip_on=False)
    high = float(max(expected.max(initial=0.05), found.max(initial=0.05))) * 1.08
    for place, (old, new) in enumerate(zip(expected, found, strict=True)):
        canvas.beside(ax, f"{percent(old)} → {percent(new)}", (max(old, new), place))
    # Room for the numbers beside the outermost point.
    canvas.rows(ax, labels, high * PANEL / (PANEL - 1.0))
    ax.xaxis.set_major_formatter(lambda value, _: percent(value) if value <= 1 else "")
    ax.set_xlabel("Share of customers")
    kinds = [
        Line2D([], [], marker="o", linestyle="", markerfacecolor="white", color=canvas.MUTED),
        Line2D([], [], marker="o", linestyle="", color=canvas.MUTED),
    ]
    _legend(ax, kinds, ["in training", "scored now"])


def _draw_psi(ax: Axes, bars: pd.DataFrame, heads: list[str]) -> None:
    places, psi = np.arange(len(bars)), bars["psi"].to_numpy(float)
    limits = bars["psi_limit"].to_numpy(float)
    ax.barh(places, psi, height=0.62, color=[LEVEL_COLOURS[level] for level in bars["level"]])
    ax.vlines(limits, places - 0.38, places + 0.38, color=canvas.INK, linewidth=1.2)
    for threshold in (0.1, 0.25):
        ax.axvline(threshold, color=canvas.MUTED, linestyle=":", linewidth=1)
    high = float(max(psi.max(initial=0), limits.max(initial=0), 0.3)) * 1.1
    canvas.rows(ax, heads, high)
    for place, (value, limit) in enumerate(zip(psi, limits, strict=True)):
        # A number that would lie under the tick goes behind it.
        end = max(value, limit) if value <= limit < value + 0.1 * high else value
        canvas.beside(ax, f"{value:.2f}", (end, place))
    ax.set_xlabel("Population stability index (PSI)")
    kinds = [Line2D([], [], marker="s", linestyle="", color=c) for c in LEVEL_COLOURS.values()]
    _legend(ax, kinds, list(LEVEL_COLOURS))


def _legend(ax: Axes, kinds: list[Line2D], words: list[str]) -> None:
    ax.legend(
        kinds, words, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=len(words),
        fontsize=canvas.SMALL, frameon=False, handletextpad=0.1, columnspacing=1.0,
        borderaxespad=0.2,
    )  # fmt: skip

"""Picture of a migration: where the customers of each old segment are in the new model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from customer_segmentation.migration import Migration
from customer_segmentation.migration.changes import CHANGES
from customer_segmentation.plots import canvas
from customer_segmentation.style import OUTLIER, colour, label, name_of, plural

Floats = npt.NDArray[np.float64]

# Inches, also on both axes: text and bars are laid out together.
BAR = 0.16
BAND = 3.6  # between the bars
LEADER = 0.28  # from a bar to its label
NAME = 2.5  # longer names take a second line
GAP = 0.1  # between bars, less where there are many
TOP, BOTTOM, EDGE = 0.95, 0.2, 0.2
TITLE = 12.5  # font size of the headline, whose second line needs room of its own
SHORTEST = 2.6  # of the bars of one side, all together
THINNEST = 0.015  # one customer among a million is still seen
# What is written on each side about a segment that went through a change.
LEFT = {"split": "split", "dissolved": "dissolved"}
RIGHT = {"kept": "kept", "split": "kept", "merged": "merged", "new": "new"}


@dataclass(frozen=True)
class Side:
    """The segments of one model, top down: how many customers, what is written beside them."""

    segments: list[int]
    customers: Floats
    names: list[str]
    notes: list[str]

    @property
    def line(self) -> float:
        """Height of the highest label."""
        lines = max((name.count("\n") + 1 for name in self.names), default=1)
        return (lines * canvas.SIZE + canvas.SMALL) * canvas.LINE_HEIGHT / 72 + 0.08

    @property
    def width(self) -> float:
        """Width of the widest label."""
        widths = [
            *(canvas.text_width(t) for t in self.names),
            *(canvas.text_width(t, canvas.SMALL) for t in self.notes),
        ]
        return max(widths, default=0.0)


@canvas.picture
def flows(migration: Migration, before: str = "Before", after: str = "After") -> Figure:
    """Old segments on the left, new ones on the right, and who went where between them.

    A ribbon is as high as it has customers and has the colour of the old segment, pale where they
    stay. Beside each segment: its customers, and what became of it.

    Parameters
    ----------
    migration : Migration
    before, after : str
        Heads of the two sides, such as "Version 3".

    Returns
    -------
    Figure
        One Axes, as high as the labels need.

    References
    ----------
    Schmidt (2008), "The Sankey diagram in energy and material flow management", Journal of
    Industrial Ecology 12.

    Examples
    --------
    >>> import pandas as pd
    >>> from customer_segmentation.migration import match
    >>> old, new = pd.Series([1, 1, 1, 2]), pd.Series([1, 1, 2, 2])
    >>> found = match(old, new, {1: "Young"}, {}, basis="4 customers known to both")
    >>> flows(found).texts[0].get_text()
    '1 of 4 customers known to both changes segment (25 %)'
    """
    olds = [int(segment) for segment in migration.flows.index]
    columns = [int(segment) for segment in migration.flows.columns]
    order = _right_order(migration.flows.to_numpy(dtype=float), columns)
    news = [columns[place] for place in order]
    table = migration.flows[news].to_numpy(dtype=float)
    names = migration.changes.set_index("number")[["name", "former_name"]]
    former = names["former_name"].where(names["former_name"] != "", names["name"])
    left = _side(migration, olds, former.to_dict(), table.sum(axis=1), LEFT)
    right = _side(migration, news, names["name"].to_dict(), table.sum(axis=0), RIGHT)
    height = max(SHORTEST, *(side.line * len(side.segments) for side in (left, right)))
    margins = [side.width + LEADER + BAR + EDGE for side in (left, right)]
    width, note = sum(margins) + BAND, _note(migration)
    fits = canvas.text_width(migration.moved, TITLE, "bold") < width - 0.3
    top = TOP if fits else TOP + TITLE * canvas.LINE_HEIGHT / 72
    figure = canvas.blank(width, height + top + BOTTOM, migration.moved, note)
    ax = canvas.axes(figure, left=margins[0], right=margins[1], top=top, bottom=BOTTOM)
    ax.set(xlim=(0, BAND), ylim=(height, 0), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    bars = _bars(left, right, height)
    _ribbons(ax, table, left, right, bars)
    _beside(ax, left, bars[0], height, before, towards=-1)
    _beside(ax, right, bars[1], height, after, towards=1)
    return figure


def _note(migration: Migration) -> str:
    """How many segments went through which change; which ones, the picture shows."""
    counts = migration.changes["change"].value_counts()
    told = [f"{counts[change]} {change}" for change in CHANGES if change in counts.index]
    return f"Segments: {', '.join(told) or 'none on either side'}. Pale: customers who stay"


def _right_order(table: Floats, columns: Sequence[int]) -> list[int]:
    """New segments at the mean height of where their customers come from; outliers last."""
    above = np.cumsum(table.sum(axis=1)) - table.sum(axis=1) / 2
    sizes = table.sum(axis=0)
    means = np.where(sizes > 0, above @ table / np.maximum(sizes, 1), np.inf)
    outliers = np.equal(columns, OUTLIER)
    return [int(place) for place in np.lexsort((means.round(6), outliers))]


def _side(
    migration: Migration,
    segments: list[int],
    names: Mapping[Any, str],
    customers: Floats,
    fates: dict[str, str],
) -> Side:
    changed: dict[Any, str] = migration.changes.set_index("number")["change"].to_dict()
    notes = []
    for segment, count in zip(segments, customers, strict=True):
        told = fates.get(changed.get(segment, ""), "")
        notes.append(plural(int(count), "customer") + (f" · {told}" if told else ""))
    written = [canvas.fit(label(s, name_of(s, dict(names))), NAME, lines=2) for s in segments]
    return Side(segments, customers, written, notes)


def _bars(left: Side, right: Side, height: float) -> tuple[Floats, Floats]:
    """Upper and lower end of every bar: one row each per side."""
    most = max(len(left.segments), len(right.segments))
    gap = min(GAP, 0.3 * height / most)
    scale = (height - gap * (most - 1)) / left.customers.sum()
    ends = []
    for side in (left, right):
        sizes = side.customers * scale
        tops = np.cumsum(sizes + gap) - sizes - gap
        spare = height - (tops[-1] + sizes[-1])
        ends.append(np.stack([tops + spare / 2, tops + spare / 2 + sizes]))
    return ends[0], ends[1]


def _ribbons(ax: Axes, table: Floats, left: Side, right: Side, bars: tuple[Floats, Floats]) -> None:
    scale = (bars[0][1] - bars[0][0]).sum() / table.sum()
    starts = bars[0][0][:, None] + (np.cumsum(table, axis=1) - table) * scale
    ends = bars[1][0][None, :] + (np.cumsum(table, axis=0) - table) * scale
    stays = np.equal.outer(left.segments, right.segments)
    # Those who move are few: they go on top.
    for i, j in sorted(np.argwhere(table > 0).tolist(), key=lambda pair: not stays[tuple(pair)]):
        shape = _ribbon(starts[i, j], ends[i, j], max(table[i, j] * scale, THINNEST))
        shade = 0.35 if stays[i, j] else 0.75
        ax.add_patch(PathPatch(shape, facecolor=colour(left.segments[i]), alpha=shade, linewidth=0))


def _ribbon(start: float, end: float, thick: float) -> Path:
    """From the left bar to the right one, level at both ends."""
    x = (0, BAND / 2, BAND / 2, BAND)
    over = list(zip(x, (start, start, end, end), strict=True))
    under = list(
        zip(x[::-1], (end + thick, end + thick, start + thick, start + thick), strict=True)
    )
    curve = [Path.CURVE4] * 3
    return Path([*over, *under], [Path.MOVETO, *curve, Path.LINETO, *curve])


def _beside(ax: Axes, side: Side, bars: Floats, height: float, head: str, *, towards: int) -> None:
    """Bars of one side, their labels, and the head above them."""
    edge, align = (0.0, "right") if towards < 0 else (BAND, "left")
    x = edge + towards * (BAR + LEADER)
    ax.text(
        x, -0.16, head, size=canvas.SMALL, weight="bold", color=canvas.MUTED, ha=align, va="bottom"
    )
    middles = bars.mean(axis=0)
    places = canvas.spread(middles, side.line, 0, height)
    for row, segment in enumerate(side.segments):
        top, bottom = bars[0, row], max(bars[1, row], bars[0, row] + THINNEST)
        shape = Rectangle(
            (edge, top), towards * BAR, bottom - top, color=colour(segment), linewidth=0
        )
        ax.add_patch(shape).set_clip_on(False)
        ends = [edge + towards * (BAR + 0.03), x - towards * 0.06]
        ax.plot(
            ends, [middles[row], places[row]], color=colour(segment), linewidth=1, clip_on=False
        )
        name, note = side.names[row], side.notes[row]
        drop = (name.count("\n") + 1) * canvas.SIZE * canvas.LINE_HEIGHT / 72
        upper = places[row] - (drop + canvas.SMALL * canvas.LINE_HEIGHT / 72) / 2
        ax.text(x, upper, name, ha=align, va="top", linespacing=1.2)
        ink = canvas.CHOSEN if " · " in note and not note.endswith("kept") else canvas.MUTED
        ax.text(x, upper + drop, note, size=canvas.SMALL, color=ink, ha=align, va="top")

"""The small pictures inside the pictures of the exploration: one column, or one pair, each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from customer_segmentation import style
from customer_segmentation.plots import canvas

BAR, AGAINST = style.PALETTE[0], style.PALETTE[4]
WIDTH, HEIGHT, HEAD = 2.5, 1.45, 0.75  # inches: a panel, and the headline over all
GAP = 0.75  # inches between rows of panels: ticks below, a name of two lines above
MOST_BARS = 7


def _short(value: float, _: object = None) -> str:
    """Write a number for an axis."""
    if abs(value) < 1e4:
        return f"{value:.4g}"
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value / 1e3:.4g}k"


_SHORT = FuncFormatter(_short)


def place(
    figure: Figure, left: float, top: float, wide: float, high: float, *, title: str = ""
) -> Axes:
    """Place axes by inches from the figure's left and top, the title's first letter above them.

    Examples
    --------
    >>> float(place(Figure(figsize=(4, 2)), 1, 0.5, 2, 1).get_position().width)
    0.5
    """
    width, height = map(float, figure.get_size_inches())
    panel = figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
    panel.tick_params(labelsize=canvas.SMALL, length=2)
    panel.set_title(canvas.fit(title, wide, lines=2), loc="left")
    return panel


def grid(title: str, note: str, names: list[str]) -> tuple[Figure, list[Axes]]:
    """Lay out a panel for each name, three or four beside each other.

    Parameters
    ----------
    title, note : str
        The figure's headline, and the grey line under it.
    names : list of str
        The panels' titles, at least one.

    Returns
    -------
    figure : Figure
    panels : list of Axes
        Without a vertical axis.

    Examples
    --------
    >>> len(grid("Title", "Note", ["a", "b", "c", "d"])[1])
    4
    """
    across = min(len(names), 4 if len(names) > 6 else 3)
    down = -(-len(names) // across)
    width = max(across * WIDTH + 0.2, 5.0)
    inner = (width - 0.2) / across
    figure = canvas.blank(width, HEAD + down * (HEIGHT + GAP), title, note)
    panels = []
    for number, name in enumerate(names):
        row, column = divmod(number, across)
        left, top = 0.25 + column * inner, HEAD + 0.3 + row * (HEIGHT + GAP)
        panel = place(figure, left, top, inner - 0.3, HEIGHT, title=name)
        panel.yaxis.set_visible(False)
        panel.spines["left"].set_visible(False)
        panels.append(panel)
    return figure, panels


def histogram(panel: Axes, column: pd.Series) -> None:
    """Draw how a number or a date is distributed, and its median.

    Examples
    --------
    >>> histogram(Figure().add_subplot(), pd.Series([1.0, 2.0, 2.0]))
    """
    dates = pd.api.types.is_datetime64_any_dtype(column)
    values = column.dt.year + (column.dt.day_of_year - 1) / 365.25 if dates else column
    whole = not dates and values.nunique() <= 12 and bool((values % 1 == 0).all())
    if whole:
        counts = values.value_counts()
        gap = np.diff(np.sort(counts.index)).min(initial=np.inf)
        panel.bar(counts.index, counts, width=0.8 * (gap if np.isfinite(gap) else 1), color=BAR)
    else:
        heights, edges = np.histogram(values, bins=24)
        panel.stairs(heights, edges, fill=True, color=BAR)
    panel.axvline(float(values.median()), color=canvas.INK, linewidth=1, linestyle=(0, (4, 3)))
    panel.set_ylim(0, None)
    panel.margins(x=0.02 if len(values) and not whole else 0.1)
    panel.xaxis.set_major_locator(MaxNLocator(4, integer=whole or dates))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0f}") if dates else _SHORT)


def bars(panel: Axes, column: pd.Series) -> None:
    """Draw a category's commonest levels, longest bar on top, each level written on its bar.

    Examples
    --------
    >>> bars(Figure().add_subplot(), pd.Series(["a", "b", "a"], dtype="category"))
    """
    counts = column.value_counts()
    counts = counts[counts > 0]
    shown = counts.head(MOST_BARS)
    panel.barh(range(len(shown)), shown, color=BAR, alpha=0.4, height=0.78)
    panel.set(ylim=(max(len(shown), 3) - 0.4, -0.6), xlim=(0, float(shown.max())))
    for row, (level, count) in enumerate(shown.items()):
        name = canvas.fit(str(level), WIDTH - 0.95, canvas.SMALL)
        panel.text(0, row, f" {name}: {count:,}", va="center", size=canvas.SMALL)
    panel.xaxis.set_visible(False)
    panel.spines["bottom"].set_visible(False)
    if len(counts) > len(shown):
        rest = f"and {len(counts) - len(shown)} more"
        panel.text(0, len(shown) - 0.3, f" {rest}", va="top", size=7.5, color=canvas.MUTED)


def boxes(panel: Axes, column: pd.Series, groups: pd.Series) -> None:
    """Draw a number per level: middle half, 5 % to 95 %, median; the first level on top.

    Examples
    --------
    >>> boxes(Figure().add_subplot(), pd.Series([1.0, 2.0]), pd.Series(["a", "b"]))
    """
    split = column.groupby(groups, observed=True)
    low, start, middle, end, high = (
        split.quantile(np.array([0.05, 0.25, 0.5, 0.75, 0.95])).unstack().to_numpy().T
    )
    rows = np.arange(len(middle))
    panel.hlines(rows, low, high, color=BAR, linewidth=1.2)
    panel.barh(rows, end - start, left=start, height=0.62, color=BAR)
    panel.vlines(middle, rows - 0.31, rows + 0.31, color="white", linewidth=2)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.xaxis.set_major_formatter(_SHORT)


def matrix(panel: Axes, points: pd.DataFrame, ranks: pd.DataFrame, side: float) -> None:
    """Draw all pairs into one pair of axes, a unit square each: 36 axes would take a second.

    Parameters
    ----------
    panel : Axes
        Where to.
    points : DataFrame of shape (n_points, n_columns)
        Without missing values.
    ranks : DataFrame of shape (n_columns, n_columns)
        Rank correlations.
    side : float
        Inches that a square is wide.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 1.0]})
    >>> matrix(Figure().add_subplot(), table, table.corr(), 2.0)
    """
    count = points.shape[1]
    unit = (points - points.min()) / (points.max() - points.min()).replace(0, 1) * 0.88 + 0.06
    panel.set(xlim=(0, count), ylim=(count, 0), xticks=[], yticks=[])
    panel.spines[:].set_visible(True)
    panel.vlines(range(1, count), 0, count, color=canvas.RULE, linewidth=0.8)
    panel.hlines(range(1, count), 0, count, color=canvas.RULE, linewidth=0.8)
    pairs = [(row, column) for row in range(count) for column in range(row)]
    x = np.concatenate([unit.iloc[:, column] + column for _, column in pairs])
    y = np.concatenate([row + 1 - unit.iloc[:, row] for row, _ in pairs])
    panel.plot(x, y, "o", markersize=2.5, alpha=0.4, color=BAR, markeredgewidth=0)
    for number, name in enumerate(points):
        _diagonal(panel, number, points[name], side)
    for row, column in pairs:
        _correlation(panel, row, column, ranks.to_numpy()[row, column])


def _diagonal(panel: Axes, at: int, column: pd.Series, side: float) -> None:
    counts, _ = np.histogram(column, bins=18)
    edges = at + 0.06 + 0.88 * np.linspace(0, 1, 19)
    heights = at + 0.97 - 0.5 * counts / counts.max()
    panel.stairs(heights, edges, baseline=at + 0.97, fill=True, color=BAR, alpha=0.3)
    name = canvas.fit(
        str(column.name).replace("_", " "), side * 0.9, canvas.SMALL, lines=2, weight="bold"
    )
    span = " to ".join(_short(float(f"{end:.3g}")) for end in (column.min(), column.max()))
    panel.text(at + 0.5, at + 0.05, name, ha="center", va="top", size=canvas.SMALL, weight="bold")
    panel.text(at + 0.5, at + 0.45, span, ha="center", va="bottom", size=7.5, color=canvas.MUTED)


def _correlation(panel: Axes, row: int, column: int, rank: float) -> None:
    """Write a correlation above the diagonal: the stronger, the stronger its tint."""
    tint = BAR if rank > 0 else AGAINST
    panel.fill_between([row, row + 1], column, column + 1, color=tint, alpha=0.6 * abs(rank), lw=0)
    text = f"{round(rank, 2) + 0.0:.2f}".replace("-", "−")
    panel.text(row + 0.5, column + 0.5, text, ha="center", va="center", size=12)

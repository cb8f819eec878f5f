"""Pictures of a sweep: how its runs rank, and how far they agree."""

from collections.abc import Hashable

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from customer_segmentation.plots import canvas
from customer_segmentation.style import heading, ink, plural, written

LONGEST_CELL = 2.6  # inches
LONGEST_HEAD = 1.0
ROW = 0.29


@canvas.picture
def leaderboard(table: pd.DataFrame, recommended: Hashable | None = None) -> Figure:
    """Table of the runs as a picture, in the order given, the recommended one highlighted.

    Parameters
    ----------
    table : DataFrame, one row per run
        Shown without its index.
    recommended : hashable, optional
        Index label of the recommended run.

    Returns
    -------
    Figure
        Wide and high enough for all cells.

    Examples
    --------
    >>> table = pd.DataFrame({"run": ["kmeans-k5"], "silhouette": [0.5547]})
    >>> [text.get_text() for text in leaderboard(table, 0).axes[0].texts]
    ['run', 'kmeans-k5', 'silhouette', '0.55']
    """
    cells = {
        c: [canvas.fit(written(v, c), LONGEST_CELL, canvas.SMALL) for v in table[c].tolist()]
        for c in table.columns
    }
    heads = {
        c: canvas.fit(heading(c), LONGEST_HEAD, canvas.SMALL, lines=3, weight="bold") for c in cells
    }
    widths = [
        max(
            canvas.text_width(heads[c], canvas.SMALL, "bold"), canvas.widest(cells[c], canvas.SMALL)
        )
        + 0.22
        for c in cells
    ]
    width, height = max(sum(widths) + 0.3, 5.0), 0.95 + ROW * (len(table) + 1)
    title = plural(len(table), "run")
    if recommended is not None and recommended in table.index:
        place = table.index.get_loc(recommended)
        names = cells.get("run", next(iter(cells.values())))
        title += f"; recommended: {names[int(place)]}"  # type: ignore[arg-type]
    ax = canvas.axes(
        canvas.blank(width, height, title), left=0.15, right=0.15, bottom=0.15, top=0.55
    )
    ax.set_axis_off()
    ax.set_xlim(0, width - 0.3)
    ax.set_ylim(len(table) + 0.6, -0.6)
    for row, label in enumerate(table.index):
        _stripe(ax, row + 1, label == recommended and recommended is not None)
    edges = np.cumsum([0.0, *widths])
    for left, right, column in zip(edges, edges[1:], cells, strict=False):
        numeric = pd.api.types.is_numeric_dtype(table[column].dtype)
        _column(ax, (left, right), heads[column], cells[column], numeric)
    return ax.figure  # type: ignore[return-value]


@canvas.picture
def agreement(matrix: pd.DataFrame) -> Figure:
    """Show the adjusted Rand index between the labels of every two runs, in a triangle.

    Parameters
    ----------
    matrix : DataFrame, shape (n_runs, n_runs)
        Symmetric; 1 = the same partition, 0 = no more than by chance. NaN is left blank.

    Returns
    -------
    Figure
        Grows with the runs, so that 30 of them stay readable.

    References
    ----------
    Hubert, Arabie (1985), "Comparing partitions", Journal of Classification 2.

    Examples
    --------
    >>> runs = ["kmeans", "ward"]
    >>> figure = agreement(pd.DataFrame([[1, 0.94], [0.94, 1]], index=runs, columns=runs))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0.94']
    """
    runs = [canvas.fit(str(run), 3.2, canvas.SMALL) for run in matrix.index]
    labels = [f"{run}  {i}" for i, run in enumerate(runs, 1)]
    left, cell, count = canvas.widest(labels, canvas.SMALL) + 0.3, 0.37, max(len(runs), 1)
    width = max(left + cell * count + 0.3, 6.2)
    title, note = _agreement_headline(matrix, runs)
    figure = canvas.blank(width, 1.35 + cell * count, title, note)
    ax = canvas.axes(figure, left=left, right=width - left - cell * count, top=1.0, bottom=0.35)
    scores = matrix.to_numpy(dtype=float)
    lower = np.where(np.tri(len(runs), k=-1, dtype=bool), scores, np.nan)
    ax.imshow(lower, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    shades = colormaps["Blues"]  # looking one up copies it, so once
    for row, column in zip(*np.nonzero(np.isfinite(lower)), strict=True):
        shade = shades(max(lower[row, column], 0) / 1.15)
        text = f"{lower[row, column]:.2f}".replace("-0.00", "0.00")
        ax.text(column, row, text, color=ink(to_hex(shade)), size=7.5, ha="center", va="center")
    ax.set_yticks(range(len(runs)), labels, fontsize=canvas.SMALL)
    ax.set_xticks(range(len(runs)), [str(i + 1) for i in range(len(runs))], fontsize=canvas.SMALL)
    canvas.bare(ax)
    return figure


def _stripe(ax: Axes, row: int, recommended: bool) -> None:
    if recommended:
        ax.axhspan(row - 0.5, row + 0.5, facecolor=canvas.CHOSEN, alpha=0.18, linewidth=0)
    elif row % 2:
        ax.axhspan(row - 0.5, row + 0.5, facecolor="#F4F4F4", linewidth=0)
    if row == 1:
        ax.axhline(0.5, color=canvas.RULE)


def _column(
    ax: Axes, edges: tuple[float, float], head: str, cells: list[str], numeric: bool
) -> None:
    x, side = (edges[1] - 0.11, "right") if numeric else (edges[0] + 0.11, "left")
    ax.text(x, 0.35, head, size=canvas.SMALL, weight="bold", ha=side, va="bottom", color=canvas.INK)
    for row, cell in enumerate(cells, 1):
        ink = canvas.MUTED if cell == "-" else canvas.INK
        ax.text(x, row, cell, size=canvas.SMALL, ha=side, va="center", color=ink)


def _agreement_headline(matrix: pd.DataFrame, runs: list[str]) -> tuple[str, str]:
    note = (
        "Adjusted Rand index between two runs: 1 = same segments, 0 = no more alike than by chance"
    )
    scores = matrix.to_numpy(dtype=float)
    lower = np.where(np.tri(len(runs), k=-1, dtype=bool), scores, np.nan)
    if not np.isfinite(lower).any():
        return "One run: nothing to compare", note
    same = int(np.sum(lower > 0.995))
    text = f"{plural(len(runs), 'run')} agree with each other by {np.nanmean(lower):.2f} on average"
    return text + (f"; {plural(same, 'pair')} found the same segments" if same else ""), note

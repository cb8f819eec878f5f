"""Pictures of segments: how many customers, how well they fit, who they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from customer_segmentation.naming import LEVEL, humanise
from customer_segmentation.plots.canvas import (
    CHOSEN,
    LINE_HEIGHT,
    MUTED,
    SMALL,
    axes,
    blank,
    fit,
    ink_on,
    picture,
    segment_label,
    spread,
    text_width,
    widest,
)
from customer_segmentation.style import OUTLIER, colour, number, percent, plural

Floats = npt.NDArray[np.float64]
SCALE = "standard deviations from the average customer"
HEAD = 7.5  # font size of the column heads of a map


@picture
def sizes(counts: pd.DataFrame) -> Figure:
    """Bar chart of customers per segment, with numbers and shares; outliers grey.

    Parameters
    ----------
    counts : DataFrame
        As `profiles.counts` gives it.

    Returns
    -------
    Figure
        One horizontal bar per row; the figure grows with them.

    Examples
    --------
    >>> counts = pd.DataFrame({"segment": [1, 2], "name": ["Young", "Older"],
    ...                        "customers": [150, 50], "share": [0.75, 0.25]})
    >>> sizes(counts).texts[0].get_text()
    '2 segments: from 50 (25 %) to 150 (75 %) customers'
    """
    names = zip(counts["segment"], counts["name"], strict=True)
    labels = [segment_label(int(segment), {int(segment): name}) for segment, name in names]
    figure = blank(8.2, 1.2 + 0.36 * max(len(counts), 3), _sizes_headline(counts))
    left = widest(labels) + 0.3
    ax = axes(figure, left=left, right=1.25, bottom=0.5, top=0.55)
    customers = counts["customers"].to_numpy()
    ax.barh(range(len(counts)), customers, color=[colour(int(s)) for s in counts["segment"]])
    ax.set_yticks(range(len(counts)), labels)
    ax.set_ylim(len(counts) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0, max(int(customers.max(initial=1)), 1))
    ax.grid(axis="x")
    ax.set_xlabel("Customers")
    for row, (size, share) in enumerate(zip(customers, counts["share"], strict=True)):
        ax.annotate(
            f"{size:,} ({percent(share)})",
            (size, row),
            (4, 0),
            textcoords="offset points",
            va="center",
        )
    return figure


@picture
def silhouette_samples(
    samples: npt.ArrayLike, segments: npt.ArrayLike, names: Mapping[int, str]
) -> Figure:
    """Silhouette of every customer, sorted within its segment, with the mean (the "knife" plot).

    Parameters
    ----------
    samples : array, shape (n_customers,)
        Silhouette of each customer, -1 to 1; NaN for outliers.
    segments : array of int, shape (n_customers,)
        Segment of each customer, -1 for outliers.
    names : mapping of int to str
        Name per segment number.

    Returns
    -------
    Figure
        One Axes; a band's height is the number of its customers.

    References
    ----------
    Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis", Journal of Computational and Applied Mathematics 20.

    Examples
    --------
    >>> figure = silhouette_samples([0.5, 0.7, -0.1], [1, 1, 2], {1: "Young", 2: "Older"})
    >>> figure.texts[0].get_text()
    'Silhouette 0.367 on average; 33 % of customers are closer to another segment'
    """
    scores, numbers = np.asarray(samples, dtype=float), np.asarray(segments)
    known = np.isfinite(scores) & (numbers != OUTLIER)
    scores, numbers = scores[known], numbers[known]
    found = [int(segment) for segment in np.unique(numbers)]
    labels = [segment_label(segment, names) for segment in found]
    height = 1.5 + max(2.8, len(found) * 0.22)
    figure = blank(8.2, height, _silhouette_headline(scores))
    ax = axes(figure, left=widest(labels) + 0.5, right=0.3, bottom=0.5, top=0.55)
    _knives(ax, scores, numbers, found, labels, gap=0.2 / (height - 1.2))
    if len(scores):
        ax.axvline(float(scores.mean()), color=CHOSEN, linestyle="--", linewidth=1.3)
    ax.set_xlim(min(-0.1, float(scores.min(initial=0)) - 0.03), 1)
    ax.set_yticks([])
    ax.axvline(0, color="#999999", linewidth=0.8)
    ax.set_xlabel("Silhouette of each customer (dashed: average)")
    return figure


@picture
def heatmap(contrasts: pd.DataFrame, values: pd.DataFrame, names: Mapping[int, str]) -> Figure:
    """Profile of every segment: colour is the distance from the average, text the raw mean.

    Parameters
    ----------
    contrasts : DataFrame, shape (n_segments, n_features)
        As `profiles.contrasts` gives it.
    values : DataFrame, shape (n_segments, n_features)
        As `profiles.values` gives it for the same features.
    names : mapping of int to str
        Name per segment number.

    Returns
    -------
    Figure
        The map with one text per cell, and its colour scale.

    Examples
    --------
    >>> contrasts = pd.DataFrame({"Age": [-1.0, 1.0]}, index=[1, 2])
    >>> values = pd.DataFrame({"Age": [20.0, 60.0]}, index=[1, 2])
    >>> [text.get_text() for text in heatmap(contrasts, values, {}).axes[0].texts]
    ['20', '60']
    """
    labels = [segment_label(int(segment), names) for segment in contrasts.index]
    rows, columns = contrasts.shape
    left = widest(labels) + 0.35
    cell = min(1.6, max(0.85, 5.0 / max(columns, 1)))
    heads = [fit(str(c).replace("_", " "), cell - 0.06, HEAD, lines=5) for c in contrasts.columns]
    head = (max((h.count("\n") for h in heads), default=0) + 1) * HEAD * LINE_HEIGHT / 72
    width = max(left + cell * columns + 0.3, left + 2.1 + text_width(SCALE, SMALL))
    height = 1.75 + head + 0.38 * rows
    figure = blank(width, height, _heatmap_headline(contrasts), "Cells: mean of the segment")
    grid = axes(
        figure, left=left, right=width - left - cell * max(columns, 1), top=0.85 + head, bottom=0.85
    )
    limit = float(min(max(np.nanmax(np.abs(contrasts.to_numpy()), initial=1.5), 1.5), 2.5))
    grid.imshow(contrasts.to_numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    _cells(grid, contrasts, values, limit)
    grid.set_yticks(range(rows), labels)
    grid.set_xticks(range(columns), heads, fontsize=HEAD)
    grid.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    grid.spines[:].set_visible(False)
    _scale(figure, limit, left)
    return figure


def _sizes_headline(counts: pd.DataFrame) -> str:
    inside = counts[counts["segment"] != OUTLIER]
    outside = int(counts.loc[counts["segment"] == OUTLIER, "customers"].sum())
    if len(inside) == 0:
        return f"No segments: {plural(outside, 'outlier')}"
    order = np.argsort(inside["customers"].to_numpy(), kind="stable")
    low, high = (
        f"{inside['customers'].iloc[row]:,} ({percent(float(inside['share'].iloc[row]))})"
        for row in (int(order[0]), int(order[-1]))
    )
    many = f"from {low} to {high} customers" if len(inside) > 1 else f"{high} customers"
    text = f"{plural(len(inside), 'segment')}: {many}"
    return text + (f", and {plural(outside, 'outlier')}" if outside else "")


def _silhouette_headline(scores: Floats) -> str:
    if not len(scores):
        return "No silhouette: it needs at least two segments"
    closer = percent(float(np.mean(scores < 0)))
    average = f"Silhouette {scores.mean():.3f} on average"
    return f"{average}; {closer} of customers are closer to another segment"


def _knives(
    ax: Axes,
    scores: Floats,
    numbers: npt.NDArray[np.int_],
    found: list[int],
    labels: list[str],
    *,
    gap: float,
) -> None:
    total, start = max(len(scores), 1), 0.0
    space, middles = min(0.012, 0.25 / max(len(found), 1)) * total, []
    for segment in found:
        band = np.sort(scores[numbers == segment])[::-1]
        steps = np.linspace(0, len(band) - 1, min(len(band), 200))
        edge = np.interp(steps, np.arange(len(band)), band)
        y = (
            np.linspace(start, start + len(band), len(edge))
            if len(edge) > 1
            else [start, start + 1]
        )
        ax.fill_betweenx(
            y, 0, edge if len(edge) > 1 else [edge[0]] * 2, color=colour(segment), linewidth=0.3
        )
        middles.append(start + len(band) / 2)
        start += len(band) + space
    ax.set_ylim(max(start - space, 1), 0)
    places = spread(middles, gap * max(start - space, 1), 0, max(start - space, 1))
    for segment, label, middle, place in zip(found, labels, middles, places, strict=True):
        ends: dict[str, Any] = {
            "xycoords": ax.get_yaxis_transform(),
            "textcoords": ax.get_yaxis_transform(),
        }
        line = {
            "arrowstyle": "-",
            "color": colour(segment),
            "linewidth": 1.2,
            "shrinkA": 0,
            "shrinkB": 0,
            "relpos": (1, 0.5),
        }
        ax.annotate(
            label, (0, middle), (-0.03, place), ha="right", va="center", arrowprops=line, **ends
        )


def _heatmap_headline(contrasts: pd.DataFrame) -> str:
    if len(contrasts) < 2 or contrasts.shape[1] == 0:
        return "One segment: every customer is the average customer"
    first = " and ".join(
        dict.fromkeys(humanise(str(c).split(LEVEL)[0]) for c in contrasts.columns[:2])
    )
    return f"{len(contrasts)} segments differ most in {first}"


def _cells(grid: Axes, contrasts: pd.DataFrame, values: pd.DataFrame, limit: float) -> None:
    shades = colormaps["RdBu_r"](np.clip(contrasts.to_numpy() / limit / 2 + 0.5, 0, 1))
    means = values.loc[contrasts.index, list(contrasts.columns)].to_numpy()
    for column, label in enumerate(contrasts.columns):
        write = percent if LEVEL in str(label) else number
        for row in range(len(contrasts)):
            ink = ink_on(*shades[row, column][:3])
            grid.text(
                column, row, write(float(means[row, column])), color=ink, ha="center", va="center"
            )


def _scale(figure: Figure, limit: float, left: float) -> None:
    """Colour scale under the map, drawn by hand: matplotlib's takes as long as the map itself."""
    width = figure.get_size_inches()[0]
    bar = axes(
        figure,
        left=left,
        right=width - left - 1.8,
        bottom=0.42,
        top=figure.get_size_inches()[1] - 0.56,
    )
    bar.imshow(
        np.linspace(-1, 1, 64)[None, :], cmap="RdBu_r", aspect="auto", extent=(-limit, limit, 0, 1)
    )
    bar.set_yticks([])
    bar.set_xticks(
        [-limit, 0, limit], [f"-{number(limit)}", "average", f"+{number(limit)}"], fontsize=SMALL
    )
    bar.tick_params(length=0)
    bar.spines[:].set_visible(False)
    bar.text(
        1.08,
        0.5,
        SCALE,
        transform=bar.transAxes,
        va="center",
        size=SMALL,
        color=MUTED,
    )

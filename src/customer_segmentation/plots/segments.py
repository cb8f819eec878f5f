"""Pictures of segments: how many customers, how well they fit, who they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from customer_segmentation.naming import LEVEL, humanise
from customer_segmentation.plots import canvas
from customer_segmentation.style import OUTLIER, colour, ink, number, percent, plural

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
SCALE = "standard deviations from the average customer"
HEAD = 7.5  # font size of the column heads of a map
MOST_CELL = 1.15  # inches: so wide at most for the sake of a long word


@canvas.picture
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
    labels = [canvas.segment_label(int(segment), {int(segment): name}) for segment, name in names]
    figure = canvas.blank(8.2, 1.2 + 0.36 * max(len(counts), 3), _sizes_headline(counts))
    left = canvas.widest(labels) + 0.3
    ax = canvas.axes(figure, left=left, right=1.25, bottom=0.5, top=0.55)
    customers = counts["customers"].to_numpy()
    ax.barh(range(len(counts)), customers, color=[colour(int(s)) for s in counts["segment"]])
    canvas.rows(ax, labels, max(int(customers.max(initial=1)), 1))
    ax.set_xlabel("Customers")
    for row, (size, share) in enumerate(zip(customers, counts["share"], strict=True)):
        canvas.beside(ax, f"{size:,} ({percent(share)})", (size, row))
    return figure


@canvas.picture
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
    labels = [canvas.segment_label(segment, names) for segment in found]
    height = 1.5 + max(2.8, len(found) * 0.22)
    figure = canvas.blank(8.2, height, _silhouette_headline(scores))
    ax = canvas.axes(figure, left=canvas.widest(labels) + 0.5, right=0.3, bottom=0.5, top=0.55)
    _knives(ax, scores, numbers, found, labels, gap=0.2 / (height - 1.2))
    if len(scores):
        ax.axvline(float(scores.mean()), color=canvas.CHOSEN, linestyle="--", linewidth=1.3)
    ax.set_xlim(min(-0.1, float(scores.min(initial=0)) - 0.03), 1)
    ax.set_yticks([])
    ax.axvline(0, color="#999999", linewidth=0.8)
    ax.set_xlabel("Silhouette of each customer (dashed: average)")
    return figure


@canvas.picture
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
    labels = [canvas.segment_label(int(segment), names) for segment in contrasts.index]
    down, columns = contrasts.shape
    left = canvas.widest(labels) + 0.35
    titles = [str(column).replace("_", " ") for column in contrasts.columns]
    longest = canvas.widest((word for title in titles for word in title.split()), HEAD) + 0.1
    cell = min(1.6, max(0.85, 5.0 / max(columns, 1), min(longest, MOST_CELL)))
    heads = [canvas.fit(title, cell - 0.06, HEAD, lines=5) for title in titles]
    head = (max((h.count("\n") for h in heads), default=0) + 1) * HEAD * canvas.LINE_HEIGHT / 72
    width = max(left + cell * columns + 0.3, left + 2.1 + canvas.text_width(SCALE, canvas.SMALL))
    height = 1.75 + head + 0.38 * down
    figure = canvas.blank(width, height, _heatmap_headline(contrasts), "Cells: mean of the segment")
    grid = canvas.axes(
        figure, left=left, right=width - left - cell * max(columns, 1), top=0.85 + head, bottom=0.85
    )
    limit = float(min(max(np.nanmax(np.abs(contrasts.to_numpy()), initial=1.5), 1.5), 2.5))
    grid.imshow(contrasts.to_numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    _cells(grid, contrasts, values, limit)
    grid.set_yticks(range(down), labels)
    grid.set_xticks(range(columns), heads, fontsize=HEAD)
    grid.tick_params(labeltop=True, labelbottom=False)
    canvas.bare(grid)
    _scale(figure, limit, left)
    return figure


def _sizes_headline(counts: pd.DataFrame) -> str:
    inside = counts[counts["segment"] != OUTLIER]
    outside = int(counts.loc[counts["segment"] == OUTLIER, "customers"].sum())
    if len(inside) == 0:
        return f"No segments: {plural(outside, 'outlier')}"
    ordered = inside.sort_values("customers", kind="stable").iloc[[0, -1]]
    low, high = (
        f"{size:,} ({percent(share)})"
        for size, share in zip(ordered["customers"], ordered["share"], strict=True)
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
    ax: Axes, scores: Floats, numbers: Ints, found: list[int], labels: list[str], *, gap: float
) -> None:
    space, start, middles = min(0.012, 0.25 / max(len(found), 1)) * len(scores), 0.0, []
    shares = np.linspace(0, 1, 200)
    for segment in found:
        band = scores[numbers == segment]
        edge = np.quantile(band, 1 - shares)
        ax.fill_betweenx(start + len(band) * shares, 0, edge, color=colour(segment), linewidth=0.3)
        middles.append(start + len(band) / 2)
        start += len(band) + space
    end = max(start - space, 1)
    ax.set_ylim(end, 0)
    at: dict[str, Any] = dict.fromkeys(("xycoords", "textcoords"), ax.get_yaxis_transform())
    places = canvas.spread(middles, gap * end, 0, end)
    for segment, label, middle, place in zip(found, labels, middles, places, strict=True):
        line = {"arrowstyle": "-", "color": colour(segment), "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate(
            label, (0, middle), (-0.03, place), ha="right", va="center",
            arrowprops=line | {"relpos": (1, 0.5)}, **at,
        )  # fmt: skip


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
        for row, mean in enumerate(means[:, column]):
            tone = ink(to_hex(shades[row, column]))
            grid.text(column, row, write(float(mean)), color=tone, ha="center", va="center")


def _scale(figure: Figure, limit: float, left: float) -> None:
    """Colour scale under the map, drawn by hand: matplotlib's takes as long as the map itself."""
    width, height = figure.get_size_inches()
    bar = canvas.axes(figure, left=left, right=width - left - 1.8, bottom=0.42, top=height - 0.56)
    shades = np.linspace(-1, 1, 64)[None, :]
    bar.imshow(shades, cmap="RdBu_r", aspect="auto", extent=(-limit, limit, 0, 1))
    bar.set_yticks([])
    ends = [f"-{number(limit)}", "average", f"+{number(limit)}"]
    bar.set_xticks([-limit, 0, limit], ends, fontsize=canvas.SMALL)
    canvas.bare(bar)
    bar.text(
        1.08,
        0.5,
        SCALE,
        transform=bar.transAxes,
        va="center",
        size=canvas.SMALL,
        color=canvas.MUTED,
    )

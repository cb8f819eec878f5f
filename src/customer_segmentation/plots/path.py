"""Pictures of a path: how good each candidate is, and which one was taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator
from scipy.cluster.hierarchy import dendrogram as tree_layout

from customer_segmentation.plots import canvas
from customer_segmentation.style import colour, number, percent, plural

Floats = npt.NDArray[np.float64]
WIDTH = 9.6
COUNTS = ("n_clusters", "n_components")
PARAMETERS = {
    "n_clusters": "Number of segments (k)",
    "n_components": "Number of segments (k)",
    "eps": "eps (radius of a neighbourhood)",
    "min_cluster_size": "Smallest size of a segment (customers)",
}
TITLES = {
    "wcss": "WCSS (within-cluster sum of squares)",
    "silhouette": "Silhouette (mean)",
    "n_segments": "Segments found",
    "bic": "BIC (smaller is better)",
}
MOST_TICKS = 12
MOST_LEAVES = 30


@canvas.picture
def elbow(path_table: pd.DataFrame, chosen: float, parameter: str) -> Figure:
    """WCSS and silhouette over the path, side by side, with the candidate taken marked.

    Parameters
    ----------
    path_table : DataFrame, one row per candidate
        Columns ``value``, ``n_segments``, ``wcss``, ``silhouette``; NaN where not computable.
    chosen : float
        The ``value`` of the candidate taken.
    parameter : str
        Name of the grid's parameter, such as "n_clusters".

    Returns
    -------
    Figure
        Two Axes, 9.6 x 4.3 inches.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [1, 2], "n_segments": [1, 2],
    ...                      "wcss": [9.0, 4.0], "silhouette": [np.nan, 0.4]})
    >>> sorted(ax.get_title(loc="left") for ax in elbow(path, 2, "n_clusters").axes)
    ['Silhouette (mean): 0.4 at 2', 'WCSS (within-cluster sum of squares): 4 at 2']
    """
    figure, left = _two_panels(path_table, chosen, parameter)
    _curve(left, path_table, "wcss", chosen, parameter)
    left.set_ylim(bottom=0)
    return figure


@canvas.picture
def density_path(path_table: pd.DataFrame, chosen: float, parameter: str) -> Figure:
    """Segments found, outliers and silhouette over a density path (eps, min_cluster_size).

    WCSS means little here: it falls because customers are left out, not because segments fit.

    Parameters
    ----------
    path_table : DataFrame, one row per candidate
        Columns ``value``, ``n_segments``, ``outlier_share``, ``silhouette``.
    chosen, parameter
        As for `elbow`.

    Returns
    -------
    Figure
        Three Axes: silhouette; segments and, on the right-hand scale, outliers.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [0.1, 0.2], "n_segments": [3, 1], "wcss": [1.0, 2.0],
    ...                      "outlier_share": [0.4, 0.0], "silhouette": [0.3, np.nan]})
    >>> len(density_path(path, 0.1, "eps").axes)
    3
    """
    figure, left = _two_panels(path_table, chosen, parameter)
    _curve(left, path_table, "n_segments", chosen, parameter)
    left.set_ylim(bottom=0)
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    twin = left.twinx()
    shares = path_table["outlier_share"].astype(float) * 100
    twin.fill_between(path_table["value"], 0, shares, color="#8A8A8A", alpha=0.25, linewidth=0)
    twin.set_ylim(0, 100)
    twin.set_ylabel("Outliers, % of customers (grey area)", color=canvas.MUTED)
    return figure


@canvas.picture
def bic(path_table: pd.DataFrame, chosen: float) -> Figure:
    """Bayesian information criterion of the mixtures (smaller is better), the one taken marked.

    Parameters
    ----------
    path_table : DataFrame, one row per candidate
        Columns ``value`` and ``bic``.
    chosen : float
        The ``value`` of the candidate taken.

    Returns
    -------
    Figure
        One Axes.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [1, 2, 3], "bic": [9.0, 4.0, 5.0]})
    >>> bic(path, 2).texts[0].get_text()
    'BIC is smallest at 2 segments, the number taken'
    """
    best = float(path_table["value"].iloc[int(path_table["bic"].astype(float).argmin())])
    taken = ", the number taken" if chosen == best else f"; {number(chosen)} taken"
    title = f"BIC is smallest at {plural(int(best), 'segment')}{taken}"
    figure = canvas.blank(6.8, 4.3, title)
    ax = canvas.axes(figure, left=0.95, right=0.3, top=0.75)
    _curve(ax, path_table, "bic", chosen, "n_components")
    return figure


@canvas.picture
def k_distance(distances: Floats, grid: Floats, chosen: float) -> Figure:
    """Sorted distances to the k-th neighbour, with the eps values tried and the one taken.

    Parameters
    ----------
    distances : array, shape (n_customers,)
        Distance of each customer to its k-th nearest neighbour, any order.
    grid : array, shape (n_candidates,)
        The eps values of the path.
    chosen : float
        The eps taken.

    Returns
    -------
    Figure
        One Axes.

    References
    ----------
    Ester, Kriegel, Sander, Xu (1996), "A density-based algorithm for discovering clusters in
    large spatial databases with noise", KDD.

    Examples
    --------
    >>> figure = k_distance(np.array([0.1, 0.2, 0.9]), np.array([0.15, 0.5]), 0.5)
    >>> figure.texts[0].get_text()
    'At eps = 0.5, 67 % of customers have enough neighbours'
    """
    curve = np.sort(np.asarray(distances, dtype=float))
    inside = percent(float(np.mean(curve <= chosen)))
    title = f"At eps = {number(chosen)}, {inside} of customers have enough neighbours"
    figure = canvas.blank(6.8, 4.3, title, "Grey lines: the eps values tried")
    ax = canvas.axes(figure, left=0.75, right=0.3, top=0.95)
    shown = np.unique(np.linspace(0, len(curve) - 1, 600).astype(int))
    ax.hlines(grid, 0, len(curve), color="#D0D0D0", linewidth=0.8)
    ax.plot(shown + 1, curve[shown], color=canvas.LINE, linewidth=2)
    ax.axhline(chosen, color=canvas.CHOSEN, linewidth=1.5, linestyle="--")
    ax.set(xlim=(0, len(curve) + 1), xlabel="Customers, sorted by distance")
    ax.set_ylabel("Distance to the k-th neighbour")
    ax.set_ylim(bottom=0)
    return figure


def _two_panels(path_table: pd.DataFrame, chosen: float, parameter: str) -> tuple[Figure, Axes]:
    """Figure with the silhouettes on the right, and the empty axes on the left."""
    row = path_table[path_table["value"] == chosen].iloc[0]
    title = plural(int(row["n_segments"]), "segment")
    if parameter not in COUNTS:
        title += f" at {parameter} = {number(chosen)}"
    mine, best = float(row["silhouette"]), float(path_table["silhouette"].max())
    if np.isfinite(mine):
        against = "the best of all tried" if mine >= best else f"the best tried has {best:.3f}"
        title += f": silhouette {mine:.3f}, {against}"
    figure = canvas.blank(WIDTH, 4.3, title, "The setting taken is marked in orange")
    right = canvas.axes(figure, left=WIDTH / 2 + 0.75, right=0.25, top=1.0)
    _curve(right, path_table, "silhouette", chosen, parameter)
    return figure, canvas.axes(figure, left=0.85, right=WIDTH / 2 + 0.6, top=1.0)


def _curve(ax: Axes, path_table: pd.DataFrame, column: str, chosen: float, parameter: str) -> None:
    values = path_table["value"].to_numpy(dtype=float)
    scores = path_table[column].to_numpy(dtype=float)
    score = float(scores[values == chosen][0])
    dots = 5 if len(values) <= 30 else 3
    ax.plot(values, scores, color=canvas.LINE, linewidth=2, marker="o", markersize=dots)
    ax.axvline(chosen, color=canvas.CHOSEN, linestyle="--", linewidth=1.3)
    ax.plot([chosen], [score], "o", color=canvas.CHOSEN, markersize=10, label="chosen")
    ax.grid(axis="y")
    ax.set_title(f"{TITLES[column]}: {number(score)} at {number(chosen)}")
    ax.set_xlabel(PARAMETERS.get(parameter, parameter))
    room = np.ptp(values) * 0.05 or 0.5
    ax.set_xlim(values.min() - room, values.max() + room)  # also where k = 1 has no silhouette
    if np.all(values == np.round(values)):
        few = np.ptp(values) <= MOST_TICKS
        locator = FixedLocator(values.tolist()) if few else MaxNLocator(integer=True)
        ax.xaxis.set_major_locator(locator)
    if not np.isfinite(scores).any():
        centre: Any = {"ha": "center", "transform": ax.transAxes, "color": canvas.MUTED}
        ax.text(0.5, 0.5, "cannot be computed here", **centre)


@canvas.picture
def dendrogram(linkage: Floats, n_clusters: int, segments: npt.ArrayLike | None = None) -> Figure:
    """Tree of merges, its last `MOST_LEAVES` branches, cut at the chosen number of segments.

    Parameters
    ----------
    linkage : array, shape (n_customers - 1, 4)
        As `scipy.cluster.hierarchy.linkage` gives it.
    n_clusters : int
        Number of segments at the cut.
    segments : array of int, shape (n_customers,), optional
        Segment of each customer; colours and numbers the branches below the cut.

    Returns
    -------
    Figure
        One Axes; under each branch the number of its customers.

    Examples
    --------
    >>> from scipy.cluster.hierarchy import linkage
    >>> figure = dendrogram(linkage([[0.0], [0.1], [5.0], [5.2]]), 2)
    >>> figure.texts[0].get_text()
    'Cutting the tree of merges here gives 2 segments'
    """
    leaves = int(min(len(linkage) + 1, max(MOST_LEAVES, n_clusters)))
    paint = _branch_colours(linkage, n_clusters, segments)
    tree = tree_layout(
        linkage, p=leaves, truncate_mode="lastp", no_plot=True, link_color_func=paint
    )
    figure = canvas.blank(
        WIDTH,
        4.6,
        f"Cutting the tree of merges here gives {plural(n_clusters, 'segment')}",
        "Each branch joins its customers; the higher two branches meet, the less alike they are. "
        "Bottom: customers per branch.",
    )
    ax = canvas.axes(figure, left=0.75, right=0.25, bottom=0.6, top=0.95)
    lines = [np.column_stack(xy) for xy in zip(tree["icoord"], tree["dcoord"], strict=True)]
    ax.add_collection(LineCollection(lines, colors=tree["color_list"], linewidths=1.6))
    cut, top = _cut_height(linkage, n_clusters), float(linkage[:, 2].max())
    ax.axhline(cut, color=canvas.CHOSEN, linestyle="--", linewidth=1.3)
    ax.set_xlim(0, 10 * leaves)
    ax.set_ylim(0, max(top, cut) * 1.05 or 1.0)
    sizes = [label.strip("()") if "(" in label else "1" for label in tree["ivl"]]
    many = leaves > 20
    turn: Any = {"rotation": 90 if many else 0, "fontsize": canvas.SMALL - many}
    ax.set_xticks(5 + 10 * np.arange(leaves), sizes, **turn)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Distance at which branches join")
    return figure


def _cut_height(linkage: Floats, n_clusters: int) -> float:
    heights = linkage[:, 2]
    if n_clusters <= 1:
        return float(heights.max()) * 1.03
    below = float(heights[-n_clusters]) if n_clusters <= len(heights) else 0.0
    return (below + float(heights[-(n_clusters - 1)])) / 2


def _branch_colours(
    linkage: Floats, n_clusters: int, segments: npt.ArrayLike | None
) -> Callable[[int], str]:
    customers = len(linkage) + 1
    first_above = 2 * customers - n_clusters  # nodes are numbered in the order of their merges
    numbers = None if segments is None else np.asarray(segments)

    def paint(node: int) -> str:
        if numbers is None or node >= first_above:
            return "#888888"
        while node >= customers:
            node = int(linkage[node - customers, 0])
        return colour(int(numbers[node]))

    return paint

"""Picture of an agglomerative run: the tree of merges and where it is cut."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram as tree_layout

from customer_segmentation.plots import canvas
from customer_segmentation.style import colour, plural

Floats = npt.NDArray[np.float64]
WIDTH = 9.6
MOST_LEAVES = 30


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
    lines = [
        list(zip(x, y, strict=True)) for x, y in zip(tree["icoord"], tree["dcoord"], strict=True)
    ]
    ax.add_collection(LineCollection(lines, colors=tree["color_list"], linewidths=1.6))
    cut, top = _cut_height(linkage, n_clusters), float(linkage[:, 2].max())
    ax.axhline(cut, color=canvas.CHOSEN, linestyle="--", linewidth=1.3)
    ax.set_xlim(0, 10 * leaves)
    ax.set_ylim(0, max(top, cut) * 1.05 or 1.0)
    sizes = [label.strip("()") if "(" in label else "1" for label in tree["ivl"]]
    turn: dict[str, Any] = (
        {"rotation": 90, "fontsize": canvas.SMALL - 1}
        if leaves > 20
        else {"fontsize": canvas.SMALL}
    )
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

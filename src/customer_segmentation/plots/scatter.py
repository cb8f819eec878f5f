"""Picture of the customers in the plane: two features directly, more of them projected."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from threadpoolctl import threadpool_limits

from customer_segmentation.naming import humanise
from customer_segmentation.plots.canvas import (
    INK,
    SMALL,
    axes,
    blank,
    fit,
    picture,
    segment_label,
    spread,
    text_width,
    widest,
)
from customer_segmentation.style import (
    OUTLIER,
    OUTLIER_COLOUR,
    OUTLIER_NAME,
    colour,
    marker,
    percent,
    plural,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
MOST_POINTS = 1500
BLOCK = 65_536  # rows handled at once: bounds the memory
MOST_ARROWS = 6
PANEL = (5.55, 3.85)  # inches, the least height


@picture
def scatter(
    X: npt.ArrayLike,
    feature_names: Sequence[str],
    segments: npt.ArrayLike,
    names: Mapping[int, str],
) -> Figure:
    """Scatter the customers by segment with the centres: two features directly, more by PCA.

    Parameters
    ----------
    X : array, shape (n_customers, n_features)
        What was clustered; for exactly two features pass raw values, so that the axes are in units.
    feature_names : sequence of str, length n_features
        Axis labels, or names of the loading arrows.
    segments : array of int, shape (n_customers,)
        Segment of each customer, -1 for outliers.
    names : mapping of int to str
        Name per segment number.

    Returns
    -------
    Figure
        At most `MOST_POINTS` customers are drawn, evenly over the segments; centres are those of
        all customers.

    Examples
    --------
    >>> figure = scatter([[1, 2], [1, 3], [9, 8]], ["Income", "Spending"], [1, 1, 2], {})
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('Income', 'Spending')
    """
    matrix, numbers = np.asarray(X, dtype=float), np.asarray(segments)
    points, axis_labels, loadings = _plane(matrix, numbers, list(feature_names))
    found = [int(segment) for segment in np.unique(numbers) if segment != OUTLIER]
    labels = [segment_label(segment, names) for segment in found]
    columns = 1 if len(found) <= 30 else 2
    shown = _evenly(numbers)
    outliers = int(np.sum(numbers == OUTLIER))
    named = [*labels, OUTLIER_NAME] if outliers else labels
    legend = columns * (widest(named, SMALL) + 0.45)
    figure = blank(
        PANEL[0] + 1.05 + legend,
        max(PANEL[1] + 1.35, 1.5 + 0.19 * -(-(len(found) + 1) // columns)),
        _headline(len(found), list(feature_names), outliers, len(numbers)),
        "" if len(shown) == len(numbers) else f"{len(shown):,} of {len(numbers):,} customers drawn",
    )
    ax = axes(figure, left=0.8, right=legend + 0.25, bottom=0.6, top=0.75)
    _points(ax, points, numbers, shown)
    for segment in found:
        _centre(ax, points[numbers == segment].mean(axis=0), segment)
    ax.set_xlabel(fit(axis_labels[0], PANEL[0]))
    ax.set_ylabel(fit(axis_labels[1], PANEL[1]))
    ax.margins(0.06)
    if matrix.shape[1] == 1:
        ax.set_yticks(found)
    if loadings is not None:
        _arrows(ax, points[shown], loadings, feature_names)
    _legend(ax, found, labels, outliers=outliers, columns=columns)
    return figure


def _plane(
    matrix: Floats, numbers: npt.NDArray[np.int_], features: list[str]
) -> tuple[Floats, list[str], Floats | None]:
    """Two coordinates per customer, the axes' labels, and the loadings if it is a projection."""
    if matrix.shape[1] == 2:
        return matrix, features, None
    if matrix.shape[1] == 1:  # a row per segment, so that one feature is a plane too
        return np.column_stack([matrix[:, 0], numbers]), [features[0], "Segment"], None
    mean = matrix.mean(axis=0)
    with threadpool_limits(limits=1):  # products so small keep a second thread waiting
        spectrum, directions = np.linalg.eigh(_scatter(matrix, mean))
    directions = directions[:, ::-1][:, :2]
    # The sign of a component is arbitrary: its largest loading is made positive.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), [0, 1]])
    shares = spectrum[::-1][:2] / max(float(spectrum.sum()), 1e-300)
    labels = [
        f"Component {i + 1} ({percent(float(s))} of the variance)" for i, s in enumerate(shares)
    ]
    points = matrix @ directions
    points -= mean @ directions
    return points, labels, directions


def _scatter(matrix: Floats, mean: Floats) -> Floats:
    """Sums of squares and products about the mean, block by block."""
    blocks = (matrix[start : start + BLOCK] - mean for start in range(0, len(matrix), BLOCK))
    return np.asarray(sum(block.T @ block for block in blocks))


def _evenly(numbers: npt.NDArray[np.int_]) -> npt.NDArray[np.intp]:
    """Positions of at most `MOST_POINTS` customers, every segment by its share."""
    order = np.argsort(numbers, kind="stable")
    if len(order) <= MOST_POINTS:
        return order
    places: npt.NDArray[np.intp] = order[np.linspace(0, len(order) - 1, MOST_POINTS).astype(int)]
    return places


def _headline(found: int, features: list[str], outliers: int, customers: int) -> str:
    text = plural(found, "segment") if found else "No segments"
    if len(features) <= 2:
        text += f" by {' and '.join(humanise(name) for name in features)}"
    else:
        text += " in the two directions in which customers differ most"
    if outliers:
        text += f"; {plural(outliers, 'outlier')} ({percent(outliers / customers)}) in grey"
    return text


def _points(ax: Axes, points: Floats, numbers: Ints, shown: npt.NDArray[np.intp]) -> None:
    size = 26 if len(shown) <= 500 else 14
    for segment in np.unique(numbers[shown]):
        mine = points[shown[numbers[shown] == segment]]
        style: dict[str, Any] = {"marker": marker(int(segment)), "color": colour(int(segment))}
        ax.plot(
            mine[:, 0], mine[:, 1], linestyle="", markersize=size**0.5, alpha=0.75,
            markeredgewidth=0, zorder=1 if segment == OUTLIER else 2, **style,
        )  # fmt: skip


def _centre(ax: Axes, at: Floats, segment: int) -> None:
    box: dict[str, Any] = {
        "boxstyle": "circle,pad=0.25",
        "facecolor": "white",
        "edgecolor": colour(segment),
    }
    box["linewidth"] = 2.0
    ax.text(
        at[0], at[1], str(segment), size=SMALL, weight="bold", color=INK, ha="center", va="center",
        bbox=box, zorder=7, gid=f"centre-{segment}",  # above the names of arrows
    )  # fmt: skip


def _arrows(ax: Axes, points: Floats, loadings: Floats, feature_names: Sequence[str]) -> None:
    """Draw the longest loadings from the origin, labels moved apart on either side."""
    length = np.hypot(loadings[:, 0], loadings[:, 1])
    longest = np.argsort(-length, kind="stable")[:MOST_ARROWS]
    reach = 0.8 * np.abs(points).max(axis=0).min() / max(float(length.max()), 1e-300)
    tips = loadings[longest] * reach
    low, high = ax.get_ylim()
    gap = 0.05 * (high - low)
    for side in (-1, 1):
        mine = [i for i in range(len(longest)) if (tips[i, 0] >= 0) == (side > 0)]
        heights = spread([tips[i, 1] for i in mine], gap, low, high)
        for i, height in zip(mine, heights, strict=True):
            _arrow(ax, tips[i], height, side, str(feature_names[longest[i]]))


def _arrow(ax: Axes, tip: Floats, height: float, side: int, name: str) -> None:
    line = {"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (tip[0], tip[1]), (0, 0), arrowprops=line, zorder=4)
    label = fit(name, 1.6, SMALL)
    (left, right), unit = ax.get_xlim(), np.ptp(ax.get_xlim()) / PANEL[0]  # data units an inch
    room = (text_width(label, SMALL) + 0.15) * unit
    x = min(tip[0], right - room) if side > 0 else max(tip[0], left + room)
    ax.annotate(
        label, (x, height), (4 * side, 0), textcoords="offset points",
        ha="left" if side > 0 else "right", va="center", size=SMALL, zorder=6,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
    )  # fmt: skip


def _legend(ax: Axes, found: list[int], labels: list[str], *, outliers: int, columns: int) -> None:
    shown = [*found, OUTLIER] if outliers else found
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=marker(s),
            color=OUTLIER_COLOUR if s == OUTLIER else colour(s),
        )
        for s in shown
    ]
    texts = [*labels, OUTLIER_NAME] if outliers else labels
    if handles:
        ax.legend(
            handles, texts, loc="upper left", bbox_to_anchor=(1.01, 1.02), ncols=columns,
            frameon=False, fontsize=SMALL, handletextpad=0.3, labelspacing=0.45, columnspacing=1.0,
        )  # fmt: skip

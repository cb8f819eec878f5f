"""Picture of the customers in the plane: two features directly, more of them projected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.naming import humanise
from customer_segmentation.plots import canvas
from customer_segmentation.style import (
    OUTLIER,
    colour,
    marker,
    percent,
    plural,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
MOST_POINTS = 1500
MOST_ARROWS = 6
PANEL = (5.55, 3.85)  # inches, the least height
BLOCK = 65_536  # rows handled at once: bounds the memory


@canvas.picture
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
    outliers = int(np.sum(numbers == OUTLIER))
    columns = 1 if len(found) <= 30 else 2
    labels = [
        canvas.segment_label(segment, names) for segment in [*found, *[OUTLIER] * (outliers > 0)]
    ]
    shown = evenly(numbers, MOST_POINTS)
    legend = columns * (canvas.widest(labels, canvas.SMALL) + 0.45)
    figure = canvas.blank(
        PANEL[0] + 1.05 + legend,
        max(PANEL[1] + 1.35, 1.5 + 0.19 * -(-(len(found) + 1) // columns)),
        _headline(len(found), list(feature_names), outliers, len(numbers)),
        "" if len(shown) == len(numbers) else f"{len(shown):,} of {len(numbers):,} customers drawn",
    )
    ax = canvas.axes(figure, left=0.8, right=legend + 0.25, bottom=0.6, top=0.75)
    for segment in found:
        _points(ax, points, shown[numbers[shown] == segment], segment)
        _centre(ax, points[numbers == segment].mean(axis=0), segment)
    _points(ax, points, shown[numbers[shown] == OUTLIER], OUTLIER)
    ax.set_xlabel(canvas.fit(axis_labels[0], PANEL[0]))
    ax.set_ylabel(canvas.fit(axis_labels[1], PANEL[1]))
    ax.margins(0.06)
    if matrix.shape[1] == 1:
        ax.set_yticks(found)
    if loadings is not None:
        _arrows(ax, points[shown], loadings, feature_names)
    if labels:
        ax.legend(
            ax.lines[: len(labels)], labels, loc="upper left", bbox_to_anchor=(1.01, 1.02),
            ncols=columns, frameon=False, fontsize=canvas.SMALL, handletextpad=0.3,
            labelspacing=0.45, columnspacing=1.0, markerscale=1.4,
        )  # fmt: skip
    return figure


def _plane(
    matrix: Floats, numbers: Ints, features: list[str]
) -> tuple[Floats, list[str], Floats | None]:
    """Two coordinates per customer, the axes' labels, and the loadings if it is a projection."""
    if matrix.shape[1] == 2:
        return matrix, features, None
    if matrix.shape[1] == 1:  # a row per segment, so that one feature is a plane too
        return np.column_stack([matrix[:, 0], numbers]), [features[0], "Segment"], None
    points, loadings, labels = directions(matrix)
    return points, labels, loadings


def _headline(found: int, features: list[str], outliers: int, customers: int) -> str:
    text = plural(found, "segment") if found else "No segments"
    if len(features) <= 2:
        text += f" by {' and '.join(humanise(name) for name in features)}"
    else:
        text += " in the two directions in which customers differ most"
    if outliers:
        text += f"; {plural(outliers, 'outlier')} ({percent(outliers / customers)}) in grey"
    return text


def _points(ax: Axes, points: Floats, shown: Ints, segment: int) -> None:
    mine = points[shown]
    ax.plot(
        mine[:, 0], mine[:, 1], marker(segment), color=colour(segment), markersize=4.2, alpha=0.75,
        markeredgewidth=0, zorder=1 if segment == OUTLIER else 2,
    )  # fmt: skip


def _centre(ax: Axes, at: Floats, segment: int) -> None:
    box: Any = {"boxstyle": "circle,pad=0.25", "fc": "white", "ec": colour(segment), "lw": 2.0}
    ax.text(
        at[0], at[1], str(segment), size=canvas.SMALL, weight="bold", color=canvas.INK, bbox=box,
        ha="center", va="center", zorder=7, gid=f"centre-{segment}",  # above the names of arrows
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
        heights = canvas.spread([tips[i, 1] for i in mine], gap, low, high)
        for i, height in zip(mine, heights, strict=True):
            _arrow(ax, tips[i], height, side, str(feature_names[longest[i]]))


def _arrow(ax: Axes, tip: Floats, height: float, side: int, name: str) -> None:
    line = {"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (tip[0], tip[1]), (0, 0), arrowprops=line, zorder=4)
    label = canvas.fit(name, 1.6, canvas.SMALL)
    (left, right), unit = ax.get_xlim(), np.ptp(ax.get_xlim()) / PANEL[0]  # data units an inch
    room = (canvas.text_width(label, canvas.SMALL) + 0.15) * unit
    x = min(tip[0], right - room) if side > 0 else max(tip[0], left + room)
    ax.annotate(
        label, (x, height), (4 * side, 0), textcoords="offset points",
        ha="left" if side > 0 else "right", va="center", size=canvas.SMALL, zorder=6,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
    )  # fmt: skip


def directions(matrix: FloatArray) -> tuple[FloatArray, FloatArray, list[str]]:
    """Project customers to their first two principal components (Pearson 1901).

    The sign of a component is arbitrary: its largest loading is made positive. A single column
    has a second component of zeros.

    Parameters
    ----------
    matrix : array, shape (n_customers, n_features)

    Returns
    -------
    points : array, shape (n_customers, 2)
    loadings : array, shape (n_features, 2)
        The directions, each of length 1.
    labels : list of 2 str
        Of the axes, with the share of the variance.

    Examples
    --------
    >>> points, loadings, labels = directions(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]))
    >>> points[:, 0].tolist(), np.abs(loadings[:, 0]).round(1).tolist()
    ([-2.5, 2.5], [0.6, 0.0, 0.8])
    >>> labels
    ['Direction 1 (100 % of all differences)', 'Direction 2 (0 % of all differences)']
    """
    mean = matrix.mean(axis=0)
    with threadpool_limits(limits=1):  # products so small keep a second thread waiting
        spectrum, found = np.linalg.eigh(_spread(matrix, mean))
    missing = max(2 - len(spectrum), 0)
    spectrum = np.pad(spectrum, (missing, 0))
    loadings = np.pad(found, ((0, 0), (missing, 0)))[:, ::-1][:, :2]
    loadings = loadings * np.sign(loadings[np.abs(loadings).argmax(axis=0), [0, 1]])
    points = matrix @ loadings
    points -= mean @ loadings
    shares = (spectrum[::-1][:2] / max(float(spectrum.sum()), 1e-300)).clip(0)
    labels = [
        f"Direction {i} ({percent(float(share))} of all differences)"
        for i, share in enumerate(shares, 1)
    ]
    return points, loadings, labels


def _spread(matrix: FloatArray, mean: FloatArray) -> FloatArray:
    """Sums of squares and products about the mean, block by block."""
    blocks = (matrix[start : start + BLOCK] - mean for start in range(0, len(matrix), BLOCK))
    return np.asarray(sum(block.T @ block for block in blocks))


def evenly(segments: IntArray, most: int) -> IntArray:
    """Positions of at most `most` customers, every segment by its share.

    Examples
    --------
    >>> evenly(np.array([2, 1, 1, 2]), 2).tolist()
    [1, 3]
    """
    order: IntArray = np.argsort(segments, kind="stable").astype(np.int64)
    if len(order) > most:
        order = order[np.linspace(0, len(order) - 1, most).astype(int)]
    return order

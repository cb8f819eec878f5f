"""Density evidence: is there a valley between two clusters, and is a cluster in one piece?

All numbers are ratios of neighbour distances or shares of rows, so none depends on the units or on the number of
columns, and figures from different feature sets can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

VALLEY = 0.10  # log radius ratio: about one standard error of a 10-neighbour radius in 2-3 columns
PROJECTED_VALLEY = (
    0.40  # log count ratio along one line: two Gaussians three standard deviations apart
)
SOFTNESS = 0.10  # width of both thresholds, so that no verdict hangs on the third digit
CORE = 0.30  # a cluster's core radius: the 30 % quantile of its rows' radii
BORDER = 0.075  # a border's radius: the median of its densest 15 % edges
PIECE = 0.10  # a part with less than a tenth of its cluster is a fringe, not a piece
LEVEL = 0.50  # log radius above the core at which a hidden valley is looked for
WINDOW = 0.12  # half width of the counting windows, in units of the distance between two centres
STOPS = np.r_[0.0, 1.0, np.linspace(0.2, 0.8, 13)]  # both centres, then the way between them
FACING = 3  # borders are projected for the three nearest clusters only
TINY = 1e-12


@dataclass(frozen=True)
class Neighbourhood:
    """The k-nearest-neighbour graph of (a sample of) a matrix, shared by all labellings of it.

    `rows` are the sampled row numbers, `points` (m, d) their values, `neighbours` (m, >=10) row positions,
    `radius` (m,) the distance to the k-th neighbour, `left`/`right`/`length` the undirected edges, an edge being as
    long as the larger of both radii and the distance (mutual reachability, Campello et al. 2013). `lines` remembers
    projected depths: the paths of a sweep share many clusters.
    """

    rows: IntArray
    points: FloatArray
    neighbours: IntArray
    radius: FloatArray
    left: IntArray
    right: IntArray
    length: FloatArray
    lines: dict[tuple[bytes, bytes], float] = field(default_factory=dict, repr=False)


def neighbourhood(X: FloatArray, *, seed: int, rows: int = 1000) -> Neighbourhood:
    """Build the neighbour graph on at most `rows` rows of `X` (n, d); k is 2 % of them, between 8 and 15.

    Binary columns are left out while another column remains: a binary column is all gap, so a valley in it says
    nothing.

    Examples
    --------
    >>> graph = neighbourhood(np.random.default_rng(0).normal(size=(300, 2)), seed=0)
    >>> graph.points.shape, graph.neighbours.shape
    ((300, 2), (300, 10))
    """
    sample = sampled_rows(len(X), rows, seed)
    points = np.ascontiguousarray(X[np.ix_(sample, _graded(X))])
    size = len(points)
    k = int(np.clip(round(0.02 * size), 8, 15))
    reach = min(size - 1, max(k, 10))
    distance, neighbours = NearestNeighbors(n_neighbors=reach).fit(points).kneighbors()
    radius = np.maximum(distance[:, min(k, reach) - 1], TINY)
    tail, head = np.repeat(np.arange(size), reach), neighbours.ravel()
    key, first = np.unique(
        np.minimum(tail, head) * size + np.maximum(tail, head), return_index=True
    )
    left, right = key // size, key % size
    length = np.maximum(np.maximum(radius[left], radius[right]), distance.ravel()[first])
    return Neighbourhood(sample, points, neighbours, radius, left, right, length)


def sampled_rows(n: int, rows: int, seed: int) -> IntArray:
    """Return `rows` of `n` row numbers in order, or all of them.

    >>> sampled_rows(3, 10, seed=0).tolist()
    [0, 1, 2]
    """
    if n <= rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, rows, replace=False))


def _graded(X: FloatArray) -> IntArray:
    graded = np.flatnonzero([len(np.unique(column)) > 2 for column in X.T])
    return graded if len(graded) else np.arange(X.shape[1])


def ramp(depth: FloatArray, threshold: float) -> FloatArray:
    """Turn depths into errors: 1 well below the threshold (no valley), 0 well above it (valley).

    >>> ramp(np.array([0.0, 0.1, 0.2]), 0.1).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.asarray(np.clip((threshold + SOFTNESS / 2 - depth) / SOFTNESS, 0, 1).round(12))


def core_radii(graph: Neighbourhood, labels: IntArray, k: int) -> FloatArray:
    """Return each cluster's core radius (k,); 1 for a cluster that the sample misses."""
    member = labels >= 0
    return np.nan_to_num(_group_quantile(labels[member], graph.radius[member], CORE, k), nan=1.0)


def valley_depths(graph: Neighbourhood, labels: IntArray, k: int) -> FloatArray:
    """Return the depth of the valley between each two clusters, (k, k): log(border radius / larger core radius).

    Infinite where no neighbour edge crosses. `labels` (m,) are those of the graph's rows, -1 = outlier.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 20]
    >>> graph = neighbourhood(X, seed=0)
    >>> bool(np.isinf(valley_depths(graph, np.repeat([0, 1], 200), 2)[0, 1]))
    True
    """
    a, b = labels[graph.left], labels[graph.right]
    cross = (a != b) & (a >= 0) & (b >= 0)
    pair = np.minimum(a, b)[cross] * k + np.maximum(a, b)[cross]
    border = _group_quantile(pair, graph.length[cross], BORDER, k * k).reshape(k, k)
    border = np.fmin(
        np.where(np.isnan(border), np.inf, border), np.where(np.isnan(border), np.inf, border).T
    )
    core = core_radii(graph, labels, k)
    return np.asarray(np.log(border / np.maximum(core[:, None], core[None, :])))


def _group_quantile(group: IntArray, values: FloatArray, share: float, groups: int) -> FloatArray:
    """Lower quantile of each group in one sort; nan for an empty group."""
    count = np.bincount(group, minlength=groups)
    start = np.r_[0, np.cumsum(count)[:-1]]
    place = start + np.floor(share * np.maximum(count - 1, 0)).astype(int)
    result = np.full(groups, np.nan)
    result[count > 0] = values[np.lexsort((values, group))][place[count > 0]]
    return result


def projected_depths(graph: Neighbourhood, labels: IntArray, k: int) -> FloatArray:
    """Return the valley depth along the discriminant line of facing clusters, (k, k); infinite for other pairs.

    Fisher's (1936) direction for the two clusters; depth = log of the rows around the sparser centre over the rows in
    the emptiest window between the centres, less one standard error of that log ratio. This sees overlapping segments
    in many columns, where neighbour distances do not.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(300, 6)), rng.normal(size=(300, 6)) + [5, 0, 0, 0, 0, 0]]
    >>> depth = projected_depths(neighbourhood(X, seed=0), np.repeat([0, 1], 300), 2)
    >>> bool(depth[0, 1] > PROJECTED_VALLEY)
    True
    """
    depths = np.full((k, k), np.inf)
    rows = [np.flatnonzero(labels == c) for c in range(k)]
    known = [c for c in range(k) if len(rows[c]) >= 5]
    moments = {c: _moments(graph.points[rows[c]]) for c in known}
    for a, b in _facing(known, moments):
        pair = (rows[a].tobytes(), rows[b].tobytes())
        if pair not in graph.lines:
            graph.lines[pair] = _line_depth(
                graph.points[np.r_[rows[a], rows[b]]], moments[a], moments[b]
            )
        depths[a, b] = depths[b, a] = graph.lines[pair]
    return depths


def _moments(rows: FloatArray) -> tuple[int, FloatArray, FloatArray]:
    centre = rows.sum(axis=0) / len(rows)
    centred = rows - centre
    return len(rows), centre, centred.T @ centred


def _facing(
    known: list[int], moments: dict[int, tuple[int, FloatArray, FloatArray]]
) -> list[tuple[int, int]]:
    """Pairs of clusters, each with its nearest few by centre."""
    if len(known) < 2:
        return []
    centres = np.array([moments[c][1] for c in known])
    distance = ((centres[:, None] - centres[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, : min(FACING, len(known) - 1)]
    return sorted(
        {
            (min(known[a], known[b]), max(known[a], known[b]))
            for a, row in enumerate(nearest)
            for b in row
        }
    )


def _line_depth(
    points: FloatArray, a: tuple[int, FloatArray, FloatArray], b: tuple[int, FloatArray, FloatArray]
) -> float:
    shift = b[1] - a[1]
    pooled = (a[2] + b[2]) / (a[0] + b[0])
    # 5 % shrinkage towards a sphere keeps the direction defined when a cluster has fewer rows than columns
    pooled.flat[:: len(pooled) + 1] += 0.05 * float(pooled.trace()) / len(pooled) + 1e-6
    direction = np.linalg.solve(pooled, shift)
    along = (points - a[1]) @ direction / max(float(shift @ direction), TINY)
    along.sort()
    counts = along.searchsorted(STOPS + WINDOW) - along.searchsorted(STOPS - WINDOW) + 1
    peak, valley = float(counts[:2].min()), float(counts[2:].min())
    return float(np.log(peak / valley) - np.sqrt(1 / peak + 1 / valley))


def broken(
    graph: Neighbourhood, labels: IntArray, k: int, level: float = np.inf
) -> NDArray[np.bool_]:
    """Tell which clusters (k,) fall into two pieces when only edges up to exp(`level`) core radii are kept.

    A piece has at least a tenth of the cluster's rows and three rows. With an infinite level this is the test of
    connectedness in the neighbour graph (compare Handl and Knowles 2007); with a finite one, a cut through the
    density at the cluster's own level (Hartigan 1975).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 20]
    >>> broken(neighbourhood(X, seed=0), np.zeros(400, dtype=int), 1).tolist()
    [True]
    """
    a = labels[graph.left]
    kept = (a == labels[graph.right]) & (a >= 0)
    if np.isfinite(level):
        kept &= graph.length <= np.exp(level) * core_radii(graph, labels, k)[np.maximum(a, 0)]
    size = len(labels)
    starts = np.r_[
        0, np.cumsum(np.bincount(graph.left[kept], minlength=size))
    ]  # edges are sorted by their left end
    edges = csr_matrix((np.ones(starts[-1]), graph.right[kept], starts), shape=(size, size))
    count, piece = connected_components(edges, directed=False)
    member = labels >= 0
    table = np.bincount(labels[member] * count + piece[member], minlength=k * count).reshape(
        k, count
    )
    second = np.sort(table, axis=1)[:, -2] if count > 1 else np.zeros(k)
    return np.asarray(second >= np.maximum(PIECE * table.sum(axis=1), 3))


def purity(graph: Neighbourhood, labels: IntArray, k: int) -> FloatArray:
    """Return, per cluster (k,), the share of its rows' ten nearest neighbours that lie in it; nan if none sampled."""
    same = (labels[graph.neighbours[:, :10]] == labels[:, None]).mean(axis=1)
    member = labels >= 0
    count = np.bincount(labels[member], minlength=k).astype(float)
    count[count == 0] = np.nan
    return np.asarray(np.bincount(labels[member], same[member], minlength=k) / count)

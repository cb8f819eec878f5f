"""Density evidence: valleys between clusters, and whether a cluster is in one piece.

All numbers are ratios of neighbour distances or shares of rows, so none depends on the units or on
the number of columns, and figures from different feature sets can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from customer_segmentation.encoding import spread
from customer_segmentation.labels import FloatArray, IntArray, sampled_rows

ROWS = 1000  # among whom valleys and gaps are looked for: the thresholds are those for so many
CORE = 0.30  # a cluster's core radius: the 30 % quantile of its rows' radii
BORDER = 0.075  # a border's radius: the median of its densest 15 % edges
PIECE = 0.10  # a part with less than a tenth of its cluster is a fringe, not a piece
PURITY_NEIGHBOURS = 10
TINY = 1e-12


@dataclass(frozen=True)
class Neighbourhood:
    """The k-nearest-neighbour graph of (a sample of) a matrix, shared by all labellings of it.

    Attributes
    ----------
    rows : ndarray of shape (n_sampled,)
        Row numbers of the sample.
    points : ndarray of shape (n_sampled, n_columns)
        Their values.
    neighbours : ndarray of shape (n_sampled, 10 or more)
        Positions in the sample, nearest first.
    k : int
        Neighbours that a density is taken over: 2 % of the sampled rows, between 8 and 15.
    radius : ndarray of shape (n_sampled,)
        Distance to the k-th neighbour, in the units of `points`.
    left, right : ndarray of shape (n_edges,)
        The ends of the undirected edges, sorted by `left`.
    length : ndarray of shape (n_edges,)
        The larger of the distance and both radii (mutual reachability, Campello et al. 2013).
    """

    rows: IntArray
    points: FloatArray
    neighbours: IntArray
    k: int
    radius: FloatArray
    left: IntArray
    right: IntArray
    length: FloatArray


def neighbourhood(X: FloatArray, *, seed: int) -> Neighbourhood:
    """Build the neighbour graph of at most ``ROWS`` rows.

    Binary columns are left out while another column remains: a binary column is all gap, so a
    valley in it says nothing. Many of them are no longer a lattice of a few crowded points, though,
    and one column is no space: beside a single column that is not binary, so many binary ones
    count that they could tell all rows apart. Other columns of few values are spread over their
    steps, see :func:`customer_segmentation.encoding.spread`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    seed : int
        Fixes the sample.

    Examples
    --------
    >>> graph = neighbourhood(np.random.default_rng(0).normal(size=(300, 2)), seed=0)
    >>> graph.points.shape, graph.neighbours.shape
    ((300, 2), (300, 10))
    """
    sample = sampled_rows(len(X), ROWS, seed)
    points = np.ascontiguousarray(spread(X[np.ix_(sample, _graded(X))], seed))
    size = len(points)
    k = int(np.clip(round(0.02 * size), 8, 15))
    reach = min(size - 1, max(k, PURITY_NEIGHBOURS))
    distance, neighbours = NearestNeighbors(n_neighbors=reach).fit(points).kneighbors()
    radius = np.maximum(distance[:, min(k, reach) - 1], TINY)
    tail, head = np.repeat(np.arange(size), reach), neighbours.ravel()
    ends = np.minimum(tail, head) * size + np.maximum(tail, head)
    edge, first = np.unique(ends, return_index=True)
    left, right = edge // size, edge % size
    length = np.maximum(np.maximum(radius[left], radius[right]), distance.ravel()[first])
    return Neighbourhood(sample, points, neighbours, k, radius, left, right, length)


def _graded(X: FloatArray) -> IntArray:
    """Columns in which a gap means something."""
    rows, columns = X.shape
    graded = np.flatnonzero([len(np.unique(column)) > 2 for column in X.T])
    finer_than_rows = columns - len(graded) > np.log2(rows)
    if len(graded) == 0 or (len(graded) == 1 and finer_than_rows):
        return np.arange(columns)
    return graded


def borders(graph: Neighbourhood, labels: IntArray, k: int) -> tuple[FloatArray, IntArray]:
    """Depth of the valley between each two clusters, and the rows that make their border.

    The depth is log(border radius / larger core radius). The border is the densest part of what
    lies between: over the edges that cross it, the median of the shortest 15 %.

    Parameters
    ----------
    graph : Neighbourhood
    labels : ndarray of shape (n_sampled,)
        Labels of the graph's rows, -1 = outlier.
    k : int
        Number of clusters; the sample may miss some.

    Returns
    -------
    depths : ndarray of shape (k, k)
        Symmetric; infinite where no edge crosses.
    rows : ndarray of int of shape (k, k)
        Symmetric: ends of the edges that cross.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 20]
    >>> depths, rows = borders(neighbourhood(X, seed=0), np.repeat([0, 1], 200), 2)
    >>> bool(np.isinf(depths[0, 1])), int(rows[0, 1])
    (True, 0)
    """
    a, b = labels[graph.left], labels[graph.right]
    cross = (a != b) & (a >= 0) & (b >= 0)
    pair = np.minimum(a, b)[cross] * k + np.maximum(a, b)[cross]
    border = _group_quantile(pair, graph.length[cross], BORDER, k * k).reshape(k, k)
    border = np.nan_to_num(border, nan=np.inf, posinf=np.inf)
    core = _core_radii(graph, labels, k)
    depths = np.log(np.minimum(border, border.T) / np.maximum(core[:, None], core[None, :]))
    ends = np.concatenate([graph.left[cross], graph.right[cross]])
    each = np.unique(np.tile(pair, 2) * len(labels) + ends) // len(labels)
    rows = np.bincount(each, minlength=k * k).reshape(k, k)
    return np.asarray(depths, dtype=float), np.asarray(rows + rows.T)


def _core_radii(graph: Neighbourhood, labels: IntArray, k: int) -> FloatArray:
    """Radius in the dense core of every cluster; 1 for a cluster that the sample misses."""
    member = labels >= 0
    return np.nan_to_num(_group_quantile(labels[member], graph.radius[member], CORE, k), nan=1.0)


def _group_quantile(group: IntArray, values: FloatArray, share: float, groups: int) -> FloatArray:
    """Lower quantile of each group in one sort; nan for an empty group."""
    count = np.bincount(group, minlength=groups)
    start = np.r_[0, np.cumsum(count)[:-1]]
    place = start + np.floor(share * np.maximum(count - 1, 0)).astype(int)
    result = np.full(groups, np.nan)
    result[count > 0] = values[np.lexsort((values, group))][place[count > 0]]
    return result


def broken(
    graph: Neighbourhood, labels: IntArray, k: int, level: float = np.inf
) -> NDArray[np.bool_]:
    """Tell which clusters fall into two pieces when only short edges are kept.

    A piece has at least a tenth of the cluster's rows and three rows. With an infinite level this
    is the test of connectedness in the neighbour graph (compare Handl and Knowles 2007); with a
    finite one, a cut through the density at the cluster's own level (Hartigan 1975).

    Parameters
    ----------
    graph, labels, k
        As for :func:`borders`.
    level : float
        Edges up to exp(`level`) core radii of their cluster are kept.

    Returns
    -------
    ndarray of bool of shape (k,)

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
        kept &= graph.length <= np.exp(level) * _core_radii(graph, labels, k)[np.maximum(a, 0)]
    size = len(labels)
    # The edges are sorted by their left end, so their counts are the row pointers of the matrix.
    starts = np.r_[0, np.cumsum(np.bincount(graph.left[kept], minlength=size))]
    edges = csr_matrix((np.ones(starts[-1]), graph.right[kept], starts), shape=(size, size))
    count, piece = connected_components(edges, directed=False)
    member = labels >= 0
    sizes = np.bincount(labels[member] * count + piece[member], minlength=k * count)
    table = sizes.reshape(k, count)
    second = np.sort(table, axis=1)[:, -2] if count > 1 else np.zeros(k)
    return np.asarray(second >= np.maximum(PIECE * table.sum(axis=1), 3))


def purity(graph: Neighbourhood, labels: IntArray, k: int) -> FloatArray:
    """Share of the ten nearest neighbours of a cluster's rows that lie in it.

    Parameters
    ----------
    graph, labels, k
        As for :func:`borders`.

    Returns
    -------
    ndarray of shape (k,)
        NaN for a cluster that the sample misses.

    Examples
    --------
    >>> graph = neighbourhood(np.r_[np.arange(20.0), 100 + np.arange(20.0)][:, None], seed=0)
    >>> purity(graph, np.repeat([0, 1], 20), 2).tolist()
    [1.0, 1.0]
    """
    near = labels[graph.neighbours[:, :PURITY_NEIGHBOURS]]
    same = (near == labels[:, None]).mean(axis=1)
    member = labels >= 0
    count = np.bincount(labels[member], minlength=k).astype(float)
    count[count == 0] = np.nan
    return np.asarray(np.bincount(labels[member], same[member], minlength=k) / count)

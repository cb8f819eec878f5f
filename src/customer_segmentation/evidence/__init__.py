"""Evidence for and against each labelling of a matrix, without reference labels, without units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from customer_segmentation.evidence import density, likelihood
from customer_segmentation.evidence.density import Neighbourhood
from customer_segmentation.evidence.likelihood import Table
from customer_segmentation.evidence.projection import Depths, projected_depths
from customer_segmentation.labels import FloatArray, IntArray

COLUMNS = (
    "gain", "likelihood", "unexplained", "no_valley", "overlap", "absorbed", "inner_gap",
    "hidden_valley", "valley_depth", "purity", "purity_min",
)  # fmt: skip
VALLEY = 0.10  # log radius ratio: about one standard error of a 10-neighbour radius in 2-3 columns
# The sparsest neck of a thin shape is as much as this above its core by chance alone, so that a
# valley needs this depth where k rows make the border; the more do, the less.
NECK = 0.60
# Log count ratio along one line: two Gaussians three standard deviations apart.
PROJECTED_VALLEY = 0.40
SOFTNESS = 0.10  # width of both thresholds, so that no verdict hangs on the third digit
MATRICES = 4  # the runs of a sweep take turns on a few feature sets


@dataclass(frozen=True)
class _Prepared:
    """What all labellings of one matrix share, and what is known of those already measured."""

    graph: Neighbourhood
    parts: Table
    sampled: Table  # the same on the rows of the graph
    depths: Depths = field(default_factory=dict)
    cuts: likelihood.Known = field(default_factory=dict)
    measured: dict[bytes, dict[str, float]] = field(default_factory=dict)


def measure(X: FloatArray, labelings: Iterable[IntArray], *, seed: int) -> pd.DataFrame:
    """Measure every labelling of a matrix.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised columns, flags included; skewed columns transformed beforehand.
    labelings : iterable of ndarray of shape (n_samples,)
        Clusters 0..k-1, -1 = outlier.
    seed : int
        Fixes the rows on which the density evidence is computed.

    Returns
    -------
    DataFrame, one row per labelling, in order
        - ``gain`` (nats per row, see :func:`customer_segmentation.evidence.likelihood.gain`) and
          ``likelihood`` [-1, 1], the share that the partition explains beyond one Gaussian (see
          :func:`explained`): up is good;
        - ``unexplained`` [0, 1]: the same share for what the partition leaves out: the gain of
          cutting its clusters in two (see
          :func:`customer_segmentation.evidence.likelihood.split_gain`);
        - ``no_valley`` [0, 1]: share of rows in clusters whose border to some other cluster is no
          density valley; ``overlap`` [0, 1]: the same, a valley along the discriminant line of the
          two clusters counting too; ``absorbed`` [0, 1]: the same for clusters that overlap a
          larger one: undoing that border would rename the rows of the smaller cluster only;
        - ``inner_gap`` [0, 1]: share of rows in clusters that are not connected;
          ``hidden_valley`` [0, 1]: in clusters that fall apart just below their core density;
        - ``valley_depth``: the shallowest border's log radius ratio; ``purity`` and ``purity_min``
          [0, 1]: mean and worst share of the ten nearest neighbours in the same cluster.

        All NaN for a labelling without a cluster.

    Raises
    ------
    ValueError
        When a labelling has not one label per row.

    Notes
    -----
    The last few matrices are remembered, so that the runs of a sweep in one process share the
    neighbour graph and whatever partitions they have in common.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 20] / 10
    >>> evidence = measure(X, [np.zeros(400, dtype=int), np.repeat([0, 1], 200)], seed=0)
    >>> evidence[["no_valley", "inner_gap", "purity"]].to_dict("list")
    {'no_valley': [0.0, 0.0], 'inner_gap': [1.0, 0.0], 'purity': [1.0, 1.0]}
    """
    X = np.ascontiguousarray(X, dtype=float)
    prepared = _prepare(X.tobytes(), X.shape[1], seed)
    result = []
    for labels in map(_compact, labelings):
        if len(labels) != len(X):
            raise ValueError(
                f"got {len(labels)} labels, expected one for each of {len(X)} rows; "
                f"pass full labellings"
            )
        key = labels.tobytes()
        if key not in prepared.measured:
            prepared.measured[key] = _one(prepared, labels)
        result.append(prepared.measured[key])
    return pd.DataFrame(result, columns=list(COLUMNS))


@lru_cache(maxsize=MATRICES)
def _prepare(values: bytes, columns: int, seed: int) -> _Prepared:
    X = np.frombuffer(values).reshape(-1, columns)
    graph, parts = density.neighbourhood(X, seed=seed), likelihood.table(X)
    return _Prepared(graph, parts, likelihood.taken(parts, graph.rows))


def _compact(labels: IntArray) -> IntArray:
    """Number the clusters 0..k-1 by first appearance, so that equal partitions are equal arrays."""
    codes, _ = pd.factorize(np.where(labels < 0, np.nan, np.asarray(labels, dtype=float)))
    return np.asarray(codes, dtype=np.int64)


def _one(prepared: _Prepared, labels: IntArray) -> dict[str, float]:
    if not (labels >= 0).any():
        return dict.fromkeys(COLUMNS, np.nan)
    gain = likelihood.gain(prepared.parts, labels)
    sampled = labels[prepared.graph.rows]
    left_out = likelihood.split_gain(prepared.sampled, sampled, prepared.cuts)
    model = {"gain": gain, "likelihood": explained(gain), "unexplained": explained(left_out)}
    return model | _shape(prepared, sampled, int(labels.max()) + 1)


def explained(gain: float) -> float:
    """Turn a gain into a share of what there is: 2 gain / (1 + 2 gain); not below -1.

    For small gains this is Cox and Snell's (1989) generalised R², 1 - exp(-2 gain), but it
    saturates later: with many columns all gains are large, and the better of two good partitions
    must still be seen.

    Parameters
    ----------
    gain : float
        Nats per row.

    Examples
    --------
    >>> explained(0.0), explained(0.5), explained(2.0), explained(-9.0)
    (0.0, 0.5, 0.8, -1.0)
    """
    if gain >= 0:
        return float(2 * gain / (1 + 2 * gain))
    return float(max(1 - np.exp(-2 * max(gain, -1.0)), -1.0))


def valley_needed(rows: IntArray, k: int) -> FloatArray:
    """Log radius ratio beyond which a border is a valley, given the rows that make it.

    A density is taken over `k` rows, so a border of m rows is m / k looks at it. Of many looks
    the densest would show that there is no valley. A single one cannot, and an algorithm cuts a
    thin curve where it happens to be sparsest.

    Parameters
    ----------
    rows : ndarray of int
    k : int

    Examples
    --------
    >>> valley_needed(np.array([1, 10, 30, 100, 1000]), 10).round(2).tolist()
    [0.6, 0.6, 0.33, 0.1, 0.1]
    """
    return np.asarray(np.clip(k / np.maximum(rows, 1), VALLEY, NECK))


def ramp(depth: FloatArray, threshold: float | FloatArray) -> FloatArray:
    """Turn depths into errors: 1 well below the threshold (no valley), 0 well above it (valley).

    Examples
    --------
    >>> ramp(np.array([0.0, 0.1, 0.2]), 0.1).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.asarray(np.clip((threshold + SOFTNESS / 2 - depth) / SOFTNESS, 0, 1).round(12))


def _shape(prepared: _Prepared, labels: IntArray, k: int) -> dict[str, float]:
    """Density evidence on the sampled rows; each share weighs a cluster by its rows."""
    graph = prepared.graph
    weight = np.bincount(labels[labels >= 0], minlength=k) / len(labels)
    valley, rows = density.borders(graph, labels, k)
    line = projected_depths(graph.points, labels, k, prepared.depths)
    open_border = ramp(valley, valley_needed(rows, graph.k))
    np.fill_diagonal(open_border, 0)
    np.fill_diagonal(valley, np.inf)
    overlap = np.minimum(open_border, ramp(line, PROJECTED_VALLEY))
    order = np.argsort(np.argsort(-weight, kind="stable"))  # 0 for the largest cluster
    to_larger = overlap * (order[:, None] > order[None, :])
    purity = density.purity(graph, labels, k)
    return {
        "no_valley": float(weight @ open_border.max(axis=1)),
        "overlap": float(weight @ overlap.max(axis=1)),
        "absorbed": float(weight @ to_larger.max(axis=1)),
        "inner_gap": float(weight @ density.broken(graph, labels, k)),
        "hidden_valley": float(weight @ density.broken(graph, labels, k, NECK)),
        "valley_depth": float(valley.min()) if k > 1 else np.nan,
        "purity": float(np.nanmean(purity)),
        "purity_min": float(np.nanmin(purity)),
    }

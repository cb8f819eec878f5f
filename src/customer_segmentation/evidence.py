"""Evidence for and against each labelling of one matrix, without reference labels and without units."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from customer_segmentation import density, likelihood
from customer_segmentation.density import FloatArray, IntArray, Neighbourhood
from customer_segmentation.likelihood import Table


COLUMNS = (
    "gain", "likelihood", "no_valley", "overlap", "inner_gap", "hidden_valley", "valley_depth",
    "purity", "purity_min",
)  # fmt: skip


def measure(
    X: FloatArray, labelings: Iterable[IntArray], *, seed: int, rows: int = 1000
) -> pd.DataFrame:
    """Measure every labelling of `X`; one row each, in order.

    Parameters
    ----------
    X : (n, d) standardised columns, flags included; skewed columns transformed beforehand.
    labelings : arrays (n,), clusters 0..k-1, -1 = outlier.
    seed : fixes the rows (at most `rows`) on which the density evidence is computed.

    Returns
    -------
    DataFrame with the columns

    - `gain` (nats per row) and `likelihood` [-1, 1]: the share that the partition explains beyond one Gaussian (see
      `explained`); up is good;
    - `no_valley` [0, 1]: share of rows in clusters whose border to some other cluster is no density valley;
    - `overlap` [0, 1]: the same, a valley along the discriminant line of the two clusters counting too;
    - `inner_gap` [0, 1]: share of rows in clusters that are not connected;
    - `hidden_valley` [0, 1]: share of rows in clusters that fall apart just below their own core density;
    - `valley_depth`: the shallowest border's log radius ratio; `purity`, `purity_min` [0, 1]: mean and worst share of
      the ten nearest neighbours in the same cluster; up is good.

    Raises
    ------
    ValueError : when a labelling has not one label per row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 20] / 10
    >>> evidence = measure(X, [np.zeros(400, dtype=int), np.repeat([0, 1], 200)], seed=0)
    >>> evidence[["no_valley", "inner_gap", "purity"]].to_dict("list")
    {'no_valley': [0.0, 0.0], 'inner_gap': [1.0, 0.0], 'purity': [1.0, 1.0]}
    """
    X = np.asarray(X, dtype=float)
    graph, parts = density.neighbourhood(X, seed=seed, rows=rows), likelihood.table(X)
    known: dict[bytes, dict[str, float]] = {}
    result = []
    for labels in map(_compact, labelings):
        if len(labels) != len(X):
            raise ValueError(
                f"got {len(labels)} labels, expected one for each of {len(X)} rows; pass full labellings"
            )
        key = labels.tobytes()
        if key not in known:
            known[key] = _one(graph, parts, labels)
        result.append(known[key])
    return pd.DataFrame(result)


def _compact(labels: IntArray) -> IntArray:
    """Number the clusters 0..k-1 in order of appearance, so that equal partitions are equal arrays."""
    codes, _ = pd.factorize(np.where(labels < 0, np.nan, labels.astype(float)))
    return np.asarray(codes, dtype=np.intp)


def _one(graph: Neighbourhood, parts: Table, labels: IntArray) -> dict[str, float]:
    if not (labels >= 0).any():
        return dict.fromkeys(COLUMNS, np.nan)
    gain = likelihood.gain(parts, labels)
    found = {"gain": gain, "likelihood": explained(gain)}
    return found | _shape(graph, labels[graph.rows], int(labels.max()) + 1)


def explained(gain: float) -> float:
    """Turn a gain in nats per row into a share of what there is: 2 gain / (1 + 2 gain); not below -1.

    For small gains this is Cox and Snell's (1989) generalised R², 1 - exp(-2 gain), but it saturates later: with many
    columns all gains are large, and the better of two good partitions must still be seen.

    >>> explained(0.0), explained(0.5), explained(2.0), explained(-9.0)
    (0.0, 0.5, 0.8, -1.0)
    """
    if gain >= 0:
        return float(2 * gain / (1 + 2 * gain))
    return float(max(1 - np.exp(-2 * max(gain, -1.0)), -1.0))


def _shape(graph: Neighbourhood, labels: IntArray, k: int) -> dict[str, float]:
    """Density evidence on the sampled rows; each share weighs a cluster by its rows."""
    weight = np.bincount(labels[labels >= 0], minlength=k) / len(labels)
    valley = density.valley_depths(graph, labels, k)
    open_border = density.ramp(valley, density.VALLEY)
    on_line = density.ramp(density.projected_depths(graph, labels, k), density.PROJECTED_VALLEY)
    purity = density.purity(graph, labels, k)
    np.fill_diagonal(open_border, 0)
    np.fill_diagonal(valley, np.inf)
    return {
        "no_valley": float(weight @ open_border.max(axis=1)),
        "overlap": float(weight @ np.minimum(open_border, on_line).max(axis=1)),
        "inner_gap": float(weight @ density.broken(graph, labels, k)),
        "hidden_valley": float(weight @ density.broken(graph, labels, k, density.LEVEL)),
        "valley_depth": float(valley.min()),
        "purity": float(np.nanmean(purity)),
        "purity_min": float(np.nanmin(purity)),
    }

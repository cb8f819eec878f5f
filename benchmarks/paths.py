"""What a path costs that shares its work, against a fit of scikit-learn per value of the grid.

    python benchmarks/paths.py [--quick] [ward dbscan hdbscan hdbscan_all gmm]

Five kinds of customers in 5 columns, a twentieth of them noise: trees on 20,000 customers, DBSCAN
at 15 radii, HDBSCAN and mixtures on 100,000; CPU seconds per value of the grid, on one thread.
Trees and DBSCAN are fitted to all, for the comparison; HDBSCAN and mixtures as a run of so many is
made: on a sample of 20,000 with the model's assignment of the others, and starts on that sample.
HDBSCAN is also fitted to all of 20,000 (`hdbscan_all`). Loops but that of mixtures are measured at
some of the values, evenly over the grid (`LOOPED`), and stand for all. The agreement is the
adjusted Rand index between the labels of both ways; for mixtures the difference in BIC per customer
stands beside it (negative: the path's is the better).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scale import customers
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from customer_segmentation import paths
from customer_segmentation.labels import sampled_rows
from customer_segmentation.paths import grids
from customer_segmentation.segmenter.fidelity import follow

SAMPLE = 20_000
LOOPED = {"ward": 4, "dbscan": 3, "hdbscan": 6, "hdbscan_all": 4}  # of the values, every such one
HEADINGS = ("path", "customers", "values", "path: s each", "loop: s each", "ratio", "agreement")
SETTINGS: dict[str, tuple[Any, str, int]] = {
    "ward": (AgglomerativeClustering(), "n_clusters", 20_000),
    "dbscan": (DBSCAN(), "eps", 100_000),
    "hdbscan": (HDBSCAN(min_samples=5, copy=True), "min_cluster_size", 100_000),
    "hdbscan_all": (HDBSCAN(min_samples=5, copy=True), "min_cluster_size", 20_000),
    "gmm": (GaussianMixture(n_init=5, reg_covar=1e-3, random_state=0), "n_components", 100_000),
}


def matrix(rows: int) -> Any:
    """Standardised customers, the last twentieth of them anywhere."""
    X = customers(rows, 5).drop(columns="customer_id").to_numpy(copy=True)
    noise = rows // 20
    rng = np.random.default_rng(0)
    X[-noise:] = rng.uniform(X.min(axis=0), X.max(axis=0), (noise, X.shape[1]))
    return (X - X.mean(axis=0)) / X.std(axis=0)


def grid_of(name: str, estimator: Any, X: Any) -> list[float]:
    """The grid of the comparison."""
    if name == "dbscan":
        curve = grids.k_distances(X, estimator.min_samples)
        return [float(eps) for eps in np.quantile(curve, np.linspace(0.3, 0.99, 15))]
    if name.startswith("hdbscan"):
        return grids.derive_grid(estimator, X, "min_cluster_size")
    return list(range(2, 11))


def shared(name: str, estimator: Any, X: Any, parameter: str, grid: list[float]) -> list[Any]:
    """Labels of everyone at each value, as the product comes by them, and the models."""
    how: dict[str, Any] = {"algorithm": name, "parameter": parameter}
    rows = sampled_rows(len(X), SAMPLE, seed=0)
    if name == "hdbscan":
        smaller = grids.rescale(estimator, parameter, grid, X, X[rows])
        found = paths.fit_path(estimator, X[rows], grid=smaller, **how).candidates
        models = [follow(c.estimator, X[rows], c.labels.astype(int), seed=0)[0] for c in found]
        return [(model.predict(X), None) for model in models]
    start_on = X[rows] if name == "gmm" else None
    found = paths.fit_path(estimator, X, grid=grid, start_on=start_on, **how).candidates
    return [(candidate.labels, candidate.estimator) for candidate in found]


def alone(estimator: Any, X: Any, parameter: str, grid: list[float]) -> list[Any]:
    """A fit per value."""
    models = [clone(estimator).set_params(**{parameter: value}) for value in grid]
    return [(model.fit_predict(X), model) for model in models]


def timed(work: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    """CPU seconds, and what came out."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def compare(name: str, shrink: int) -> list[str]:
    """One line of the table."""
    estimator, parameter, rows = SETTINGS[name]
    X = matrix(rows // shrink)
    grid = grid_of(name, estimator, X)
    fast, ours = timed(lambda: shared(name, estimator, X, parameter, grid))
    step = LOOPED.get(name, 1)
    slow, theirs = timed(lambda: alone(estimator, X, parameter, grid[::step]))
    fast, slow = fast / len(grid), slow / len(theirs)
    pairs = list(zip(ours[::step], theirs, strict=True))
    agreement = [adjusted_rand_score(one[0], other[0]) for one, other in pairs]
    said = f"{min(agreement):.4f} to {max(agreement):.4f}"
    if name == "gmm":
        apart = [(one[1].bic(X) - other[1].bic(X)) / len(X) for one, other in pairs]
        said += f"; BIC {min(apart):+.4f} to {max(apart):+.4f}"
    sizes = [f"{len(X):,}", str(len(grid))]
    return [name, *sizes, f"{fast:.2f}", f"{slow:.2f}", f"{slow / fast:.1f}", said]


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(SETTINGS), help=", ".join(SETTINGS))
    parser.add_argument("--quick", action="store_true", help="a tenth of the customers")
    options = parser.parse_args()
    table = Table(title="A path against a loop of fits", title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("path", "agreement") else "right")
    with threadpool_limits(limits=1):
        for name in options.names:
            table.add_row(*compare(name, 10 if options.quick else 1))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

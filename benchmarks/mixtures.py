"""What a path of Gaussian mixtures costs, against a loop of scikit-learn's fits.

    python benchmarks/mixtures.py [--rows 200 1000 10000 100000]

The customers of `paths.py`: five kinds in 5 columns, a twentieth of them noise, on which BIC goes
on falling, so that no path ends early. CPU seconds on one thread for 1 to 10 components with the
settings of `conf/algorithm/gmm.yaml`, labels and BIC included on both sides; beyond 20,000
customers the path tries its starts on so many of them, as a run does. What stands under a number
of components is the difference in BIC per customer (negative: the path's is the better).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf
from paths import SAMPLE, matrix
from rich.console import Console
from rich.table import Table
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from customer_segmentation import paths
from customer_segmentation.labels import sampled_rows

CONF = Path(__file__).resolve().parents[1] / "conf" / "algorithm" / "gmm.yaml"
GRID = range(1, 11)


def path(estimator: Any, X: Any) -> list[float]:
    """BIC at each number of components, as a run comes by it."""
    start_on = X[sampled_rows(len(X), SAMPLE, seed=0)] if len(X) > SAMPLE else None
    how = {"algorithm": "gmm", "parameter": "n_components", "grid": GRID, "start_on": start_on}
    return [c.scores["bic"] for c in paths.fit_path(estimator, X, **how).candidates]


def loop(estimator: Any, X: Any) -> list[float]:
    """The same from a fit per number."""
    found = []
    for k in GRID:
        model = clone(estimator).set_params(n_components=k).fit(X)
        model.predict(X)
        found.append(float(model.bic(X)))
    return found


def compare(estimator: Any, rows: int) -> list[str]:
    """One line of the table."""
    X, seconds, bic = matrix(rows), [], []
    for work in (path, loop):
        start = time.process_time()
        bic.append(np.array(work(estimator, X)) / rows)
        seconds.append(time.process_time() - start)
    ratio = seconds[1] / seconds[0]
    apart = [f"{difference:+.3f}" for difference in bic[0] - bic[1]]
    return [f"{rows:,}", *(f"{s:.2f}" for s in seconds), f"{ratio:.1f}", *apart]


def main() -> None:
    """Measure at every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 1000, 10_000, 100_000])
    options = parser.parse_args()
    settings = OmegaConf.merge(OmegaConf.load(CONF), {"seed": 0})
    estimator = instantiate(settings.estimator)
    table = Table(title="A path of mixtures against a loop of fits", title_justify="left")
    for heading in ("customers", "path CPU s", "loop CPU s", "ratio", *map(str, GRID)):
        table.add_column(heading, justify="right")
    with threadpool_limits(limits=1):
        for rows in options.rows:
            table.add_row(*compare(estimator, rows))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()

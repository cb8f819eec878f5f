"""Seconds that scoring a file takes, against reading it and writing the result.

    python benchmarks/scoring.py [--rows N] [--repeats N] [--categories] [--algorithms kmeans ...]

A generated table of customers with five numbers, and two categories that tell nothing if asked for.
Models are trained on its first 5,000 rows, as `train.py` trains them, on one thread. Each repeat
reads the input and writes the columns of the output with pandas and with pyarrow, then scores, so
that a busy machine slows all of them. Medians of wall and CPU seconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from customer_segmentation import drift  # noqa: E402
from customer_segmentation.batches import batch_scoring  # noqa: E402
from customer_segmentation.segmenter import Segmenter  # noqa: E402

COLUMNS = ["age", "income", "spending", "visits", "basket"]
TRAINED = 5000
ALGORITHMS = {
    "kmeans": KMeans(6, n_init=3, random_state=0),
    "gmm": GaussianMixture(6, random_state=0),
    "ward": AgglomerativeClustering(6),
    "dbscan": DBSCAN(eps=0.6, min_samples=10),
    "hdbscan": HDBSCAN(min_cluster_size=50, min_samples=10, copy=True),
}
Seconds = tuple[float, float]  # wall, CPU


def customers(n: int, *, categories: bool) -> pd.DataFrame:
    """Six groups of customers that touch, with their ids."""
    centers = np.random.default_rng(3).uniform(0, 100, (6, len(COLUMNS)))
    X, _ = make_blobs(n, centers=centers, cluster_std=12, random_state=1)
    table = pd.DataFrame(X.round(2), columns=COLUMNS)
    if categories:
        rng = np.random.default_rng(5)
        table["city"] = rng.choice(["Rome", "Oslo", "Paris", "Berlin"], n)
        table["sex"] = rng.choice(["Male", "Female"], n)
    table.insert(0, "customer_id", np.arange(1, n + 1))
    return table


def trained(estimator: Any, table: pd.DataFrame) -> tuple[Segmenter, dict[str, Any]]:
    """A model of the first customers, and what drift compares with."""
    head = table.head(TRAINED).set_index("customer_id")
    with threadpool_limits(1):
        segmenter = Segmenter(estimator).fit(head)
    return segmenter, drift.reference(head, list(head), pd.Series(segmenter.labels_))


def timed(work: Callable[[], object]) -> Seconds:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def with_pandas(source: Path, result: pa.Table, target: Path) -> None:
    """Read the input and write the output as a script does."""
    frame = result.to_pandas()
    if source.suffix == ".csv":
        pd.read_csv(source)
        frame.to_csv(target, index=False)
    else:
        pd.read_parquet(source)
        frame.to_parquet(target, index=False)


def with_pyarrow(source: Path, result: pa.Table, target: Path) -> None:
    """Read the input and write the output as fast as it goes."""
    if source.suffix == ".csv":
        pyarrow.csv.read_csv(source)
        pyarrow.csv.write_csv(result, target)
    else:
        pq.read_table(source)
        pq.write_table(result, target)


def measured(source: Path, model: tuple[Segmenter, dict[str, Any]], n: int) -> list[Seconds]:
    """Medians of pandas, pyarrow and scoring, in turn."""
    output, copy = source.with_stem("scored"), source.with_stem("copy")
    batch_scoring.score(source, output, *model)
    result = pyarrow.csv.read_csv(output) if source.suffix == ".csv" else pq.read_table(output)
    works: list[Callable[[], object]] = [
        lambda: with_pandas(source, result, copy),
        lambda: with_pyarrow(source, result, copy),
        lambda: batch_scoring.score(source, output, *model),
    ]
    repeats = [[timed(work) for work in works] for _ in range(n)]
    return [
        (statistics.median(s[0] for s in each), statistics.median(s[1] for s in each))
        for each in zip(*repeats, strict=True)
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=["kmeans"])
    parser.add_argument("--categories", action="store_true")
    chosen = parser.parse_args()
    shown = Table(title=f"Scoring {chosen.rows:,} rows: wall seconds (CPU seconds)")
    for heading in ("algorithm", "file", "pandas", "pyarrow", "score", "to pandas", "to pyarrow"):
        shown.add_column(heading, justify="left" if heading in ("algorithm", "file") else "right")
    table = customers(chosen.rows, categories=chosen.categories)
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(Path(folder) / "in.csv", index=False)
        table.to_parquet(Path(folder) / "in.parquet", index=False)
        for name in chosen.algorithms:
            model = trained(ALGORITHMS[name], table)
            for source in sorted(Path(folder).glob("in.*")):
                times = measured(source, model, chosen.repeats)
                wall, cpu = times[2]
                ratios = [f"{wall / w:.1f} ({cpu / c:.1f})" for w, c in times[:2]]
                cells = [f"{w:.2f} ({c:.2f})" for w, c in times]
                shown.add_row(name, source.suffix[1:], *cells, *ratios)
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()

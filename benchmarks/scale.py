"""How time and memory of a whole tracked run grow with the number of customers.

    python benchmarks/scale.py [--rows 1000 10000 100000] [--columns 5 20] [--algorithms kmeans ...]

Every run is `python train.py` in a process of its own, on a generated Parquet file of five kinds of
customers: reading, path, evidence, figures, tables, workbook, page and model. CPU seconds and peak
memory are what the system charges the process and its children. The exponent is the slope of
log(seconds) over log(rows) from the two largest tables, a start of `train.py` on a tiny table taken
off. Beside k-means stand the bare scikit-learn fits for the same k, with one start and with ten.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from customer_segmentation.style import plural

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.35, 0.25, 0.2, 0.12, 0.08)
ALGORITHMS = (
    "kmeans", "gmm", "latent_classes", "agglomerative", "average", "dbscan", "hdbscan",
    "hdbscan_assigned", "genie",
)  # fmt: skip
TINY = 200  # rows of the run whose seconds are those of starting


def customers(rows: int, columns: int) -> pd.DataFrame:
    """A table of five kinds of customers, as far apart in many columns as in few."""
    rng = np.random.default_rng(columns)
    centres = rng.normal(size=(len(SHARES), columns)) * 4 / np.sqrt(columns / 5)
    kind = rng.choice(len(SHARES), rows, p=SHARES)
    values = 100 + 10 * (centres[kind] + rng.normal(size=(rows, columns))).round(4)
    table = pd.DataFrame(values, columns=[f"spend_{i}" for i in range(columns)])
    return table.rename_axis("customer_id").reset_index()


def write(rows: int, columns: int, file: Path) -> None:
    """Make a file of customers."""
    customers(rows, columns).to_parquet(file, index=False)


def run(file: Path, algorithm: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and peak megabytes of one tracked run."""
    command = [
        sys.executable, str(ROOT / "train.py"), "data=csv", f"data.path={file}", "features=auto",
        f"algorithm={algorithm}", f"tracking.folder={folder / 'mlruns'}",
        f"hydra.run.dir={folder / 'outputs'}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{algorithm} on {file.name} failed: {said[-2000:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def bare(table: pd.DataFrame, starts: int) -> float:
    """CPU seconds of the k-means fits alone."""
    values = table.drop(columns="customer_id").to_numpy()
    X = (values - values.mean(axis=0)) / values.std(axis=0)
    with threadpool_limits(limits=1):
        start = time.process_time()
        for k in range(1, 11):
            KMeans(k, n_init=starts, random_state=0).fit(X)
        return time.process_time() - start


def exponent(rows: list[int], seconds: list[float], start: float) -> float:
    """Slope of the last step in logarithms."""
    if len(rows) < 2:
        return math.nan
    low, high = (max(seconds[i] - start, 0.01) for i in (-2, -1))
    return math.log(high / low) / math.log(rows[-1] / rows[-2])


def measure(rows: list[int], columns: int, algorithms: list[str]) -> None:
    """Print one table: an algorithm per line, seconds and megabytes per number of rows."""
    table = Table(title=f"Whole tracked run, {columns} columns: CPU s / MB", title_justify="left")
    for heading in ("algorithm", *[f"{n:,}" for n in rows], "exponent"):
        table.add_column(heading, justify="left" if heading == "algorithm" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {n: folder / f"{n}.parquet" for n in (TINY, *rows)}
        # Elsewhere: a child is charged what its parent holds when it is started.
        with ProcessPoolExecutor(1, get_context("spawn")) as writer:
            for n, file in files.items():
                writer.submit(write, n, columns, file).result()
        run(files[TINY], "kmeans", folder)  # makes the store
        start = run(files[TINY], "kmeans", folder)[0]
        for algorithm in algorithms:
            found = [run(files[n], algorithm, folder) for n in rows]
            cells = [f"{seconds:.1f} / {megabytes:,.0f}" for seconds, megabytes in found]
            slope = exponent(rows, [seconds for seconds, _ in found], start)
            table.add_row(algorithm, *cells, "-" if math.isnan(slope) else f"{slope:.2f}")
        for starts in (1, 10) if "kmeans" in algorithms else ():
            fits = [f"{bare(customers(n, columns), starts):.1f}" for n in rows]
            table.add_row(f"fits, {plural(starts, 'start')}", *fits, "")
        limits = [f"{4 * n * columns * 8 / 2**20 + 500:,.0f}" for n in rows]
        table.add_row("4 x matrix + 500 MB", *limits, "")
    table.caption = f"Starting alone, on {TINY} customers: {start:.1f} s"
    Console(width=110).print(table)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--columns", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--algorithms", nargs="+", default=list(ALGORITHMS))
    options = parser.parse_args()
    for columns in options.columns:
        measure(sorted(options.rows), columns, options.algorithms)


if __name__ == "__main__":
    main()

"""The same work by a naive script, by this project, and by PyCaret where it is installed.

    python benchmarks/compare.py [--repeats N] [--pycaret PYTHON]

The Mall customers, three feature sets, four algorithms, five segments: twelve tracked runs. The
naive script is one file: scikit-learn, three scores, two pyplot figures, a workbook and a model per
run, logged to MLflow call by call. This project does its own twelve runs, which keep far more: the
evidence, stability, page, named segments and a model that scores new customers, for the one
candidate or for the path of ten. PyCaret does `setup`, `create_model` and its logging with the
Python of another environment: no figures, no workbook, no path. CPU seconds of a whole process and
its children, and seconds until it ends, imports included; medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
MALL = ROOT / "data" / "mall_customers.csv"
RUNS = 12

NAIVE = """
import sys, tempfile, matplotlib, mlflow, pandas as pd
matplotlib.use("Agg")
from matplotlib import pyplot
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
mlflow.create_experiment("naive", artifact_location=f"file://{sys.argv[1]}/artifacts")
mlflow.set_experiment("naive")
table = pd.read_csv(sys.argv[2])
table["Gender"] = (table["Gender"] == "Female") * 1
columns = list(table.columns)
models = [KMeans(5, n_init=10, random_state=0), AgglomerativeClustering(5),
          GaussianMixture(5, n_init=5, random_state=0), DBSCAN(0.4)]
for chosen in (columns[3:], columns[2:], columns[1:]):
    X = StandardScaler().fit_transform(table[chosen])
    for model in models:
        with mlflow.start_run(run_name=type(model).__name__), tempfile.TemporaryDirectory() as to:
            for name, value in model.get_params().items():
                mlflow.log_param(name, value)
            labels = model.fit_predict(X)
            if len(set(labels)) > 1:
                for score in (silhouette_score, calinski_harabasz_score, davies_bouldin_score):
                    mlflow.log_metric(score.__name__, score(X, labels))
            done = table.assign(segment=labels)
            for x, y in ((0, 1), (-2, -1)):
                figure, axes = pyplot.subplots()
                axes.scatter(X[:, x], X[:, y], c=labels)
                mlflow.log_figure(figure, f"plots/{x}.png")
                pyplot.close(figure)
            mlflow.log_table(done.groupby("segment").mean().reset_index(), "summary.json")
            done.to_excel(f"{to}/segments.xlsx")
            mlflow.log_artifact(f"{to}/segments.xlsx")
            mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
"""

PYCARET = """
import sys, mlflow, pandas as pd
from pycaret.clustering import ClusteringExperiment
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
table = pd.read_csv(sys.argv[2])
columns = list(table.columns)
for chosen in (columns[3:], columns[2:], columns[1:]):
    experiment = ClusteringExperiment()
    experiment.setup(table[chosen], normalize=True, session_id=0, log_experiment=True,
                     log_plots=False, experiment_name="pycaret", verbose=False, n_jobs=1)
    for name in ("kmeans", "hclust", "birch", "dbscan"):
        settings = {} if name == "dbscan" else {"num_clusters": 5}
        experiment.create_model(name, verbose=False, **settings)
"""


def naive(folder: Path) -> list[str]:
    """The command of the naive script."""
    return [sys.executable, "-c", NAIVE, str(folder), str(MALL)]


def ours(folder: Path, *choices: str) -> list[str]:
    """The command of this project."""
    return [
        sys.executable, str(ROOT / "train.py"), "-m", *choices,
        "features=income_spending,age_income_spending,auto", "rerun=true",
        f"tracking.folder={folder}", f"hydra.sweep.dir={folder / 'outputs'}",
    ]  # fmt: skip


def fixed(folder: Path) -> list[str]:
    """The same with one candidate a run; DBSCAN has no number of segments to fix."""
    return ours(
        folder, "algorithm=kmeans,agglomerative,gmm,average", "algorithm.grid=[5]", "n_segments=5"
    )


def path(folder: Path) -> list[str]:
    """All of it."""
    return ours(folder, "algorithm=kmeans,agglomerative,gmm,dbscan")


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU and wall seconds of a command; what it says is shown only if it fails."""
    folder.mkdir()
    start = time.perf_counter()
    with open(folder / "said.txt", "wb") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError((folder / "said.txt").read_text()[-3000:])
    return used.ru_utime + used.ru_stime, wall


def main() -> None:
    """Time each way in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pycaret", metavar="PYTHON", help="of an environment with PyCaret")
    options = parser.parse_args()
    ways: dict[str, Callable[[Path], list[str]]] = {
        "naive script": naive,
        "this project, five segments only": fixed,
        "this project, whole paths": path,
    }
    if options.pycaret:
        ways["PyCaret"] = lambda to: [options.pycaret, "-c", PYCARET, str(to), str(MALL)]
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(options.repeats):
            for place, (way, command) in enumerate(ways.items()):
                folder = Path(name) / f"{turn}-{place}"
                spent[way].append(seconds(command(folder), folder))
    table = Table(title=f"{RUNS} tracked runs on the Mall customers", title_justify="left")
    for heading in ("way", "CPU s (median)", "least", "most", "per run", "wall s (median)"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for way, found in spent.items():
        cpu, wall = zip(*found, strict=True)
        middle = statistics.median(cpu)
        cells = [f"{value:.1f}" for value in (middle, min(cpu), max(cpu))]
        table.add_row(way, *cells, f"{middle / RUNS:.2f}", f"{statistics.median(wall):.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

"""What does a tracked run cost? A naive loop, this project and bare clustering, in turn.

    python benchmarks/tracking.py [--repeats N] [--rows N]

Each does the Mall customers' k-means path of ten candidates. The naive loop is what a notebook
does: scikit-learn per k, MLflow one call at a time, pyplot figures, the model's requirements left
to MLflow. CPU seconds of this process and its children, medians of alternating repeats. The second
table is the shared work of a path against a loop of scikit-learn calls.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib
import mlflow
import numpy as np
import pandas as pd
from matplotlib import pyplot
from rich.console import Console
from rich.table import Table
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import train  # noqa: E402, F401  (puts the package on the path)

from customer_segmentation import (  # noqa: E402
    analysis,
    data,
    features,
    paths,
    report,
    search,
    selection,
    tracking,
    validity,
)
from customer_segmentation.tracking import store  # noqa: E402

matplotlib.use("Agg")
COLUMNS = ["Annual Income (k$)", "Spending Score (1-100)"]
KS = range(1, 11)


def cpu() -> float:
    """CPU seconds so far, children included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = cpu()
    work()
    return cpu() - start


def bare(X: np.ndarray) -> None:
    """Clustering and its scores, nothing kept."""
    for k in KS:
        labels = KMeans(k, n_init=10, random_state=0).fit_predict(X)
        if k > 1:
            silhouette_score(X, labels)
            calinski_harabasz_score(X, labels)
            davies_bouldin_score(X, labels)


def naive(table: pd.DataFrame, X: np.ndarray) -> None:
    """The same run as a notebook tracks it."""
    with mlflow.start_run(run_name="naive"), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, value in {f"setting_{i}": i for i in range(12)}.items():
            mlflow.log_param(key, value)
        for k in KS:
            model = KMeans(k, n_init=10, random_state=0).fit(X)
            mlflow.log_metric("path_wcss", model.inertia_, step=k)
            if k > 1:
                mlflow.log_metric("path_silhouette", silhouette_score(X, model.labels_), step=k)
                for score in (calinski_harabasz_score, davies_bouldin_score):
                    mlflow.log_metric(f"path_{score.__name__}", score(X, model.labels_), step=k)
        model = KMeans(5, n_init=10, random_state=0).fit(X)
        segments = table.assign(segment=model.labels_)
        for i in range(5):
            figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
            axes.scatter(X[:, 0], X[:, 1], c=model.labels_)
            mlflow.log_figure(figure, f"plots/{i}.png")
            pyplot.close(figure)
        summary = segments.groupby("segment")[COLUMNS].mean()
        for table_name in ("summary", "counts", "path"):
            mlflow.log_table(summary.reset_index(), f"{table_name}.json")
        segments.to_excel(folder / "segments.xlsx")
        mlflow.log_artifact(str(folder / "segments.xlsx"))
        mlflow.sklearn.log_model(model, name="model")


def ours(customers: data.CustomerData, fitted: features.Features) -> None:
    """One run of this project: path, evidence, figures, tables, workbook, page, model."""
    kmeans = search.Algorithm("kmeans", KMeans(n_init=10, random_state=0), "n_clusters", KS)
    taking = search.Selection(selection.by_evidence)
    with tracking.run("ours", tags={"kind": "model"}) as run_id:
        found = analysis.analyse(customers, fitted, kmeans, taking, seed=0)
        tracking.log(run_id, report.items(found, {"algorithm": "kmeans"}))


def tracked(repeats: int) -> None:
    """Print what a run costs in each of the three ways."""
    customers = data.load(ROOT / "data" / "mall_customers.csv")
    scaled = [{"columns": COLUMNS, "transform": StandardScaler()}]
    fitted = features.build(customers.table, scaled, name="income_spending")
    with tempfile.TemporaryDirectory() as folder:
        store.open_store(store.local_uri(Path(folder)), "benchmark", Path(folder))
        ways = {
            "bare clustering, nothing kept": lambda: bare(fitted.matrix),
            "this project": lambda: ours(customers, fitted),
            "naive loop": lambda: naive(customers.table, fitted.matrix),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(repeats + 1):
            for name, work in ways.items():
                spent = timed(work)
                if turn:  # the first turn pays for imports
                    seconds[name].append(spent)
    show("One tracked run, Mall customers, k-means, k = 1..10", seconds, "naive loop")


def shared(rows: int, repeats: int) -> None:
    """Print what sharing the work of a path saves."""
    X = np.random.default_rng(0).normal(size=(rows, 4))
    labelings = [
        np.asarray(KMeans(k, n_init=1, random_state=0).fit_predict(X), dtype=np.int64)
        for k in range(2, 11)
    ]
    ways = {
        "silhouettes: one pass": lambda: validity.silhouette_samples(X, labelings),
        "silhouettes: a loop": lambda: [silhouette_score(X, labels) for labels in labelings],
        "Ward: one tree": lambda: paths.fit_path(
            AgglomerativeClustering(),
            X,
            algorithm="ward",
            parameter="n_clusters",
            grid=range(2, 11),
        ),
        "Ward: a loop": lambda: [AgglomerativeClustering(k).fit(X) for k in range(2, 11)],
    }
    with threadpool_limits(limits=1):
        seconds = {name: [timed(work) for _ in range(repeats)] for name, work in ways.items()}
    show(f"Nine candidates, {rows:,} customers, 4 features", seconds, "")


def show(title: str, seconds: dict[str, list[float]], against: str) -> None:
    """Print medians, and ratios to one of the ways."""
    table = Table(title=title, title_justify="left")
    for heading in ("way", "CPU s (median)", "least", "most", *(["of naive"] if against else [])):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, spent in seconds.items():
        middle = statistics.median(spent)
        cells = [name, f"{middle:.2f}", f"{min(spent):.2f}", f"{max(spent):.2f}"]
        if against:
            cells.append(f"{middle / statistics.median(seconds[against]):.0%}")
        table.add_row(*cells)
    Console(width=100).print(table)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    tracked(options.repeats)
    shared(options.rows, max(1, options.repeats // 2))


if __name__ == "__main__":
    main()

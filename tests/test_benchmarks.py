"""The benchmarks, called as their users call them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, environment
from sklearn.datasets import make_blobs

COLUMNS = [
    "name", "family", "n", "d", "true_k", "k", "ari", "silhouette_ari", "kmeans_silhouette_ari",
    "oracle_ari", "algorithm", "verdict", "cpu_seconds",
]  # fmt: skip


def run(name: str, *args: object) -> str:
    """What a benchmark prints."""
    done = subprocess.run(
        [sys.executable, f"benchmarks/{name}", *map(str, args)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_folder_of_labelled_sets_is_judged(tmp_path):
    corners = [[0, 0], [9, 0], [0, 9]]
    X, y = make_blobs(200, centers=corners, cluster_std=0.7, random_state=0)
    flat = np.random.default_rng(0).normal(size=(200, 2))
    many, whose = make_blobs(3100, centers=corners, cluster_std=0.7, random_state=0)
    sets = {
        "blobs": (X, {"a": y, "b": np.zeros(200, int) - 1}),
        "flat": (flat, {"a": np.zeros(200)}),
        "many": (many, {"a": whose}),  # more than a tree of all pairs sees
    }
    for name, (matrix, labels) in sets.items():
        pd.DataFrame(matrix, columns=["x", "y"]).to_csv(tmp_path / f"{name}.csv", index=False)
        pd.DataFrame(labels).to_csv(tmp_path / f"{name}.labels.csv", index=False)
    families = {"blobs": "easy", "flat": "nothing", "many": "easy", "lost": "easy"}
    index = pd.DataFrame({"name": list(families), "family": list(families.values())})
    index.to_csv(tmp_path / "index.csv", index=False)
    said = run("selection.py", tmp_path, "--out", tmp_path / "out.csv", "--jobs", 2)
    rows = pd.read_csv(tmp_path / "out.csv").set_index("name", drop=False)
    assert set(COLUMNS) <= set(rows.columns)
    assert rows.loc["blobs", "ari"] > 0.95
    assert rows.loc["many", "ari"] > 0.95
    assert rows.loc["blobs", "k"] == 3
    assert rows.loc["blobs", "verdict"] == "natural"
    assert rows.loc["flat", "verdict"] == "no natural segments"
    assert "lost.csv" in rows.loc["lost", "error"]
    assert "FAILED lost" in said
    assert "false alarms): 0 of 1" in said


@pytest.mark.slow
def test_scoring_is_measured_against_reading_and_writing():
    size = ["--rows", 6000, "--repeats", 1, "--categories"]
    said = run("scoring.py", *size, "--algorithms", "kmeans", "hdbscan")
    for row in ("kmeans", "hdbscan", "csv", "parquet", "to pyarrow"):
        assert row in said


@pytest.mark.slow
def test_a_run_of_a_million_customers_needs_little_more_than_its_matrix(tmp_path):
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import scale  # noqa: PLC0415

    rows, columns = 1_000_000, 5
    scale.customers(rows, columns).to_parquet(tmp_path / "million.parquet", index=False)
    _, megabytes = scale.run(tmp_path / "million.parquet", "kmeans", tmp_path)
    assert megabytes < 4 * rows * columns * 8 / 2**20 + 500


@pytest.mark.slow
def test_paths_are_measured_against_loops_of_fits():
    said = run("paths.py", "--quick")
    for row in ("ward", "dbscan", "hdbscan", "gmm"):
        assert row in said


@pytest.mark.slow
def test_launchers_give_the_same_labels_and_a_second_sweep_takes_all_runs_over(tmp_path):
    said = run("launchers.py", "--rows", 300, "--seeds", 1, "--folder", tmp_path)
    assert "same labels in both sweeps: 9 of 9" in said
    (again,) = [line.split("│") for line in said.splitlines() if "again" in line]
    assert again[7].strip() == "9"


@pytest.mark.slow
def test_paths_of_mixtures_are_measured_against_a_loop():
    said = run("mixtures.py", "--rows", 200, 300)
    assert "200" in said
    assert "300" in said


@pytest.mark.slow
def test_reading_is_measured_against_pyarrow():
    said = run("reading.py", "--rows", 20_000, "--repeats", 1)
    assert said.count("5 of 20") == 2

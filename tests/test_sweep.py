"""`python train.py -m` for real: what a sweep leaves, also when things go wrong."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Done, client, environment, finish, runs, start

from customer_segmentation.evidence.stability import STABLE
from customer_segmentation.recommendation import CLOSE

OF_PURCHASES = {"rfm_scores"}  # swept with data=transactions
ALGORITHMS = sorted(
    {p.stem for p in (Path(__file__).parents[1] / "conf" / "algorithm").glob("*.yaml")}
    - OF_PURCHASES
)
FEATURES = ["age_income_spending", "auto", "income_spending"]
SMALL = ["algorithm=kmeans,agglomerative", "features=income_spending"]


def artifact(run_id: str, path: str) -> pd.DataFrame:
    return pd.read_csv(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/{path}"), index_col=0)


def sweep_of(folder: Path) -> mlflow.entities.Run:
    (sweep,) = runs(folder, "tags.kind = 'sweep'")
    return sweep


def labels(folder: Path) -> dict[str, np.ndarray]:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    return {
        r.info.run_name: artifact(r.info.run_id, "tables/assignments.csv")["segment"].to_numpy()
        for r in runs(folder, "tags.kind = 'model'")
    }


@pytest.fixture(scope="module")
def bare(tmp_path_factory, migrated) -> tuple[Done, Path]:
    """The bare sweep, once."""
    cwd = tmp_path_factory.mktemp("bare")
    folder = Path(shutil.copytree(migrated, cwd / "mlruns"))
    return finish(start(folder, cwd, "-m")), folder


@pytest.fixture
def swept(bare):
    mlflow.set_tracking_uri(f"sqlite:///{bare[1]}/mlflow.db")
    return bare


def test_a_bare_sweep_compares_every_algorithm_over_every_feature_set(swept):
    done, folder = swept
    assert done.returncode == 0, done.stderr
    models = runs(folder, "tags.kind = 'model'")
    made = {(r.data.tags["algorithm"], r.data.tags["features"]) for r in models}
    assert made == {(a, f) for a in ALGORITHMS for f in FEATURES}
    assert {r.info.status for r in runs(folder)} == {"FINISHED"}
    sweep = sweep_of(folder)
    assert {r.data.tags["mlflow.parentRunId"] for r in models} == {sweep.info.run_id}
    assert {r.data.tags["sweep_id"] for r in models} == {sweep.info.run_id}


def test_the_terminal_shows_results_and_the_way_to_the_ui(swept):
    done, folder = swept
    sweep = sweep_of(folder)
    assert done.stderr == ""
    assert done.stdout.count("done ") == len(ALGORITHMS) * len(FEATURES)
    assert done.stdout.count("200 customers read") == 1
    assert "Leaderboard" in done.stdout
    assert "make ui" in done.stdout
    assert "workflowType=machine_learning" in done.stdout
    assert sweep.info.run_id in done.stdout


def test_the_sweeps_own_run_holds_what_it_came_to(swept):
    _, folder = swept
    sweep = sweep_of(folder)
    run_id = sweep.info.run_id
    board = pd.read_csv(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/leaderboard.csv"))
    assert len(board) == len(ALGORITHMS) * len(FEATURES)
    matrix = artifact(run_id, "tables/agreement.csv")
    assert (np.diag(matrix) == 1).all()
    np.testing.assert_allclose(matrix, matrix.T)
    asked = client(folder)
    assert board["score"].notna().all()
    eligible = board[board["objection"].isna()]
    assert eligible["score"].iloc[0] > eligible["score"].max() - CLOSE
    clear = eligible.loc[eligible["score"] <= eligible["score"].max() - CLOSE, "score"]
    assert list(clear) == sorted(clear, reverse=True)
    assert set(board["rank"]) == set(range(1, len(board) + 1))
    case = artifact(run_id, "recommendation/mall.csv")
    assert {"Why it won", "Runner-up", "What speaks against it"} == set(case.index)
    listed = {f.path for f in asked.list_artifacts(run_id, "plots")}
    assert listed == {"plots/leaderboard.png", "plots/agreement.png"}
    explored = {f.path for f in asked.list_artifacts(run_id, "exploration/mall")}
    assert "exploration/mall/distributions.png" in explored
    recommended = asked.get_run(sweep.data.tags["recommended_run_id"])
    assert recommended.data.tags["recommended"] == "true"
    for model in runs(folder, "tags.kind = 'model'"):
        assert not asked.list_artifacts(model.info.run_id, "exploration")


def test_each_run_names_what_it_could_not_compute(swept):
    _, folder = swept
    for run in runs(folder, "tags.kind = 'model'"):
        for name in ("silhouette", "davies_bouldin", "bic"):
            assert (name in run.data.metrics) != (f"absent.{name}" in run.data.tags)


@pytest.mark.slow
def test_two_processes_give_the_same_labels_even_on_a_store_that_does_not_exist(bare, tmp_path):
    arguments = [
        "-m",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "algorithm=kmeans,hdbscan",
        "features=income_spending",
    ]
    folder = tmp_path / "mlruns"
    done = finish(start(folder, tmp_path, *arguments))
    assert done.returncode == 0, done.stderr
    assert "locked" not in done.stderr
    expected = labels(bare[1])
    parallel = labels(folder)
    assert len(parallel) == 2
    for name, found in parallel.items():
        np.testing.assert_array_equal(found, expected[name])
    assert sweep_of(folder).info.status == "FINISHED"


@pytest.mark.slow
def test_a_failing_job_leaves_the_others_and_is_listed(folder, tmp_path):
    arguments = ["-m", "algorithm=kmeans,dbscan", "features=income_spending", "n_segments=40"]
    done = finish(start(folder, tmp_path, *arguments))
    assert done.returncode == 1
    assert "1 jobs failed" in done.stdout or "1 job failed" in done.stdout
    status = {r.data.tags["algorithm"]: r.info.status for r in runs(folder, "tags.kind = 'model'")}
    assert status == {"kmeans": "FINISHED", "dbscan": "FAILED"}
    sweep = sweep_of(folder)
    assert sweep.info.status == "FAILED"
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    failures = artifact(sweep.info.run_id, "failures.csv")
    assert "n_segments=40" in failures["error"].iloc[0]
    assert "algorithm=dbscan" in failures.index[0]


@pytest.mark.slow
def test_customers_without_structure_are_told_so_first(folder, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(50, 10, size=(300, 3)), columns=["age", "income", "visits"])
    table.to_csv(tmp_path / "flat.csv", index_label="customer_id")
    arguments = ["data=csv", f"data.path={tmp_path}/flat.csv", "features=auto"]
    done = finish(start(folder, tmp_path, "-m", *arguments, "algorithm=kmeans,gmm,hdbscan"))
    assert done.returncode == 0, done.stderr
    answer = done.stdout.split("Silhouettes are not")[1]
    assert answer.index("No natural segments") < answer.index("Why it won")
    assert "the best partition is" in answer
    sweep = sweep_of(folder)
    assert sweep.data.tags["verdict"] == "no natural segments"
    assert sweep.data.tags["mlflow.note.content"].startswith("**No natural segments")
    for model in runs(folder, "tags.kind = 'model'"):
        assert model.data.metrics.get("score", -1) <= 0
        assert model.data.tags["verdict"] != "natural"


def test_the_mall_has_five_segments_by_income_and_spending(swept):
    _, folder = swept
    board = artifact(sweep_of(folder).info.run_id, "leaderboard.csv")
    best = board[board["features"] == "income_spending"].iloc[0]
    assert best["n_segments"] == 5
    assert best["verdict"] == "reproducible"
    assert best["jaccard_min"] >= STABLE
    assert not isinstance(best["objection"], str)


def wait_for_runs(folder: Path, count: int) -> None:
    for _ in range(1800):  # a busy machine takes its time
        time.sleep(0.1)
        try:
            with sqlite3.connect(f"file:{folder}/mlflow.db?mode=ro", uri=True) as connection:
                query = "select count(*) from runs where status = 'FINISHED'"
                if connection.execute(query).fetchone()[0] >= count:
                    return
        except sqlite3.OperationalError:
            continue
    raise TimeoutError("the sweep made no runs")


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_finished_runs_and_leaves_none_running(folder, tmp_path, sent, launcher):
    process = start(
        folder,
        tmp_path,
        "-m",
        f"hydra/launcher={launcher}",
        "seed=range(20)",
        "algorithm=kmeans",
        "features=auto",
    )
    wait_for_runs(folder, 2)
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # a terminal's Ctrl-C reaches the whole group
    else:
        process.send_signal(sent)
    done = finish(process, timeout=60)
    assert done.returncode != 0
    found = runs(folder)
    errors = [r.data.tags.get("error") for r in found if r.info.status == "FAILED"]
    assert {r.info.status for r in found} <= {"FINISHED", "KILLED"}, errors
    assert sum(r.info.status == "FINISHED" for r in found) >= 2
    sweep = sweep_of(folder)
    assert sweep.info.status == "KILLED"
    assert "Interrupted" in sweep.data.tags["mlflow.note.content"]
    assert "Traceback" not in done.stderr
    assert "goes on where it was" in done.stdout
    # Made again, the sweep goes on where it was.
    done = finish(start(folder, tmp_path, "-m", "seed=0,1,2", "algorithm=kmeans", "features=auto"))
    assert done.returncode == 0, done.stderr
    assert re.search("[23] of 3 runs had been finished before", done.stdout)


@pytest.mark.slow
def test_after_kill_9_the_next_start_closes_what_was_left_running(folder, tmp_path):
    process = start(folder, tmp_path, "-m", "seed=range(20)", *SMALL)
    wait_for_runs(folder, 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert any(r.info.status == "RUNNING" for r in runs(folder))
    done = finish(start(folder, tmp_path, "seed=1"))
    assert done.returncode == 0
    assert not any(r.info.status == "RUNNING" for r in runs(folder))


@pytest.mark.slow
def test_the_processes_of_a_launcher_that_was_killed_end(folder, tmp_path):
    arguments = ["-m", "hydra/launcher=joblib", "seed=range(20)", *SMALL]
    process = start(folder, tmp_path, *arguments)
    wait_for_runs(folder, 1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()  # its processes hold the pipe as long as they live
    done = len(runs(folder))
    time.sleep(2)
    assert len(runs(folder)) == done


@pytest.mark.slow
def test_a_sweep_that_cannot_start_leaves_nothing(folder, tmp_path):
    done = finish(start(folder, tmp_path, "-m", "data=csv", "data.path=nowhere.csv"))
    assert done.returncode == 1
    assert done.stderr.count("nowhere.csv") == 1
    assert runs(folder) == []
    done = finish(start(folder, tmp_path, "-m", "algorithm=kmeans,kmeens"))
    assert done.returncode == 1
    assert "kmeens" in done.stderr
    assert runs(folder) == []


@pytest.mark.slow
def test_a_server_takes_the_place_of_the_folder(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    binaries = Path(sys.executable).parent
    env = environment() | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PATH": f"{binaries}:{os.environ['PATH']}",
    }
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--workers",
            "1",
            "--port",
            str(port),
            "--backend-store-uri",
            f"sqlite:///{tmp_path}/server.db",
            "--artifacts-destination",
            str(tmp_path / "artifacts"),
        ],
        env=env,
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_server(uri)
        done = finish(start(tmp_path / "mlruns", tmp_path, "-m", *SMALL, f"tracking.uri={uri}"))
        assert done.returncode == 0, done.stderr
        assert uri in done.stdout
        asked = mlflow.MlflowClient(uri)
        (experiment,) = asked.search_experiments(filter_string="name = 'customer-segmentation'")
        found = asked.search_runs([experiment.experiment_id])
        assert len(found) == 3
        assert not (tmp_path / "mlruns").exists()
        sweep = next(r for r in found if r.data.tags["kind"] == "sweep")
        assert {f.path for f in asked.list_artifacts(sweep.info.run_id)} >= {"leaderboard.csv"}
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for_server(uri: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the server did not answer")

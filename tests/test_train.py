"""`python train.py`, as a user types it: results, the two write-ups, and bad input."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import openpyxl
import pandas as pd
import pytest
from conftest import (
    INCOME,
    MALL,
    ROOT,
    SPENDING,
    Cli,
    client,
    environment,
    finish,
    runs,
    start,
)

SILHOUETTES = {3: 0.467, 4: 0.494, 5: 0.555, 6: 0.540}
WCSS = [400.00, 269.69, 157.70, 108.92, 65.568, 55.06, 44.86, 37.23, 32.39, 29.98]


def artifact(run: mlflow.entities.Run, path: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{path}"))


def the_run(folder: Path) -> mlflow.entities.Run:
    (run,) = runs(folder)
    return run


@pytest.fixture(scope="module")
def write_up_a(tmp_path_factory, migrated):
    """One real run, shared by the tests that ask what it left."""
    cwd = tmp_path_factory.mktemp("a")
    folder = Path(shutil.copytree(migrated, cwd / "mlruns"))
    done = finish(start(folder, cwd, "experiment=write_up_a"))
    assert done.returncode == 0, done.stderr
    return the_run(folder), done, folder


@pytest.fixture
def published(write_up_a):
    """Point MLflow at the store of that run."""
    mlflow.set_tracking_uri(f"sqlite:///{write_up_a[2]}/mlflow.db")
    return write_up_a


def test_write_up_a_takes_three_segments(published):
    run, done, _ = published
    assert run.info.run_name == "kmeans-income_spending-k3"
    assert run.data.metrics["n_segments"] == 3
    assert run.data.metrics["silhouette"] == pytest.approx(SILHOUETTES[3], abs=5e-4)
    assert "kmeans-income_spending-k3" in done.stdout


def test_the_path_holds_the_published_figures(published):
    run, _, folder = published
    asked = client(folder)
    wcss = {m.step: m.value for m in asked.get_metric_history(run.info.run_id, "path/wcss")}
    for k, known in enumerate(WCSS, start=1):
        assert wcss[k] <= known * 1.01
        if k <= 5:
            assert wcss[k] == pytest.approx(known, rel=2e-3)
    shown = {m.step: m.value for m in asked.get_metric_history(run.info.run_id, "path/silhouette")}
    for k, known in SILHOUETTES.items():
        assert shown[k] == pytest.approx(known, abs=3e-3)
    assert 1 not in shown
    assert run.data.metrics["stability"] > 0.5


def test_the_deliverables_have_the_names_of_write_up_a(published, mall):
    run, _, _ = published
    summary = pd.read_csv(artifact(run, "cluster_summary.csv"))
    counts = pd.read_csv(artifact(run, "cluster_counts.csv"))
    assert list(counts["customers"]) == [123, 39, 38]
    assert list(summary["segment"]) == [1, 2, 3]
    assigned = pd.read_csv(artifact(run, "tables/assignments.csv"), index_col=0)
    for segment, row in summary.set_index("segment").iterrows():
        members = mall.loc[assigned.index[assigned["segment"] == segment]]
        assert row[INCOME] == pytest.approx(members[INCOME].mean())
        assert row["Age"] == pytest.approx(members["Age"].mean())
    book = openpyxl.load_workbook(artifact(run, "Customer_Segmentation_Results.xlsx"))
    assert book["Customers"].max_row == 201


def test_everything_that_was_promised_is_there(published):
    run, _, folder = published
    asked = client(folder)

    def listed(path=""):
        return {Path(f.path).name for f in asked.list_artifacts(run.info.run_id, path or None)}

    assert {"report.html", "cluster_summary.csv", "cluster_counts.csv"} <= listed()
    assert {"elbow.png", "scatter.png", "sizes.png", "silhouette.png", "profiles.png"} <= listed(
        "plots"
    )
    assert {"path.csv", "assignments.csv", "profile.csv"} <= listed("tables")
    assert "train.log" in listed("config")
    assert {"config.yaml", "overrides.yaml", "hydra.yaml"} <= listed("config/.hydra")
    assert {"distributions.png", "summary.csv"} <= listed("exploration/mall")
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.name == "mall"
    assert run.data.tags["data_sha256"].startswith("194975e1f84d")
    assert run.data.params["algorithm.n_init"] == "10"
    assert len(run.data.params) <= 15
    assert run.data.tags["mlflow.note.content"].startswith("**3 reproducible segments")
    assert "absent.bic" in run.data.tags
    assert "bic" not in run.data.metrics


def test_the_model_scores_customers(published, mall):
    run, _, _ = published
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/{run.info.run_name}")
    assigned = pd.read_csv(artifact(run, "tables/assignments.csv"), index_col=0)
    scored = model.predict(mall)
    np.testing.assert_array_equal(scored["segment"], assigned["segment"])
    assert list(scored["segment_name"]) == list(assigned["name"])


def test_write_up_b_uses_age_income_and_spending(cli: Cli, folder):
    done = cli("experiment=write_up_b")
    assert done.returncode == 0, done.stderr
    run = the_run(folder)
    assert run.data.tags["features"] == "age_income_spending"
    assert run.data.params["selection"] == "elbow"
    assert "elbow of the WCSS curve" in run.data.tags["mlflow.note.content"]
    assert 3 <= run.data.metrics["n_segments"] <= 6


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        (["algorithm=kmeans"], [81, 39, 35, 23, 22]),
        (["algorithm=kmeans", "selection=silhouette"], [81, 39, 35, 23, 22]),
        (["algorithm=gmm", "selection=bic"], None),
        (["algorithm=agglomerative", "n_segments=5"], None),
        (["algorithm=gmm", "n_segments=5"], None),
    ],
)
def test_five_segments_on_the_mall(cli: Cli, folder, arguments, sizes):
    assert cli(*arguments).returncode == 0
    run = the_run(folder)
    assert run.data.metrics["n_segments"] == 5
    assert run.data.metrics["silhouette"] == pytest.approx(0.554, abs=2e-3)
    if sizes:
        assert list(pd.read_csv(artifact(run, "cluster_counts.csv"))["customers"]) == sizes


def test_no_cluster_found_is_an_outcome(cli: Cli, folder):
    done = cli("algorithm=dbscan", "algorithm.grid=[0.001]")
    assert done.returncode == 0, done.stderr
    run = the_run(folder)
    assert run.data.tags["verdict"] == "none"
    assert run.data.tags["finding"] == "no cluster found"
    assert "silhouette" not in run.data.metrics
    assert "every customer is an outlier" in run.data.tags["absent.silhouette"]


def test_own_data_needs_no_new_code(cli: Cli, folder, tmp_path, mall):
    mall.reset_index().drop(columns="Gender").to_excel(tmp_path / "my customers.xlsx", index=False)
    done = cli(
        "data=csv",
        f"data.path={tmp_path}/my customers.xlsx".replace(" ", r"\ "),
        "features=auto",
        "data.id_column=CustomerID",
    )
    assert done.returncode == 0, done.stderr
    assert the_run(folder).data.tags["data"] == "my customers"


NEW_ALGORITHMS = {
    "birch": "{_target_: sklearn.cluster.Birch, threshold: 0.1}",
    "minibatch": "{_target_: sklearn.cluster.MiniBatchKMeans, random_state: '${seed}', n_init: 5}",
    "bisecting": "{_target_: sklearn.cluster.BisectingKMeans, random_state: '${seed}'}",
    "spectral": "{_target_: sklearn.cluster.SpectralClustering, random_state: '${seed}'}",
}


@pytest.mark.slow
def test_a_new_algorithm_is_one_yaml_file(folder, tmp_path):
    (tmp_path / "conf" / "algorithm").mkdir(parents=True)
    for name, estimator in NEW_ALGORITHMS.items():
        (tmp_path / "conf" / "algorithm" / f"{name}.yaml").write_text(
            f"estimator: {estimator}\nparameter: n_clusters\ngrid: [2, 3, 4, 5, 6]\n"
        )
    arguments = [
        f"algorithm={','.join(NEW_ALGORITHMS)}",
        "features=income_spending",
        "selection=silhouette",
    ]
    done = finish(start(folder, tmp_path, "-m", f"--config-dir={tmp_path}/conf", *arguments))
    assert done.returncode == 0, done.stderr + done.stdout
    found = {r.data.tags["algorithm"]: r for r in runs(folder, "tags.kind = 'model'")}
    assert set(found) == set(NEW_ALGORITHMS)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    for run in found.values():
        assert run.data.metrics["silhouette"] > 0.45
        model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/{run.info.run_name}")
        scored = model.predict(pd.DataFrame({INCOME: [20, 90], SPENDING: [80, 10]}))
        assert scored["segment"].nunique() == 2


def table(tmp_path: Path, text: str, name: str = "c.csv") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


ROWS = "".join(f"{i},{20 + i},{100 * i % 37}\n" for i in range(1, 21))
GOOD = "id,age,spend\n" + ROWS

BAD_INPUT = {
    "missing file": (None, ["data.path=nowhere.csv"], ["nowhere.csv", "no such file"]),
    "wrong extension": ("c.docx", [], ["docx", "csv"]),
    "empty file": ("", [], ["empty"]),
    "header only": ("id,age,spend\n", [], ["header"]),
    "text in a numeric column": (GOOD.replace("5,25,", "5,old,"), [], ["age", "old", "6"]),
    "infinite values": (GOOD.replace("5,25,", "5,inf,"), [], ["inf", "age"]),
    "constant features": ("id,age\n" + "".join(f"{i},30\n" for i in range(20)), [], ["constant"]),
    "all values missing": ("id,age\n" + "".join(f"{i},\n" for i in range(20)), [], ["age"]),
    "fewer customers than k": ("id,age,spend\n1,20,3\n2,30,5\n3,50,1\n", [], ["3 customers", "10"]),
    "duplicate ids": (GOOD + "3,77,88\n", [], ["3", "duplicate|twice|same id|more than once"]),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_data_is_refused_in_words_and_nothing_is_logged(cli: Cli, folder, tmp_path, case):
    text, arguments, words = BAD_INPUT[case]
    if text is not None:
        name = text if case == "wrong extension" else "c.csv"
        arguments = [
            f"data.path={table(tmp_path, GOOD if case == 'wrong extension' else text, name)}"
        ]
        arguments += ["data.id_column=id"]
    done = cli("data=csv", "features=auto", *arguments)
    assert done.returncode == 1
    assert "Error:" in done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert re.search(word, done.stderr), done.stderr
    assert runs(folder) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["features=income"], ["income", "income_spending"]),
        (["algorithm=kmean"], ["kmean", "kmeans", "dbscan"]),
        (["algorithm.grid=[0,1]"], ["n_clusters=0", "KMeans"]),
        (["n_segments=300"], ["300", "200 customers"]),
        (["algorithm.grid=3"], ["algorithm.grid=3", "[2,3,4]"]),
        (["data=csv"], ["data.path=FILE"]),
        (["tracking.uri=http://127.0.0.1:9"], ["http://127.0.0.1:9", "tracking.uri="]),
        (["selection.guards.smallest=few"], ["selection.guards.smallest=few", "a number"]),
        (["algorithm.estimator._target_=sklearn.cluster.Nope"], ["sklearn.cluster.Nope"]),
        (["selection=fixed"], ["selection=fixed", "n_segments=5"]),
        (["algorithm=dbscan", "n_segments=77"], ["77", "n_segments=auto"]),
        (["n_segments=many"], ["many", "auto"]),
        (["seed=x"], ["seed", "x"]),
        (["tracking.uri=sqlite:////proc/no/mlflow.db"], ["/proc/no", "tracking.uri"]),
        (
            ["+features.transforms.0.x=1", "features=auto", "data.columns.Age.type=nonsense"],
            ["nonsense"],
        ),
    ],
)
def test_bad_choices_are_refused_in_words(cli: Cli, folder, arguments, words):
    done = cli(*arguments)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert [r for r in runs(folder) if r.info.status != "FAILED"] == []


def test_a_misspelt_column_is_named_with_the_closest(cli: Cli, folder, tmp_path):
    text = MALL.read_text().replace("Spending Score (1-100)", "Spending Scor (1-100)")
    done = cli(f"data.path={table(tmp_path, text)}")
    assert done.returncode == 1
    assert "Spending Score (1-100)" in done.stderr
    assert "Spending Scor (1-100)" in done.stderr
    assert runs(folder) == []


@pytest.mark.slow
def test_the_same_seed_gives_the_same_segments(cli: Cli, folder):
    for _ in range(2):
        assert cli("seed=7", "features=auto").returncode == 0
    first, second = (
        pd.read_csv(artifact(r, "tables/assignments.csv"))
        for r in runs(folder, "tags.kind = 'model'")
    )
    pd.testing.assert_frame_equal(first, second)


def test_the_outcome_is_also_left_beside_hydras_output(cli: Cli, tmp_path):
    cli()
    outcome = json.loads((tmp_path / "outputs" / "run" / "outcome.json").read_text())
    assert outcome["name"] == "kmeans-income_spending-k5"


def test_the_users_own_names_are_stored_with_the_model(cli, folder):
    assert cli("names={1: Regulars}").returncode == 0
    run = runs(folder)[0]
    model = mlflow.pyfunc.load_model(run.data.tags["model_uri"])
    scored = model.predict(pd.read_csv(MALL))
    assert set(scored.loc[scored["segment"] == 1, "segment_name"]) == {"Regulars"}
    assert scored["segment_name"].nunique() == 5


HEAVY = {"numpy", "pandas", "scipy", "sklearn", "mlflow", "matplotlib"}


def loaded(*args: str) -> set[str]:
    """Packages that a Python process has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *args],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize(
    "script", ["train.py", "promote.py", "score.py", "recommend.py", "dashboard.py", "ui.py"]
)
def test_help_loads_nothing_heavy(script):
    assert HEAVY & loaded(script, "--help") == set()


def test_a_run_can_start_to_cluster_before_what_draws_is_loaded():
    start = (
        "from customer_segmentation import terminal; "
        "from customer_segmentation.tracking import runs; "
        "from customer_segmentation import analysis, tracking"
    )
    assert not {"matplotlib", "openpyxl"} & loaded("-c", start)

"""A logged model scores customers anywhere: without pickle, without this project, over HTTP."""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from conftest import INCOME, SPENDING, environment
from sklearn.cluster import DBSCAN
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from customer_segmentation import features, paths, registry, tracking
from customer_segmentation.items import Model
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.tracking import store

NAME = "customer-segments"
CHAMPION = f"models:/{NAME}@champion"
COLUMNS = ["segment", "segment_name", "confidence", "outlier"]
OWN = ("fastcluster", "genieclust", "hydra", "kneed", "openpyxl", "rich")  # only this project's


@pytest.fixture(scope="module")
def logged(tmp_path_factory, migrated, mall):
    """Folder of a logged model that is the champion, the segmenter, and the store's address."""
    folder = Path(shutil.copytree(migrated, tmp_path_factory.mktemp("served") / "mlruns"))
    built = features.build(
        mall,
        [
            {"columns": [INCOME, SPENDING], "transform": StandardScaler()},
            {"columns": ["Gender"], "transform": OneHotEncoder(handle_unknown="ignore")},
        ],
        name="x",
    )
    path = paths.fit_path(DBSCAN(), built.matrix, algorithm="a", parameter="eps", grid=[0.4])
    segmenter = Segmenter.from_candidate(built, path.candidates[0], seed=0)
    segmenter.name_segments({n: f"name {n}" for n in segmenter.numbers_.tolist()})
    segmenter.schema_ = segmenter.schema_.within({INCOME: {"max": 2000}})
    levels = {"Gender": {"levels": ["Female", "Male"]}}
    described = {"missing_tokens": ["none given"], "columns": levels}
    try:
        opened = store.open_store(store.local_uri(folder), "served", folder)
        with tracking.run("r", tags={}) as run_id:
            uri = tracking.log_model(run_id, Model("dbscan-k5", segmenter, described))
        registry.crown(opened, NAME, registry.register(opened, NAME, uri, run_id, {}))
        (found,) = mlflow.search_logged_models(output_format="list")
    finally:
        mlflow.set_tracking_uri(None)
    return Path(found.artifact_location.removeprefix("file://")), segmenter, opened.uri


def elsewhere(**more):
    """As on another machine: nothing of this project can be imported but from the model."""
    venv = str(Path(sys.executable).parent)
    kept = {k: v for k, v in environment().items() if k != "PYTHONPATH"}
    path = f"{venv}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", **more}


LOAD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {own}:
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Refuse())
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model({uri!r})
import customer_segmentation
print(customer_segmentation.__file__, file=sys.stderr)
table = pd.read_csv({table!r})
model.predict(table).to_csv({scored!r}, index=False)
print(len(model.predict(table.astype({{{income!r}: float}}).head(3))))
print(len(model.predict(table.assign(**{{{income!r}: "none given"}}))))
for cell in "much", 9999:
    try:
        model.predict(table.assign(**{{{income!r}: cell}}))
    except mlflow.exceptions.MlflowException as error:
        print(error)
"""


def test_it_loads_where_only_what_it_names_is_installed(logged, mall, tmp_path):
    artifact, segmenter, _ = logged
    table, scored = tmp_path / "in.csv", tmp_path / "out.csv"
    mall.to_csv(table)
    code = LOAD.format(
        own=OWN, uri=str(artifact), table=str(table), scored=str(scored), income=INCOME
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=elsewhere(),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(artifact / "code") in done.stderr
    assert done.stdout.splitlines()[:2] == ["3", "200"]
    assert f"got 'much' in column {INCOME!r} of row 0, expected a finite number" in done.stdout
    assert f"got 9999 in column {INCOME!r} of row 0, expected at most 2000" in done.stdout
    expected = segmenter.assign(mall).reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(scored), expected)


def test_its_signature_says_what_comes_out(logged):
    signature = mlflow.models.Model.load(str(logged[0])).signature
    assert signature.outputs.input_names() == COLUMNS


def imported(folder):
    """First part of every module that the code of a model imports."""
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
    return found


def test_what_it_requires_is_what_it_imports(logged):
    names = {
        line.split("==")[0] for line in (logged[0] / "requirements.txt").read_text().splitlines()
    }
    assert names == {"mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"}
    own = {"customer_segmentation", *sys.stdlib_module_names}
    assert imported(logged[0]) - own == names - {"scikit-learn"} | {"sklearn"}
    assert not list(logged[0].rglob("*.pkl"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_mlflow_scores_a_file(logged, mall, tmp_path, kind):
    source, target = tmp_path / f"in.{kind}", tmp_path / "out.json"
    if kind == "csv":
        mall.to_csv(source)
    else:
        source.write_text(json.dumps({"dataframe_split": split(mall)}))
    command = ["models", "predict", "-m", CHAMPION, "-i", str(source), "-o", str(target)]
    subprocess.run(
        [sys.executable, "-m", "mlflow", *command, "-t", kind, "--env-manager", "local"],
        cwd=tmp_path,
        env=elsewhere(MLFLOW_TRACKING_URI=logged[2]),
        check=True,
        capture_output=True,
    )
    scored = pd.DataFrame(json.loads(target.read_text())["predictions"])
    assert scored["segment"].tolist() == logged[1].labels_.tolist()


def split(table):
    return json.loads(table.to_json(orient="split", index=False))


@pytest.fixture(scope="module")
def server(logged, tmp_path_factory):
    """URL of the served model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("log") / "server.log").open("w")
    command = ["models", "serve", "-m", CHAMPION, "-p", str(port), "--env-manager", "local"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *command],
        cwd=log.name.rsplit("/", 1)[0],
        env=elsewhere(MLFLOW_TRACKING_URI=logged[2]),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process, log.name)
        yield f"{url}/invocations"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)
        log.close()


def wait_for(url, process, log):
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/ping", timeout=5)
            return
        except OSError:
            assert process.poll() is None, Path(log).read_text()
            time.sleep(0.5)
    raise TimeoutError(Path(log).read_text())


def post(url, body, kind="application/json"):
    text = body if isinstance(body, str) else json.dumps(body)
    request = urllib.request.Request(url, text.encode(), {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.slow
def test_it_answers_over_http(server, logged, mall):
    bodies = [
        {"dataframe_split": split(mall)},
        {"dataframe_records": mall.reset_index().to_dict("records")},
        {"dataframe_records": mall.astype(str).to_dict("records")},
    ]
    expected = logged[1].assign(mall)
    for body in bodies:
        status, answer = post(server, body)
        assert status == 200, answer
        scored = pd.DataFrame(answer["predictions"], index=mall.index)
        pd.testing.assert_frame_equal(scored, expected)


@pytest.mark.slow
def test_it_answers_csv_over_http(server, logged, mall):
    status, answer = post(server, mall.to_csv(), "text/csv")
    assert status == 200, answer
    scored = pd.DataFrame(answer["predictions"], index=mall.index)
    pd.testing.assert_frame_equal(scored, logged[1].assign(mall))


@pytest.mark.slow
def test_a_gap_and_a_new_category_are_answered_over_http(server):
    row = {INCOME: 60, SPENDING: None, "Gender": "unknown"}
    status, answer = post(server, {"dataframe_records": [row]})
    assert status == 200, answer
    assert set(answer["predictions"][0]) == set(COLUMNS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({INCOME: "much"}, ["got 'much'", INCOME, "row 1", "a finite number"]),
        ({INCOME: {"a": 1}}, [INCOME, "row 1", "a finite number"]),
        ({INCOME: 10**400}, [INCOME, "row 1", "a finite number"]),
        ({INCOME: None, SPENDING: None, "Gender": None}, ["got nothing", "row 1"]),
    ],
)
def test_a_malformed_row_is_answered_with_its_row_and_column(server, change, words):
    good = {INCOME: 60, SPENDING: 50, "Gender": "Male"}
    status, answer = post(server, {"dataframe_records": [good, {**good, **change}]})
    assert status == 400
    assert all(word in answer["message"] for word in words), answer


@pytest.mark.slow
def test_cells_as_people_write_them_are_read_as_in_a_file(server):
    plain = {INCOME: 1060.5, SPENDING: None, "Gender": "Male"}
    written = {INCOME: " $1,060.50", SPENDING: "n/a", "Gender": " male"}
    (status, answer), (_, expected) = (
        post(server, {"dataframe_records": [row]}) for row in (written, plain)
    )
    assert status == 200, answer
    assert answer == expected


@pytest.mark.slow
def test_a_missing_column_is_answered_with_its_name(server):
    status, answer = post(server, {"dataframe_records": [{SPENDING: 50, "Gender": "Male"}]})
    assert status == 400
    assert INCOME in answer["message"]


@pytest.mark.slow
def test_other_names_for_a_table_are_answered_too(server):
    good = {INCOME: 60, SPENDING: 50, "Gender": "Male"}
    for body in ({"instances": [good]}, {"inputs": {name: [cell] for name, cell in good.items()}}):
        status, answer = post(server, body)
        assert status == 200, answer
        assert set(answer["predictions"][0]) == set(COLUMNS)
    for body in ({"inputs": [[60, 50, 1]]}, {"inputs": {INCOME: [60, 61], SPENDING: [50]}}):
        status, answer = post(server, body)
        assert status == 400
        assert "dataframe_records" in answer["message"]
        assert INCOME in answer["message"]

"""A file is scored whole or not at all; single bad rows are named; the run says what was found."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import score
from conftest import INCOME, MALL, ROOT, SPENDING, Done, environment, runs
from sklearn.cluster import KMeans
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from customer_segmentation import (
    analysis,
    batches,
    data,
    drift,
    features,
    paths,
    registry,
    search,
    selection,
    tracking,
)
from customer_segmentation.batches import batch_scoring, scored_rows
from customer_segmentation.items import Model
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.tracking import store

NAME = "customer-segments"
NAMES = {1: "First, of many", 2: "Second", 3: "Third"}
TRANSFORMS = [
    {"columns": [INCOME, SPENDING], "transform": StandardScaler()},
    {
        "columns": ["Gender"],
        "transform": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    },
]


@pytest.fixture(scope="module")
def trained():
    """A model of the Mall customers, the reference of its training and what it assigned."""
    loaded = data.load(MALL)
    fitted = features.build(loaded.table, TRANSFORMS, name="three")
    path = paths.fit_path(
        KMeans(random_state=0), fitted.matrix, algorithm="kmeans", parameter="n_clusters", grid=[3]
    )
    segmenter = Segmenter.from_candidate(fitted, path.candidates[0], seed=0)
    segmenter.name_segments(NAMES)
    segments = segmenter.assign(loaded.table)["segment"]
    words = ["none given"]
    described = drift.reference(loaded.table, segmenter.columns, segments, missing_tokens=words)
    return segmenter, json.loads(json.dumps(described)), segments


@pytest.fixture(scope="module")
def promoted(trained, migrated, tmp_path_factory):
    """The folder of a store with a champion."""
    folder = shutil.copytree(migrated, tmp_path_factory.mktemp("promoted") / "mlruns")
    opened = store.open_store(store.local_uri(folder), "customer-segmentation", folder)
    with tracking.run("kmeans-three-k3", tags={"kind": "model"}) as run_id:
        tracking.log(run_id, [Model("kmeans-three-k3", trained[0], trained[1])])
    uri = mlflow.get_run(run_id).data.tags[tracking.MODEL]
    served = registry.register(opened, NAME, uri, run_id, {"run": "kmeans-three-k3"})
    registry.crown(opened, NAME, served)
    return folder


@pytest.fixture
def cli(promoted, tmp_path, capfd, monkeypatch):
    """Run `python score.py ARGS` on a store with a champion, in this process."""
    folder = tmp_path / "mlruns"
    shutil.copytree(promoted, folder)
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> Done:
        mlflow.end_run()
        capfd.readouterr()
        code = score.main([f"tracking.folder={folder}", *args])
        return Done(code, *capfd.readouterr())

    yield run
    signal.signal(signal.SIGTERM, handler)
    mlflow.set_tracking_uri(None)


def scorings(folder):
    return runs(folder, "tags.kind = 'scoring'")


def table(rows, path):
    lines = ["CustomerID,Gender,Annual Income (k$),Spending Score (1-100)", *rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def process(tmp_path, promoted, *args):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "score.py"), f"tracking.folder={promoted}", *args],
        cwd=tmp_path,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_command_scores_the_training_table_as_training_did(promoted, trained, tmp_path):
    folder = shutil.copytree(promoted, tmp_path / "mlruns")
    started = process(tmp_path, folder, f"input={MALL}", "output=out.csv")
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, err
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found) == list(scored_rows.COLUMNS)
    assert found["id"].tolist() == list(range(1, 201))
    assert found["segment"].tolist() == trained[2].tolist()
    assert found["segment_name"].tolist() == [NAMES[s] for s in trained[2]]
    assert found["confidence"].between(0, 1).all()
    assert found["problem"].isna().all()
    assert "200 rows of mall_customers.csv scored into out.csv" in out
    assert "ids from CustomerID, as in training" in out
    assert "No refresh is due" in out


def test_the_scoring_is_a_run_with_counts_drift_and_the_version(cli, tmp_path, trained):
    assert cli(f"input={MALL}", "output=out.csv").returncode == 0
    (run,) = scorings(tmp_path / "mlruns")
    counts = trained[2].value_counts()
    assert {key: run.data.metrics[f"segment/{key}"] for key in (1, 2, 3)} == counts.to_dict()
    assert run.data.metrics["rows"] == 200
    assert run.data.metrics["rows_failed"] == 0
    assert run.data.metrics["seconds"] > 0
    assert run.data.tags["model_version"] == "1"
    assert run.data.params["model_run"] == "kmeans-three-k3"
    assert run.info.status == "FINISHED"
    client = mlflow.MlflowClient(store.local_uri(tmp_path / "mlruns"))
    kept = [
        a.path for part in ("tables", "plots") for a in client.list_artifacts(run.info.run_id, part)
    ]
    assert {"tables/drift.csv", "tables/segments.csv", "plots/drift.png"} <= set(kept)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_every_format_gives_the_same(suffix, cli, tmp_path, trained, mall):
    given_file, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    frame = mall.reset_index()
    if suffix == ".parquet":
        frame.to_parquet(given_file)
    elif suffix == ".xlsx":
        frame.to_excel(given_file, index=False)
    else:
        frame.to_csv(given_file, index=False, sep="\t" if suffix == ".tsv" else ",")
    assert cli(f"input={given_file}", f"output={output}").returncode == 0
    if suffix == ".parquet":
        found = pd.read_parquet(output)
    elif suffix == ".xlsx":
        found = pd.read_excel(output)
    else:
        found = pd.read_csv(output, sep="\t" if suffix == ".tsv" else ",")
    assert found["id"].tolist() == list(range(1, 201))
    assert found["segment"].tolist() == trained[2].tolist()


def test_bad_rows_are_named_and_the_others_scored(cli, tmp_path):
    ids = ["007", "008", "009", "010", "", "012", "013", "007", "Total:"]
    rows = [
        "007,male,15,39",
        "008,Male,abc,39",
        "009,,,",
        "010,Martian,15,39",
        ",Male,15,39",
        "012,Male,none given,39",
        "013,Male,15,39,too much",
        "007,Male,99,39",
        "Total:,,261,273",
    ]
    path = table(rows, tmp_path / "in.csv")
    done = cli(f"input={path}", "output=out.csv")
    assert done.returncode == 0
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert found["id"].fillna("").tolist() == ids
    assert found["segment"].notna().tolist() == [1, 0, 0, 1, 1, 1, 0, 1, 0]
    assert (found["segment"].isna() == found["problem"].notna()).all()
    assert found["problem"].dropna().tolist() == [
        "column 'Annual Income (k$)': got 'abc', expected a number",
        "got no value, expected one in at least one column",
        "got 5 cells, expected 4",
        "got a total of the others, expected a customer",
    ]
    assert "4 of 9 rows could not be scored" in done.stderr
    assert "row 3: column 'Annual Income (k$)': got 'abc'" in done.stderr
    assert "1 row without an id" in done.stderr
    assert "1 row with the id of an earlier one: each is scored" in done.stderr
    (run,) = scorings(tmp_path / "mlruns")
    assert run.data.metrics["rows_failed"] == 4


def test_a_batch_of_which_no_row_can_be_scored_is_written_and_fails(cli, tmp_path):
    path = table(["1,Male,abc,1", "2,Male,abc,2"], tmp_path / "in.csv")
    done = cli(f"input={path}", "output=out.parquet")
    assert done.returncode == 1
    assert "2 of 2 rows could not be scored" in done.stderr
    assert "cannot be told" in done.stdout
    assert pd.read_parquet(tmp_path / "out.parquet")["segment"].isna().all()


def test_a_new_category_is_scored_and_counted(cli, tmp_path):
    rows = [f"{i},Martian,{15 + i % 90},{1 + i % 99}" for i in range(300)]
    done = cli(f"input={table(rows, tmp_path / 'in.csv')}", "output=out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["segment"].notna().all()
    assert "A refresh is due" in done.stdout
    assert "of the new level 'Martian', 100 % instead of 0 %" in done.stdout
    assert "300 rows with a level of 'Gender' that training did not have: 'Martian'" in done.stderr


def test_what_training_refuses_as_not_allowed_is_a_bad_row(tmp_path):
    columns = {"Gender": {"values": ["Male", "Female"]}, INCOME: {"min": 0, "max": 500}}
    loaded = data.load(MALL, columns=columns)
    fitted = features.build(loaded.table, TRANSFORMS, name="three")
    kmeans = search.Algorithm("kmeans", KMeans(random_state=0), "n_clusters", grid=[3])
    taken = search.Selection(selection.by_evidence, n_segments=3)
    found = analysis.analyse(loaded, fitted, kmeans, taken)
    described = drift.reference(loaded.table, found.segmenter.columns, found.segments)
    rows = ["1,male,15,39", "2,Male,999,39", "3,Martian,15,39", "4,,-1,39", "5,?,,39"]
    path, output = table(rows, tmp_path / "in.csv"), tmp_path / "out.csv"
    batch_scoring.score(path, output, found.segmenter, described)
    assert pd.read_csv(output)["problem"].fillna("").tolist() == [
        "",
        "column 'Annual Income (k$)': got 999, expected at least 0 and at most 500",
        "column 'Gender': got 'Martian', expected one of 'Male', 'Female'",
        "column 'Annual Income (k$)': got -1, expected at least 0 and at most 500",
        "",
    ]


ERRORS = {
    "no input": (["output=out.csv"], "got no input"),
    "no output": ([f"input={MALL}"], "got no output"),
    "unknown option": (["inputs=a.csv"], "Did you mean input="),
    "missing file": (["input=nope.csv", "output=other.csv"], "got no such file"),
    "empty file": (["input=empty.csv", "output=out.csv"], "got an empty file"),
    "header only": (["input=header.csv", "output=out.csv"], "a header and no rows"),
    "another table": (["input=other.csv", "output=out.csv"], "Did you mean 'annual income'"),
    "another sheet": (["input=two.xlsx", "output=out.csv"], "(read sheet 'Notes', left Data)"),
    "sheet of a csv": ([f"input={MALL}", "output=out.csv", "sheet=A"], "only with an Excel file"),
    "items": ([f"input={MALL}", "output=out.csv", "items=i.csv"], "trained without such a file"),
    "alias": ([f"input={MALL}", "output=out.csv", "model=champ"], "aliases ['champion']"),
    "version": ([f"input={MALL}", "output=out.csv", "model=7"], "versions [1]"),
    "no champion": ([f"input={MALL}", "output=out.csv", "name=no"], "no model was promoted yet"),
    "id column": ([f"input={MALL}", "output=out.csv", "id_column=ID"], "'CustomerID'"),
    "same file": (["input=other.csv", "output=other.csv"], "the input as output"),
    "folder": ([f"input={MALL}", "output=no/out.csv"], "does not exist"),
    "extension": ([f"input={MALL}", "output=out.doc"], "expected one of .csv"),
    "no server": (
        [f"input={MALL}", "output=out.csv", "tracking.uri=http://127.0.0.1:9"],
        "cannot be opened",
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_what_is_wrong_is_said_and_nothing_is_left(kind, cli, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("CustomerID,Gender\n")
    (tmp_path / "other.csv").write_text("CustomerID,Gender,annual income\n1,Male,15\n")
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        pd.DataFrame({"note": ["a"]}).to_excel(book, sheet_name="Notes", index=False)
        pd.DataFrame({"Age": [3]}).to_excel(book, sheet_name="Data", index=False)
    before = sorted(file.name for file in tmp_path.iterdir())
    arguments, words = ERRORS[kind]
    done = cli(*arguments)
    assert done.returncode == 1
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == before
    assert not scorings(tmp_path / "mlruns")


def test_a_store_that_cannot_be_written_is_said_before_anything_is_done(cli, tmp_path):
    uri = f"sqlite:///file:{tmp_path}/mlruns/mlflow.db?mode=ro&uri=true"
    done = cli(f"input={MALL}", "output=out.csv", f"tracking.uri={uri}")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_a_store_that_fails_at_the_end_leaves_the_output(cli, tmp_path, monkeypatch):
    def fail(*_):
        raise mlflow.exceptions.MlflowException("disk full")

    monkeypatch.setattr(tracking, "log", fail)
    done = cli(f"input={MALL}", "output=out.csv")
    assert done.returncode == 1
    assert "out.csv is complete, but the scoring could not be logged (disk full)" in done.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == 200


@pytest.mark.parametrize(("place", "name"), [(score, "say"), (tracking, "log")])
def test_an_interrupt_after_the_last_row_says_that_the_output_is_there(
    place, name, cli, tmp_path, monkeypatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, name, interrupt)
    done = cli(f"input={MALL}", "output=out.csv")
    assert done.returncode == 1
    assert "out.csv was complete; it may not be logged as a run" in done.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == 200
    assert not runs(tmp_path / "mlruns", "status = 'RUNNING'")


@pytest.mark.parametrize("columns", [["ClientID"], []])
def test_ids_come_from_a_column_named_like_one_or_are_row_numbers(columns, cli, tmp_path, mall):
    frame = mall.reset_index(drop=True)
    for name in columns:
        frame[name] = [f"{i:03d}" for i in range(200)]
    frame.to_csv(tmp_path / "in.csv", index=False)
    done = cli("input=in.csv", "output=out.csv")
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)["id"]
    if columns:
        assert "ids from ClientID, by its name" in done.stdout
        assert found.iloc[7] == "007"
    else:
        assert "the id is the number of the row" in done.stdout
        assert found.tolist() == [str(i) for i in range(1, 201)]


def test_rows_score_alone_and_in_any_order_as_in_the_batch(trained, tmp_path, mall):
    segmenter, described, segments = trained
    shuffled = mall.sample(frac=1, random_state=0).reset_index()
    shuffled.to_csv(tmp_path / "in.csv", index=False)
    batch_scoring.score(tmp_path / "in.csv", tmp_path / "out.csv", segmenter, described)
    found = pd.read_csv(tmp_path / "out.csv").set_index("id")["segment"]
    assert found.sort_index().tolist() == segments.tolist()
    shuffled.iloc[[5]].to_csv(tmp_path / "one.csv", index=False)
    batch_scoring.score(tmp_path / "one.csv", tmp_path / "out1.csv", segmenter, described)
    alone = pd.read_csv(tmp_path / "out1.csv").iloc[0]
    assert alone["segment"] == found[alone["id"]]


def test_a_number_that_can_be_read_in_two_ways_is_read_as_in_training(tmp_path):
    cells = [*["200,5", "310,25"] * 10, *["4.150,10", "4.150"] * 10]
    lines = "".join(f"K{i};{spent}\n" for i, spent in enumerate(cells))
    (tmp_path / "in.csv").write_text(f"Kunden-Nr;Umsatz\n{lines}")
    (tmp_path / "one.csv").write_text("Kunden-Nr;Umsatz\nK1;4.150\n")
    loaded = data.load(tmp_path / "in.csv")
    segmenter = Segmenter(KMeans(2, random_state=0)).fit(loaded.table)
    mark = loaded.decimal_mark
    labels = pd.Series(segmenter.labels_)
    described = drift.reference(loaded.table, ["Umsatz"], labels, decimal_mark=mark)
    batch_scoring.score(tmp_path / "one.csv", tmp_path / "out.csv", segmenter, described)
    assert pd.read_csv(tmp_path / "out.csv")["segment"].tolist() == [segmenter.labels_[-1]]


def test_a_code_that_meant_missing_in_training_means_it_again(tmp_path):
    ages = [*range(18, 75), 999, 999, 999]
    lines = "".join(f"K{i},{age},{age % 7}\n" for i, age in enumerate(ages))
    (tmp_path / "in.csv").write_text(f"customer_id,age,visits\n{lines}")
    (tmp_path / "new.csv").write_text("customer_id,age,visits\nA,999,3\nB,,3\n")
    loaded = data.load(tmp_path / "in.csv")
    segmenter = Segmenter(KMeans(3, random_state=0)).fit(loaded.table)
    described = drift.reference(
        loaded.table,
        ["age", "visits"],
        pd.Series(segmenter.labels_),
        missing_codes=loaded.missing_codes,
    )
    batch_scoring.score(tmp_path / "new.csv", tmp_path / "out.csv", segmenter, described)
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["segment"].nunique() == 1
    assert scored["confidence"].nunique() == 1


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """An input that takes some seconds."""
    path = tmp_path_factory.mktemp("large") / "large.csv"
    rows = "".join(f"{i},Male,{15 + i % 90},{1 + i % 99}\n" for i in range(100_000))
    header = "CustomerID,Gender,Annual Income (k$),Spending Score (1-100)\n"
    path.write_text(header + rows * 20)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent", [signal.SIGKILL, signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_ending_it_in_the_middle_leaves_the_old_output(sent, promoted, large, tmp_path):
    folder = shutil.copytree(promoted, tmp_path / "mlruns")
    (tmp_path / "out.csv").write_text("old")
    started = process(tmp_path, folder, f"input={large}", "output=out.csv")
    deadline = time.monotonic() + 90
    while not (part := list(tmp_path.glob(".out.csv.*.part"))) or not part[0].stat().st_size:
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(started.pid, sent)
    _, err = started.communicate(timeout=60)
    assert started.returncode == (-signal.SIGKILL if sent == signal.SIGKILL else 130)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert not scorings(folder)
    if sent != signal.SIGKILL:
        assert "nothing was written" in err
        assert not list(tmp_path.glob(".out.csv.*.part"))


class Free:
    """A model that costs nothing: what is left is the cost of scoring around it."""

    columns = ("a", "b", "c", "d", "e")
    numeric = columns
    names = {1: "High income, low spending"}  # noqa: RUF012

    def check_columns(self, _):
        pass

    def predict_with_confidence(self, rows):
        return np.ones(len(rows), dtype=np.int64), np.full(len(rows), 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_million_rows_cost_at_most_three_times_reading_and_writing_them(suffix, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({c: rng.normal(50, 20, 1_000_000).round(2) for c in Free.columns})
    path = tmp_path / f"in{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index_label="id")
    else:
        frame.rename_axis("id").reset_index().to_parquet(path)
    described = drift.reference(frame.head(1000), Free.columns, pd.Series([1] * 1000))

    def copy():
        source = batches.open_source(path)
        schema = pa.schema({"id": pa.string(), "name": pa.string(), "share": pa.float64()})
        with batches.open_target(tmp_path / f"copy{suffix}", schema) as target:
            for chunk in source.chunks(source.columns):
                row = {"id": chunk.frame["id"].astype("str"), "name": Free.names[1], "share": 0.9}
                target.write(
                    pa.RecordBatch.from_pandas(pd.DataFrame(row), schema, preserve_index=False)
                )

    def scored():
        batch_scoring.score(path, tmp_path / f"out{suffix}", Free(), described)

    assert least(scored) <= 3 * least(copy)


def least(work):
    """CPU seconds of the quickest of three tries."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)

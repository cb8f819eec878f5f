"""Items reach MLflow as what they are; a run is closed as what became of it."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import client
from matplotlib.figure import Figure

from customer_segmentation import items, tracking
from customer_segmentation.plots import canvas
from customer_segmentation.tracking import store


def one_run(folder, items, **kwargs):
    with tracking.run("r", tags={"kind": "model"}, **kwargs) as run_id:
        tracking.log(run_id, items)
    return client(folder).get_run(run_id)


def test_numbers_and_words_arrive(opened, folder):
    run = one_run(
        folder,
        [
            items.Param("algorithm", "kmeans"),
            items.Tag("verdict", "5 segments"),
            items.Metric("wcss", 65.56840815),
            items.Metric("path/wcss", 400.0, 1),
            items.Metric("path/wcss", 1e-7, 2),
        ],
    )
    assert run.data.params == {"algorithm": "kmeans"}
    assert run.data.tags["verdict"] == "5 segments"
    assert run.data.metrics["wcss"] == 65.5684
    history = client(folder).get_metric_history(run.info.run_id, "path/wcss")
    assert [(m.step, m.value) for m in history] == [(1, 400.0), (2, 1e-7)]


def test_files_arrive_and_compared_tables_can_be_read_back(opened, folder):
    figure = Figure()
    figure.subplots().plot([1, 2])
    png = canvas.png(figure)
    frame = pd.DataFrame({"segment": [1, 2], "age": [20.5, None]})
    run = one_run(
        folder,
        [
            items.Table("tables/profile.csv", frame, compare=True),
            items.Picture("plots/elbow.png", lambda: png, grid=True),
            items.Text("report.html", lambda: "<p>é</p>"),
            items.File("x.xlsx", lambda path: path.write_bytes(b"PK")),
        ],
    )
    asked, run_id = client(folder), run.info.run_id
    assert {f.path for f in asked.list_artifacts(run_id)} == {
        "tables",
        "plots",
        "images",
        "report.html",
        "x.xlsx",
    }
    read = mlflow.load_table("tables/profile.json", run_ids=[run_id])
    assert read["segment"].tolist() == [1, 2]
    shown = [f.path for f in asked.list_artifacts(run_id, "images")]
    assert {path.rsplit(".")[-1] for path in shown} == {"png", "webp"}
    assert all(path.startswith("images/elbow+step+0+timestamp+") for path in shown)
    assert run.data.tags["mlflow.loggedImages"] == "True"
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "tables/profile.json", "type": "table"}
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_metric_that_is_no_number_is_refused(opened, folder, value):
    with pytest.raises(ValueError, match="expected a finite number"):
        one_run(folder, [items.Metric("davies_bouldin", value)])


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("bad luck"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_ends_as_what_became_of_it(opened, folder, error, status):
    with pytest.raises(type(error)), tracking.run("r", tags={}) as run_id:
        raise error
    run = client(folder).get_run(run_id)
    assert run.info.status == status
    assert ("bad luck" in run.data.tags.get("error", "")) == (status == "FAILED")


def test_the_data_set_is_named_with_its_hash(opened, folder):
    with tracking.run("r", tags={}) as run_id:
        tracking.log_data("mall", "data/mall.csv", "ab" * 32, pd.DataFrame({"age": [1.0]}))
    (used,) = client(folder).get_run(run_id).inputs.dataset_inputs
    assert used.dataset.name == "mall"
    assert used.dataset.digest == ("ab" * 32)[:36]
    assert "age" in used.dataset.schema


def test_a_compared_table_says_each_row_in_its_second_column(opened, folder):
    frame = pd.DataFrame(
        {"segment": [1], "name": ["Young"], "Age": [24.812], "Gap": [float("nan")]}
    )
    with tracking.run("r", tags={}) as run_id:
        tracking.log(run_id, [items.Table("profile.csv", frame, compare=True)])
    read = mlflow.load_table("profile.json", run_ids=[run_id])
    assert list(read) == ["segment", "all columns", "name", "Age", "Gap"]
    assert read["all columns"].item() == "name: Young · Age: 24.81"


def later(folder, png, **options):
    mlflow.set_tracking_uri(store.local_uri(folder))
    with tracking.run("kmeans", tags={}) as run_id:
        tracking.log(run_id, [items.Picture("plots/elbow.png", png)], wait=False, **options)
    return run_id


def test_a_run_stays_open_until_its_pictures_are_drawn(folder, opened):
    run_id = later(folder, lambda: b"png")
    assert client(folder).get_run(run_id).info.status == "RUNNING"
    tracking.finish()
    assert client(folder).get_run(run_id).info.status == "FINISHED"
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/plots/elbow.png") == "png"


def test_a_run_without_its_pictures_has_failed_and_says_why(folder, opened):
    def fails():
        raise ValueError("no room for the labels")

    told = []
    run_id = later(folder, fails, failed=told.append)
    assert not told
    tracking.finish()
    assert told == ["no room for the labels"]
    run = client(folder).get_run(run_id)
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "ValueError: no room for the labels"


def test_data_that_another_process_logs_at_the_same_moment_are_logged(opened, folder, monkeypatch):
    log_input, calls = mlflow.log_input, []

    def beaten(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise mlflow.MlflowException("UNIQUE constraint failed: datasets.experiment_id")
        log_input(*args, **kwargs)

    monkeypatch.setattr(mlflow, "log_input", beaten)
    with tracking.run("r", tags={"kind": "model"}) as run_id:
        tracking.log_data("mall", "data/mall.csv", "ab" * 32, pd.DataFrame({"age": [1.0]}))
    inputs = client(folder).get_run(run_id).inputs.dataset_inputs
    assert [found.dataset.name for found in inputs] == ["mall"]

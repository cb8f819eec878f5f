"""The store opens from several processes at once, survives a move and a kill, and has a view."""

import base64
import json
import shutil
import sqlite3
import subprocess
import sys
import time
import zlib

import mlflow
import pytest
from conftest import ROOT, client, environment, runs

from customer_segmentation.tracking import saved_view, store

OPEN = """
import sys; from pathlib import Path; sys.path.insert(0, {src!r})
from customer_segmentation.tracking import saved_view, store
folder = Path({folder!r})
print(store.open_store(store.local_uri(folder), "e", folder, ["metrics.silhouette"]).experiment_id)
"""


@pytest.mark.slow
def test_four_processes_open_a_store_that_does_not_exist_yet(tmp_path):
    code = OPEN.format(src=str(ROOT / "src"), folder=str(tmp_path / "mlruns"))
    command = [sys.executable, "-c", code]
    started = [
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, answers[0][1]
    assert len({out for out, _ in answers}) == 1


@pytest.mark.slow
def test_a_store_whose_maker_was_killed_is_made_anew(tmp_path):
    folder = tmp_path / "mlruns"
    code = OPEN.format(src=str(ROOT / "src"), folder=str(folder))
    maker = subprocess.Popen([sys.executable, "-c", code], env=environment())
    while not (folder / "mlflow.db-wal").exists():  # tables are being made
        assert maker.poll() is None
        time.sleep(0.001)
    maker.kill()
    maker.wait()
    opened = store.open_store(store.local_uri(folder), "e", folder)
    client(folder).create_run(opened.experiment_id)
    assert len(runs(folder)) == 1


def test_a_moved_store_finds_its_artifacts(opened, folder, tmp_path):
    with mlflow.start_run() as run:
        mlflow.log_text("kept", "note.txt")
    moved = tmp_path / "elsewhere" / "mlruns"
    shutil.move(folder, moved)
    again = store.open_store(store.local_uri(moved), "customer-segmentation", moved)
    assert again.experiment_id == opened.experiment_id
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt") == "kept"
    with mlflow.start_run() as new:
        assert str(moved) in new.info.artifact_uri


def test_a_second_copy_of_the_store_does_not_write_into_the_first(opened, folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copy" / "mlruns")
    store.open_store(store.local_uri(copied), "customer-segmentation", copied)
    with mlflow.start_run():
        mlflow.log_text("new", "note.txt")
    assert not list(folder.glob("artifacts/**/note.txt"))
    assert list(copied.glob("artifacts/**/note.txt"))


def test_runs_of_a_dead_process_are_closed_and_those_of_a_living_one_are_not(opened, folder):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    tags = store.process_tags()
    asked = client(folder)
    for name, process in (("mine", tags["process"]), ("gone", f"{dead.pid}@1"), ("reused", "1@0")):
        asked.create_run(
            opened.experiment_id, run_name=name, tags={"host": tags["host"], "process": process}
        )
    asked.create_run(opened.experiment_id, run_name="other", tags={"host": "far", "process": "1@0"})
    assert sorted(store.close_stale_runs(opened)) == ["gone", "reused"]
    status = {run.info.run_name: run.info.status for run in runs(folder)}
    assert status == {"mine": "RUNNING", "gone": "KILLED", "reused": "KILLED", "other": "RUNNING"}
    late = {"host": tags["host"], "process": "1@0"}
    asked.create_run(opened.experiment_id, run_name="late", tags=late)
    store.open_existing(opened.uri, opened.experiment, folder)  # as every other command does
    assert {r.info.status for r in runs(folder) if r.info.run_name == "late"} == {"KILLED"}


@pytest.mark.parametrize("uri", ["sqlite:////proc/nowhere/mlflow.db", "nonsense://x"])
def test_a_store_that_cannot_be_opened_is_an_error_in_words(uri, tmp_path):
    with pytest.raises(store.StoreError, match=r"tracking\.uri="):
        store.open_store(uri, "e", tmp_path)


def test_a_file_in_the_way_of_the_store_is_an_error_in_words(tmp_path):
    (tmp_path / "mlruns").write_text("not a folder")
    with pytest.raises(store.StoreError, match="expected one that can be written"):
        store.open_store(None, "e", tmp_path / "mlruns")


def test_the_environment_names_another_store(tmp_path, monkeypatch):
    elsewhere = f"sqlite:///{tmp_path}/other.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    assert store.open_store(None, "e", tmp_path / "mlruns").uri == elsewhere
    assert not (tmp_path / "mlruns").exists()


def test_the_view_is_saved_once_and_holds_the_columns(folder):
    columns = ["tags.features", "metrics.silhouette"]
    for _ in range(2):
        opened = store.open_store(store.local_uri(folder), "customer-segmentation", folder, columns)
    tags = client(folder).get_experiment(opened.experiment_id).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{saved_view.KEY}"])
    packed = base64.b64decode(view["state"].removeprefix("deflate;"))
    state = json.loads(zlib.decompress(packed))
    assert state["selectedColumns"] == ["tags.`features`", "metrics.`silhouette`"]
    assert state["orderByKey"] == "metrics.`silhouette`"
    assert "workflowType=machine_learning" in opened.link
    assert saved_view.KEY in opened.link


def test_the_database_is_written_ahead(folder, opened):
    with sqlite3.connect(folder / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

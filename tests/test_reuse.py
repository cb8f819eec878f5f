"""A sweep takes over what an earlier one finished, and says so."""

import shutil

import pandas as pd
import pytest
from conftest import MALL, Cli, client, runs

pytestmark = pytest.mark.slow
SWEEP = ("-m", "features=income_spending", "selection=silhouette", "data=csv")


def models(folder):
    return {run.info.run_id: run for run in runs(folder, "tags.kind = 'model'")}


def latest_sweep(folder):
    return max(runs(folder, "tags.kind = 'sweep'"), key=lambda run: run.info.start_time)


def test_only_what_is_new_is_run(cli: Cli, folder, tmp_path):
    file = shutil.copy(MALL, tmp_path / "mall.csv")
    first = cli(*SWEEP, f"data.path={file}", "algorithm=kmeans,genie")
    assert first.returncode == 0, first.stderr
    assert "taken over" not in first.stdout
    before = models(folder)

    again = cli(*SWEEP, f"data.path={file}", "algorithm=kmeans,genie,agglomerative")
    assert "2 of 3 runs had been finished before" in again.stdout
    assert len(models(folder)) == 3
    sweep = latest_sweep(folder)
    assert sweep.data.metrics["runs_finished"] == 3
    assert sweep.data.metrics["runs_reused"] == 2
    assert {f"reused.{run_id}" for run_id in before} <= set(sweep.data.tags)
    assert sweep.data.tags["recommended_run_id"] in models(folder)
    assert "finished before" in sweep.data.tags["mlflow.note.content"]
    board = client(folder).download_artifacts(sweep.info.run_id, "leaderboard.csv", str(tmp_path))
    assert len(pd.read_csv(board)) == 3

    cli(*SWEEP, f"data.path={file}", "algorithm=kmeans", "rerun=true")
    assert len(models(folder)) == 4
    assert latest_sweep(folder).data.metrics["runs_reused"] == 0


def test_other_data_settings_or_code_are_another_run(cli: Cli, folder, tmp_path, monkeypatch):
    file = tmp_path / "mall.csv"
    shutil.copy(MALL, file)
    sweep = (*SWEEP, f"data.path={file}", "algorithm=kmeans", "algorithm.grid=[2,3]")
    cli(*sweep)
    cli(*sweep, "seed=1")
    assert len(models(folder)) == 2, "another seed is another run"
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    cli(*sweep)
    assert len(models(folder)) == 3, "other customers are another run"
    moved = shutil.copytree(tmp_path, tmp_path.parent / "moved", dirs_exist_ok=True) / "mall.csv"
    cli(*SWEEP, f"data.path={moved}", "algorithm=kmeans", "algorithm.grid=[2,3]")
    assert len(models(folder)) == 3, "the same customers elsewhere are not"
    monkeypatch.setattr("customer_segmentation.tracking.runs._code_version", lambda entry: "newer")
    cli(*sweep)
    assert len(models(folder)) == 4, "other code is another run"

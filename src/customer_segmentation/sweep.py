"""The sweep's own run: leaderboard, agreement between runs, failures and recommendation."""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import mlflow
import pandas as pd
from mlflow.entities import Run

from customer_segmentation import selection, tracking
from customer_segmentation.plots import canvas
from customer_segmentation.plots import sweep as plots
from customer_segmentation.store import Store, process_tags  # first: it sets MLflow up
from customer_segmentation.tracking import Item, Metric, Picture, Table, Tag

# An environment variable is the one thing that reaches the jobs of every launcher.
PARENT = "SEGMENTATION_SWEEP_ID"
FAILURE = "failure."
CAPTION = "Silhouettes rank runs of the same features only: with fewer features they are higher."


@dataclass(frozen=True)
class Sweep:
    """What a sweep came to.

    Attributes
    ----------
    leaderboard : DataFrame, a row per finished run, best first within each feature set
    failures : DataFrame with columns ``job`` and ``error``
    recommendation : str
        In words; "" when no run finished.
    recommended : list of str
        Run ids.
    """

    leaderboard: pd.DataFrame
    failures: pd.DataFrame
    recommendation: str
    recommended: list[str]


def start(store: Store, overrides: str) -> str:
    """Open the parent run of a sweep and make it known to the jobs.

    Returns
    -------
    str
        Its run id, the ``sweep_id``.
    """
    tags = {"kind": "sweep", "overrides": overrides, **process_tags()}
    name = textwrap.shorten(f"sweep {overrides}".strip(), 100)
    run = mlflow.MlflowClient().create_run(store.experiment_id, run_name=name, tags=tags)
    os.environ[PARENT] = run.info.run_id
    return str(run.info.run_id)


def current() -> str | None:
    """Run id of the sweep that this job belongs to, None outside a sweep."""
    return os.environ.get(PARENT)


def fail(sweep_id: str, job: str, error: Exception) -> None:
    """Note on the sweep's run that a job failed, and why."""
    key = f"{FAILURE}{os.getpid()}.{abs(hash(job)) % 10**8}"
    text = f"{job}: {type(error).__name__}: {error}"
    mlflow.MlflowClient().set_tag(sweep_id, key, text[:4000])


def explored(sweep_id: str, folder: str) -> bool:
    """Whether the exploration of a data set is with the sweep already."""
    return bool(mlflow.MlflowClient().list_artifacts(sweep_id, folder))


def finish(store: Store, sweep_id: str, *, interrupted: bool) -> Sweep | None:
    """Close the parent run: mark what was interrupted, log what the sweep came to.

    Parameters
    ----------
    store : Store
    sweep_id : str
    interrupted : bool
        Ctrl-C or a signal; runs still open are marked as killed, finished ones count.

    Returns
    -------
    Sweep or None
        None when no job got as far as a run: then the empty parent is deleted.
    """
    os.environ.pop(PARENT, None)
    client = mlflow.MlflowClient()
    children = _children(client, store, sweep_id)
    for child in children:
        if child.info.status == "RUNNING":
            client.set_terminated(child.info.run_id, "KILLED")
    sweep = _collect(client, client.get_run(sweep_id), children)
    if not children and sweep.failures.empty:
        client.set_terminated(sweep_id, "KILLED")
        client.delete_run(sweep_id)
        return None
    tracking.log(sweep_id, _items(sweep, children, interrupted))
    for run_id in sweep.recommended:
        client.set_tag(run_id, "recommended", "true")
    failed = "FAILED" if len(sweep.failures) else "FINISHED"
    client.set_terminated(sweep_id, "KILLED" if interrupted else failed)
    return sweep


def _children(client: mlflow.MlflowClient, store: Store, sweep_id: str) -> list[Run]:
    mine = f"tags.`mlflow.parentRunId` = '{sweep_id}'"
    return list(client.search_runs([store.experiment_id], mine, max_results=5000))


def _collect(client: mlflow.MlflowClient, parent: Run, children: list[Run]) -> Sweep:
    finished = [child for child in children if child.info.status == "FINISHED"]
    board = _leaderboard(finished)
    failures = [
        dict(zip(("job", "error"), text.split(": ", 1), strict=True))
        for key, text in parent.data.tags.items()
        if key.startswith(FAILURE)
    ]
    best = board[board["rank"] == 1] if len(board) else board
    words = [
        f"For the features {row.features}, {row.run} has the best silhouette "
        f"({row.silhouette:.3f}, {row.segments} segments)."
        for row in best.itertuples()
    ]
    return Sweep(
        board.drop(columns="run_id", errors="ignore"),
        pd.DataFrame(failures, columns=["job", "error"]),
        "\n".join(words),
        list(best["run_id"]) if len(best) else [],
    )


def _leaderboard(runs: list[Run]) -> pd.DataFrame:
    rows = [
        {
            "features": run.data.tags.get("features", ""),
            "run": run.info.run_name,
            "segments": int(run.data.metrics.get("n_segments", 0)),
            "silhouette": run.data.metrics.get("silhouette", float("nan")),
            "coverage": run.data.metrics.get("coverage", float("nan")),
            "smallest_share": run.data.metrics.get("smallest_share", float("nan")),
            "seconds": run.data.metrics.get("seconds", float("nan")),
            "data": run.data.tags.get("data", ""),
            "run_id": run.info.run_id,
        }
        for run in runs
    ]
    if not rows:
        return pd.DataFrame(columns=["features", "run", "rank", "run_id"])
    board = pd.DataFrame(rows)
    groups = board.groupby(["data", "features"])["silhouette"]
    board.insert(1, "rank", groups.rank(ascending=False, method="first"))
    board = board.sort_values(["data", "features", "rank"], na_position="last")
    return board.reset_index(drop=True)


def _items(sweep: Sweep, children: list[Run], interrupted: bool) -> Iterator[Item]:
    board = sweep.leaderboard
    yield Metric("runs_finished", len(board))
    yield Metric("runs_failed", len(sweep.failures))
    yield Tag("mlflow.note.content", _description(sweep, len(children), interrupted))
    if sweep.recommended:
        yield Tag("recommended_run_id", sweep.recommended[0])
    if len(sweep.failures):
        yield Table("failures.csv", sweep.failures, compare=True)
    if len(board):
        yield Table("leaderboard.csv", board, compare=True)
        yield Picture("plots/leaderboard.png", canvas.png(plots.leaderboard(board)), grid=True)
    if len(board) > 1:
        matrix = selection.agreement(_segments(children))
        yield Table("tables/agreement.csv", matrix.round(3), index=True)
        yield Picture("plots/agreement.png", canvas.png(plots.agreement(matrix)), grid=True)


def _segments(children: list[Run]) -> dict[str, pd.Series[int]]:
    found: dict[str, pd.Series[int]] = {}
    for child in children:
        if child.info.status == "FINISHED":
            uri = f"runs:/{child.info.run_id}/tables/assignments.csv"
            table = pd.read_csv(io.StringIO(mlflow.artifacts.load_text(uri)), index_col=0)
            name = str(child.info.run_name)
            # Runs that differ in their settings only have equal names.
            again = sum(known.split(" #")[0] == name for known in found)
            found[f"{name} #{again + 1}" if again else name] = table["segment"]
    return found


def _description(sweep: Sweep, started: int, interrupted: bool) -> str:
    lines = []
    if interrupted:
        lines.append(
            f"**Interrupted: {len(sweep.leaderboard)} of {started} started runs finished.**"
        )
    if len(sweep.failures):
        lines.append(f"**{len(sweep.failures)} jobs failed; failures.csv says why.**")
    lines += [sweep.recommendation, "", CAPTION]
    return "\n\n".join(lines)

"""The sweep's own run: leaderboard, agreement between runs, failures and recommendation."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import Run
from mlflow.tracking.context.registry import resolve_tags

from customer_segmentation import tracking
from customer_segmentation.items import Item, Metric, Picture, Table, Tag
from customer_segmentation.plots import drawing
from customer_segmentation.plots import sweep as plots
from customer_segmentation.recommendation import Recommendation, rank, recommend
from customer_segmentation.selection import agreement
from customer_segmentation.store import Store, process_tags  # first: it sets MLflow up
from customer_segmentation.style import markdown

# An environment variable is the one thing that reaches the jobs of every launcher.
PARENT = "SEGMENTATION_SWEEP_ID"
FAILURE = "failure."
CAPTION = (
    "Runs are ranked by their score, which is comparable across features. Silhouettes are not: "
    "with fewer features they are higher, so silhouette_rank compares runs of the same features."
)
# What fits a terminal and a picture; leaderboard.csv and the UI have every column.
SHOWN = (
    "rank", "run", "verdict", "n_segments", "score", "stability", "jaccard_min", "likelihood",
    "overlap", "agreement", "silhouette", "smallest_share", "objection",
)  # fmt: skip
MAX_NOTE_ROWS = 25  # MLflow keeps 8,000 characters of a description
EVIDENCE = (
    "score", "stability", "jaccard_mean", "jaccard_min", "likelihood", "absorbed", "overlap",
    "no_valley", "inner_gap", "purity", "silhouette", "coverage", "outlier_share", "smallest_share",
    "assigner_fidelity", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """What a sweep came to.

    Attributes
    ----------
    leaderboard : DataFrame, a row per finished run, best first
    agreement : DataFrame, run x run, adjusted Rand index
    failures : DataFrame with columns ``job`` and ``error``
    recommendations : dict, data set -> Recommendation
    run_ids : dict, run name -> run id
    """

    leaderboard: pd.DataFrame
    agreement: pd.DataFrame
    failures: pd.DataFrame
    recommendations: dict[str, Recommendation]
    run_ids: dict[str, str]

    @property
    def recommended(self) -> list[str]:
        """Run ids of the recommended runs, one per data set."""
        return [self.run_ids[r.run] for r in self.recommendations.values() if r.run]

    @property
    def words(self) -> str:
        """The answer in words, per data set if there are several."""
        several = len(self.recommendations) > 1
        return "\n\n".join(
            f"{data}: {r.words}" if several else r.words for data, r in self.recommendations.items()
        )


def start(store: Store, name: str, overrides: str) -> str:
    """Open the parent run of a sweep and make it known to the jobs.

    Parameters
    ----------
    store : Store
    name : str
        For people, such as "sweep-mall-24-runs".
    overrides : str
        What the command line changed.

    Returns
    -------
    str
        Its run id, the ``sweep_id``.
    """
    tags = {**resolve_tags(), "kind": "sweep", "overrides": overrides, **process_tags()}
    run = mlflow.MlflowClient().create_run(store.experiment_id, run_name=name, tags=tags)
    os.environ[PARENT] = run.info.run_id
    return str(run.info.run_id)


def current() -> str | None:
    """Run id of the sweep that this job belongs to, None outside a sweep."""
    return os.environ.get(PARENT)


def fail(job: str, error: Exception) -> None:
    """Note on the run of the current sweep that a job failed, and why."""
    sweep_id = current()
    if sweep_id is not None:
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
    tracking.finish()
    client = mlflow.MlflowClient()
    children = _children(client, store, sweep_id)
    for child in children:
        if child.info.status == "RUNNING":
            client.set_terminated(child.info.run_id, "KILLED")
    sweep = _collect(client.get_run(sweep_id), children)
    if not children and sweep.failures.empty:
        client.set_terminated(sweep_id, "KILLED")
        client.delete_run(sweep_id)
        return None
    tracking.log(sweep_id, _items(sweep, len(children), interrupted))
    for run_id in sweep.recommended:
        client.set_tag(run_id, "recommended", "true")
    failed = "FAILED" if len(sweep.failures) else "FINISHED"
    client.set_terminated(sweep_id, "KILLED" if interrupted else failed)
    return sweep


def _children(client: mlflow.MlflowClient, store: Store, sweep_id: str) -> list[Run]:
    mine = f"tags.`mlflow.parentRunId` = '{sweep_id}'"
    return list(client.search_runs([store.experiment_id], mine, max_results=5000))


def _collect(parent: Run, children: list[Run]) -> Sweep:
    finished = _named([child for child in children if child.info.status == "FINISHED"])
    labels = {name: _segments(run) for name, run in finished.items()}
    matrix = agreement(labels)
    board = _leaderboard(finished, matrix)
    return Sweep(
        board,
        matrix,
        _failures(parent, children),
        {str(data): recommend(part, labels) for data, part in board.groupby("data")},
        {name: run.info.run_id for name, run in finished.items()},
    )


def _failures(parent: Run, children: list[Run]) -> pd.DataFrame:
    noted = {
        tuple(text.split(": ", 1))
        for key, text in parent.data.tags.items()
        if key.startswith(FAILURE)
    }
    known = {error for _, error in noted}
    # A run whose pictures failed did so after its job had ended.
    late = {
        (str(child.info.run_name), child.data.tags["error"])
        for child in children
        if child.info.status == "FAILED" and "error" in child.data.tags
    }
    rows = [*noted, *(row for row in late if row[1] not in known)]
    return pd.DataFrame(sorted(rows), columns=["job", "error"])


def _named(runs: list[Run]) -> dict[str, Run]:
    """Runs by name; those that differ in their settings only, and share a name, get a number."""
    found: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.info.start_time):
        name = str(run.info.run_name)
        again = sum(known.split(" #")[0] == name for known in found)
        found[f"{name} #{again + 1}" if again else name] = run
    return found


def _segments(run: Run) -> pd.Series[int]:
    text = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/tables/assignments.csv")
    return pd.read_csv(io.StringIO(text), index_col=0)["segment"]


def _leaderboard(runs: dict[str, Run], matrix: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "run": name,
            "verdict": run.data.tags.get("verdict", ""),
            "n_segments": int(run.data.metrics.get("n_segments", 0)),
            **{metric: run.data.metrics.get(metric, np.nan) for metric in EVIDENCE},
            "algorithm": run.data.tags.get("algorithm", ""),
            "features": run.data.tags.get("features", ""),
            "data": run.data.tags.get("data", ""),
            "objection": run.data.tags.get("objection", ""),
        }
        for name, run in runs.items()
    ]
    if not rows:
        return pd.DataFrame(columns=["rank", "run", "data"])
    board = pd.DataFrame(rows)
    board.insert(5, "agreement", [_with_others(board, row, matrix) for _, row in board.iterrows()])
    return rank(board)


def _with_others(board: pd.DataFrame, row: pd.Series[Any], matrix: pd.DataFrame) -> float:
    """Mean agreement of a run with the other algorithms on the same features and data."""
    same = (board["features"] == row["features"]) & (board["data"] == row["data"])
    others = board.loc[same & (board["algorithm"] != row["algorithm"]), "run"]
    return float(matrix.loc[row["run"], list(others)].mean()) if len(others) else np.nan


def _items(sweep: Sweep, started: int, interrupted: bool) -> Iterator[Item]:
    board = sweep.leaderboard
    yield Metric("runs_finished", len(board))
    yield Metric("runs_failed", len(sweep.failures))
    yield Tag("mlflow.note.content", _description(sweep, started, interrupted))
    if len(sweep.failures):
        yield Table("failures.csv", sweep.failures, compare=True)
    if not len(board):
        return
    yield Table("leaderboard.csv", board, compare=True)
    shown = board[list(SHOWN)]
    board_drawn = drawing.begin(plots.leaderboard, shown, 0)
    yield Picture("plots/leaderboard.png", board_drawn, grid=True)
    for data, found in sweep.recommendations.items():
        yield Table(f"recommendation/{data}.csv", found.case, compare=True)
    for run_id in sweep.recommended[:1]:
        yield Tag("recommended_run_id", run_id)
    yield Tag("verdict", "; ".join(r.verdict for r in sweep.recommendations.values()))
    if len(board) > 1:
        yield Table("tables/agreement.csv", sweep.agreement.round(3), index=True)
        agreement_drawn = drawing.begin(plots.agreement, sweep.agreement)
        yield Picture("plots/agreement.png", agreement_drawn, grid=True)


def _description(sweep: Sweep, started: int, interrupted: bool) -> str:
    lines = []
    if interrupted:
        finished = len(sweep.leaderboard)
        lines.append(f"**Interrupted: {finished} of {started} started runs finished.**")
    for data, found in sweep.recommendations.items():
        lines.append(
            f"**{found.headline}**" + (f" ({data})" if len(sweep.recommendations) > 1 else "")
        )
        lines += [f"- {row.question}: {row.answer}" for row in found.case.itertuples()]
    if len(sweep.failures):
        lines.append(f"{len(sweep.failures)} jobs failed; failures.csv says why.")
    if len(sweep.leaderboard):
        lines.append(markdown(sweep.leaderboard[list(SHOWN)].head(MAX_NOTE_ROWS)))
    return "\n\n".join([*lines, CAPTION])

"""The sweep's own run: leaderboard, agreement between runs, failures and recommendation."""

from __future__ import annotations

import io
import shlex
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import Run

from customer_segmentation import sweep_report, tracking
from customer_segmentation.environment import requirements
from customer_segmentation.profiles import card_file
from customer_segmentation.profiles.cards import Card
from customer_segmentation.recommendation import rank, recommend
from customer_segmentation.selection import agreement
from customer_segmentation.sweep_report import Sweep
from customer_segmentation.tracking import parent_run, reuse
from customer_segmentation.tracking.store import Store  # first: it sets MLflow up

EVIDENCE = (
    "score", "stability", "jaccard_mean", "jaccard_min", "unstable", "likelihood",
    "unexplained", "absorbed", "overlap", "no_valley", "inner_gap", "purity", "silhouette",
    "coverage", "outlier_share", "smallest_share", "assigner_fidelity", "seconds",
)  # fmt: skip


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
    parent_run.leave()
    tracking.finish()
    client = mlflow.MlflowClient()
    children = reuse.runs_of(client, store.experiment_id, sweep_id)
    for child in children:
        if child.info.status == "RUNNING":
            client.set_terminated(child.info.run_id, "KILLED")
    sweep = _collect(client.get_run(sweep_id), children)
    if not children and sweep.failures.empty:
        client.set_terminated(sweep_id, "KILLED")
        client.delete_run(sweep_id)
        return None
    finished, started = len(sweep.leaderboard), len(children)
    note = f"Interrupted: {finished} of {started} started runs finished." if interrupted else ""
    facts = _facts(client.get_run(sweep_id), children)
    kept = sweep_report.items(sweep, cards=_cards(sweep), facts=facts, interrupted=note)
    tracking.log(sweep_id, kept)
    for run_id in sweep.recommended:
        client.set_tag(run_id, "recommended", "true")
    failed = "FAILED" if len(sweep.failures) else "FINISHED"
    client.set_terminated(sweep_id, "KILLED" if interrupted else failed)
    return sweep


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
        [name for name, run in finished.items() if run.info.run_id in reuse.taken(parent)],
    )


def _failures(parent: Run, children: list[Run]) -> pd.DataFrame:
    noted = {
        tuple(text.split(": ", 1))
        for key, text in parent.data.tags.items()
        if key.startswith(parent_run.FAILURE)
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


def _cards(sweep: Sweep) -> dict[str, list[Card]]:
    """What is told of the segments of each recommended run."""
    return {
        data: card_file.loads(
            mlflow.artifacts.load_text(f"runs:/{sweep.run_ids[found.run]}/{card_file.PATH}")
        )
        for data, found in sweep.recommendations.items()
        if found.run
    }


def _facts(parent: Run, children: list[Run]) -> dict[str, str]:
    """How to find the sweep and make it again."""
    hashes = sorted({run.data.tags.get("data_sha256", "") for run in children} - {""})
    overrides = shlex.split(parent.data.tags.get("overrides", ""))
    kept = [option for option in overrides if not option.startswith("tracking.")]
    return {
        "Sweep id": str(parent.info.run_id),
        "Command": shlex.join(["python", "train.py", "-m", *kept]),
        "Data SHA-256": ", ".join(hashes),
        "Versions": ", ".join(requirements()),
    }

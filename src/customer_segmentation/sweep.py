"""The sweep's own run: leaderboard, agreement between runs, failures and recommendation."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation import sweep_report, tracking
from customer_segmentation.environment import requirements
from customer_segmentation.profiles import cards
from customer_segmentation.recommendation import agreement, rank, recommend
from customer_segmentation.sweep_report import Sweep
from customer_segmentation.tracking import artifacts, parent_run, runs
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store

EVIDENCE = (
    "score", "stability", "jaccard_mean", "jaccard_min", "unstable", "likelihood",
    "unexplained", "absorbed", "overlap", "no_valley", "inner_gap", "purity", "silhouette",
    "coverage", "outlier_share", "smallest_share", "assigner_fidelity", "seconds",
)  # fmt: skip
TAGS = ("algorithm", "features", "data", "objection")


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
    parent = runs.get(sweep_id)
    assert parent is not None  # it has been open all the time
    children = runs.of_sweep(store, parent)
    for child in children:
        if child.status == "RUNNING":
            runs.end(child.id, "KILLED")
    sweep = _collect(parent, children, interrupted)
    if not children and sweep.failures.empty:
        runs.end(sweep_id, "KILLED")
        runs.delete(sweep_id)
        return None
    tracking.log(sweep_id, sweep_report.items(sweep))
    for run_id in sweep.recommended:
        runs.mark(run_id, "recommended", "true")
    failed = "FAILED" if len(sweep.failures) else "FINISHED"
    runs.end(sweep_id, "KILLED" if interrupted else failed)
    return sweep


def _collect(parent: Run, children: list[Run], interrupted: bool) -> Sweep:
    finished = runs.named(child for child in children if child.status == "FINISHED")
    labels = {name: artifacts.assignments(run.id)["segment"] for name, run in finished.items()}
    matrix = agreement(labels)
    board = _leaderboard(finished, matrix)
    found = {str(data): recommend(part, labels) for data, part in board.groupby("data")}
    ids = {name: run.id for name, run in finished.items()}
    told = f"Interrupted: {len(finished)} of {len(children)} started runs finished."
    return Sweep(
        leaderboard=board,
        agreement=matrix,
        failures=_failures(parent, children),
        recommendations=found,
        run_ids=ids,
        reused=[name for name, run_id in ids.items() if run_id in runs.taken(parent)],
        cards={
            data: cards.loads(artifacts.read_text(ids[best.run], cards.PATH))
            for data, best in found.items()
            if best.run
        },
        facts=_facts(parent, children),
        interrupted=told if interrupted else "",
    )


def _failures(parent: Run, children: list[Run]) -> pd.DataFrame:
    noted = {
        tuple(text.split(": ", 1))
        for key, text in parent.tags.items()
        if key.startswith(parent_run.FAILURE)
    }
    known = {error for _, error in noted}
    # A run whose pictures failed did so after its job had ended.
    late = {
        (child.name, child.tags["error"])
        for child in children
        if child.status == "FAILED" and "error" in child.tags
    }
    rows = [*noted, *(row for row in late if row[1] not in known)]
    return pd.DataFrame(sorted(rows), columns=["job", "error"])


def _leaderboard(runs: dict[str, Run], matrix: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "run": name,
            "verdict": run.tags.get("verdict", ""),
            "n_segments": int(run.metrics.get("n_segments", 0)),
            **{metric: run.metrics.get(metric, np.nan) for metric in EVIDENCE},
            **{tag: run.tags.get(tag, "") for tag in TAGS},
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


def _facts(parent: Run, children: list[Run]) -> dict[str, str]:
    """How to find the sweep and make it again."""
    hashes = sorted({run.tags.get("data_sha256", "") for run in children} - {""})
    overrides = shlex.split(parent.tags.get("overrides", ""))
    kept = [option for option in overrides if not option.startswith("tracking.")]
    return {
        "Sweep id": parent.id,
        "Command": shlex.join(["python", "train.py", "-m", *kept]),
        "Data SHA-256": ", ".join(hashes),
        "Versions": ", ".join(requirements()),
    }

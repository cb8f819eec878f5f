"""The sweep's own run: leaderboard, agreement between runs, failures and recommendation."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation import page, tracking
from customer_segmentation.environment import requirements
from customer_segmentation.items import Item, Metric, Picture, Table, Tag, Text
from customer_segmentation.plots import drawing
from customer_segmentation.plots import sweep as plots
from customer_segmentation.plots.drawing import Drawn
from customer_segmentation.profiles import cards
from customer_segmentation.profiles.cards import Card
from customer_segmentation.recommendation import CLOSE, Recommendation, agreement, rank, recommend
from customer_segmentation.style import markdown, plural
from customer_segmentation.tracking import artifacts, runs
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store

CAPTION = (
    "Runs are ranked by their score, which is comparable across features; of those within "
    f"{CLOSE} of the best, those come first whose segments all come back. Silhouettes are not: "
    "with fewer features they are higher, so compare them among runs of the same features only."
)
# What fits a terminal and a picture; leaderboard.csv and the UI have every column.
SHOWN = (
    "rank", "run", "verdict", "n_segments", "score", "stability", "jaccard_min", "likelihood",
    "overlap", "agreement", "silhouette", "smallest_share", "objection",
)  # fmt: skip
MAX_NOTE_ROWS = 25  # MLflow keeps 8,000 characters of a description
EVIDENCE = (
    "score", "stability", "jaccard_mean", "jaccard_min", "unstable", "likelihood",
    "unexplained", "absorbed", "overlap", "no_valley", "inner_gap", "purity", "silhouette",
    "coverage", "outlier_share", "smallest_share", "assigner_fidelity", "seconds",
)  # fmt: skip
TAGS = ("algorithm", "features", "data", "objection")


@dataclass(frozen=True)
class Sweep:
    """What a sweep came to."""

    leaderboard: pd.DataFrame  #: a row per finished run, best first
    agreement: pd.DataFrame  #: run x run, adjusted Rand index
    failures: pd.DataFrame  #: Columns ``job`` and ``error``
    recommendations: dict[str, Recommendation]  #: data set -> Recommendation
    run_ids: dict[str, str]  #: run name -> run id
    reused: list[str]  #: Names of those that an earlier sweep had finished
    cards: dict[str, list[Card]]  #: data set -> cards: of the recommended run
    facts: dict[str, str]  #: label -> text: how to find the sweep and make it again
    interrupted: str  #: Said first, where it was

    @property
    def recommended(self) -> list[str]:
        """Run ids of the recommended runs, one per data set."""
        return [self.run_ids[r.run] for r in self.recommendations.values() if r.run]

    @property
    def taken_over(self) -> str:
        """How many runs were not made again, in a sentence; empty when none."""
        if not self.reused:
            return ""
        return (
            f"{len(self.reused)} of {plural(len(self.run_ids), 'run')} had been finished before "
            f"with the same settings, data and code, and were taken over. rerun=true makes them "
            f"again."
        )

    @property
    def words(self) -> str:
        """The answer in words, per data set if there are several."""
        several = len(self.recommendations) > 1
        return "\n\n".join(
            f"{data}: {r.words}" if several else r.words for data, r in self.recommendations.items()
        )


def _items(sweep: Sweep) -> Iterator[Item]:
    """Everything that a sweep's own run keeps."""
    board = sweep.leaderboard
    yield Metric("runs_finished", len(board))
    yield Metric("runs_failed", len(sweep.failures))
    yield Metric("runs_reused", len(sweep.reused))
    yield Tag("mlflow.note.content", _description(sweep))
    if len(sweep.failures):
        yield Table("failures.csv", sweep.failures, compare=True)
    drawn: dict[str, Drawn] = {}
    if len(board):
        yield from _comparison(sweep)
        best = 0 if any(found.exists for found in sweep.recommendations.values()) else None
        drawn["leaderboard"] = drawing.begin(plots.leaderboard, board[list(SHOWN)], best)
    if len(board) > 1:
        drawn["agreement"] = drawing.begin(plots.agreement, sweep.agreement)
    for name, png in drawn.items():
        yield Picture(f"plots/{name}.png", png, grid=True)
    yield Text("report.html", lambda: _page(sweep, drawn))


def _comparison(sweep: Sweep) -> Iterator[Item]:
    yield Table("leaderboard.csv", sweep.leaderboard, compare=True)
    for data, found in sweep.recommendations.items():
        yield Table(f"recommendation/{data}.csv", found.case, compare=True)
    for first in [found for found in sweep.recommendations.values() if found.run][:1]:
        yield Tag("recommended_run_id", sweep.run_ids[first.run])
        yield Tag("recommended_verdict", first.verdict)
    yield Tag("verdict", "; ".join(r.verdict for r in sweep.recommendations.values()))
    if len(sweep.leaderboard) > 1:
        yield Table("tables/agreement.csv", sweep.agreement.round(3), index=True)


def _page(sweep: Sweep, drawn: Mapping[str, Drawn]) -> str:
    return page.sweep(
        f"Comparison of {len(sweep.leaderboard)} runs: {', '.join(sweep.recommendations)}",
        sweep.recommendations,
        sweep.leaderboard,
        sweep.failures,
        cards=sweep.cards,
        agreement=sweep.agreement,
        pictures={name: png() for name, png in drawn.items() if name == "agreement"},
        facts=sweep.facts,
        note=" ".join(filter(None, [sweep.interrupted, sweep.taken_over])),
    )


def _description(sweep: Sweep) -> str:
    lines = [f"**{sweep.interrupted}**"] if sweep.interrupted else []
    for data, found in sweep.recommendations.items():
        whose = f" ({data})" if len(sweep.recommendations) > 1 else ""
        lines.append(f"**{found.headline}**{whose}")
        lines += [f"- {row.question}: {row.answer}" for row in found.case.itertuples()]
    if sweep.reused:
        lines.append(sweep.taken_over)
    if len(sweep.failures):
        lines.append(f"{len(sweep.failures)} jobs failed; failures.csv says why.")
    if len(sweep.leaderboard):
        lines.append(markdown(sweep.leaderboard[list(SHOWN)].head(MAX_NOTE_ROWS)))
    return "\n\n".join([*lines, CAPTION])


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
    runs.leave_parent()
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
    tracking.log(sweep_id, _items(sweep))
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
        if key.startswith(runs.FAILURE)
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

"""What a sweep came to, as typed items: leaderboard, answer in words, agreement, page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from customer_segmentation import page
from customer_segmentation.items import Item, Metric, Picture, Table, Tag, Text
from customer_segmentation.plots import drawing
from customer_segmentation.plots import sweep as plots
from customer_segmentation.plots.drawing import Drawn
from customer_segmentation.profiles.cards import Card
from customer_segmentation.recommendation import CLOSE, Recommendation
from customer_segmentation.style import markdown, plural

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


def items(sweep: Sweep) -> Iterator[Item]:
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
    for run_id in sweep.recommended[:1]:
        yield Tag("recommended_run_id", run_id)
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

"""The page of a sweep: which run to take, and how the others compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from customer_segmentation.explanations import MEANING
from customer_segmentation.page.html import (
    Html,
    Section,
    document,
    element,
    facts,
    gallery,
    join,
    made,
    paragraph,
    table,
)
from customer_segmentation.page.segment_cards import cards
from customer_segmentation.style import number, plural

if TYPE_CHECKING:
    from customer_segmentation.profiles.cards import Card
    from customer_segmentation.recommendation import Recommendation

SHOWN = (
    "run", "verdict", "n_segments", "score", "stability", "silhouette", "outlier_share",
    "smallest_share", "objection",
)  # fmt: skip
READING = (
    "The score says how much better the segments describe the customers than one single group "
    "would; at or below zero they do not. It compares runs with different columns. Stability says "
    "how far the segments come back when the analysis is repeated: 1 is unchanged. The silhouette "
    "says how clearly customers belong to their segment, and compares only runs with the same "
    "columns."
)
WHOSE = (
    "Numbers and names are those the run had when this comparison ended. If it is promoted, they "
    "follow the champion's: its own report.html shows them as they are used."
)
CAPTIONS = {
    "agreement": (
        "Do the runs tell the same story?",
        "Each cell compares two runs: 1 means that they put the same customers together, 0 that "
        "they agree no more than by chance.",
    ),
}


def sweep(
    title: str,
    recommendations: Mapping[str, Recommendation],
    board: pd.DataFrame,
    failures: pd.DataFrame,
    *,
    cards: Mapping[str, Sequence[Card]],
    agreement: pd.DataFrame,
    pictures: Mapping[str, bytes],
    facts: Mapping[str, str],
    note: str = "",
) -> str:
    """Write the page of a sweep as one self-contained HTML file.

    Parameters
    ----------
    title : str
        Such as "Comparison of 12 runs: mall".
    recommendations : mapping, data set -> Recommendation
    board : DataFrame
        The leaderboard, best first.
    failures : DataFrame
        Columns ``job`` and ``error``.
    cards : mapping, data set -> sequence of Card
        Of the recommended run.
    agreement : DataFrame, run x run
        Adjusted Rand index.
    pictures : mapping, name -> PNG
        ``agreement``.
    facts : mapping, label -> text
        Id, command, data, versions.
    note : str
        Such as "Interrupted: 3 of 12 runs finished."

    Returns
    -------
    str

    Examples
    --------
    >>> none = pd.DataFrame()
    >>> failed = pd.DataFrame({"job": ["a"], "error": ["E: <b>"]})
    >>> html = sweep("S", {}, none, failed, cards={}, agreement=none, pictures={}, facts={})
    >>> "E: &lt;b&gt;" in html
    True
    """
    best = [found.run for found in recommendations.values() if found.exists]
    sections: list[Section] = [("why", "Why this run", _case(recommendations))]
    for data, found in recommendations.items():
        if cards.get(data):
            sections.append(_recommended(data, found, cards[data], len(recommendations)))
    sections += [
        ("leaderboard", "All runs", _board(board, best)),
        ("agreement", "Agreement between the runs", _agreement(agreement, pictures)),
        ("failures", "Runs that failed", _failures(failures)),
    ]
    if facts:
        sections.append(("again", "How to make it again", made(facts)))
    lead = _tiles(board, failures)
    return document(title, note, _answer(recommendations), lead, sections)


def _answer(recommendations: Mapping[str, Recommendation]) -> str:
    several = len(recommendations) > 1
    lines = [
        f"{data}: {found.headline}" if several else found.headline
        for data, found in recommendations.items()
    ]
    return "\n".join(lines) or "No run finished, so there is nothing to recommend."


def _tiles(board: pd.DataFrame, failures: pd.DataFrame) -> Html:
    rows: list[tuple[str, object]] = [("Runs", len(board)), ("Failed", len(failures))]
    if len(board):
        rows += [
            ("Algorithms", board["algorithm"].nunique()),
            ("Feature sets", board["features"].nunique()),
        ]
    return facts(rows, "tiles")


def _case(recommendations: Mapping[str, Recommendation]) -> Html:
    parts: list[Html] = []
    for data, found in recommendations.items():
        if len(recommendations) > 1:
            parts.append(element("h3", data))
        if found.verdict in MEANING:
            parts.append(element("p", MEANING[found.verdict]))
        rows = found.case[["question", "answer"]].itertuples(index=False)
        parts.append(facts([(str(question), answer) for question, answer in rows], "pairs"))
    return join(*parts) if parts else element("p", "No run finished.")


def _recommended(data: str, found: Recommendation, shown: Sequence[Card], several: int) -> Section:
    name = f"The segments of {found.run}" + (f" ({data})" if several > 1 else "")
    anchor = "segments" if several == 1 else f"segments-{data}"
    return anchor, name, join(paragraph(WHOSE, "note"), cards(shown))


def _board(board: pd.DataFrame, recommended: Sequence[str]) -> Html:
    if not len(board):
        return element("p", "No run finished.")
    shown = board[[column for column in SHOWN if column in board]].copy()
    shown["run"] = [
        f"{place}. {run}{' (recommended)' if run in recommended else ''}"
        for place, run in enumerate(board["run"], 1)
    ]
    if not board["objection"].astype(bool).any():
        shown = shown.drop(columns="objection")
    return join(paragraph(READING), table(shown, "Leaderboard"))


def _agreement(matrix: pd.DataFrame, found: Mapping[str, bytes]) -> Html:
    if len(matrix) < 2:
        return element("p", "One run: there is nothing to compare.")
    return join(paragraph(_in_words(matrix)), gallery(found, CAPTIONS))


def _in_words(matrix: pd.DataFrame) -> str:
    """Say how far runs agree: on average, and which two most and least."""
    scores = matrix.to_numpy(dtype=float)
    lower = np.where(np.tri(len(matrix), k=-1, dtype=bool), scores, np.nan)
    if not np.isfinite(lower).any():
        return "The runs have no customers in common."
    ends = []
    for place in (np.nanargmax(lower), np.nanargmin(lower)):
        row, column = divmod(int(place), len(matrix))
        pair = f"{matrix.index[column]} and {matrix.index[row]}"
        ends.append(f"{pair} ({number(round(float(lower[row, column]), 2))})")
    mean = number(round(float(np.nanmean(lower)), 2))
    return (
        f"The {plural(len(matrix), 'run')} agree by {mean} on average. Most alike: {ends[0]}. "
        f"Least alike: {ends[1]}."
    )


def _failures(failures: pd.DataFrame) -> Html:
    if not len(failures):
        return element("p", "None.")
    return table(failures, "Runs that failed, and why")

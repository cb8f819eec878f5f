"""Which run of a sweep to take, in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from customer_segmentation.doubts import ALIKE, doubts
from customer_segmentation.evidence.scoring import SEPARATED, TRUSTED
from customer_segmentation.evidence.stability import DISSOLVED, STABLE
from customer_segmentation.style import percent

COME_BACK = "come back when the analysis is repeated"
NO_SEGMENTS = "no natural segments"
CLOSE = 0.05  # scores nearer than this are no clear difference
SAME = 0.9  # adjusted Rand index from which two runs tell the same story (Steinley 2004: excellent)


@dataclass(frozen=True)
class Recommendation:
    """The run to take and the case for it."""

    run: str  #: Name of the recommended run; "" when there is none
    verdict: str  #: "no natural segments", or the verdict of the recommended run
    headline: str  #: The answer in one sentence
    #: Columns ``question`` and ``answer``: why it won, by how much, what speaks against it,
    #: the runner-up and how far they agree
    case: pd.DataFrame

    @property
    def exists(self) -> bool:
        """Whether there are segments to recommend."""
        return self.verdict != NO_SEGMENTS

    @property
    def words(self) -> str:
        """The whole answer as text."""
        rows = [f"{row.question}: {row.answer}" for row in self.case.itertuples()]
        return "\n".join([self.headline, *rows])


def rank(runs: pd.DataFrame) -> pd.DataFrame:
    """Order the runs of a sweep: eligible ones first, then by score.

    Of runs whose scores are no clear difference from the highest, those come first in which every
    segment comes back on resamples often enough to be trusted (Hennig 2007: overlap from 0.6 on).

    Parameters
    ----------
    runs : DataFrame, a row per run
        With ``score``, ``jaccard_min``, ``objection``, ``silhouette`` and ``features``.

    Returns
    -------
    DataFrame
        Sorted, ``rank`` in front, and ``silhouette_rank`` among the runs of the same features:
        with fewer features silhouettes are higher, so across feature sets they say nothing.

    Examples
    --------
    >>> runs = pd.DataFrame({"run": ["a", "b"], "features": ["x", "x"], "score": [0.1, 0.5],
    ...                      "jaccard_min": [0.9, 0.9], "objection": ["", ""],
    ...                      "silhouette": [0.6, 0.5]})
    >>> rank(runs)[["rank", "run", "silhouette_rank"]].values.tolist()
    [[1, 'b', 2], [2, 'a', 1]]
    """
    refused = runs["objection"] != ""
    near = runs["score"] > max(runs["score"].where(~refused).max() - CLOSE, 0)
    behind = ~(near & (runs["jaccard_min"] >= TRUSTED))
    order = runs.assign(refused=refused, behind=behind).sort_values(
        ["refused", "behind", "score"], ascending=[True, True, False], kind="stable"
    )
    board = order.drop(columns=["refused", "behind"]).reset_index(drop=True)
    board.insert(0, "rank", np.arange(1, len(board) + 1))
    ranks = board.groupby("features")["silhouette"].rank(ascending=False, method="min")
    return board.assign(silhouette_rank=ranks.astype("Int64"))


def recommend(board: pd.DataFrame, labels: Mapping[str, pd.Series[int]]) -> Recommendation:
    """Recommend the first run of a ranked board, and say why.

    Parameters
    ----------
    board : DataFrame
        As :func:`rank` returns it, with ``run``, ``n_segments``, ``verdict`` and the evidence.
    labels : mapping, run -> Series of segment numbers, indexed by customer id

    Examples
    --------
    >>> evidence = {"jaccard_mean": 0.9, "jaccard_min": 0.8, "likelihood": 0.5, "overlap": 0.1,
    ...             "no_valley": 0.2, "inner_gap": 0.0, "outlier_share": 0.0, "smallest_share": 0.2}
    >>> run = {"run": "kmeans-k2", "features": "x", "score": 0.4, "n_segments": 2,
    ...        "objection": "", "silhouette": 0.5, "verdict": "natural"}
    >>> board = rank(pd.DataFrame([run | evidence]))
    >>> recommend(board, {"kmeans-k2": pd.Series([1, 2])}).headline
    'Recommended: kmeans-k2, 2 natural segments.'
    """
    eligible = board[(board["objection"] == "") & board["score"].notna()]
    if eligible.empty:
        return _none(board)
    best = eligible.iloc[0]
    # Segments that dissolve on resamples are not there, however well they fit this one table.
    exists = bool(best["score"] > 0 and best["jaccard_mean"] > DISSOLVED)
    verdict = str(best["verdict"]) if exists else NO_SEGMENTS
    strengths = "; ".join(_strengths(best)) or "the others do worse"
    why = f"score {best['score']:.2f}, {_standing(eligible)}: {strengths}"
    against = " ".join(doubts(best)) or "Nothing that was measured."
    rows = [("Why it won", why), ("What speaks against it", against)]
    if len(eligible) > 1:
        rows.insert(1, ("Runner-up", _runner_up(eligible, labels)))
    return Recommendation(
        str(best["run"]),
        verdict,
        _headline(best, exists),
        pd.DataFrame(rows, columns=["question", "answer"]),
    )


def _none(board: pd.DataFrame) -> Recommendation:
    reasons = board["objection"].replace("", "no score").value_counts()
    case = [(f"{count} of {len(board)} runs", reason) for reason, count in reasons.items()]
    headline = f"{NO_SEGMENTS.capitalize()}: no run has an eligible partition."
    return Recommendation(
        "", NO_SEGMENTS, headline, pd.DataFrame(case, columns=["question", "answer"])
    )


def _headline(best: pd.Series[Any], exists: bool) -> str:
    n, verdict = int(best["n_segments"]), best["verdict"]
    if exists:
        return f"Recommended: {best['run']}, {n} {verdict} segments."
    stable = (
        "" if verdict == "constructed" else " (they do come back when the analysis is repeated)"
    )
    return (
        f"No natural segments: one single group describes these customers as well. If segments "
        f"are needed all the same, the best partition is {best['run']}: {n} segments, "
        f"constructed{stable}."
    )


def _standing(eligible: pd.DataFrame) -> str:
    best, top = eligible.iloc[0], eligible.iloc[int(eligible["score"].argmax())]
    if best["score"] == top["score"]:
        return "the highest of all eligible runs"
    return (
        f"no clear difference from the highest ({top['run']}, {top['score']:.2f}, whose weakest "
        f"segment comes back only in part: {percent(top['jaccard_min'])} overlap)"
    )


def _strengths(best: pd.Series[Any]) -> Iterator[str]:
    if best["likelihood"] > 0:
        yield f"it explains {percent(best['likelihood'])} of what one single group leaves open"
    if best["no_valley"] <= SEPARATED:
        yield "its segments are separated by valleys in the density"
    elif best["overlap"] <= SEPARATED:
        yield "its segments are separated along the line between them"
    if best["jaccard_min"] >= STABLE:
        yield f"all segments {COME_BACK}"


def _runner_up(eligible: pd.DataFrame, labels: Mapping[str, pd.Series[int]]) -> str:
    best, second = eligible.iloc[0], eligible.iloc[1]
    lead = best["score"] - second["score"]
    pair = {name: labels[name] for name in (best["run"], second["run"]) if name in labels}
    how_far = ""
    if len(pair) == 2:
        rand = float(agreement(pair).to_numpy()[0, 1])
        same = "tell the same story" if rand >= SAME else "differ"
        how_far = f"; the two {same} {ALIKE.format(rand)}"
    distance = f"{abs(lead):.2f} {'behind' if lead >= 0 else 'ahead'}"
    clear = "" if lead >= CLOSE else ", no clear difference"
    return (
        f"{second['run']} ({int(second['n_segments'])} {second['verdict']} segments), "
        f"{distance}{clear}{how_far}"
    )


def agreement(labels: dict[str, pd.Series[int]]) -> pd.DataFrame:
    """Adjusted Rand index between every two runs (Hubert and Arabie 1985), outliers as one group.

    Parameters
    ----------
    labels : dict, run name -> Series of segment numbers, indexed by customer id
        Runs may have kept different customers; the common ones are compared.

    Returns
    -------
    DataFrame, run x run, symmetric, 1 on the diagonal, NaN where no customer is common

    Examples
    --------
    >>> a, b = pd.Series([1, 1, 2, 2]), pd.Series([2, 2, 1, 1])
    >>> agreement({"a": a, "b": b}).loc["a", "b"]
    np.float64(1.0)
    """
    names = list(labels)
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for i, one in enumerate(names):
        for other in names[:i]:
            common = labels[one].index.intersection(labels[other].index)
            pair = labels[one][common], labels[other][common]
            rand = adjusted_rand_score(*pair) if len(common) else np.nan
            matrix.loc[one, other] = matrix.loc[other, one] = rand
    return matrix

"""One run, from the customer table to named segments, with nothing logged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from customer_segmentation import approximation, memory, naming, paths, profiles
from customer_segmentation.data import CustomerData
from customer_segmentation.features import Features
from customer_segmentation.labels import OUTLIER
from customer_segmentation.naming import playbook
from customer_segmentation.naming.playbook import Play, Playbook
from customer_segmentation.paths.candidates import Candidate
from customer_segmentation.search import Algorithm, Chosen, Selection, search
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.silhouette import EXACT_ROWS


@dataclass(frozen=True)
class Analysis:
    """Everything a run has found."""

    data: CustomerData
    features: Features
    algorithm: Algorithm
    chosen: Chosen  #: The path, its evidence, and the candidate taken
    segmenter: Segmenter
    segments: pd.Series[int]  #: indexed by customer id: 1..n_segments, -1 = outlier
    names: dict[int, str]  #: segment -> name
    #: segment -> Play: what the playbook advises; a segment that no play fits is not in it
    plays: dict[int, Play]
    #: What was not computed exactly, and how; empty up to the limit of customers
    approximations: dict[str, str] = field(default_factory=dict)

    @property
    def n_segments(self) -> int:
        """How many segments were found; 0 when the algorithm found none."""
        return int(self.chosen.row["n_segments"])

    @property
    def name(self) -> str:
        """A name that a person can read, such as "kmeans-income_spending-k5"."""
        return f"{self.algorithm.name}-{self.features.name}-k{self.n_segments}"

    @property
    def verdict(self) -> str:
        """In what sense there are segments: natural, reproducible, constructed or none."""
        return str(self.chosen.row["verdict"])

    @property
    def finding(self) -> str:
        """What was found, in a few words: "5 natural segments"."""
        if self.n_segments == 0:
            return "no cluster found"
        if self.n_segments == 1:
            return "one segment"
        return f"{self.n_segments} {self.verdict} segments"


def analyse(
    data: CustomerData,
    features: Features,
    algorithm: Algorithm,
    taking: Selection,
    *,
    book: Playbook | None = None,
    overrides: Mapping[int, str] | None = None,
    seed: int = 0,
    exact_rows: int = EXACT_ROWS,
    progress: paths.Progress | None = None,
) -> Analysis:
    """Search a path, build the model and describe its segments.

    Parameters
    ----------
    data : CustomerData
    features : Features
        Built from ``data.table``.
    algorithm : Algorithm
    taking : Selection
        How a candidate is taken.
    book : Playbook, optional
        Names segments and says what to do with each; without one they are named after what sets
        them apart.
    overrides : mapping, segment -> name, optional
        What the user calls segments.
    seed : int
    exact_rows : int
        Up to so many customers everything is exact; see
        :func:`customer_segmentation.search.search`.
    progress : callable(done, total), optional

    Raises
    ------
    grids.PathError, selection.SelectionError, naming.NamingError
    """
    X = features.matrix
    chosen = search(X, algorithm, taking, seed=seed, exact_rows=exact_rows, progress=progress)
    memory.release()
    segmenter = Segmenter.from_candidate(features, chosen.candidate, seed=seed)
    segmenter.schema_ = segmenter.schema_.within(data.allowed)
    chosen = approximation.over_all(
        chosen, X, segmenter.clusters_, seed=seed, exact_rows=exact_rows
    )
    inexact = approximation.told(
        chosen, algorithm.estimator, len(X), fidelity=segmenter.fidelity_, exact_rows=exact_rows
    )
    memory.release()
    segments = pd.Series(segmenter.labels_, index=data.table.index, name="segment")
    plays = playbook.assign(book, data.table, segments) if book else {}
    contrasts = profiles.contrasts(data.table, segments)
    own = _own_names(chosen.candidate, segments)
    names = naming.names(contrasts, data.table, segments, plays, own | dict(overrides or {}))
    segmenter.name_segments(names)
    return Analysis(data, features, algorithm, chosen, segmenter, segments, names, plays, inexact)


def _own_names(candidate: Candidate, segments: pd.Series[int]) -> dict[int, str]:
    """What an algorithm with fixed groups calls them, by segment number."""
    names = getattr(candidate.estimator, "cluster_names_", None)
    if names is None:
        return {}
    own = zip(segments, candidate.estimator.labels_, strict=True)
    return {int(segment): names[label] for segment, label in own if segment != OUTLIER}

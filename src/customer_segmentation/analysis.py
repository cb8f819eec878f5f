"""One run: settings checked, then from the customer table to named segments; nothing is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from customer_segmentation import approximation, environment, naming, paths, profiles
from customer_segmentation.data import CustomerData
from customer_segmentation.features import Features
from customer_segmentation.labels import OUTLIER
from customer_segmentation.naming import playbook
from customer_segmentation.naming.playbook import Play, Playbook
from customer_segmentation.paths import grids, samples
from customer_segmentation.paths.candidates import Candidate
from customer_segmentation.search import Algorithm, Chosen, Selection, grid_of, search
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.validity import EXACT_ROWS

FEWEST_ROWS = 1_000  # of which all is exact at least: fewer would be no table to look at


class SettingError(ValueError):
    """A setting of the run that is not of its kind."""


def check(
    features: Features,
    algorithm: Algorithm,
    taking: Selection,
    seed: int,
    exact_rows: int = EXACT_ROWS,
) -> None:
    """Refuse what cannot be fitted, before anything is logged or computed.

    Raises
    ------
    SettingError, grids.PathError
        See :func:`customer_segmentation.paths.grids.check_grid`.
    """
    n_segments = taking.n_segments
    if n_segments is not None and not (isinstance(n_segments, int) and n_segments >= 1):
        raise SettingError(
            f"got n_segments={n_segments}, expected auto or a whole number from 1 on."
        )
    _check_numbers(algorithm, taking)
    for name, value, least in (("seed", seed, 0), ("exact_rows", exact_rows, FEWEST_ROWS)):
        if not (isinstance(value, int) and least <= value < 2**32):
            raise SettingError(
                f"got {name}={value}, expected a whole number from {least} to {2**32 - 1}."
            )
    _check_features(features, algorithm)
    rows = samples.fitted_rows(algorithm.estimator, len(features.matrix), exact_rows, seed)
    X = features.matrix if rows is None else features.matrix[rows]
    grids.check_grid(
        algorithm.estimator,
        X,
        algorithm=algorithm.name,
        parameter=algorithm.parameter,
        grid=grid_of(X, algorithm, n_segments),
    )


def _check_features(features: Features, algorithm: Algorithm) -> None:
    wanted = list(algorithm.first_features)
    found = features.feature_names[: len(wanted)]
    if found != wanted:
        raise SettingError(
            f"algorithm={algorithm.name}: got features={features.name}, which begin with {found}, "
            f"expected {wanted}. Use features=rfm, or data of purchases (data=transactions)."
        )


def _check_numbers(algorithm: Algorithm, taking: Selection) -> None:
    """Refuse words where the configuration needs numbers."""
    if algorithm.grid is not None and not isinstance(algorithm.grid, Sequence):
        raise SettingError(
            f"got algorithm.grid={algorithm.grid}, expected a list such as algorithm.grid=[2,3,4]."
        )
    settings = {f"selection.guards.{name}": value for name, value in vars(taking.guards).items()}
    for name, value in {"max_segments": taking.largest_grid, **settings}.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingError(f"got {name}={value}, expected a number. Correct it.")


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
    environment.release_memory()
    segmenter = Segmenter.from_candidate(features, chosen.candidate, seed=seed)
    segmenter.schema_ = segmenter.schema_.within(data.allowed)
    chosen = approximation.over_all(
        chosen, X, segmenter.clusters_, seed=seed, exact_rows=exact_rows
    )
    inexact = approximation.told(
        chosen, algorithm.estimator, len(X), fidelity=segmenter.fidelity_, exact_rows=exact_rows
    )
    environment.release_memory()
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

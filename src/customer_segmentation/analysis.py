"""One run, from the matrix to named segments, with nothing logged yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from customer_segmentation import naming, paths, profiles, selection, validity
from customer_segmentation.data import CustomerData
from customer_segmentation.features import Features
from customer_segmentation.paths import Candidate, Path
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.selection import Choice, Rule
from customer_segmentation.validity import FloatArray


@dataclass(frozen=True)
class Algorithm:
    """An algorithm and the grid of its one main parameter.

    Attributes
    ----------
    name : str
    estimator : scikit-learn-compatible clusterer, unfitted
    parameter : str
    grid : sequence of numbers or None
        None derives it from the data.
    assign_outliers : bool
    """

    name: str
    estimator: Any
    parameter: str
    grid: Sequence[float] | None = None
    assign_outliers: bool = False


@dataclass(frozen=True)
class Analysis:
    """Everything a run has found.

    Attributes
    ----------
    scores : DataFrame
        The path table: a row per candidate, the grid's value in ``value``.
    silhouettes : ndarray of shape (n_samples,)
        Of the candidate taken.
    segments : Series of int, indexed by customer id
        1..n_segments, -1 = outlier.
    names : dict, segment -> name
    """

    data: CustomerData
    features: Features
    algorithm: Algorithm
    path: Path
    scores: pd.DataFrame
    choice: Choice
    silhouettes: FloatArray
    segmenter: Segmenter
    segments: pd.Series[int]
    names: dict[int, str]

    @property
    def candidate(self) -> Candidate:
        """The candidate taken."""
        return self.path.candidates[self.choice.index]

    @property
    def chosen(self) -> pd.Series[Any]:
        """Its row of the path table."""
        return self.scores.iloc[self.choice.index]

    @property
    def n_segments(self) -> int:
        """How many segments were found; 0 when the algorithm found none."""
        return int(self.chosen["n_segments"])

    @property
    def name(self) -> str:
        """A name that a person can read, such as "kmeans-income_spending-k5"."""
        return f"{self.algorithm.name}-{self.features.name}-k{self.n_segments}"

    @property
    def verdict(self) -> str:
        """What was found, in a few words."""
        if self.n_segments == 0:
            return "no cluster found"
        return "one segment" if self.n_segments == 1 else f"{self.n_segments} segments"


class SettingError(ValueError):
    """A setting of the run that is not of its kind."""


def check(features: Features, algorithm: Algorithm, n_segments: int | None, seed: int) -> None:
    """Refuse what cannot be fitted, before anything is logged or computed.

    Raises
    ------
    SettingError, paths.PathError
        See :func:`paths.check_grid`.
    """
    if n_segments is not None and not (isinstance(n_segments, int) and n_segments >= 1):
        raise SettingError(
            f"got n_segments={n_segments}, expected auto or a whole number from 1 on."
        )
    if not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise SettingError(f"got seed={seed}, expected a whole number from 0 to {2**32 - 1}.")
    grid = _grid(features, algorithm, n_segments)
    paths.check_grid(
        algorithm.estimator,
        features.matrix,
        algorithm=algorithm.name,
        parameter=algorithm.parameter,
        grid=grid,
    )


def analyse(
    data: CustomerData,
    features: Features,
    algorithm: Algorithm,
    rule: Rule,
    *,
    n_segments: int | None = None,
    seed: int = 0,
    progress: paths.Progress | None = None,
) -> Analysis:
    """Fit a path, score it, take a candidate and describe its segments.

    Parameters
    ----------
    data : CustomerData
    features : Features
        Built from ``data.table``.
    algorithm : Algorithm
    rule : callable
        Chooses on the path table; see :mod:`customer_segmentation.selection`.
    n_segments : int, optional
        Forces the number of segments; the path is drawn all the same.
    seed : int
    progress : callable(done, total), optional

    Raises
    ------
    paths.PathError, selection.SelectionError

    Notes
    -----
    Everything runs on one thread: sums over several are added up in another order, and the same
    data and seed must give the same labels on one process or several.
    """
    X = features.matrix
    with threadpool_limits(limits=1):
        path = paths.fit_path(
            algorithm.estimator,
            X,
            algorithm=algorithm.name,
            parameter=algorithm.parameter,
            grid=_grid(features, algorithm, n_segments),
            assign_outliers=algorithm.assign_outliers,
            progress=progress,
        )
        scores, silhouettes = validity.score(X, path.labelings, seed=seed)
        scores = _with_fits(scores, path)
        choice = selection.choose(scores, rule, n_segments)
        segmenter = Segmenter(features, path.candidates[choice.index], seed=seed)
    segments = pd.Series(segmenter.segments_, index=data.table.index, name="segment")
    names = naming.names(profiles.contrasts(data.table, segments), data.table, segments)
    segmenter.name_segments(names)
    return Analysis(
        data,
        features,
        algorithm,
        path,
        scores,
        choice,
        silhouettes[choice.index],
        segmenter,
        segments,
        names,
    )


def _grid(features: Features, algorithm: Algorithm, n_segments: int | None) -> list[float]:
    if algorithm.grid is None:
        grid = paths.derive_grid(algorithm.estimator, features.matrix, algorithm.parameter)
    else:
        grid = list(algorithm.grid)
    counts = algorithm.parameter in paths.COUNT_PARAMETERS
    if n_segments is not None and counts and n_segments not in grid:
        grid = sorted([*grid, n_segments])
    return grid


def _with_fits(scores: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add what the fits themselves know to the path table."""
    fits = pd.DataFrame(
        [{"value": c.value, "seconds": round(c.seconds, 4), **c.scores} for c in path.candidates]
    )
    scores = scores.assign(
        absent=[c.failure or a for c, a in zip(path.candidates, scores["absent"], strict=True)]
    )
    if "bic" not in fits:
        fits["bic"] = np.nan
    return pd.concat([fits[["value"]], scores, fits.drop(columns="value")], axis=1)

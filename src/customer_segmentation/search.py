"""One algorithm on one matrix: its path, the evidence for every candidate, and the one taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from customer_segmentation import evidence, grids, paths, scoring, selection, validity
from customer_segmentation.experiments import Experiments
from customer_segmentation.features import Features
from customer_segmentation.labels import FloatArray
from customer_segmentation.paths import Candidate, Path
from customer_segmentation.scoring import Guards
from customer_segmentation.selection import Choice, Rule
from customer_segmentation.stability import Resample

STABILITY = ("stability", "jaccard_mean", "jaccard_min")


class SettingError(ValueError):
    """A setting of the run that is not of its kind."""


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
    first_features : sequence of str
        What the matrix has to begin with, for an algorithm to which its columns mean something.
    """

    name: str
    estimator: Any
    parameter: str
    grid: Sequence[float] | None = None
    assign_outliers: bool = False
    first_features: Sequence[str] = ()


@dataclass(frozen=True)
class Selection:
    """How one candidate of a path is taken.

    Attributes
    ----------
    rule : callable
        See :mod:`customer_segmentation.selection`.
    guards : Guards
        What a candidate must satisfy to be eligible.
    n_segments : int or None
        Forces the number of segments.
    largest_grid : int
        A path whose best candidate is at its end extends itself up to this many segments.
    """

    rule: Rule
    guards: Guards = field(default_factory=Guards)
    n_segments: int | None = None
    largest_grid: int = 60


@dataclass(frozen=True)
class Chosen:
    """A path, the evidence for each of its candidates, and the one that was taken.

    Attributes
    ----------
    path : Path
    scores : DataFrame
        The path table: a row per candidate, the grid's value in ``value``.
    choice : Choice
    silhouettes : ndarray of shape (n_samples,)
        Of the candidate taken.
    jaccard : list of float
        Of the clusters of the candidate taken; empty with fewer than two.
    resamples : list of Resample
        What the bootstrap of the candidate taken found; empty with fewer than two clusters.
    """

    path: Path
    scores: pd.DataFrame
    choice: Choice
    silhouettes: FloatArray
    jaccard: list[float]
    resamples: list[Resample] = field(default_factory=list)

    @property
    def candidate(self) -> Candidate:
        """The candidate taken."""
        return self.path.candidates[self.choice.index]

    @property
    def row(self) -> pd.Series[Any]:
        """Its row of the path table."""
        return self.scores.iloc[self.choice.index]


def check(features: Features, algorithm: Algorithm, taking: Selection, seed: int) -> None:
    """Refuse what cannot be fitted, before anything is logged or computed.

    Raises
    ------
    SettingError, grids.PathError
        See :func:`customer_segmentation.grids.check_grid`.
    """
    n_segments = taking.n_segments
    if n_segments is not None and not (isinstance(n_segments, int) and n_segments >= 1):
        raise SettingError(
            f"got n_segments={n_segments}, expected auto or a whole number from 1 on."
        )
    _check_numbers(algorithm, taking)
    if not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise SettingError(f"got seed={seed}, expected a whole number from 0 to {2**32 - 1}.")
    _check_features(features, algorithm)
    grids.check_grid(
        algorithm.estimator,
        features.matrix,
        algorithm=algorithm.name,
        parameter=algorithm.parameter,
        grid=_grid(features.matrix, algorithm, n_segments),
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


def search(
    X: FloatArray,
    algorithm: Algorithm,
    taking: Selection,
    *,
    seed: int,
    progress: paths.Progress | None = None,
) -> Chosen:
    """Fit a path, gather the evidence, and take a candidate.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Standardised.
    algorithm : Algorithm
    taking : Selection
    seed : int
        Fixes every sample that the evidence is computed on.
    progress : callable(done, total), optional

    Raises
    ------
    grids.PathError, selection.SelectionError

    Notes
    -----
    Everything runs on one thread: sums over several are added up in another order, and the same
    data and seed must give the same labels on one process or several.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> rng = np.random.default_rng(0)
    >>> X = np.r_[rng.normal(size=(90, 2)), rng.normal(size=(60, 2)) + 9]
    >>> kmeans = Algorithm("kmeans", KMeans(random_state=0), "n_clusters", range(1, 6))
    >>> found = search(X, kmeans, Selection(selection.by_evidence), seed=0)
    >>> int(found.row["n_segments"]), found.row["verdict"]
    (2, 'natural')
    """
    with threadpool_limits(limits=1):
        path = paths.fit_path(
            algorithm.estimator,
            X,
            algorithm=algorithm.name,
            parameter=algorithm.parameter,
            grid=_grid(X, algorithm, taking.n_segments),
            assign_outliers=algorithm.assign_outliers,
            progress=progress,
        )
        found = _take(X, path, algorithm, taking, seed)
        further = _further(found, taking)
        if further:
            path = paths.extend(path, algorithm.estimator, X, further)
            found = _take(X, path, algorithm, taking, seed)
            reason = f"{found.choice.reason}; the path was extended to {further[-1]} segments"
            found = replace(found, choice=replace(found.choice, reason=reason))
    return found


def _take(X: FloatArray, path: Path, algorithm: Algorithm, taking: Selection, seed: int) -> Chosen:
    scores, silhouettes = validity.score(X, path.labelings, seed=seed)
    table = pd.concat([_fits(path, scores), evidence.measure(X, path.labelings, seed=seed)], axis=1)
    table["objection"] = scoring.objections(table, taking.guards, len(X))
    experiments = Experiments(
        X, algorithm.estimator, path, assign_outliers=algorithm.assign_outliers, seed=seed
    )
    choice = selection.choose(table, taking.rule, experiments, taking.n_segments)
    several = table["n_segments"].iloc[choice.index] > 1
    found = experiments.bootstrap(choice.index) if several else {"jaccard": [], "resamples": []}
    table = _with_stability(table, experiments.examined)
    return Chosen(
        path, table, choice, silhouettes[choice.index], found["jaccard"], found["resamples"]
    )


def _further(found: Chosen, taking: Selection) -> list[int]:
    """Values to try beyond a grid whose end looks best; none where a number was asked for."""
    path = found.path
    if path.parameter not in grids.COUNT_PARAMETERS or taking.n_segments is not None:
        return []
    limit = min(taking.largest_grid, len(found.silhouettes) // 2)
    values = [candidate.value for candidate in path.candidates]
    eligible = found.row["objection"] == ""
    return scoring.further_values(values, found.candidate.value, limit) if eligible else []


def _grid(X: FloatArray, algorithm: Algorithm, n_segments: int | None) -> list[float]:
    if algorithm.grid is None:
        grid = grids.derive_grid(algorithm.estimator, X, algorithm.parameter)
    else:
        grid = list(algorithm.grid)
    counts = algorithm.parameter in grids.COUNT_PARAMETERS
    if isinstance(n_segments, int) and counts and n_segments not in grid:
        grid = sorted([*grid, n_segments])
    return grid


def _fits(path: Path, scores: pd.DataFrame) -> pd.DataFrame:
    """The path table so far: grid value, scores, and what the fits themselves know."""
    fits = pd.DataFrame(
        [{"value": c.value, "seconds": round(c.seconds, 4), **c.scores} for c in path.candidates]
    )
    absent = [c.failure or a for c, a in zip(path.candidates, scores["absent"], strict=True)]
    bic = fits.get("bic", np.nan)
    scores = scores.assign(absent=absent, bic=bic, seconds=fits["seconds"])
    return pd.concat([fits[["value"]], scores], axis=1)


def _with_stability(table: pd.DataFrame, examined: dict[int, dict[str, Any]]) -> pd.DataFrame:
    """Add what was learned of the candidates that were bootstrapped, the score, the verdict."""
    table = table.assign(**dict.fromkeys(STABILITY, np.nan))
    for position, found in examined.items():
        for name in STABILITY:
            table.loc[position, name] = found[name]
    table["score"] = scoring.score(table)
    known = [row if i in examined or row["n_segments"] < 2 else None for i, row in table.iterrows()]
    table["verdict"] = [scoring.verdict(row) if row is not None else "" for row in known]
    return table

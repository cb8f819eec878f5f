"""One algorithm on one matrix: its path, the evidence for every candidate, and the one taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from customer_segmentation import evidence, paths, selection, validity
from customer_segmentation.evidence import scoring
from customer_segmentation.evidence.scoring import Guards
from customer_segmentation.evidence.stability import Experiments, Resample
from customer_segmentation.labels import FloatArray, IntArray, sampled_rows
from customer_segmentation.paths import grids, samples
from customer_segmentation.paths.candidates import Candidate, Path
from customer_segmentation.selection import Choice, Rule
from customer_segmentation.validity import EXACT_ROWS

STABILITY = ("stability", "jaccard_mean", "jaccard_min", "unstable")


@dataclass(frozen=True)
class Algorithm:
    """An algorithm and the grid of its one main parameter."""

    name: str
    estimator: Any  #: scikit-learn-compatible clusterer, unfitted
    parameter: str
    grid: Sequence[float] | None = None  #: None derives it from the data
    assign_outliers: bool = False
    #: What the matrix has to begin with, for an algorithm to which its columns mean something
    first_features: Sequence[str] = ()


@dataclass(frozen=True)
class Selection:
    """How one candidate of a path is taken."""

    rule: Rule  #: See :mod:`customer_segmentation.selection`
    guards: Guards = field(default_factory=Guards)  #: What a candidate must satisfy to be eligible
    n_segments: int | None = None  #: Forces the number of segments
    #: A path whose best candidate is at its end extends itself up to this many segments
    largest_grid: int = 60


@dataclass(frozen=True)
class Chosen:
    """A path, the evidence for each of its candidates, and the one that was taken."""

    path: Path
    scores: pd.DataFrame  #: The path table: a row per candidate, the grid's value in ``value``
    choice: Choice
    silhouettes: FloatArray  #: shape (n_samples,): of the candidate taken
    jaccard: list[float]  #: Of the clusters of the candidate taken; empty with fewer than two
    #: What the bootstrap of the candidate taken found; empty with fewer than two clusters
    resamples: list[Resample] = field(default_factory=list)
    #: shape (n_fitted,): the customers that the algorithm was fitted on, and all this
    #: speaks of; None = everyone
    rows: IntArray | None = None

    @property
    def candidate(self) -> Candidate:
        """The candidate taken."""
        return replace(self.path.candidates[self.choice.index], rows=self.rows)

    @property
    def row(self) -> pd.Series[Any]:
        """Its row of the path table."""
        return self.scores.iloc[self.choice.index]


def search(
    X: FloatArray,
    algorithm: Algorithm,
    taking: Selection,
    *,
    seed: int,
    exact_rows: int = EXACT_ROWS,
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
    exact_rows : int
        Up to so many customers everything is exact. Beyond, algorithms whose cost grows faster
        than the table see a sample of so many (``rows`` of the result), the others try their
        starts on it; silhouettes and evidence are those of samples too.
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
        rows = samples.fitted_rows(algorithm.estimator, len(X), exact_rows, seed)
        seen = X if rows is None else X[rows]
        some = sampled_rows(len(seen), exact_rows, seed)
        path = paths.fit_path(
            algorithm.estimator,
            seen,
            algorithm=algorithm.name,
            parameter=algorithm.parameter,
            grid=_grid_of_sample(X, seen, algorithm, taking.n_segments),
            assign_outliers=algorithm.assign_outliers,
            start_on=seen[some] if len(some) < len(seen) else None,
            may_end=algorithm.grid is None and taking.n_segments is None,
            progress=progress,
        )
        found = _take(seen, path, algorithm, taking, seed=seed, exact_rows=exact_rows)
        further = _further(found, taking)
        if further:
            path = paths.extend(path, algorithm.estimator, seen, further)
            found = _take(seen, path, algorithm, taking, seed=seed, exact_rows=exact_rows)
    return replace(found, rows=rows, choice=_with_ends(found, bool(further)))


def _take(
    X: FloatArray,
    path: Path,
    algorithm: Algorithm,
    taking: Selection,
    *,
    seed: int,
    exact_rows: int,
) -> Chosen:
    scored = validity.score(X, path.labelings, seed=seed, exact_rows=exact_rows)
    some = sampled_rows(len(X), exact_rows, seed)
    seen = evidence.measure(X[some], [labels[some] for labels in path.labelings], seed=seed)
    table = pd.concat([_fits(path, scored.table), seen], axis=1)
    table["objection"] = scoring.objections(table, taking.guards, len(X))
    experiments = Experiments(
        X, algorithm.estimator, path, assign_outliers=algorithm.assign_outliers, seed=seed
    )
    choice = selection.choose(table, taking.rule, experiments, taking.n_segments)
    several = table["n_segments"].iloc[choice.index] > 1
    found = experiments.bootstrap(choice.index) if several else {"jaccard": [], "resamples": []}
    table = _with_stability(table, experiments.examined)
    widths = scored.widths(choice.index, len(X))
    return Chosen(path, table, choice, widths, found["jaccard"], found["resamples"])


def _with_ends(found: Chosen, extended: bool) -> Choice:
    """The choice, its reason with where the path goes that is not the grid."""
    last = f"the path was extended to {found.path.candidates[-1].value:g} segments"
    said = [found.choice.reason, *[last] * extended, *[found.path.end] * bool(found.path.end)]
    return replace(found.choice, reason="; ".join(said))


def _further(found: Chosen, taking: Selection) -> list[int]:
    """Values to try beyond a grid whose end looks best; none where a number was asked for."""
    path = found.path
    if path.parameter not in grids.COUNT_PARAMETERS or taking.n_segments is not None:
        return []
    limit = min(taking.largest_grid, len(found.silhouettes) // 2)
    values = [candidate.value for candidate in path.candidates]
    eligible = found.row["objection"] == ""
    return scoring.further_values(values, found.candidate.value, limit) if eligible else []


def grid_of(X: FloatArray, algorithm: Algorithm, n_segments: int | None) -> list[float]:
    """Values that are tried: those given, or derived from the data, and a number asked for."""
    if algorithm.grid is None:
        grid = grids.derive_grid(algorithm.estimator, X, algorithm.parameter)
    else:
        grid = list(algorithm.grid)
    counts = algorithm.parameter in grids.COUNT_PARAMETERS
    if isinstance(n_segments, int) and counts and n_segments not in grid:
        grid = sorted([*grid, n_segments])
    return grid


def _grid_of_sample(
    X: FloatArray, seen: FloatArray, algorithm: Algorithm, n_segments: int | None
) -> list[float]:
    """The grid; values that a user gave for the whole table mean something else for a sample."""
    grid = grid_of(seen, algorithm, n_segments)
    if len(seen) == len(X) or algorithm.grid is None:
        return grid
    return grids.rescale(algorithm.estimator, algorithm.parameter, grid, X, seen)


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
    table["verdict"] = [
        scoring.verdict(row) if position in examined or row["n_segments"] < 2 else ""
        for position, row in table.iterrows()
    ]
    return table

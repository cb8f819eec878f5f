"""Experiments that a choice may ask for: refits on samples, refits on data without structure."""

from __future__ import annotations

from typing import Any

import numpy as np

from customer_segmentation import paths, validity
from customer_segmentation.evidence import stability
from customer_segmentation.labels import FloatArray
from customer_segmentation.paths.candidates import Path

NULL_REPEATS = 10  # Tibshirani et al. (2001) find B = 10 enough for the gap's standard error
MAX_NULL_ROWS = 2_000


class Experiments:
    """Refits of one path, each made once and only when asked for.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    estimator : scikit-learn-compatible clusterer
    path : Path
        Fitted on `X`.
    assign_outliers : bool
    seed : int
    """

    def __init__(
        self, X: FloatArray, estimator: Any, path: Path, *, assign_outliers: bool, seed: int
    ) -> None:
        self.X, self.estimator, self.path = X, estimator, path
        self.assign_outliers, self.seed = assign_outliers, seed
        self.examined: dict[int, dict[str, Any]] = {}

    def bootstrap(self, position: int) -> dict[str, Any]:
        """Stability of one candidate.

        Returns
        -------
        dict
            As :func:`customer_segmentation.evidence.stability.bootstrap` gives it.
        """
        if position not in self.examined:
            candidate = self.path.candidates[position]
            self.examined[position] = stability.bootstrap(
                lambda sample: self._refit(sample, [candidate.value])[0],
                self.X,
                candidate.labels,
                seed=self.seed,
            )
        return self.examined[position]

    def null_wcss(self) -> FloatArray:
        """WCSS of every grid value on uniform data in the box of the principal axes.

        Returns
        -------
        ndarray of shape (repeats, n_candidates)
            As if for as many rows as `X` has. NaN where a fit found no cluster.
        """
        rng = np.random.default_rng(self.seed)
        centred = self.X - self.X.mean(axis=0)
        axes = np.linalg.svd(centred, full_matrices=False)[2]
        projected = centred @ axes.T
        low, high = projected.min(axis=0), projected.max(axis=0)
        rows = min(len(self.X), MAX_NULL_ROWS)
        values = [candidate.value for candidate in self.path.candidates]
        result = []
        for _ in range(NULL_REPEATS):
            sample = rng.uniform(low, high, size=(rows, len(low))) @ axes
            result.append(
                [
                    validity.wcss(sample, labels) if (labels >= 0).any() else np.nan
                    for labels in self._refit(sample, values)
                ]
            )
        return np.asarray(result) * len(self.X) / rows

    def _refit(self, sample: FloatArray, values: Any) -> list[Any]:
        return paths.refit(
            self.estimator, self.path, self.X, sample, values, assign_outliers=self.assign_outliers
        )

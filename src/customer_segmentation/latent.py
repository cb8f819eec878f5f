"""Latent classes: what numbers and categories have in common, each in its own distribution."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from customer_segmentation.encoding import categories
from customer_segmentation.labels import FloatArray, IntArray

NOTHING = 1e-9  # customers of a class that nobody is in


class LatentClasses(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Mixture of classes: Gaussians for the numbers times a multinomial for every category.

    Within a class, categories are independent of each other and of the numbers (Lazarsfeld and
    Henry 1968), and the classes share one covariance of the numbers, as in Fisher's discriminant
    analysis. With covariances of their own, classes shrink onto customers who are alike in counts
    and rounded amounts; and a Gaussian over the columns of a category has a parameter for every
    two levels, of which a survey has hundreds.

    Parameters
    ----------
    n_components : int, default 2
    n_init : int, default 3
        Of k-means, whose best is where EM starts; a second start is k-means on the categories.
    reg_covar : float, default 1e-3
        Added to the variances.
    max_iter : int, default 200
        Turns of EM.
    tol : float, default 1e-4
        EM ends when a turn gains less, in nats per customer.
    random_state : int, RandomState instance or None, default None

    Attributes
    ----------
    numbers_, levels_ : ndarray of int
        Columns that are numbers; columns that encode the categories (two values each).
    alone_ : ndarray of int
        Those of the latter that are a yes/no category by themselves.
    categories_ : int
        How many categories there are.
    middle_ : ndarray of shape (n_features,)
        Halfway between the least and the largest value: above it a level is on.
    weights_ : ndarray of shape (n_components,)
    means_ : ndarray of shape (n_components, n_numbers)
    whiten_ : ndarray of shape (n_numbers, n_numbers)
        Makes the numbers within a class uncorrelated, with variance 1.
    shares_ : ndarray of shape (n_components, n_levels)
        Of the customers of a class, who have each level; the "no" of yes/no categories last.
    n_iter_ : int
        Turns of EM from the better start.
    labels_ : ndarray of shape (n_samples,)

    References
    ----------
    Vermunt and Magidson (2002), "Latent class cluster analysis", in Hagenaars and McCutcheon,
    *Applied Latent Class Analysis*.

    Examples
    --------
    >>> X = np.repeat([[0, 0, 0.1], [0, 0, 0.2], [1, 1, 0.1], [1, 1, 0.2]], 10, axis=0)
    >>> np.bincount(LatentClasses(2, random_state=0).fit(X).labels_).tolist()
    [20, 20]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "reg_covar": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_init: int = 3,
        reg_covar: float = 1e-3,
        max_iter: int = 200,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.n_init = n_init
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> LatentClasses:
        """Fit the mixture by EM (Dempster et al. 1977).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        """
        self._validate_params()
        X = validate_data(self, X, dtype=np.float64)
        if len(X) < self.n_components:
            raise ValueError(
                f"got n_samples={len(X)}, expected at least n_components={self.n_components}. "
                f"Use more customers or fewer classes."
            )
        self._learn_columns(X)
        Z, on = self._parts(X)
        found = [self._em(Z, on, np.eye(self.n_components)[start]) for start in self._starts(X)]
        _, self.n_iter_, member = max(found, key=lambda one: one[0])
        self._maximise(Z, on, member)
        self.labels_ = self._joint(Z, on).argmax(axis=1)
        return self

    def predict(self, X: Any) -> IntArray:
        """Likeliest class of every customer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A level that nobody had leaves all columns of its category off: it speaks for no class.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return np.asarray(self._joint_of(X).argmax(axis=1))

    def score_samples(self, X: Any) -> FloatArray:
        """Log-likelihood of every customer, in nats."""
        return _normalised(self._joint_of(X))[0]

    def bic(self, X: Any) -> float:
        """Bayesian information criterion (Schwarz 1978); small is good."""
        d, free = len(self.numbers_), self.shares_.shape[1] - self.categories_
        parameters = self.n_components * (1 + d + free) - 1 + d * (d + 1) / 2
        found = self.score_samples(X)
        return float(parameters * np.log(len(found)) - 2 * found.sum())

    def _learn_columns(self, X: FloatArray) -> None:
        groups = categories(X)
        self.categories_ = len(groups)
        self.levels_ = np.array([column for group in groups for column in group], dtype=np.int64)
        self.alone_ = np.array([group[0] for group in groups if len(group) == 1], dtype=np.int64)
        self.numbers_ = np.setdiff1d(np.arange(X.shape[1]), self.levels_)
        self.middle_ = (X.min(axis=0) + X.max(axis=0)) / 2

    def _parts(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The numbers, and 1 where a level is on."""
        on = (self.middle_ < X).astype(float)
        return X[:, self.numbers_], np.hstack([on[:, self.levels_], 1 - on[:, self.alone_]])

    def _starts(self, X: FloatArray) -> list[IntArray]:
        k, rng = self.n_components, check_random_state(self.random_state)
        spaces = [X]
        if len(self.numbers_) and len(np.unique(X[:, self.levels_], axis=0)) >= k > 1:
            # Beside numbers, categories have little say in where k-means starts.
            spaces.append(X[:, self.levels_])
        means = KMeans(k, n_init=self.n_init, random_state=rng)
        return [means.fit_predict(space) for space in spaces]

    def _em(
        self, Z: FloatArray, on: FloatArray, member: FloatArray
    ) -> tuple[float, int, FloatArray]:
        """Log-likelihood per customer, turns, and the classes' shares of every customer."""
        turn, now, before = 0, -np.inf, -np.inf
        while turn < self.max_iter:
            self._maximise(Z, on, member)
            each, member = _normalised(self._joint(Z, on))
            turn, before, now = turn + 1, now, float(each.mean())
            if now - before < self.tol:
                break
        return now, turn, member

    def _maximise(self, Z: FloatArray, on: FloatArray, member: FloatArray) -> None:
        sizes = member.sum(axis=0) + NOTHING
        self.weights_ = sizes / sizes.sum()
        self.means_ = member.T @ Z / sizes[:, None]
        spread = Z.T @ Z - (self.means_ * sizes[:, None]).T @ self.means_
        covariance = spread / len(Z) + self.reg_covar * np.eye(Z.shape[1])
        self.whiten_ = np.linalg.inv(np.linalg.cholesky(covariance)).T
        # One customer more in each class, of all levels as they are in the table: none is
        # impossible where nobody was seen with it (the Bayes constants of Vermunt and Magidson).
        self.shares_ = (member.T @ on + on.mean(axis=0)) / (sizes[:, None] + 1)

    def _joint(self, Z: FloatArray, on: FloatArray) -> FloatArray:
        """Log of each class's weight times its density, (n_samples, n_components)."""
        rows, centres = Z @ self.whiten_, self.means_ @ self.whiten_
        squares = np.square(rows).sum(axis=1)[:, None] + np.square(centres).sum(axis=1)
        volume = np.log(np.diagonal(self.whiten_)).sum() - Z.shape[1] * np.log(2 * np.pi) / 2
        found = np.log(self.weights_) + volume - squares / 2 + rows @ centres.T
        return np.asarray(found + on @ np.log(self.shares_).T)

    def _joint_of(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        return self._joint(*self._parts(validate_data(self, X, dtype=np.float64, reset=False)))


def _normalised(joint: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log of the sum over the classes, of every row, and the share of each class in it."""
    top = joint.max(axis=1)
    shares = np.exp(joint - top[:, None])
    total = shares.sum(axis=1)
    return np.log(total) + top, shares / total[:, None]

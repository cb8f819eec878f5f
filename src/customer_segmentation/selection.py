"""Which candidate of a path is taken, and which run of a sweep is recommended."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from kneed import KneeLocator
from sklearn.metrics import adjusted_rand_score

# Below half of the customers a silhouette speaks of a minority only.
MIN_COVERAGE = 0.5


class SelectionError(ValueError):
    """A choice that the path cannot serve."""


@dataclass(frozen=True)
class Choice:
    """The candidate taken, and why.

    Attributes
    ----------
    index : int
        Row of the path table.
    reason : str
        One clause for people: "best silhouette of the path (0.555)".
    """

    index: int
    reason: str


Rule = Callable[[pd.DataFrame], Choice]


def choose(path: pd.DataFrame, rule: Rule, n_segments: int | None = None) -> Choice:
    """Take one candidate of a path.

    Parameters
    ----------
    path : DataFrame
        A row per candidate, as :func:`customer_segmentation.validity.score` gives them, with the
        grid's value in column ``value``.
    rule : callable
        One of this module's ``by_...`` functions, or any with their signature.
    n_segments : int, optional
        Forces the number of segments; the best silhouette breaks a tie.

    Raises
    ------
    SelectionError
        When no candidate has `n_segments` segments.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [2, 3], "n_segments": [2, 3], "silhouette": [0.5, 0.6],
    ...                      "coverage": [1.0, 1.0], "wcss": [9.0, 4.0]})
    >>> choose(path, by_silhouette)
    Choice(index=1, reason='best silhouette of the path (0.600)')
    >>> choose(path, by_silhouette, n_segments=2).reason
    'n_segments=2 was asked for'
    """
    if n_segments is None:
        return rule(path)
    matching = path["n_segments"].to_numpy() == n_segments
    if not matching.any():
        found = sorted({int(n) for n in path["n_segments"]})
        raise SelectionError(
            f"got n_segments={n_segments}, expected a number of segments that the path has: "
            f"{found}. "
            f"Set n_segments=auto, or widen algorithm.grid."
        )
    scores = path["silhouette"].fillna(-math.inf).to_numpy()
    index = (
        int(np.argmax(np.where(matching, scores, -np.inf)))
        if matching.sum() > 1
        else int(np.argmax(matching))
    )
    return Choice(index, f"n_segments={n_segments} was asked for")


def by_silhouette(path: pd.DataFrame) -> Choice:
    """Best mean silhouette among candidates that cover at least half of the customers.

    Rousseeuw (1987). With no such candidate the outcome is the one that covers most customers.
    """
    eligible = path["silhouette"].where(path["coverage"] >= MIN_COVERAGE).to_numpy(float)
    if np.isnan(eligible).all():
        return _no_choice(path)
    index = int(np.nanargmax(eligible))
    return Choice(index, f"best silhouette of the path ({eligible[index]:.3f})")


def by_elbow(path: pd.DataFrame) -> Choice:
    """The knee of the WCSS curve over the number of segments (Satopaa et al. 2011, *Kneedle*).

    Paths that are not ordered by their number of segments (eps, smallest cluster size) have no
    elbow; there, and where the curve has no knee, the silhouette decides and the reason says so.
    """
    counts = path["n_segments"].to_numpy()
    if not (len(path) > 2 and (np.diff(counts) > 0).all() and (path["coverage"] == 1).all()):
        return _instead(path, "no elbow: the path is not ordered by its number of segments")
    with warnings.catch_warnings():
        # kneed warns when there is no knee; that is an answer here.
        warnings.simplefilter("ignore")
        knee = KneeLocator(
            counts, path["wcss"].to_numpy(), curve="convex", direction="decreasing"
        ).knee
    if knee is None:
        return _instead(path, "the WCSS curve has no elbow")
    return Choice(
        int(np.argmax(counts == knee)), f"elbow of the WCSS curve at {int(knee)} segments"
    )


def _instead(path: pd.DataFrame, why: str) -> Choice:
    choice = by_silhouette(path)
    return Choice(choice.index, f"{why}; {choice.reason}")


def _no_choice(path: pd.DataFrame) -> Choice:
    index = int(np.argmax(path["coverage"]))
    n_segments = int(path["n_segments"].iloc[index])
    what = "no cluster was found" if n_segments == 0 else "no candidate has two segments or more"
    return Choice(index, what)


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
            value = (
                adjusted_rand_score(labels[one][common], labels[other][common])
                if len(common)
                else np.nan
            )
            matrix.loc[one, other] = matrix.loc[other, one] = value
    return matrix

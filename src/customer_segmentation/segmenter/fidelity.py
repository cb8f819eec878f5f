"""How faithfully an assigner follows its algorithm, measured on customers it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold

from customer_segmentation.labels import FloatArray, IntArray

FOLDS = 10
MAX_ROWS = 5_000  # held out in all; more tell the same to a percent
MIN_ROWS_EACH = 50  # of every cluster, however small it is
CLEARLY = 0.01  # more of the customers right: worth leaving the rule that is the algorithm's own


@dataclass(frozen=True)
class Fidelity:
    """Agreement of an assigner with the labels of an algorithm."""

    overall: float  #: Share of the customers who get the label the algorithm gave them, on [0, 1]
    each: dict[int, float]  #: label -> share: of the customers with that label; -1 for the outliers


def agreement(labels: IntArray, predicted: IntArray, sizes: Mapping[int, int]) -> Fidelity:
    """Agreement of labels with predictions, each label weighted by its size in the whole table.

    Parameters
    ----------
    labels, predicted : ndarray of shape (n_samples,)
    sizes : mapping, label -> customers

    Examples
    --------
    >>> agreement(np.array([0, 0, 1]), np.array([0, 1, 1]), {0: 2, 1: 1}).each
    {0: 0.5, 1: 1.0}
    """
    right = predicted == labels
    each = {label: float(right[labels == label].mean()) for label in sizes}
    total = sum(sizes.values())
    return Fidelity(sum(share * sizes[label] for label, share in each.items()) / total, each)


def sizes_of(labels: IntArray) -> dict[int, int]:
    """Customers of every label.

    Examples
    --------
    >>> sizes_of(np.array([0, 0, -1]))
    {-1: 1, 0: 2}
    """
    found, counts = np.unique(labels, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def out_of_sample(
    assigner: Any,
    X: FloatArray,
    labels: IntArray,
    *,
    seed: int,
    aligned: Mapping[str, Any] | None = None,
) -> Fidelity:
    """Agreement on customers that were held out: ten times a tenth is assigned by the others.

    Parameters
    ----------
    assigner : classifier, unfitted
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        As the algorithm gave them to everyone.
    seed : int
        Draws the folds and, beyond 5,000 customers, who is held out.
    aligned : mapping, optional
        Further arguments of ``fit`` with a value per customer.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X, labels = np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])
    >>> out_of_sample(KNeighborsClassifier(1), X, labels, seed=0).overall
    1.0
    """
    sizes = sizes_of(labels)
    if len(X) < 2:
        return Fidelity(1.0, dict.fromkeys(sizes, 1.0))
    held = _held_out(labels, np.random.default_rng(seed))
    predicted = labels.copy()
    folds = KFold(min(FOLDS, len(held)), shuffle=True, random_state=seed % 2**32)
    for _, fold in folds.split(held):
        rows = held[fold]
        kept = np.ones(len(X), dtype=bool)
        kept[rows] = False
        fit_on = {name: values[kept] for name, values in (aligned or {}).items()}
        predicted[rows] = clone(assigner).fit(X[kept], labels[kept], **fit_on).predict(X[rows])
    return agreement(labels[held], predicted[held], sizes)


def most_faithful(
    assigners: Sequence[Any], X: FloatArray, labels: IntArray, *, seed: int
) -> tuple[Any, Fidelity]:
    """The first assigner than which none is clearly more faithful, fitted on everyone.

    Returns
    -------
    assigner : classifier, fitted
    fidelity : Fidelity
        Out of sample; see :func:`out_of_sample`.
    """
    aligned = [assigner.seen(X, labels) for assigner in assigners]
    measured = [
        out_of_sample(assigner, X, labels, seed=seed, aligned=seen)
        for assigner, seen in zip(assigners, aligned, strict=True)
    ]
    enough = max(found.overall for found in measured) - CLEARLY
    best = next(i for i, found in enumerate(measured) if found.overall >= enough)
    return clone(assigners[best]).fit(X, labels, **aligned[best]), measured[best]


def _held_out(labels: IntArray, rng: np.random.Generator) -> IntArray:
    order = rng.permutation(len(labels))
    if len(labels) <= MAX_ROWS:
        return order
    few = [order[labels[order] == label][:MIN_ROWS_EACH] for label in np.unique(labels)]
    return np.unique(np.concatenate([order[:MAX_ROWS], *few]))

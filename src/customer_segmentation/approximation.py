"""Too many customers for exact work: what was found, carried over to all, and what is inexact."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from sklearn.mixture import GaussianMixture

from customer_segmentation import silhouette, validity
from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.paths.samples import LINEAR, MIXTURE_ROWS
from customer_segmentation.search import Chosen
from customer_segmentation.segmenter.neighbours import MAX_REFERENCE_ROWS
from customer_segmentation.style import percent, plural


def over_all(
    chosen: Chosen, X: FloatArray, labels: IntArray, *, seed: int, exact_rows: int
) -> Chosen:
    """What was found on a sample, with the candidate taken scored on all customers.

    Parameters
    ----------
    chosen : Chosen
        With ``rows``: the others of the path stay scores of the sample; their WCSS, a sum, is put
        up to all customers.
    X : ndarray of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
        Clusters of everyone, numbered as those of the candidate taken.
    seed, exact_rows
        As for :func:`customer_segmentation.search.search`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import DBSCAN
    >>> from customer_segmentation import search, selection
    >>> X = np.r_[np.linspace(0, 1, 2000), np.linspace(5, 6, 2000)][:, None]
    >>> dbscan = search.Algorithm("dbscan", DBSCAN(), "eps", [0.5])
    >>> taking = search.Selection(selection.by_silhouette)
    >>> found = search.search(X, dbscan, taking, seed=0, exact_rows=1000)
    >>> labels = (X[:, 0] > 3).astype(int)
    >>> int(over_all(found, X, labels, seed=0, exact_rows=1000).row["n_segments"])
    2
    """
    rows = chosen.rows
    if rows is None:
        return chosen
    scored = validity.score(X, [labels], seed=seed, exact_rows=exact_rows)
    table = chosen.scores.assign(wcss=chosen.scores["wcss"] * len(X) / len(rows))
    table["silhouette_se"] = math.nan
    for name, value in scored.table.iloc[0].drop("absent").items():
        table.loc[chosen.choice.index, name] = value
    resamples = [found._replace(rows=rows[found.rows]) for found in chosen.resamples]
    return replace(chosen, scores=table, silhouettes=scored.widths(0, len(X)), resamples=resamples)


def told(
    chosen: Chosen, estimator: Any, customers: int, *, fidelity: float, exact_rows: int
) -> dict[str, str]:
    """Everything that was not computed exactly: what it is about, and a sentence for people.

    Parameters
    ----------
    chosen : Chosen
    estimator : clusterer
    customers : int
        How many there are.
    fidelity : float
        Of the model's assignment, out of sample.
    exact_rows : int

    Examples
    --------
    >>> told(None, None, 200, fidelity=1.0, exact_rows=20_000)
    {}
    """
    rows = chosen.rows if chosen is not None else None
    if customers <= exact_rows and rows is None:
        return {}
    seen = min(exact_rows, customers if rows is None else len(rows))
    some, error = plural(seen, "random customer"), chosen.row.get("silhouette_se", math.nan)
    found = {}
    if rows is not None:
        found["fit"] = (
            f"the algorithm saw {some}, on whom its settings were compared; the model assigned "
            f"the others, and puts {percent(fidelity)} of customers it has not seen where the "
            f"algorithm puts them"
        )
        if not math.isnan(chosen.row["stability"]):
            found["fit"] += (
                f"; segments of fewer customers agree with these to {chosen.row['stability']:.2f} "
                f"(adjusted Rand index)"
            )
    elif isinstance(estimator, LINEAR):
        found["starts"] = f"starts were tried on {some}; from the best one all were fitted"
        if isinstance(estimator, GaussianMixture) and customers > MIXTURE_ROWS:
            fitted = plural(MIXTURE_ROWS, "random customer")
            found["starts"] = f"starts were tried on {some}; the best one was fitted to {fitted}"
    if not math.isnan(error):
        sample = plural(silhouette.scored_rows(customers, exact_rows), "random customer")
        found["silhouette"] = (
            f"silhouettes are those of {sample}, each against all; the standard error of their "
            f"mean is {error:.3f}"
        )
    found["evidence"] = f"likelihood, valleys and gaps are those of {some}"
    if customers > exact_rows:
        found["confidence"] = (
            f"a customer's confidence is that of the nearest of {MAX_REFERENCE_ROWS:,}"
        )
    return found

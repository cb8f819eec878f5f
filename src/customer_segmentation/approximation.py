"""Too many customers for exact work: what was found, carried over to all, and what is inexact."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture

from customer_segmentation import validity
from customer_segmentation.evidence import density, stability
from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.paths.samples import LINEAR, MIXTURE_ROWS
from customer_segmentation.profiles import rules
from customer_segmentation.profiles.borderline import MAX_NEIGHBOURS, MIN_RESAMPLES
from customer_segmentation.search import Chosen
from customer_segmentation.segmenter.fidelity import MAX_ROWS as MAX_HELD_OUT
from customer_segmentation.segmenter.neighbours import MAX_REFERENCE_ROWS
from customer_segmentation.style import percent, plural

SHARE_ERROR = round(0.5 / math.sqrt(density.ROWS), 2)  # of a share of the customers, at most
# Where a customer's neighbours are in two segments: ten of them vote, who are not quite its own.
VOTES_ERROR = 0.3
RULES_ERROR = round(1 / math.sqrt(rules.SAMPLE), 2)  # two standard errors, at most


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
    >>> import numpy as np
    >>> from sklearn.cluster import DBSCAN
    >>> from customer_segmentation import search, selection
    >>> dbscan = search.Algorithm("dbscan", DBSCAN(), "eps", [0.5])
    >>> taking = search.Selection(selection.by_silhouette)
    >>> found = search.search(np.r_[np.zeros((9, 1)), np.ones((9, 1))], dbscan, taking, seed=0)
    >>> told(found, DBSCAN(), 18, fidelity=1.0, exact_rows=20_000)
    {}
    """
    found: dict[str, str] = {}
    if customers > exact_rows or chosen.rows is not None:
        found = _fitted(chosen, estimator, customers, fidelity, exact_rows)
    return found | _measured(chosen, estimator, customers, fidelity)


def _fitted(
    chosen: Chosen, estimator: Any, customers: int, fidelity: float, exact_rows: int
) -> dict[str, str]:
    """Of the fit, and of the scores that are those of a sample where the fit is."""
    rows = chosen.rows
    seen = min(exact_rows, customers if rows is None else len(rows))
    some, error = plural(seen, "random customer"), chosen.row.get("silhouette_se", math.nan)
    found: dict[str, str] = {}
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
            known = 1 / math.sqrt(MIXTURE_ROWS * chosen.row["smallest_share"])
            found["starts"] = (
                f"starts were tried on {some}; the best one was fitted to {fitted}, from whom the "
                f"mean of the smallest segment is known to {known:.3f} of its standard deviation"
            )
    if not math.isnan(error):
        sample = plural(validity.scored_rows(customers, exact_rows), "random customer")
        found["silhouette"] = (
            f"silhouettes are those of {sample}, each against all; the standard error of their "
            f"mean is {error:.3f}"
        )
    found["likelihood"] = (
        f"likelihood is that of {some}, with a standard error of about {1 / math.sqrt(seen):.3f}"
    )
    return found


def _measured(chosen: Chosen, estimator: Any, customers: int, fidelity: float) -> dict[str, str]:
    """Of what looks at a fixed number of customers, however many there are."""
    seen, found = customers if chosen.rows is None else len(chosen.rows), {}
    if seen > density.ROWS:
        found["evidence"] = (
            f"valleys and gaps are looked for among {plural(density.ROWS, 'random customer')}, "
            f"where narrow ones can go unseen; the shares of customers whose segments overlap have "
            f"a standard error of about {SHARE_ERROR}"
        )
    if seen > MAX_HELD_OUT and not hasattr(estimator, "predict"):
        error = math.sqrt(fidelity * (1 - fidelity) / MAX_HELD_OUT)
        found["fidelity"] = (
            f"how truly the model assigns was measured on {plural(MAX_HELD_OUT, 'customer')}, with "
            f"a standard error of {error:.3f}"
        )
    if customers > MAX_REFERENCE_ROWS:
        found["confidence"] = (
            f"a customer's confidence is counted among {MAX_REFERENCE_ROWS:,}, with a standard "
            f"error of up to {VOTES_ERROR} between two segments"
        )
    if customers > rules.SAMPLE:
        found["rules"] = (
            f"rules in words are learnt from about {rules.SAMPLE:,} customers, and their fidelity "
            f"is known to {RULES_ERROR}; their coverage and precision are those of all"
        )
    if chosen.resamples and customers * stability.SHARE > stability.ROWS:
        times = np.bincount(np.concatenate([resample.rows for resample in chosen.resamples]))
        known = plural(int((times >= MIN_RESAMPLES).sum()), "customer")
        found["borderline"] = (
            f"whether refits put a customer elsewhere is known of {known}, and the next best "
            f"segment is that of the nearest of {min(customers, MAX_NEIGHBOURS):,}"
        )
    return found

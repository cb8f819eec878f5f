"""What the evidence comes to: which candidates are eligible, how good each is, and in what sense.

A partition can be right in two ways. Either a model of it explains the data far better than one
Gaussian does (the *model account*: overlapping segments), or it follows valleys in the density
(the *density account*: curved shapes, which no Gaussian fits). Each account is what the partition
explains less its errors. Errors are shares of the customers: whose segment a larger one absorbs or
does not come back. What is left to a further split speaks for the finer partition, and not against
there being any, so a model gets its part of what there is to explain. The better account
is the score. It is absolute: it needs no other candidate, so choosing within a run and among runs
never disagree, and zero has a meaning: at or below it, one single cluster describes the data as
well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.evidence.stability import STABLE, instability
from customer_segmentation.style import percent, plural

HIDDEN_COST = 0.25  # a valley inside a segment hints at a finer partition; it does not refute
# Valleys alone count as much as a likelihood gain of an eighth of a nat per customer, deep ones as
# one of half a nat: more would beat partitions into real Gaussians.
VALLEYS_WORTH, DEEP_WORTH = 0.2, 0.5
DEEP = (0.3, 0.8)  # log radius ratios between which the shallowest valley gains in worth
SEPARATED = 0.2  # natural: at most a fifth of the customers sit in segments with an open border
TRUSTED = 0.6  # overlap with itself on resamples, below which a segment is not there
BANDS = ((0.85, "highly stable"), (0.75, "stable"), (TRUSTED, "pattern, doubtful members"))


@dataclass(frozen=True)
class Guards:
    """What a recommended partition must satisfy; a business can tighten it.

    Attributes
    ----------
    outlier_share : float
        With more outliers the partition does not cover the customers.
    smallest_share : float
        A smaller segment is not worth a campaign.
    smallest : int
        Customers; fewer is a handful, not a segment.
    largest_share : float
        Beyond it there is one giant and crumbs.
    """

    outlier_share: float = 0.15
    smallest_share: float = 0.01
    smallest: int = 10
    largest_share: float = 0.95


def objections(path: pd.DataFrame, guards: Guards, n_customers: int) -> list[str]:
    """Say why each candidate of a path is not eligible; "" for an eligible one.

    Parameters
    ----------
    path : DataFrame
        With ``n_segments``, ``outlier_share``, ``smallest_share`` and ``largest_share``.
    guards : Guards
    n_customers : int

    Examples
    --------
    >>> path = pd.DataFrame({"n_segments": [2], "outlier_share": [0.0], "smallest_share": [0.03],
    ...                      "largest_share": [0.97]})
    >>> objections(path, Guards(), 100)
    ['smallest segment has 3 customers (limit 10); largest segment has 97 % (limit 95 %)']
    """
    rows = path.to_dict("records")
    return ["; ".join(_objections(row, guards, n_customers)) for row in rows]


def _objections(row: dict[Any, Any], guards: Guards, n_customers: int) -> Iterator[str]:
    smallest, largest, out = row["smallest_share"], row["largest_share"], row["outlier_share"]
    if row["n_segments"] < 2:
        yield "fewer than two segments"
        return
    if out > guards.outlier_share:
        yield f"{percent(out)} outliers (limit {percent(guards.outlier_share)})"
    if round(smallest * n_customers) < guards.smallest:
        count = plural(round(smallest * n_customers), "customer")
        yield f"smallest segment has {count} (limit {guards.smallest})"
    if smallest < guards.smallest_share:
        least = percent(guards.smallest_share)
        yield f"smallest segment has {100 * smallest:.1f} % (limit {least})"
    if largest > guards.largest_share:
        yield f"largest segment has {percent(largest)} (limit {percent(guards.largest_share)})"


def score(evidence: pd.DataFrame) -> pd.Series[float]:
    """Score of each candidate, about -1 to 1; positive means that there are segments.

    model account = likelihood - absorbed - unstable,
    if positive times likelihood / (likelihood + unexplained);
    density account = valleys - no valley - worst cluster unstable - inner gap - hidden valley/4;
    score = the larger one.
    *Valleys* are worth 0.2, and up to 0.5 as the shallowest one deepens from 0.3 to 0.8.
    *Unstable* is a share of the customers, and the worst cluster's for the density account: a
    model describes the rest as well, but one valley that is not there joins two clusters.
    A candidate that was not bootstrapped gets the score it would have if perfectly stable, an
    upper bound; one without evidence gets none.

    Parameters
    ----------
    evidence : DataFrame
        Columns of :func:`customer_segmentation.evidence.measure`, and ``unstable`` and
        ``jaccard_min`` of :func:`customer_segmentation.evidence.stability.bootstrap`.

    Examples
    --------
    >>> far = {"likelihood": 0.9, "unexplained": 0.0, "absorbed": 0.0, "unstable": 0.0,
    ...        "no_valley": 0.0, "inner_gap": 0.0, "hidden_valley": 0.0, "valley_depth": 1.0,
    ...        "jaccard_min": 1.0}
    >>> cut = far | {"likelihood": -0.2, "absorbed": 0.5, "no_valley": 1.0, "jaccard_min": 0.9}
    >>> score(pd.DataFrame([far, cut])).round(2).tolist()
    [0.9, -0.5]
    """
    worst = np.nan_to_num(instability(evidence["jaccard_min"].to_numpy(float)))
    likelihood = evidence["likelihood"]
    model = likelihood - evidence["absorbed"] - evidence["unstable"].astype(float).fillna(0)
    model = model.where(model <= 0, model * likelihood / (likelihood + evidence["unexplained"]))
    shallow, deep = DEEP
    depth = ((evidence["valley_depth"] - shallow) / (deep - shallow)).clip(0, 1).fillna(0)
    valleys = VALLEYS_WORTH + (DEEP_WORTH - VALLEYS_WORTH) * depth
    density = valleys - evidence["no_valley"] - worst - evidence["inner_gap"]
    density -= HIDDEN_COST * evidence["hidden_valley"]
    return pd.Series(np.maximum(model, density), evidence.index, dtype=float, name="score")


def verdict(row: pd.Series[Any]) -> str:
    """In what sense a candidate's segments exist (Dolnicar and Leisch 2010).

    Natural: positive score, at most a fifth of the customers in segments with an open border or
    an inner gap, stable on average, and no segment below the overlap of 0.6 under which it should
    not be trusted (Hennig 2007). Reproducible: stable on average, without that. Constructed:
    neither. Fewer than two segments: none.

    Examples
    --------
    >>> row = {"n_segments": 3, "score": 0.5, "overlap": 0.0, "inner_gap": 0.0, "jaccard_mean": 0.9,
    ...        "jaccard_min": 0.8}
    >>> verdict(pd.Series(row)), verdict(pd.Series(row | {"jaccard_min": 0.5}))
    ('natural', 'reproducible')
    >>> verdict(pd.Series(row | {"jaccard_mean": 0.5})), verdict(pd.Series({"n_segments": 1}))
    ('constructed', 'none')
    """
    if row["n_segments"] < 2:
        return "none"
    if not row["jaccard_mean"] >= STABLE:
        return "constructed"
    separated = max(row["overlap"], row["inner_gap"]) <= SEPARATED
    found = separated and row["score"] > 0 and row["jaccard_min"] >= TRUSTED
    return "natural" if found else "reproducible"


def band(jaccard: float) -> str:
    """Hennig's (2007) word for a cluster's mean Jaccard overlap over resamples.

    Examples
    --------
    >>> band(0.9), band(0.7), band(0.3)
    ('highly stable', 'pattern, doubtful members', 'dissolved')
    """
    return next((word for limit, word in BANDS if jaccard >= limit), "dissolved")


def further_values(grid: Sequence[float], best: float, limit: int) -> list[int]:
    """Numbers of segments to add when the best candidate is the last or last but one of a grid.

    Steps of a fifth up to `limit`, so that a true number is met within a tenth.

    Examples
    --------
    >>> further_values([1, 2, 3], 1, 60), further_values(range(1, 11), 10, 30)
    ([], [12, 14, 17, 20, 24, 29, 30])
    """
    values = sorted(grid)
    if best < values[max(len(values) - 2, 0)]:
        return []
    steps = [int(values[-1])]
    while steps[-1] < limit:
        steps.append(min(limit, max(steps[-1] + 1, int(steps[-1] * 1.2 + 0.5))))
    return steps[1:]

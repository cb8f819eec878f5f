"""Would the offers have been right: hit rate, NDCG and coverage on purchases made later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.offers.purchases import OffersError, Purchases
from customer_segmentation.offers.recommender import Mix, Recommender

MOST = 10  # offers that are judged
RESAMPLES = 500
INTERVAL = (0.025, 0.975)
MEASURES = ("hit_rate", "ndcg", "coverage")


@dataclass(frozen=True)
class Ranked:
    """What a method offered to customers whose later purchases are known."""

    top: IntArray  #: shape (n_customers, n_offers): places of the items, best first; -1 is no item
    hits: npt.NDArray[np.bool_]  #: same shape: whether the customer bought it later
    #: shape (n_customers,): how many of the items that could be offered the customer bought later;
    #: at least one
    wanted: IntArray
    n_items: int  #: How many could be offered

    @property
    def ndcg(self) -> FloatArray:
        """Normalised discounted cumulative gain of each customer, on [0, 1].

        References
        ----------
        Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques", ACM
        Transactions on Information Systems 20; gain 1 for a purchase, else 0.
        """
        discount = 1 / np.log2(np.arange(2, self.top.shape[1] + 2))
        best = np.cumsum(discount)[np.minimum(self.wanted, len(discount)) - 1]
        return np.asarray(self.hits @ discount / best, dtype=np.float64)

    def measures(self, draws: FloatArray) -> FloatArray:
        """Hit rate, NDCG and coverage, of each draw of customers.

        Parameters
        ----------
        draws : array, shape (n_draws, n_customers)
            How often a customer is in the draw; rows sum to the same number.

        Returns
        -------
        array, shape (n_draws, 3)
            Coverage is the share of the items that are offered to anyone.
        """
        line, rank = np.nonzero(self.top >= 0)
        offered = sparse.csr_array(
            (np.ones(len(line)), (line, self.top[line, rank])), (len(self.top), self.n_items)
        )
        hit = self.hits.any(axis=1).astype(np.float64)
        means = draws @ np.column_stack([hit, self.ndcg]) / draws.sum(axis=1, keepdims=True)
        covered = ((sparse.csr_array(draws) @ offered) > 0).sum(axis=1) / self.n_items
        return np.column_stack([means, covered])


def rank(
    model: Recommender,
    later: Purchases,
    mixes: Mapping[str, Mix],
    *,
    most_customers: int,
    seed: int,
) -> dict[str, Ranked]:
    """Offer with several methods to the same customers, and look what these bought later.

    Parameters
    ----------
    model : Recommender
        Of purchases before the split only.
    later : Purchases
        From the split on.
    mixes : mapping, name -> Mix
    most_customers : int
        Of more, so many are drawn.
    seed : int
        Draws them.

    Raises
    ------
    OffersError
        When nobody who bought before bought any of the items later.

    Examples
    --------
    >>> counts = sparse.csr_array([[1.0, 0.0], [0.0, 1.0]])
    >>> bought = Purchases(counts, pd.Index([7, 8]), pd.Index(["tea", "milk"]), np.ones(2))
    >>> model = Recommender(bought, np.array([1, 1]))
    >>> found = rank(model, bought, {"habit": Mix(habit=1)}, most_customers=9, seed=0)["habit"]
    >>> found.hits.tolist(), found.ndcg.tolist()
    ([[True, False], [True, False]], [1.0, 1.0])
    """
    known = model.purchases
    truth = later.of(known.customers, known.items) > 0
    if not model.repeats:
        truth = truth > truth.multiply(known.bought > 0)
    rows = np.flatnonzero(truth.sum(axis=1))
    if not len(rows):
        raise OffersError(
            f"got {len(known.customers):,} customers who bought before the split and "
            f"{len(later.customers):,} who bought after it, none of them any item that could be "
            "offered, expected some. Move the split= into the period of the purchases."
        )
    if len(rows) > most_customers:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most_customers, replace=False))
    tops: dict[str, list[IntArray]] = {name: [] for name in mixes}
    for batch in model.batches(rows):
        parts = model.parts(batch)
        for name, mix in mixes.items():
            tops[name].append(model.best(batch, parts, mix, MOST))
    wanted = truth[rows].sum(axis=1)
    return {
        name: _judged(np.vstack(top), truth[rows], wanted, len(known.items))
        for name, top in tops.items()
    }


def _judged(top: IntArray, truth: sparse.csr_array, wanted: IntArray, n_items: int) -> Ranked:
    padded = truth.copy()
    padded.resize(len(top), n_items + 1)  # the place -1 hits nothing
    lines = np.repeat(np.arange(len(top)), top.shape[1])
    hits = np.asarray(padded[lines, top.ravel()]).reshape(top.shape).astype(bool)
    return Ranked(top, hits, wanted, n_items)


def compare(
    ranked: Mapping[str, Ranked], best: str, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure methods, and how far one of them is ahead, with intervals over customers.

    Parameters
    ----------
    ranked : mapping, name -> Ranked
        Of the same customers.
    best : str
        The method that the others are compared with.
    seed : int
        Draws the resamples.

    Returns
    -------
    methods, differences : DataFrame
        ``method``; per measure its value, ``_low`` and ``_high``. Differences are `best` less the
        method, on the same resamples.

    Notes
    -----
    95 % bootstrap intervals (Efron 1979), of the resamples' values less their mean: a resample
    lacks a third of the customers, so that its coverage as such would be too small.
    """
    customers = len(next(iter(ranked.values())).top)
    draws = np.random.default_rng(seed).multinomial(
        customers, np.full(customers, 1 / customers), size=RESAMPLES
    )
    every = np.vstack([np.ones(customers), draws])  # first, everyone as they are
    values = {name: found.measures(every) for name, found in ranked.items()}
    methods = [{"method": name, **_row(value)} for name, value in values.items()]
    ahead = [
        {"method": name, **_row(values[best] - value)}
        for name, value in values.items()
        if name != best
    ]
    return pd.DataFrame(methods), pd.DataFrame(ahead)


def _row(values: FloatArray) -> dict[str, float]:
    row: dict[str, float] = {}
    for measure, (point, *resampled) in zip(MEASURES, values.T.tolist(), strict=True):
        around = np.array(resampled) - np.mean(resampled)
        low, high = point + np.quantile(around, INTERVAL)
        row |= {measure: point, f"{measure}_low": low, f"{measure}_high": high}
    return row

"""Next best offers: a customer's habits, what goes with them, and what the segment buys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from implicit.nearest_neighbours import ItemItemRecommender
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.offers.purchases import OffersError, Purchases

NEIGHBOURS = 100  # items that an item is compared with
# So many average customers are added to a segment, so that a small one has no wild preferences.
PSEUDO_CUSTOMERS = 20.0
BATCH_CELLS = 4_000_000  # scores in memory at a time
# Scores tie often; the item that more customers bought is first.
TIE = 1e-9
NONE = -1  # no item


class Mix(NamedTuple):
    """How much each of the `PARTS` weighs in a score; every part is between 0 and 1."""

    habit: float = 0.0  #: Share of the customer's orders that had the item
    #: Likeness of the item to what the customer buys, 1 for the customer's best item
    neighbours: float = 0.0
    everyone: float = 0.0  #: Share of all customers who bought the item
    segment: float = 0.0  #: Share of the customer's segment who bought it


PARTS = ("bought before", "goes with what they buy", "popular", "popular in the segment")


class Recommender:
    """Scores items for customers, from item-to-item neighbours of the `implicit` library.

    Parameters
    ----------
    purchases : Purchases
        Of at least one customer and two items.
    segments : array of int, shape (n_customers,)
        Outliers (-1) have no segment: they get everyone's shares.
    repeats : bool
        Whether a customer may be offered what was bought before, as in a grocery.

    Raises
    ------
    OffersError
        On fewer than two items.

    References
    ----------
    Sarwar, Karypis, Konstan and Riedl (2001), "Item-based collaborative filtering recommendation
    algorithms", WWW '01: cosine between the columns of log(1 + orders).

    Examples
    --------
    >>> counts = sparse.csr_array([[3.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    >>> bought = Purchases(counts, pd.Index([7, 8]), pd.Index(["tea", "milk", "rum"]), np.ones(2))
    >>> model = Recommender(bought, np.array([1, 2]), repeats=False)
    >>> model.offers(Mix(neighbours=1.0), most=2)[["customer", "offer"]].values.tolist()
    [[7, 'rum'], [8, 'tea']]
    """

    def __init__(self, purchases: Purchases, segments: IntArray, *, repeats: bool = True) -> None:
        if len(purchases.items) < 2:
            raise OffersError(
                f"got {len(purchases.items)} items that enough customers bought, expected at least "
                f"2 to choose from. Give more purchases, or lower least_customers=."
            )
        self.purchases, self.segments, self.repeats = purchases, segments, repeats
        self._logged = sparse.csr_matrix(purchases.counts.log1p())
        # One thread: the same likeness to the last digit, wherever it is computed.
        model = ItemItemRecommender(K=NEIGHBOURS, num_threads=1)
        model.fit(normalize(self._logged, axis=0).tocsr(), show_progress=False)
        self._likeness = sparse.csr_array(model.similarity)
        self._everyone, self._by_segment = self._shares()

    def _shares(self) -> tuple[FloatArray, FloatArray]:
        """Share of all customers who bought each item, and that of each customer's segment."""
        bought = self.purchases.bought
        everyone = bought.sum(axis=0) / max(len(self.segments), 1)
        numbers, self._row = np.unique(self.segments, return_inverse=True)
        member = sparse.csr_array((self.segments[None] == numbers[:, None]).astype(np.float64))
        buyers, sizes = (member @ bought).toarray(), member.sum(axis=1)[:, None]
        by_segment = (buyers + PSEUDO_CUSTOMERS * everyone) / (sizes + PSEUDO_CUSTOMERS)
        by_segment[numbers == OUTLIER] = everyone
        return everyone, by_segment

    def batches(self, rows: IntArray | None = None) -> Iterator[IntArray]:
        """Rows of customers, as many at a time as memory holds."""
        every = np.arange(len(self.purchases.customers)) if rows is None else rows
        size = max(1, BATCH_CELLS // len(self.purchases.items))
        for part in gen_batches(len(every), size):
            yield every[part]

    def parts(self, rows: IntArray) -> list[FloatArray]:
        """The four parts of the scores, each of shape (n_rows, n_items) or (1, n_items)."""
        habit = self.purchases.counts[rows].toarray() / self.purchases.orders[rows][:, None]
        near = np.asarray((self._logged[rows] @ self._likeness).todense())
        near /= np.maximum(near.max(axis=1, keepdims=True), np.finfo(float).tiny)
        return [habit, near, self._everyone[None], self._by_segment[self._row[rows]]]

    def best(self, rows: IntArray, parts: Sequence[FloatArray], mix: Mix, most: int) -> IntArray:
        """Items with the highest scores, best first.

        Returns
        -------
        array of int, shape (n_rows, most)
            Places in the items; -1 where there are not as many.
        """
        shape = len(rows), len(self.purchases.items)
        scores = np.tile(-TIE * np.arange(shape[1]), (shape[0], 1))
        for weight, part in zip(mix, parts, strict=True):
            if weight:
                scores += weight * part
        if not self.repeats:
            scores[self.purchases.counts[rows].nonzero()] = -np.inf
        most = min(most, shape[1])
        top = np.argpartition(-scores, most - 1, axis=1)[:, :most]
        values = np.take_along_axis(scores, top, axis=1)
        order = np.argsort(-values, axis=1)
        top, values = (np.take_along_axis(of, order, axis=1) for of in (top, values))
        return np.where(np.isfinite(values), top, NONE)

    def offers(self, mix: Mix, *, most: int) -> pd.DataFrame:
        """Next best offers of every customer.

        Returns
        -------
        DataFrame
            ``customer``, ``segment``, ``rank`` from 1 on, ``offer``, and ``why``: the part that
            adds most to the score.
        """
        return pd.concat([self._offers(rows, mix, most) for rows in self.batches()])

    def _offers(self, rows: IntArray, mix: Mix, most: int) -> pd.DataFrame:
        parts = self.parts(rows)
        top = self.best(rows, parts, mix, most)
        line, rank = np.nonzero(top != NONE)
        chosen = top[line, rank]
        added = [
            weight * np.broadcast_to(part, (len(rows), len(self.purchases.items)))[line, chosen]
            for weight, part in zip(mix, parts, strict=True)
        ]
        return pd.DataFrame(
            {
                "customer": self.purchases.customers[rows[line]],
                "segment": self.segments[rows[line]],
                "rank": rank + 1,
                "offer": self.purchases.items[chosen],
                "why": np.array(PARTS, dtype=object)[np.argmax(added, axis=0)],
            }
        )

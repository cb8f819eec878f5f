"""What a segment buys more than others do: lift, with support and a corrected significance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import hypergeom, norm

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.offers.purchases import Purchases
from customer_segmentation.profiles.effects import adjusted
from customer_segmentation.style import name_of

FALSE_DISCOVERIES = 0.05  # share of the listed preferences that may be chance
LEAST_LIFT = 1.1  # a smaller difference, however sure, is none that anyone acts on
STRATA = 50  # groups of customers who buy about as many different items; ten are too coarse
# Why something is offered to a segment, the strongest reason first.
PREFERRED = "bought more than by others who buy as much"
MORE, POPULAR = "bought more than by others", "bought most in the segment"
BASES = (PREFERRED, MORE, POPULAR)
LEAST_LISTED = 5  # with fewer reasons than that, what the segment buys most fills the list
COLUMNS = [
    "segment", "segment_name", "kind", "rank", "offer", "basis", "buyers", "share", "share_all",
    "lift", "q_value", "expected_alike", "q_alike",
]  # fmt: skip


def preferences(
    purchases: Purchases,
    segments: IntArray,
    names: Mapping[int, str],
    kind: str = "item",
) -> pd.DataFrame:
    """Compare every segment with all customers, item by item.

    A customer counts once for an item, however often it was bought, so that one heavy buyer makes
    no preference. A segment of people who buy more of everything has a lift in everything: what
    it prefers beyond that is tested against customers who buy as many different items.

    Parameters
    ----------
    purchases : Purchases
        Of items or categories.
    segments : array of int, shape (n_customers,)
        -1, outliers, is no segment; they count among all customers.
    names : mapping, segment -> name
    kind : str
        What is bought: "item" or "category".

    Returns
    -------
    DataFrame, a row per segment and item
        ``segment``, ``offer``, ``segment_name``, ``kind``; ``buyers`` in the segment (the
        support), ``share`` of its customers and ``share_all`` of all who bought it; ``lift``,
        their quotient, and ``q_value`` of the one-sided test against all other customers;
        ``expected_alike``, the buyers among as many customers who buy as many different items,
        and ``q_alike`` of that test and the first both. The q-values are Benjamini and Hochberg's,
        over all segments and items.

    References
    ----------
    Against all: Fisher's exact test (1922), "On the interpretation of chi-squared from contingency
    tables, and the calculation of P", Journal of the Royal Statistical Society 85. Against those
    alike, in strata: Mantel and Haenszel (1959), "Statistical aspects of the analysis of data
    from retrospective studies of disease", Journal of the National Cancer Institute 22.

    Examples
    --------
    >>> counts = sparse.csr_array(np.repeat([[1.0, 0.0], [0.0, 1.0]], 10, axis=0))
    >>> bought = Purchases(counts, pd.RangeIndex(20), pd.Index(["tea", "milk"]), np.ones(20))
    >>> found = preferences(bought, np.repeat([1, 2], 10), {1: "Tea drinkers"})
    >>> found.loc[found["q_value"] < 0.05, ["segment_name", "offer", "lift"]].values.tolist()
    [['Tea drinkers', 'tea', 2.0], ['Segment 2', 'milk', 2.0]]
    """
    numbers = np.unique(segments[segments != OUTLIER])
    member = sparse.csr_array((segments[None, :] == numbers[:, None]).astype(np.float64))
    bought, n = purchases.bought, len(segments)
    buyers, everyone = (member @ bought).toarray(), bought.sum(axis=0)
    sizes = member.sum(axis=1)[:, None]
    p_values = hypergeom.sf(buyers - 1, n, everyone, sizes)
    expected, p_alike = _alike(bought, member, buyers)
    share, share_all = buyers / sizes, everyone / max(n, 1)
    index = pd.MultiIndex.from_product([numbers, purchases.items], names=["segment", "offer"])
    found = pd.DataFrame(
        {
            "segment_name": np.repeat([name_of(int(s), names) for s in numbers], len(everyone)),
            "kind": kind,
            "buyers": buyers.ravel().astype(np.int64),
            "share": share.ravel(),
            "share_all": np.tile(share_all, len(numbers)),
            "lift": (share / share_all).ravel(),
            "q_value": adjusted(p_values.ravel()),
            "expected_alike": expected.ravel(),
            # Both have to hold, so the weaker of the two counts (an intersection-union test).
            "q_alike": adjusted(np.maximum(p_values, p_alike).ravel()),
        },
        index,
    )
    return found.reset_index()


def _alike(
    bought: sparse.csr_array, member: sparse.csr_array, buyers: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Buyers expected of customers with the same breadth, and how probable it is to have more."""
    breadth = bought.sum(axis=1)
    edges = np.unique(np.quantile(breadth, np.linspace(0, 1, STRATA + 1)[1:-1]))
    stratum = np.searchsorted(edges, breadth, side="right")
    inside = sparse.csr_array((stratum[None, :] == np.unique(stratum)[:, None]).astype(np.float64))
    n = inside.sum(axis=1)[:, None]
    rates, mine = (inside @ bought).toarray() / n, (member @ inside.T).toarray()
    # Of the hypergeometric distribution in each stratum; one of a single customer varies not.
    spread = rates * (1 - rates) * n / np.maximum(n - 1, 1)
    expected, variance = mine @ rates, (mine * (1 - mine / n.T)) @ spread
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (buyers - expected - 0.5) / np.sqrt(variance)
    return expected, np.where(variance > 0, norm.sf(z), 1.0)


def listed(found: pd.DataFrame, *, most: int, least_buyers: int) -> pd.DataFrame:
    """Pick what to offer to each segment, the strongest preference first.

    Parameters
    ----------
    found : DataFrame
        As :func:`preferences` gives it.
    most : int
        Offers per segment.
    least_buyers : int
        Customers of the segment who bought it: fewer are no support.

    Returns
    -------
    DataFrame
        The `COLUMNS`. First come preferences that hold among customers who buy as much, then what
        is bought more than by others; both ordered by how many more buyers there are than among
        those. With fewer than five of these a segment gets what it buys most; ``basis`` tells.
    """
    more = (found["q_value"] <= FALSE_DISCOVERIES) & (found["lift"] >= LEAST_LIFT)
    tier = np.select([more & (found["q_alike"] <= FALSE_DISCOVERIES), more], [0, 1], 2)
    extra = found["buyers"] - found["expected_alike"]
    ranked = found.assign(
        tier=tier,
        basis=np.array(BASES, dtype=object)[tier],
        strength=np.where(tier < 2, extra, found["buyers"]),
    )
    ranked = ranked[ranked["buyers"] >= least_buyers].sort_values(
        ["segment", "tier", "strength"], ascending=[True, True, False], kind="stable"
    )
    ranked["rank"] = ranked.groupby("segment").cumcount() + 1
    kept = np.where(ranked["tier"] < 2, most, min(LEAST_LISTED, most))
    return ranked.loc[ranked["rank"] <= kept, COLUMNS].reset_index(drop=True)

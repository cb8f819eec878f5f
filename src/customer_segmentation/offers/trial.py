"""A trial in time: weights from a first split, the verdict from a later one that they never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation.labels import OUTLIER
from customer_segmentation.offers import evaluation
from customer_segmentation.offers.purchases import Moment, OffersError, Purchases, read, span
from customer_segmentation.offers.recommender import Mix, Recommender

TEST_SHARE = 0.2  # of the period, where no split is given; of what is before it, for the weights
POPULARITY, BY_SEGMENT = "popularity", "popularity per segment"
WITHOUT, WITH = "recommender without segments", "recommender with segments"
SLIGHT = 0.01  # of the NDCG: a smaller gain is hardly one, however sure
# Weights that are tried, beside 1 for what the customer bought before.
NEIGHBOURS = (0.02, 0.1, 0.5)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.5, 2.0, 10.0)
MOST_TESTED = 10_000  # customers
VALIDATED_CELLS = 10_000_000  # customers times items on which all the weights are tried

# Segment of each customer who bought before a day; -1, or nothing, for those in none.
Segments = Callable[[Moment], "pd.Series[int]"]


@dataclass(frozen=True)
class Settings:
    """How offers are made.

    Raises
    ------
    OffersError
        On a number that is too low.
    """

    #: Whether what a customer bought before may be offered, and counts as a hit
    repeats: bool = True
    least_customers: int = 5  #: Items that fewer bought are not offered
    #: Offers; for a segment so many items and so many categories
    per_customer: int = 10
    per_segment: int = 25
    seed: int = 0  #: Draws customers and resamples

    def __post_init__(self) -> None:
        """Refuse numbers of which no offers come."""
        least = {"least_customers": 1, "per_customer": 1, "per_segment": 1, "seed": 0}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise OffersError(
                    f"got {name}={getattr(self, name)}, expected at least {lowest}. Correct it."
                )


@dataclass(frozen=True)
class Trial:
    """What came of a trial."""

    split: Moment  #: Purchases from then on were the test
    end: Moment  #: The last purchase
    mixes: dict[str, Mix]  #: method -> Mix
    #: See :func:`evaluation.compare`; `ahead` is the recommender with segments less the others
    methods: pd.DataFrame
    ahead: pd.DataFrame
    #: Who were judged; who bought after the split only
    customers: int
    unknown: int
    n_items: int  #: Items that could be offered
    #: Whether what a customer had bought before could be offered, and counts as a hit
    repeats: bool

    @property
    def helps(self) -> str:
        """Whether segments help: "yes", "no", or "harm"."""
        row = self.ahead.set_index("method").loc[WITHOUT]
        return "yes" if row["ndcg_low"] > 0 else "harm" if row["ndcg_high"] < 0 else "no"

    @property
    def chosen(self) -> Mix:
        """What the offers are made with: with segments, unless these do harm."""
        return self.mixes[WITHOUT if self.helps == "harm" else WITH]

    def shown(self) -> pd.DataFrame:
        """The methods with their intervals, as text."""
        shown = self.methods[["method"]]
        for name in evaluation.MEASURES:
            rows = self.methods[[name, f"{name}_low", f"{name}_high"]].to_numpy()
            texts = ["{:.3f} ({:.3f} to {:.3f})".format(*row) for row in rows]
            shown = shown.assign(**{name.replace("_", " "): texts})
        return shown

    @property
    def words(self) -> str:
        """The verdict in one sentence."""
        row = self.ahead.set_index("method").loc[WITHOUT]
        ndcg = self.methods.set_index("method")["ndcg"]
        slight = abs(row["ndcg"]) < SLIGHT * ndcg[WITHOUT]
        said = {
            "yes": "Segments help" + (", but hardly" if slight else ""),
            "no": "Segments do not help: the difference may be chance",
            "harm": "Segments do harm",
        }[self.helps]
        return (
            f"{said}. NDCG at {evaluation.MOST} is {ndcg[WITH]:.3f} with them and "
            f"{ndcg[WITHOUT]:.3f} without, a difference of {row['ndcg']:+.4f} (95 % interval "
            f"{row['ndcg_low']:+.4f} to {row['ndcg_high']:+.4f}) over {self.customers:,} "
            f"customers; what they bought before {'counts' if self.repeats else 'does not count'}."
        )


def run(
    connection: Connection, segments: Segments, settings: Settings, *, split: Moment | None = None
) -> Trial:
    """Choose the weights on one period, judge the methods on the next.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With a table ``lines``; see :func:`purchases.read`.
    segments : callable
        Takes a day and gives the customers' segments as they were then, from nothing that was
        bought later.
    settings : Settings
    split : Timestamp, optional
        Purchases from then on are the test; by default the last fifth of the period.

    Raises
    ------
    OffersError
        When all purchases are on one side of the split, or nobody bought on both.
    """
    first, last = span(connection)
    split = (last - (last - first) * TEST_SHARE).normalize() if split is None else split
    _check(first, last, split)
    validated = (split - (split - first) * TEST_SHARE).normalize()
    _check(first, split, validated)
    near, share = _weights(connection, segments, settings, validated, split)
    mixes = {POPULARITY: Mix(everyone=1.0), BY_SEGMENT: Mix(segment=1.0)}
    mixes |= _recommenders(settings, near, share)
    model, later = _model(connection, segments, settings, split), read(connection, start=split)
    ranked = evaluation.rank(model, later, mixes, most_customers=MOST_TESTED, seed=settings.seed)
    methods, ahead = evaluation.compare(ranked, WITH, settings.seed)
    unknown = int((~later.customers.isin(model.purchases.customers)).sum())
    judged, n_items = len(ranked[WITH].top), len(model.purchases.items)
    return Trial(split, last, mixes, methods, ahead, judged, unknown, n_items, settings.repeats)


def _model(
    connection: Connection, segments: Segments, settings: Settings, end: Moment
) -> Recommender:
    before = read(connection, end=end)
    return fit(before, segments(end), settings)


def fit(before: Purchases, segments: pd.Series[int], settings: Settings) -> Recommender:
    """Recommender of some purchases, without items that hardly anyone bought."""
    kept = before.only(settings.least_customers)
    return Recommender(kept, aligned(segments, kept), repeats=settings.repeats)


def aligned(segments: pd.Series[int], purchases: Purchases) -> npt.NDArray[np.int64]:
    """Segment of each customer of some purchases, in their order; -1 for those without one."""
    found = segments.reindex(purchases.customers).fillna(OUTLIER)
    return np.asarray(found, dtype=np.int64)


def _weights(
    connection: Connection, segments: Segments, settings: Settings, start: Moment, end: Moment
) -> tuple[float, float]:
    """Weights of neighbours and shares with the best mean NDCG, with segments and without.

    The same for both, so that what differs between the two is the segments, not the tuning.
    """
    model = _model(connection, segments, settings, start)
    weights = list(product(NEIGHBOURS, SHARES))
    mixes = {
        f"{pair} {name}": mix
        for pair in weights
        for name, mix in _recommenders(settings, *pair).items()
    }
    found = evaluation.rank(
        model,
        read(connection, start=start, end=end),
        mixes,
        most_customers=VALIDATED_CELLS // len(model.purchases.items) + 100,
        seed=settings.seed,
    )
    scores = [ranked.ndcg.mean() for ranked in found.values()]
    best = int(np.argmax(np.add(scores[::2], scores[1::2])))
    return weights[best]


def _recommenders(settings: Settings, near: float, share: float) -> dict[str, Mix]:
    habit = float(settings.repeats)
    return {WITHOUT: Mix(habit, near, everyone=share), WITH: Mix(habit, near, segment=share)}


def _check(first: Moment, last: Moment, split: Moment) -> None:
    if pd.isna(first):
        raise OffersError("got no purchase, expected some. Check the file and its columns.")
    if not first < split <= last:
        side = "after" if split <= first else "before"
        raise OffersError(
            f"got purchases from {first:%Y-%m-%d} to {last:%Y-%m-%d}, all of them {side} the split "
            f"({split:%Y-%m-%d}), expected several days on both sides. Choose a split= in between, "
            "or give purchases of a longer period."
        )

"""What to offer to every segment and to every customer, and whether it would have been right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from customer_segmentation.offers import preferences, trial
from customer_segmentation.offers.purchases import Membership, Moment, categories, read
from customer_segmentation.offers.trial import Settings, Trial
from customer_segmentation.profiles.cards import Card
from customer_segmentation.results import Offered, Tables
from customer_segmentation.style import name_of
from customer_segmentation.transactions.lines import Lines

KINDS = ("item", "category")
NO_SEGMENT = "in no segment"


@dataclass(frozen=True)
class Campaign:
    """Offers, and their trial."""

    #: Every segment in every item and category; see :func:`preferences.preferences`
    preferences: pd.DataFrame
    segments: pd.DataFrame  #: What to offer to each segment; see :func:`preferences.listed`
    #: What to offer to each customer: id, segment, segment_name, rank, offer, category, why
    customers: pd.DataFrame
    trial: Trial
    known: pd.DataFrame  #: Features of the customers whom the model can assign
    assigned: pd.DataFrame  #: Their segment, name and confidence
    names: Mapping[int, str]  #: segment -> name
    cleaning: pd.DataFrame  #: What was done to the purchase lines

    def tables(self, cards: Sequence[Card] = ()) -> Tables:
        """For the workbook: the customers with their segments."""
        segments, confidence = self.assigned["segment"], self.assigned["confidence"]
        return Tables(self.known, segments, self.names, confidence, cards)

    @property
    def offered(self) -> Offered:
        """For the workbook: a row per customer."""
        who = list(self.customers.columns[:3])
        wide = self.customers.pivot(index=who, columns="rank", values="offer")
        wide = wide.add_prefix("offer ").reset_index().rename(columns={who[2]: "segment name"})
        return Offered(self.segments, wide.rename_axis(columns=None))

    def first_offers(self) -> pd.DataFrame:
        """The first three items to offer to each segment, a row each."""
        items = self.segments[(self.segments["kind"] == "item") & (self.segments["rank"] <= 3)]
        texts = items["offer"] + items["lift"].map(" (x{:.1f})".format)
        named = items.assign(offers=texts).groupby(["segment", "segment_name", "basis"], sort=False)
        return named["offers"].agg(", ".join).reset_index()

    @property
    def words(self) -> str:
        """How many offers there are for how many, and what the trial says."""
        reasons = self.segments["basis"].value_counts()
        alike = int(reasons.get(preferences.PREFERRED, 0))
        more = alike + int(reasons.get(preferences.MORE, 0))
        used = " They are made without segments." if self.trial.helps == "harm" else ""
        return (
            f"{more:,} offers to segments are what these buy more than others, {alike:,} of them "
            f"also more than those who buy as much; {self.customers.iloc[:, 0].nunique():,} "
            f"customers have offers of their own.{used} {self.trial.words}"
        )


def plan(
    lines: Lines,
    membership: Membership,
    names: Mapping[int, str],
    settings: Settings,
    *,
    split: Moment | None = None,
) -> Campaign:
    """Find preferences, try the recommender on the last purchases, then use it on all of them.

    Parameters
    ----------
    lines : Lines
        Their items are what is offered.
    membership : Membership
        Who of their customers is in which segment.
    names : mapping, segment -> name
    settings : Settings
    split : Timestamp, optional
        Purchases from then on are the test; by default the last fifth of the period.

    Raises
    ------
    OffersError
        When the purchases are too few for a trial.
    """
    tried = trial.run(lines.connection, membership, settings, split=split)
    known, assigned = membership.now()
    segments = assigned["segment"]
    compared = _compared(lines, segments, names, settings)
    least = settings.least_customers
    listed = [
        preferences.listed(found, most=settings.per_segment, least_buyers=least)
        for found in compared
    ]
    model = trial.fit(read(lines.connection), segments, settings)
    offers = model.offers(tried.chosen, most=settings.per_customer)
    return Campaign(
        pd.concat(compared, ignore_index=True),
        pd.concat(listed, ignore_index=True),
        _described(offers, segments, names, lines),
        tried,
        known,
        assigned,
        names,
        membership.lines.findings.table(pd.Series(dtype="str")),
    )


def _compared(
    lines: Lines, segments: pd.Series[int], names: Mapping[int, str], settings: Settings
) -> list[pd.DataFrame]:
    """Preferences for items and, where there are any, for categories."""
    found = []
    for kind in KINDS:
        bought = read(lines.connection, what=kind).only(settings.least_customers)
        numbers = trial.aligned(segments, bought)
        if len(bought.items):
            found.append(preferences.preferences(bought, numbers, names, kind))
    return found


def _described(
    offers: pd.DataFrame, segments: pd.Series[int], names: Mapping[int, str], lines: Lines
) -> pd.DataFrame:
    """Customers' offers under the id's own name, with names of segments and categories."""
    named = {int(n): name_of(int(n), names) for n in offers["segment"].unique()}
    inside = offers["customer"].isin(segments.index)
    own = lines.columns["customer"]
    found = offers.rename(columns={"customer": f"{own} (data)" if own in offers else own})
    found.insert(2, "segment_name", offers["segment"].map(named).where(inside, NO_SEGMENT))
    known = categories(lines.connection)
    if known:
        found.insert(5, "category", offers["offer"].map(known).fillna(""))
    return found.reset_index(drop=True)

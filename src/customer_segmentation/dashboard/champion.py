"""The champion with its customers: what all pages show, read once per version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from customer_segmentation import profiles
from customer_segmentation.labels import OUTLIER, FloatArray
from customer_segmentation.naming import playbook
from customer_segmentation.naming.playbook import Play, Playbook
from customer_segmentation.profiles import borderline
from customer_segmentation.profiles import cards as segment_cards
from customer_segmentation.profiles.cards import Card
from customer_segmentation.promotion import proposal
from customer_segmentation.registry import Served
from customer_segmentation.results import About
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.segmenter.preparation import prepare
from customer_segmentation.style import OUTLIER_NAME, label, name_of
from customer_segmentation.tracking.artifacts import (
    assignments,
    read_setting,
    read_table,
    read_text,
)
from customer_segmentation.tracking.store import StoreError


class ChampionError(RuntimeError):
    """A champion whose customers cannot be read."""


@dataclass(frozen=True)
class Champion:
    """The champion and the customers that it was found on."""

    served: Served  #: The registered version
    table: pd.DataFrame  #: The clean customers in raw units, indexed by id
    segments: pd.Series[int]  #: Of each customer, by the champion's numbers; -1 = outlier
    confidence: pd.Series[float]
    plays: Mapping[int, Play]  #: segment -> Play: what the playbook of the run recommends
    #: Customers whose segment is in doubt, the most doubtful first, indexed by id
    borderline: pd.DataFrame
    about: About = field(default_factory=About)  #: What its run says of it

    @property
    def segmenter(self) -> Segmenter:
        """The model."""
        return self.served.segmenter

    @cached_property
    def names(self) -> dict[int, str]:
        """Name by segment number, in their order, without the outliers."""
        return dict(sorted(self.segmenter.names.items()))

    @cached_property
    def matrix(self) -> FloatArray:
        """What the model makes of its customers, a row each."""
        return prepare(self.segmenter.transformer_, self.segmenter.schema_.read(self.table))

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Customers per segment; see :func:`customer_segmentation.profiles.counts`."""
        return profiles.counts(self.segments, self.names)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """How far each segment is from everyone; see :func:`profiles.contrasts`."""
        return profiles.contrasts(self.table, self.segments)

    @cached_property
    def cards(self) -> list[Card]:
        """A card per segment."""
        return segment_cards.cards(self.table, self.segments, self.names, self.plays, X=self.matrix)

    def label(self, segment: int) -> str:
        """Number and name of a segment."""
        return label(segment, name_of(segment, self.names))

    def customers(self, segment: int) -> pd.DataFrame:
        """Customers of a segment as they are handed out: id, columns, segment, confidence."""
        inside = (self.segments == segment).to_numpy()
        found = self.table[inside].copy()
        found.insert(0, str(self.table.index.name or "customer_id"), found.index.astype(str),
                     allow_duplicates=True)  # fmt: skip
        names = {**self.names, OUTLIER: OUTLIER_NAME}
        return labelled(found, self.segments[inside], names, self.confidence[inside])


def labelled(
    table: pd.DataFrame,
    segments: pd.Series[int],
    names: Mapping[int, str],
    confidence: pd.Series[float],
) -> pd.DataFrame:
    """Put segment, name and confidence behind the columns of a table.

    A column of the table that is called like one of them gets " (data)" appended.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [30], "segment": ["x"]})
    >>> labelled(table, pd.Series([1]), {1: "Young"}, pd.Series([0.9])).columns.tolist()
    ['age', 'segment (data)', 'segment', 'segment_name', 'confidence']
    """
    added = {
        "segment": segments.array,
        "segment_name": [None if pd.isna(n) else names.get(int(n), "") for n in segments],
        "confidence": confidence.array,
    }
    renamed = table.rename(columns={c: f"{c} (data)" for c in table.columns if str(c) in added})
    return pd.concat([renamed, pd.DataFrame(added, index=table.index)], axis=1)


def load(served: Served) -> Champion:
    """Read the customers of a version, under its own segment numbers.

    Raises
    ------
    ChampionError
        When the run that it comes from, or its files, are gone.
    """
    try:
        known = assignments(served.run_id)
        table = proposal.customers(served.run_id).loc[known.index]
        words = read_text(served.run_id, About.PATH)
    except StoreError as error:
        raise ChampionError(
            f"got version {served.version} of run {served.run_name}, whose customers cannot be "
            f"read, expected its files in the store. Train and promote again: python train.py -m"
        ) from error
    segments = known["segment"].replace(served.numbers).astype("int64")
    plays = playbook.assign(_playbook_of(served.run_id), table, segments)
    about = About.loads(words)
    return Champion(served, table, segments, known["confidence"], plays, _borderline(served), about)


def _playbook_of(run_id: str) -> Playbook:
    """Find the playbook that a run was made with; one without plays if there was none."""
    config = read_setting(run_id, "playbook")
    return playbook.read(config) if isinstance(config, dict) else Playbook("none", [])


def _borderline(served: Served) -> pd.DataFrame:
    """Customers in doubt, with the numbers and names that this version gives the segments."""
    found = read_table(served.run_id, "tables/borderline.csv", index=True)
    names = {**served.segmenter.names, OUTLIER: OUTLIER_NAME}
    return borderline.renumbered(found, served.numbers, names)

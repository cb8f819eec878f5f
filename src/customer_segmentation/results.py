"""What pages, sheets and files tell of a run: its segments as tables, and the words about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from customer_segmentation import profiles
from customer_segmentation.style import name_of

if TYPE_CHECKING:
    from customer_segmentation.profiles.cards import Card


class Tables:
    """The profile tables, made once and used by files, pictures, page and workbook.

    Parameters
    ----------
    table : DataFrame
        The clean customers in raw units, indexed by id.
    segments : Series of int
        Of each customer, -1 = outlier; same index.
    names : mapping, segment -> name
    confidence : Series of float
        0 to 1.
    cards : sequence of Card
        One per segment; without them page and workbook show sizes and means only.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 30.0]}, index=["a", "b"])
    >>> segments = pd.Series([1, 2], index=table.index)
    >>> Tables(table, segments, {1: "Young", 2: "Older"}, segments * 0.5).assignments
       segment   name  confidence
    a        1  Young         0.5
    b        2  Older         1.0
    """

    def __init__(
        self,
        table: pd.DataFrame,
        segments: pd.Series[int],
        names: Mapping[int, str],
        confidence: pd.Series[float],
        cards: Sequence[Card] = (),
    ) -> None:
        profiles.check_aligned(table, segments)
        profiles.check_aligned(table, confidence)
        self.table, self.segments, self.names, self.cards = table, segments, names, cards
        self.summary = profiles.summary(table, segments, names)
        self.counts = profiles.counts(segments, names)
        self.contrasts = profiles.contrasts(table, segments)
        self.assignments = pd.DataFrame(
            {"segment": segments, "name": _named(segments, names), "confidence": confidence},
            index=segments.index,
        )


def _named(segments: pd.Series[int], names: Mapping[int, str]) -> pd.Categorical:
    """The name of every customer's segment; two segments may have the same one."""
    known, codes = np.unique(segments.to_numpy(), return_inverse=True)
    said = [name_of(int(number), names) for number in known]
    levels = list(dict.fromkeys(said))
    places = np.array([levels.index(name) for name in said], dtype=np.int16)
    return pd.Categorical.from_codes(places[codes], categories=pd.Index(levels, dtype="str"))


@dataclass(frozen=True)
class Offered:
    """What to offer to whom."""

    #: A row per segment and offer; see :func:`customer_segmentation.offers.preferences.listed`
    segments: pd.DataFrame
    #: A row per customer: id, ``segment``, segment name, then the offers, the best first
    customers: pd.DataFrame


@dataclass(frozen=True)
class About:
    """What is said of a run beside its segments, in words for people who read no code."""

    PATH: ClassVar[str] = "tables/about.json"  # where a run keeps them
    title: str = "Customer segments"
    sentence: str = ""  #: The verdict in one sentence
    meaning: str = ""  #: What the verdict means for those who act on the segments
    doubts: list[str] = field(default_factory=list)  #: What speaks against it
    #: A paragraph each
    method: str = ""
    data: str = ""
    #: label -> text: how to make the run again: its id, the command, the data's hash, the versions
    facts: dict[str, str] = field(default_factory=dict)
    cleaning: pd.DataFrame = field(default_factory=pd.DataFrame)  #: The cleaning report
    note: str = ""  #: Whose numbers the segments have, where they are not the run's own
    #: title -> DataFrame: what the algorithm itself has to show
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    #: What was not computed of all customers, and how far it may be off
    inexact: list[str] = field(default_factory=list)

    def dumps(self) -> str:
        """Write the words as JSON, without the cleaning report, which is a table of the run.

        Examples
        --------
        >>> said = About(title="Shop", tables={"Scores": pd.DataFrame({"score": ["1"]})})
        >>> found = About.loads(said.dumps())
        >>> found.title, found.tables["Scores"]["score"].tolist()
        ('Shop', ['1'])
        """
        words = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "cleaning"}
        words["tables"] = {title: table.to_dict("list") for title, table in self.tables.items()}
        return json.dumps({"about": words}, ensure_ascii=False)

    @classmethod
    def loads(cls, text: str | None) -> About:
        """Read what :meth:`dumps` wrote; of a run without it nothing is said."""
        if not text:
            return cls()
        words = json.loads(text)["about"]
        tables = words.pop("tables", {})  # of runs that had none, not even empty
        return cls(**words, tables={title: pd.DataFrame(cells) for title, cells in tables.items()})

"""The segments that customers were in on a day, from nothing that they bought later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from customer_segmentation.offers.purchases import Moment
from customer_segmentation.offers.sales import before
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.transactions import Lines
from customer_segmentation.transactions.loading import as_trained


@dataclass(frozen=True)
class Membership:
    """What a model says of the customers of some purchase lines, as of any day.

    The model's segments stay as they are, with the borders that it found on its training period;
    who is in which is decided by the features of that day.

    Attributes
    ----------
    lines : Lines
    history : mapping
        How the model's training table came out of its purchase lines.
    segmenter : Segmenter
    """

    lines: Lines
    history: Mapping[str, Any]
    segmenter: Segmenter

    def __call__(self, day: Moment) -> pd.Series[int]:
        """Segment of each customer who bought before a day; -1 = outlier."""
        with before(self.lines, day) as lines:
            return self.assign(self.table(lines))["segment"]

    def now(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Features, and what the model makes of them, of all customers it can assign."""
        found = self.table(self.lines)
        assigned = self.assign(found)
        return found.loc[assigned.index], assigned

    def table(self, lines: Lines) -> pd.DataFrame:
        """Features of the customers, made as those of the training customers were."""
        return as_trained(lines, self.history, self.segmenter.columns)

    def assign(self, table: pd.DataFrame) -> pd.DataFrame:
        """Segment, name and confidence of the customers whose features the model can read."""
        unreadable = self.segmenter.problems(table)["row"]
        return self.segmenter.assign(table[~table.index.isin(unreadable)])

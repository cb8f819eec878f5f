"""One customer by a form: its fields, the answer, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.data.levels import is_numeric
from customer_segmentation.labels import OUTLIER
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.segmenter.schema import refusal
from customer_segmentation.style import number, percent

USUAL = (0.1, 0.9)  # quantiles between which a value is usual: eight customers of ten


@dataclass(frozen=True)
class Field:
    """A field of the form."""

    column: str
    levels: tuple[str, ...] = ()  #: To choose from; empty for a number
    #: Least, median and largest value in training; NaN where there is none
    low: float = math.nan
    middle: float = math.nan
    high: float = math.nan
    whole: bool = False  #: Whether all values in training were whole numbers

    @property
    def step(self) -> float:
        """By how much a click changes the number: about a hundredth of the range."""
        width = self.high - self.low
        if not (width > 0 and math.isfinite(width)):
            return 1.0
        step = float(10 ** math.floor(math.log10(width / 50)))
        return max(step, 1.0) if self.whole else step

    @property
    def hint(self) -> str:
        """What the values in training were.

        Examples
        --------
        >>> Field("age", low=18, middle=36, high=70).hint
        '18 to 70 in training, middle 36'
        """
        if math.isnan(self.low):
            return ""
        low, middle, high = (number(v) for v in (self.low, self.middle, self.high))
        return f"{low} to {high} in training, middle {middle}"


@dataclass(frozen=True)
class Reason:
    """A value of a customer, and what it says."""

    column: str
    value: str
    #: Middle of the segment and of everyone; of a category the share that has this level
    segment: str
    everyone: str
    #: Segments in which the value is usual: it is between the outer tenths of their customers; of a
    #: category, at least as common as among everyone
    usual: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """Where a customer belongs."""

    segment: int
    name: str
    confidence: float  #: Share of the nearest customers that are in this segment
    why: list[Reason]  #: One per value that is known, the most telling first


def fields(segmenter: Segmenter, reference: Mapping[str, Any]) -> list[Field]:
    """Fields of the form: the columns of the model, with what the training knew of each.

    Parameters
    ----------
    segmenter : Segmenter
    reference : dict
        As :func:`customer_segmentation.drift.reference` made it.
    """
    return [
        field_of(column, reference["columns"].get(column, {}), column in segmenter.numeric)
        for column in segmenter.columns
    ]


def field_of(column: str, described: Mapping[str, Any], numeric: bool) -> Field:
    """Field of a column.

    Examples
    --------
    >>> field_of("sex", {"levels": ["f", "m"]}, False).levels
    ('f', 'm')
    >>> field_of("age", {"grid": [18.0, 36.0, 70.0], "counts": [0, 1, 0, 1, 0, 1, 0]}, True).middle
    36.0
    """
    if described.get("levels"):
        return Field(column, tuple(described["levels"]))
    grid = np.asarray(described.get("grid", []), dtype=float)
    if not numeric or not len(grid):
        return Field(column)
    middle = _median(grid, np.asarray(described["counts"], dtype=float))
    whole = bool((grid == np.round(grid)).all())
    return Field(column, (), float(grid[0]), middle, float(grid[-1]), whole)


def _median(grid: Any, counts: Any) -> float:
    """From counts below, at and between the grid's values."""
    # What lies between two values counts to the upper one.
    at = counts[:-1:2] + counts[1::2]
    place = int(np.searchsorted(np.cumsum(at), at.sum() / 2))
    return float(grid[min(place, len(grid) - 1)])


def answer(champion: Champion, values: Mapping[str, Any]) -> Answer:
    """Assign one customer, and compare it with its segment and with everyone.

    Parameters
    ----------
    champion : Champion
    values : mapping, column -> value
        None where it is not known.

    Raises
    ------
    SchemaError
        When no value is known, or one cannot be read.
    """
    table = pd.DataFrame([dict(values)], index=["form"]).astype(object)
    problems = champion.segmenter.problems(table)
    if len(problems):
        raise refusal(problems)
    found = champion.segmenter.assign(table).iloc[0]
    segment = int(found["segment"])
    why = explain(champion.table, champion.segments, segment, values)
    return Answer(segment, str(found["segment_name"]), float(found["confidence"]), why)


def explain(
    table: pd.DataFrame, segments: pd.Series[int], segment: int, values: Mapping[str, Any]
) -> list[Reason]:
    """Compare values with the middle of a segment and of everyone, the most telling first.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [20.0, 22.0, 60.0, 62.0]})
    >>> explain(table, pd.Series([1, 1, 2, 2]), 1, {"age": 21})
    [Reason(column='age', value='21', segment='21', everyone='41', usual=(1,))]
    """
    inside = (segments != OUTLIER).to_numpy()
    known = {c: v for c, v in values.items() if v is not None and c in table.columns}
    found = [
        _reason(column, value, table.loc[inside, column], segments[inside], segment)
        for column, value in known.items()
    ]
    # What few other segments have tells most; what is unusual here speaks against it.
    return sorted(found, key=lambda reason: (segment not in reason.usual, len(reason.usual)))


def _reason(
    column: str, value: Any, cells: pd.Series[Any], segments: pd.Series[int], segment: int
) -> Reason:
    numbers = segments.to_numpy()
    write: Callable[[float], str] = number
    if is_numeric(cells):
        own, groups = float(value), cells.astype(float).groupby(numbers)
        low, high = groups.quantile(USUAL[0]), groups.quantile(USUAL[1])
        usual, middles, everyone = (low <= own) & (own <= high), groups.median(), cells.median()
        text = number(own)
    else:
        having = (cells.astype(str) == str(value)).astype(float)
        middles, everyone = having.groupby(numbers).mean(), having.mean()
        usual, text, write = middles >= everyone, str(value), percent
    mine = write(float(middles.get(segment, math.nan)))
    found = tuple(int(n) for n in usual.index[usual])
    return Reason(column, text, mine, write(float(everyone)), found)

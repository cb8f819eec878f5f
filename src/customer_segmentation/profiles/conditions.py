"""Conditions that a person can read and a table can be checked against: "income > 70"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]
# Twelve digits tell any two amounts apart; more would show the binary rounding of a float.
DIGITS = 12


@dataclass(frozen=True)
class Condition:
    """One bound on a number or one level of a category."""

    column: Any  #: A column of the table
    sign: Literal[">", "<=", "is", "is not"]
    value: Any

    def holds(self, table: pd.DataFrame) -> Mask:
        """Tell which customers meet it; a missing value meets nothing but "is not".

        Examples
        --------
        >>> table = pd.DataFrame({"age": [20.0, 60.0, np.nan]})
        >>> Condition("age", "<=", 30).holds(table).tolist()
        [True, False, False]
        """
        column = table[self.column]
        if self.sign in {"is", "is not"}:
            equal: Mask = (column == self.value).fillna(False).to_numpy(dtype=bool)
            return equal if self.sign == "is" else ~equal
        values = column.to_numpy(dtype="float64", na_value=np.nan)
        met: Mask = values > self.value if self.sign == ">" else values <= self.value
        return met


def all_hold(conditions: Iterable[Condition], table: pd.DataFrame) -> Mask:
    """Tell which customers meet every condition; everyone meets none.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [20.0, 60.0, 90.0]})
    >>> all_hold([Condition("age", ">", 30), Condition("age", "<=", 70)], table).tolist()
    [False, True, False]
    """
    masks = (condition.holds(table) for condition in conditions)
    return reduce(np.logical_and, masks, np.ones(len(table), dtype=bool))


def merged(conditions: Sequence[Condition], levels: dict[Any, list[Any]]) -> list[Condition]:
    """Leave out what another condition says already, and say an exclusion of all but one outright.

    Parameters
    ----------
    conditions : sequence of Condition
        All must hold.
    levels : dict
        Category column -> every level of it, "missing" included as None.

    Returns
    -------
    list of Condition
        Met by the same customers.

    Examples
    --------
    >>> path = [Condition("age", ">", 20), Condition("age", ">", 30),
    ...         Condition("gender", "is not", "Male")]
    >>> [condition.value for condition in merged(path, {"gender": ["Female", "Male"]})]
    [30, 'Female']
    """
    result: list[Condition] = []
    for column in dict.fromkeys(condition.column for condition in conditions):
        own = [condition for condition in conditions if condition.column == column]
        lower = [c for c in own if c.sign == ">"]
        upper = [c for c in own if c.sign == "<="]
        result += [max(lower, key=lambda c: float(c.value))] if lower else []
        result += [min(upper, key=lambda c: float(c.value))] if upper else []
        wanted = [c for c in own if c.sign == "is"]
        unwanted = {c.value: c for c in own if c.sign == "is not"}
        left = [level for level in levels.get(column, []) if level not in unwanted]
        if not wanted and unwanted and len(left) == 1 and left[0] is not None:
            wanted = [Condition(column, "is", left[0])]
        result += wanted[:1] or list(unwanted.values())
    return result


def words(conditions: Iterable[Condition]) -> str:
    """Write conditions as one rule.

    Examples
    --------
    >>> words([Condition("income", ">", 40.0), Condition("income", "<=", 70.0)])
    '40 < income <= 70'
    >>> words([Condition("spend", ">", 1200.0), Condition("city", "is not", "Rome"),
    ...        Condition("city", "is not", "Paris")])
    'spend > 1,200 and city is not Rome or Paris'
    """
    by_column: dict[Any, list[Condition]] = {}
    for condition in conditions:
        by_column.setdefault(condition.column, []).append(condition)
    return " and ".join(_of_column(column, own) for column, own in by_column.items())


def rounder(value: float, whole: bool) -> Iterator[float]:
    """Values near a threshold from the roundest on, as a person would try them: 70, 68, 67.5.

    Parameters
    ----------
    value : float
    whole : bool
        The column holds whole numbers only, so that no decimals are needed.

    Examples
    --------
    >>> list(rounder(67.5, whole=True))[:4], list(rounder(0.5, whole=True))
    ([100.0, 50.0, 70.0, 65.0], [0.0])
    """
    exact = float(math.floor(value)) if whole else value
    if exact:
        start = math.floor(math.log10(abs(exact))) + 1
        for power in range(start, start - DIGITS, -1):
            for part in (1.0, 0.5):
                step = float(f"{part}e{power}")
                if step == 0 or (whole and step < 1):
                    break
                rounded = float(f"{exact / step:.0f}e{power}") * part
                if math.isfinite(rounded):
                    yield float(f"{rounded:.{DIGITS}g}")
    yield exact


def _of_column(column: Any, own: list[Condition]) -> str:
    bounds = {c.sign: f"{float(c.value):,.{DIGITS}g}" for c in own if c.sign in {">", "<="}}
    if len(bounds) == 2:
        return f"{bounds['>']} < {column} <= {bounds['<=']}"
    if bounds:
        return "".join(f"{column} {sign} {value}" for sign, value in bounds.items())
    return f"{column} {own[0].sign} {' or '.join(str(c.value) for c in own)}"

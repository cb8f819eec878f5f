"""Levels of a category: who has any, one spelling each, in an order that a person expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation import numerals
from customer_segmentation.numerals import folded

# Levels beyond these are rare, and a table over hundreds of levels would tell nobody anything.
MOST_LEVELS = 20
NOT_KNOWN = "not known"  # level of customers of whom a file of customers says nothing


def is_numeric(column: pd.Series[Any]) -> bool:
    """Tell whether a column has a mean (a bool is a category, not a number).

    Examples
    --------
    >>> is_numeric(pd.Series([1.0])), is_numeric(pd.Series([True]))
    (True, False)
    """
    kind = column.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def is_category(column: pd.Series[Any]) -> bool:
    """Tell whether a column has levels: category or bool. Text and dates have none.

    Examples
    --------
    >>> is_category(pd.Series(["a"], dtype="category")), is_category(pd.Series(["free text"]))
    (True, False)
    """
    kind = column.dtype
    return isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(kind)


def is_flag(column: pd.Series[Any]) -> bool:
    """Tell whether a number only says yes (1) or no (0).

    Examples
    --------
    >>> is_flag(pd.Series([0.0, 1.0, np.nan])), is_flag(pd.Series([1.0, 2.0]))
    (True, False)
    """
    if not is_numeric(column) or not (column.min() >= 0 and column.max() <= 1):
        return False  # as most columns are: no value need be looked at again
    return bool((column.isin([0, 1]) | column.isna()).all())


def commonest(column: pd.Series[Any]) -> list[Any]:
    """Levels that occur, in the order of their names; of many the `MOST_LEVELS` most frequent.

    Examples
    --------
    >>> commonest(pd.Series(["b", "a", "b"], dtype="category"))
    ['a', 'b']
    """
    counts = column.dropna().value_counts()
    counts = counts[counts > 0].sort_index(key=lambda index: index.astype(str))
    if len(counts) > MOST_LEVELS:
        counts = counts.sort_values(ascending=False, kind="stable")[:MOST_LEVELS]
    return list(counts.index)


def spellings(found: Sequence[str], counts: Sequence[int], declared: Sequence[str]) -> list[str]:
    """Give levels that differ only in case one spelling: declared, else commonest, else Title.

    Parameters
    ----------
    found : sequence of str
    counts : sequence of int
        How often each occurs.
    declared : sequence of str
        Spellings that stand.

    Examples
    --------
    >>> spellings(["Male", "male", "F", "f"], [8, 2, 1, 3], ["F"])
    ['Male', 'Male', 'F', 'F']
    """
    spelling: dict[str, str] = {}
    ranked = zip(counts, (level.istitle() for level in found), found, strict=True)
    for *_, level in sorted(ranked):
        spelling[folded(level)] = level
    spelling.update({folded(value): value for value in declared})
    return [level if level in declared else spelling[folded(level)] for level in found]


def ordered(levels: Iterable[str], declared: Sequence[str]) -> list[str]:
    """Declared levels first, in their order; then numbers by value; then the rest by alphabet.

    Examples
    --------
    >>> ordered(["10", "b", "9", "a", "low"], ["low", "high"])
    ['low', '9', '10', 'a', 'b']
    """
    present = set(levels)
    first = [level for level in declared if level in present]
    return first + sorted(present - set(declared), key=_order)


def _order(level: str) -> tuple[float, str]:
    number = numerals.parsed(pd.Series([level], dtype="str"))[0].fillna(np.inf)
    return float(number.iloc[0]), level

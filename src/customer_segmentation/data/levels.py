"""Levels of a category: one spelling each, in an order that a person expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from customer_segmentation import numerals
from customer_segmentation.words import folded


def spellings(found: Sequence[str], counts: Sequence[int], declared: Sequence[str]) -> list[str]:
    """Give levels that differ only in case one spelling: declared, else commonest, else Title.

    Parameters
    ----------
    found : sequence of str
    counts : sequence of int
        How often each occurs.
    declared : sequence of str
        Spellings that stand.

    Returns
    -------
    list of str
        The spelling of each found level, in order.

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

"""Numbers that only name something: the 3 of a region is no amount, and is written without ".0"."""

from __future__ import annotations

import re

import pandas as pd

from customer_segmentation.data import levels
from customer_segmentation.data.expectations import override
from customer_segmentation.data.findings import Findings

MAX_LEVELS = 30
NAMES = "numbers read as names"  # rule of the cleaning report
# Last words of columns whose numbers are names: the mean of two regions is none.
LAST_WORDS = {"gender", "sex", "region", "channel", "country", "state", "province", "district"}
LAST_WORDS |= {"city", "zone", "branch", "code", "zip", "zipcode", "postcode", "plz"}
LAST_WORDS |= {"agent", "company", "seller", "vendor"}
LAST_WORDS |= {"geschlecht", "land", "filiale", "kanal"}
# Words of amounts that go by them all the same: kilometres to a city, orders per channel.
AMOUNTS = {"to", "from", "of", "in", "by", "per", "within", "distance", "population", "income"}
AMOUNTS |= {"n", "no", "num", "nr", "number", "count", "total", "sum", "avg", "average", "mean"}


def unless_names(numbers: pd.Series, findings: Findings) -> pd.Series:
    """Take numbers that only name something, as their column says, for what they name.

    Parameters
    ----------
    numbers : Series of float64
    findings : Findings
        Gets that it was done, and how to have the numbers.

    Returns
    -------
    Series
        The numbers; else categories, or text where they are too many.

    Examples
    --------
    >>> unless_names(pd.Series([2.0, 1.0], name="Sales_Region"), Findings()).tolist()
    ['2', '1']
    """
    present = numbers.dropna()
    if not _is_named(str(numbers.name)) or not (present % 1 == 0).all():
        return numbers
    setting = override(str(numbers.name), "type", "number")
    detail = f"{numbers.name!r}; to have it as numbers: {setting}"
    findings.note(NAMES, present.size, column=str(numbers.name), detail=detail)
    texts = as_texts(numbers)
    if present.nunique() > MAX_LEVELS:
        return texts
    order = pd.Index(levels.ordered(texts.dropna().unique(), []), dtype="str")
    cells = pd.Categorical(texts, categories=order)
    return pd.Series(cells, index=texts.index, name=texts.name)


def _is_named(column: str) -> bool:
    words = [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", column)]
    return bool(words) and words[-1] in LAST_WORDS and not AMOUNTS.intersection(words)


def as_texts(column: pd.Series) -> pd.Series:
    """Write native cells, and whole numbers that came as 1.0, the way a person reads them."""
    texts = column
    if column.dtype != "str":
        texts = column.astype("str").where(column.notna()).astype("str")
    whole = texts.dropna().str.contains(r"^-?[0-9]+(?:\.0+)?$").all()
    return texts.str.replace(r"\.0+$", "", regex=True) if whole else texts

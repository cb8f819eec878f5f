"""What a column may hold, as the data of the training were declared: they had nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.labels import FloatArray
from customer_segmentation.numerals import folded

Rule = Mapping[str, Any]  # any of min, max (both ends included) and values


def outside(cells: FloatArray | pd.Categorical, rule: Rule) -> Any:
    """Which cells, numbers or text, are not allowed; a gap is.

    Examples
    --------
    >>> outside(np.array([-1.0, 0.0, np.nan, 999.0]), {"min": 0, "max": 120})
    array([ True, False, False,  True])
    >>> outside(pd.Categorical(["male", "?", np.nan]), {"values": ["Male", "Female"]})
    array([False,  True, False])
    """
    if not isinstance(cells, pd.Categorical):
        return (cells < rule.get("min", -np.inf)) | (cells > rule.get("max", np.inf))
    if "values" not in rule:
        return np.zeros(len(cells), dtype=bool)
    known = {folded(str(value)) for value in rule["values"]}
    odd = [folded(text) not in known for text in cells.categories]
    return np.array([*odd, False])[cells.codes]


def in_words(rule: Rule) -> str:
    """What is allowed.

    Examples
    --------
    >>> in_words({"min": 0, "max": 120}), in_words({"values": ["Male", "Female"]})
    ('at least 0 and at most 120', "one of 'Male', 'Female'")
    """
    limits = (("min", "at least"), ("max", "at most"))
    parts = [f"{words} {rule[key]}" for key, words in limits if key in rule]
    parts += [f"one of {', '.join(map(repr, rule['values']))}"] if "values" in rule else []
    return " and ".join(parts)


def shown(value: Any) -> str:
    """A value as a person would write it.

    Examples
    --------
    >>> shown(np.float64(15.0)), shown("old")
    ('15', "'old'")
    """
    plain = value.item() if isinstance(value, np.generic) else value
    return f"{plain:.12g}" if isinstance(plain, float) else repr(plain)

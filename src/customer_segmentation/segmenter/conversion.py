"""Cells as the schema of a model wants them: converted, and allowed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from customer_segmentation.labels import FloatArray
from customer_segmentation.numerals import folded

# Words for a gap, and for yes and no, that a file or a web form may hold instead of a number.
GAPS = {"", "na", "n/a", "nan", "null", "none", "<na>"}
LARGEST = sys.float_info.max
ANSWERS = {"true": 1.0, "false": 0.0}
Rule = Mapping[str, Any]  # any of min, max (both ends included) and values


def to_numbers(values: pd.Series[Any]) -> tuple[FloatArray, Any]:
    """Numbers of a column of any type, NaN for gaps; and which cells are none.

    Examples
    --------
    >>> to_numbers(pd.Series([1, "12.5", " ", "much"]))
    (array([ 1. , 12.5,  nan,  nan]), array([False, False, False,  True]))
    """
    if types.is_numeric_dtype(values) and not types.is_complex_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        return numbers, np.isinf(numbers)
    if types.is_object_dtype(values) or types.is_string_dtype(values) or _is_category(values):
        return _parsed(values.astype(object))
    return np.full(len(values), np.nan), values.notna().to_numpy()


def _parsed(values: pd.Series[Any]) -> tuple[FloatArray, Any]:
    parsed = pd.to_numeric(values.mask(values.map(_is_no_float)), errors="coerce")
    numbers = np.array(parsed, dtype=float)
    unread = np.isnan(numbers) & values.notna().to_numpy()
    words = values[unread].astype(str).str.strip().str.lower()
    numbers[unread] = words.map(ANSWERS).to_numpy(dtype=float)
    unread[unread] = ~words.isin(GAPS | set(ANSWERS)).to_numpy()
    return numbers, unread | np.isinf(numbers)


def _is_no_float(cell: Any) -> bool:
    """Whether pandas stumbles over a cell: a complex number, or a whole one beyond all floats."""
    return isinstance(cell, complex) or (isinstance(cell, int) and abs(cell) > LARGEST)


def to_text(values: pd.Series[Any], levels: Sequence[str]) -> tuple[pd.Categorical, Any]:
    """Text of a column of any type, NaN for gaps; and which cells are lists or mappings.

    A value that is one of `levels` in another guise (1.0 or True for "1") becomes that level.

    Examples
    --------
    >>> list(to_text(pd.Series([1.0, 2.0, None]), ["1", "2"])[0])
    ['1', '2', nan]
    """
    bad = np.zeros(len(values), dtype=bool)
    if types.is_object_dtype(values):
        bad = values.map(lambda cell: isinstance(cell, list | dict | set)).to_numpy(dtype=bool)
        values = values.mask(bad)
    # Each different value is looked at once, however many customers share it.
    if _is_category(values):
        codes, uniques = values.cat.codes.to_numpy(), values.cat.categories
    else:
        codes, uniques = pd.factorize(values.astype(object))
    guises = _guises(levels)
    texts = [_as_level(value, levels, guises) for value in uniques]
    places, known = pd.factorize(np.array(texts, dtype=object))
    return pd.Categorical.from_codes(np.append(places, -1)[codes], pd.Index(known)), bad


def _as_level(value: Any, levels: Sequence[str], guises: Mapping[str, str]) -> Any:
    text = str(value)
    if text in levels:
        return text
    plain = _plain(text)
    if not plain:
        return np.nan
    return guises.get(plain, text if isinstance(value, str) else plain)


def _guises(levels: Sequence[str]) -> dict[str, str]:
    """Level by its plain form; what two levels share ("07" and "7") tells nothing."""
    plain = [_plain(level) for level in levels]
    guises = {
        form: level for form, level in zip(plain, levels, strict=True) if plain.count(form) == 1
    }
    if set(guises) <= {"True", "False"}:
        guises |= {"10"["TF".index(form[0])]: level for form, level in guises.items()}
    return guises


def _plain(text: str) -> str:
    """One spelling for each number and truth value: "1" for "1.0", "True" for "TRUE"."""
    text = text.strip()
    if text.lower() in ANSWERS:
        return text.capitalize()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else text


def _is_category(values: pd.Series[Any]) -> bool:
    return isinstance(values.dtype, pd.CategoricalDtype)


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

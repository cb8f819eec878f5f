"""Dates as people write them, read in the one format that fits most cells of a column."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Digits in brackets: what Arrow and Python read alike, so that Arrow does it.
LIKE = (
    r"^(?:[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{2,4}(?:[ T].*)?"
    r"|[0-9]{1,2}[- ][A-Za-z]{3,9}[- ,]+[0-9]{2,4})$"
)
_DAYS = ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%Y", "%d-%B-%Y")
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f")
_WORDS = {"%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%b": "mon", "%B": "month"}
_WORDS |= {":%S.%f": ":ss", "%H:%M": "hh:mm", "%S": "ss"}


def parsed(texts: pd.Series) -> tuple[pd.Series, str]:
    """Read text cells as dates: ISO, else day first, else month first, whichever fits most.

    Parameters
    ----------
    texts : Series of str
        Cells, none missing; "-", "/" and "." may part day, month and year.

    Returns
    -------
    dates : Series of datetime64
        NaT where a cell does not have the format.
    form : str
        The format in words, with a warning if day and month could as well be swapped.

    Examples
    --------
    >>> dates, form = parsed(pd.Series(["04.09.2012", "21.08.2013"]))
    >>> dates.dt.month.tolist(), form
    ([9, 8], 'dd-mm-yyyy')
    """
    codes, levels = pd.factorize(texts)
    parts = pd.Series(levels, dtype="str").str.replace(r"[/.\s-]+", "-", n=2, regex=True)
    parts = parts.str.replace("T", " ").str.removesuffix("Z")
    sample = parts.head(300)
    forms = [day + time for time in _TIMES for day in _DAYS]
    best = max(forms, key=lambda form: _fits(sample, form))
    dates = pd.to_datetime(parts, format=best, errors="coerce")
    values = pd.Series(dates.to_numpy()[codes], index=texts.index, name=texts.name)
    return values, _spoken(best, values)


def _fits(texts: pd.Series, form: str) -> int:
    return int(np.sum(pd.to_datetime(texts, format=form, errors="coerce").notna()))


def _spoken(form: str, dates: pd.Series) -> str:
    words = form
    for code, word in _WORDS.items():
        words = words.replace(code, word)
    swappable = form.startswith(("%d-%m", "%m-%d")) and (dates.dropna().dt.day <= 12).all()
    return words + (" (day and month could be swapped)" if swappable else "")

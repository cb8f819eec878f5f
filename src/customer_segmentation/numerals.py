"""What the text of a cell means: nothing, a level however spelt, or a number however written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Mark = Literal[".", ","]

SAMPLE = 500  # distinct values of a column in which a decimal mark is looked for
LONG = 10_000  # cells; fewer are read one by one in no time
LEADING_ZERO = r"^[-+]?0[0-9]+$"
_UNIT = r"(?:[$€£¥₹%]|USD|EUR|GBP|CHF|INR|JPY|Rs\.?|kr\.?)"
_CELL = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+−])?\s*{_UNIT}?\s*(?P<sign2>[-+−])?"
    r"(?P<digits>[\d.,](?:[\d.,'’\s]*[\d.,])?(?:[eE][-+]?\d+)?)"
    rf"\s*{_UNIT}?\s*(?P<close>\))?",
    re.IGNORECASE,
)
_GROUPS = {".": re.compile(r"[,'’\s]"), ",": re.compile(r"[.'’\s]")}
_READINGS = {
    mark: re.compile(
        rf"(?:\d+|\d{{1,3}}(?P<group>{group.pattern})\d{{3}}(?:(?P=group)\d{{3}})*)?"
        rf"(?:{re.escape(mark)}\d*)?(?:[eE][-+]?\d+)?"
    )
    for mark, group in _GROUPS.items()
}
# For Arrow's own engine: one sign, one unit before and after, thousands by the other mark.
_SIGN = r"(?:[$€£¥₹%]|USD|EUR|GBP|CHF|INR|JPY)"
_GAP = r"[\s\x{00A0}\x{202F}]*"
_EASY = {
    mark: rf"(?i)^(?:[-+]?{_GAP}{_SIGN}?{_GAP}|{_SIGN}{_GAP}[-+])"
    rf"(?:(?:[0-9]+|[0-9]{{1,3}}(?:[{other}][0-9]{{3}})+)(?:[{mark}][0-9]*)?|[{mark}][0-9]+)"
    rf"{_GAP}{_SIGN}?$"
    for mark, other in ((".", ","), (",", "."))
}
_INFINITE = re.compile(r"([-+]?)(?:inf|infinity|∞)", re.IGNORECASE)
MISSING_TOKENS = frozenset(
    {"?", "-", "--", ".", "n/a", "na", "nan", "nat", "null", "none", "nil", "unknown", "missing"}
    | {"undefined", "not available", "(blank)", "<na>", "#n/a", "#null!", "#num!", "#name?"}
    | {"#div/0!", "#value!", "#ref!"}
)


def plain(cells: Any) -> npt.NDArray[np.float64] | None:
    """Read a column of text at once, if every cell is a number as computers write it.

    Parameters
    ----------
    cells : pyarrow array of text

    Returns
    -------
    ndarray of float64 or None
        NaN where a cell is missing. None also where a cell is the word "nan", or a whole number
        with a leading zero, as codes have.

    Examples
    --------
    >>> plain(pa.chunked_array([["1", "2.5", None]]))
    array([1. , 2.5, nan])
    >>> plain(pa.chunked_array([["1", "007"]])) is None
    True
    """
    try:
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    values = np.asarray(numbers.to_numpy(zero_copy_only=False))
    if np.isnan(values).sum() != cells.null_count:
        return None
    starts = ["0", "-0"] if np.signbit(values).any() else ["0"]
    return None if any(_coded(cells, start) for start in starts) else values


def _coded(cells: Any, start: str) -> bool:
    """Whether a cell that starts like this is a whole number with a leading zero."""
    zeros = pc.starts_with(cells, start)
    if not pc.any(zeros).as_py():
        return False
    return bool(pc.any(pc.match_substring_regex(cells.filter(zeros), LEADING_ZERO)).as_py())


def decimal_mark(columns: Iterable[pd.Series]) -> Mark:
    """Find the decimal mark of a file from the cells that can be read in one way only.

    Parameters
    ----------
    columns : iterable of Series
        Text columns; of each, 500 distinct values are looked at.

    Returns
    -------
    "." or ","
        The comma only if more columns prove it than prove the point.

    Examples
    --------
    >>> decimal_mark([pd.Series(["1.234,50", "7,5"]), pd.Series(["12", "x"])])
    ','
    """
    votes = sum(np.sign(_proof(_distinct(column, SAMPLE))) for column in columns)
    return "," if votes < 0 else "."


def votes(mark: Mark) -> list[pd.Series]:
    """What :func:`decimal_mark` takes as one more column, so that doubts go to a known mark.

    Examples
    --------
    >>> decimal_mark([pd.Series(["1.000"]), *votes(",")])
    ','
    """
    return [pd.Series(["0,5"], dtype="str")] if mark == "," else []  # they go to the point anyway


def _distinct(column: pd.Series, most: int) -> list[str]:
    """The first distinct values; most columns have that many long before their end."""
    first = column.iloc[: 10 * most].dropna().unique()
    found = first if len(first) >= most else column.dropna().unique()
    return [str(value) for value in found[:most]]


def parsed(texts: pd.Series, default: Mark = ".") -> tuple[pd.Series, pd.Series]:
    """Read text cells as numbers.

    Parameters
    ----------
    texts : Series of str
        Trimmed cells, none missing.
    default : "." or ",", default "."
        The decimal mark where the column itself does not decide.

    Returns
    -------
    values : Series of float64
        NaN where a cell is no number. Percent signs and currency are dropped: "45 %" is 45.
    plain : Series of bool
        Where the text is the number as computers write it.

    Examples
    --------
    >>> parsed(pd.Series(["$1,234.50", "(7)", "12 %", "abc"]))[0].tolist()
    [1234.5, -7.0, 12.0, nan]
    >>> parsed(pd.Series(["1.234,50", "1.000"]))[0].tolist()
    [1234.5, 1000.0]
    """
    grouped = default == "," and texts.str.contains(".", regex=False).any()
    if not grouped and len(texts) >= LONG and (whole := plain(pa.array(texts))) is not None:
        values = pd.Series(whole, index=texts.index, name=texts.name, copy=False)
        return values, values.notna()
    codes, levels = pd.factorize(texts)
    objects = pd.Series(levels, dtype=object)
    as_is = pd.to_numeric(objects, errors="coerce").to_numpy(dtype="float64")
    found = _values(levels, default) if grouped or np.isnan(as_is).any() else as_is

    def column(of_levels: npt.NDArray[Any]) -> pd.Series:
        return pd.Series(of_levels[codes], index=texts.index, name=texts.name, copy=False)

    return column(found), column(found == as_is)


def units(texts: pd.Series) -> list[str]:
    """Currencies and percent signs in cells, the commonest first.

    Examples
    --------
    >>> units(pd.Series(["$1", "2 eur", "EUR 3", "4"]))
    ['EUR', '$']
    """
    found = texts.str.extract(f"({_UNIT})", flags=re.IGNORECASE, expand=False).dropna()
    return list(found.str.upper().str.rstrip(".").value_counts().index)


def read(texts: Sequence[str], mark: Mark) -> npt.NDArray[np.float64]:
    """Read distinct texts with a known decimal mark.

    Parameters
    ----------
    texts : sequence of str
        Trimmed.
    mark : "." or ","
        Holds whatever the texts prove, so that each means the same alone as among others.

    Returns
    -------
    ndarray of shape (n_texts,)
        Infinite where a text is no number.

    Examples
    --------
    >>> read(["1.200", "12 EUR", "much"], ",")
    array([1200.,   12.,   inf])
    """
    plain = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(float)
    if mark == "." and not np.isnan(plain).any():
        return plain
    # The reader lets cells vote on the mark; these votes outnumber whatever the texts hold.
    votes = [f"0{mark}{number}" for number in range(1, len(texts) + 2)]
    values = parsed(pd.Series([*texts, *votes], dtype="str"), mark)[0]
    return values.fillna(np.inf).to_numpy(float)[: len(texts)]


def _values(levels: pd.Index, default: Mark) -> npt.NDArray[np.float64]:
    """Read distinct cells, all with the mark that they prove; NaN where one is no number."""
    easy = _easy(levels)
    hard = ~(easy["."] | easy[","])
    proof = int(easy["."].sum() - easy[","].sum()) + _proof(levels[hard].tolist())
    mark: Mark = default if proof == 0 else "." if proof > 0 else ","
    values = np.full(len(levels), np.nan)
    values[easy[mark]] = _bare(levels[easy[mark]], mark)
    values[~easy[mark]] = [_number(value, mark) for value in levels[~easy[mark]]]
    return values


def _easy(levels: pd.Index) -> dict[str, npt.NDArray[np.bool_]]:
    """By mark: which of many cells are simple enough to be read with it at once."""
    if len(levels) < LONG:
        return dict.fromkeys(_EASY, np.zeros(len(levels), dtype=bool))
    cells = pa.array(levels)
    found = {mark: pc.match_substring_regex(cells, form) for mark, form in _EASY.items()}
    return {mark: match.to_numpy(zero_copy_only=False) for mark, match in found.items()}


def _bare(levels: pd.Index, mark: Mark) -> npt.NDArray[np.float64]:
    """Numbers of easy cells: what is left without unit, plus sign and thousands."""
    bare = pc.replace_substring_regex(pa.array(levels, pa.large_string()), f"[^0-9{mark}-]+", "")
    numbers = pc.cast(pc.replace_substring(bare, mark, "."), pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def _proof(values: list[str]) -> int:
    """Count the cells readable only with a point, less those readable only with a comma."""
    digits = [cell["digits"].strip() for value in values if (cell := _CELL.fullmatch(value))]
    point = [_READINGS["."].fullmatch(text) is not None for text in digits]
    comma = [_READINGS[","].fullmatch(text) is not None for text in digits]
    return sum(point) - sum(comma)


def _number(value: str, mark: Mark) -> float:
    infinite = _INFINITE.fullmatch(value)
    if infinite:
        return float(f"{infinite[1]}inf")
    cell = _CELL.fullmatch(value)
    if not cell or bool(cell["open"]) != bool(cell["close"]):
        return float("nan")
    digits = cell["digits"].strip()
    if not _READINGS[mark].fullmatch(digits) or not any(c.isdigit() for c in digits):
        return float("nan")
    kept = _GROUPS[mark].sub("", digits).replace(mark, ".")
    negative = cell["open"] or (cell["sign"] or cell["sign2"] or "+") in "-−"
    return -float(kept) if negative else float(kept)


def folded(level: object) -> str:
    """A level without what makes no difference: case and blanks.

    Examples
    --------
    >>> folded(" Very  Good") == folded("very good")
    True
    """
    return " ".join(str(level).split()).casefold()

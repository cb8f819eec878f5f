"""Codes that stand for "missing" among numbers and dates: 999, -1, 1900-01-01."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_segmentation.data.expectations import UNDECLARED, Expectation, override
from customer_segmentation.data.findings import Findings, listed
from customer_segmentation.labels import FloatArray
from customer_segmentation.style import percent, plural

READ, POSSIBLE = "code read as missing", "perhaps a code for missing"  # rules of the report

# 7, 8 and 9 alone or repeated, and what questionnaires put beside 99, 999, ...: 97 and 98.
HIGH_CODES = frozenset(
    number
    for digits in range(1, 9)
    for number in (*(int(d * digits) for d in "789"), 10**digits - 2, 10**digits - 3)
)
LOW_CODES = frozenset({-1, -2, *(-code for code in HIGH_CODES)})
FEWEST = 3  # customers with a code, and other values: fewer are no pattern
FAR = 2.0  # ranges of all other values by which a code lies beyond them: no tail does
BESIDE = 0.25  # ranges: from here on, it is said
STEPS = 10  # usual distances of values between a negative code and all others, none negative
_NO_DATE = r"^0{1,4}[-/.]0{1,2}[-/.]0{2,4}(?:[ T][0:.]*)?$"  # what MySQL writes for none
# What programs write for no date: Excel, SQL Server, Unix, and the last day of all.
PLACEHOLDERS = ["0001-01-01", "1111-11-11", "1601-01-01", "1753-01-01", "1800-01-01"]
PLACEHOLDERS += ["1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01"]
PLACEHOLDERS += ["2099-12-31", "2999-12-31", "9999-12-31"]
ALONE = pd.Timedelta(days=2 * 365)  # around a placeholder, or it is a day like others
COLUMNS = 3  # with the same code beyond their values: a questionnaire


class Code(NamedTuple):
    """A number that may stand for "missing" in a column."""

    value: float
    customers: int
    low: float  # range of the other values
    high: float
    apart: bool  # from the others, by more than they are from each other
    sure: bool


def set_aside(
    frame: pd.DataFrame, declared: Mapping[str, Expectation], findings: Findings
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """Make codes for "missing" missing: those declared, and those that can be nothing else.

    A code is taken when several customers have it and it lies far beyond all other values, when
    it is the only negative value and far from the others, or when columns of a questionnaire
    share it. What only may be one is said, and left as it is. Where a column's ``missing``,
    ``min``, ``max`` or ``values`` are declared, nothing is guessed.

    Parameters
    ----------
    frame : DataFrame
        Typed columns.
    declared : mapping, column -> Expectation
    findings : Findings
        Gets what was made missing, and what may have to be.

    Returns
    -------
    frame : DataFrame
    codes : dict, column -> list of float
        For numbers of later customers.

    Examples
    --------
    >>> ages = pd.DataFrame({"age": [31.0, 45.0, 52.0, 60.0, 999.0, 999.0, 999.0]})
    >>> frame, codes = set_aside(ages, {}, Findings())
    >>> codes, int(frame["age"].isna().sum())
    ({'age': [999.0]}, 3)
    """
    expected = {str(name): declared.get(str(name), UNDECLARED) for name in frame}
    free = [name for name in frame if expected[str(name)].missing is None]
    guessed = {str(n): _found(frame[n]) for n in free if not expected[str(n)].allowed}
    alike = Counter(code.value for codes in guessed.values() for code in codes if code.apart)
    taken: dict[str, list[float]] = {}
    changed: dict[str, pd.Series] = {}
    for name, column in frame.items():
        own = _declared(expected[str(name)])
        for code in guessed.get(str(name), []):
            if code.sure or (code.apart and alike[code.value] >= COLUMNS):
                own.append(code.value)
                _note(READ, str(name), code, len(column), findings)
            else:
                _note(POSSIBLE, str(name), code, len(column), findings)
        if own and pd.api.types.is_numeric_dtype(column):
            taken[str(name)] = own
            changed[str(name)] = _without(column, own, expected[str(name)], findings)
        elif pd.api.types.is_datetime64_any_dtype(column) and not expected[str(name)].allowed:
            changed[str(name)] = _without_placeholders(column, findings)
    return frame.assign(**changed) if changed else frame, taken


def without_zeros(texts: pd.Series, findings: Findings) -> pd.Series:
    """Leave out the cells of a column of dates that write none as 0000-00-00.

    Examples
    --------
    >>> without_zeros(pd.Series(["0000-00-00", "2021-05-01"]), Findings()).tolist()
    ['2021-05-01']
    """
    none = texts.str.contains(_NO_DATE)
    if not none.any():
        return texts
    detail = f"{listed(texts[none].unique())} in {texts.name!r} ({plural(int(none.sum()), 'cell')})"
    findings.note(READ, int(none.sum()), column=str(texts.name), detail=detail)
    return texts[~none]


def _declared(expected: Expectation) -> list[float]:
    return [float(v) for v in expected.missing or () if isinstance(v, int | float)]


def _found(column: pd.Series) -> list[Code]:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return []
    if column.max() not in HIGH_CODES and column.min() not in LOW_CODES:
        return []  # as most: nothing need be counted
    values, counts = np.unique(column.dropna().to_numpy(dtype=float), return_counts=True)
    return list(_codes(values, counts))


def _codes(values: FloatArray, counts: np.ndarray) -> Iterator[Code]:
    """Codes at the ends of the distinct values of a column."""
    first, last = 0, len(values)
    while first < last and values[first] in LOW_CODES:
        first += 1
    while last > first and values[last - 1] in HIGH_CODES:
        last -= 1
    step = float(np.median(np.diff(values))) if len(values) > 1 else 0.0
    while last < len(values) and values[last] - values[last - 1] <= step:
        last += 1  # the end of a scale
    while first > 1 and first < last and values[first] - values[first - 1] <= step:
        first -= 1  # its beginning: -2, -1, 0
    others = values[first:last]
    if len(others) < FEWEST or (len(others) == len(values)):
        return
    low, high = float(others[0]), float(others[-1])
    span = high - low
    # Prices end in 9: of those a dear one is no code.
    ends = len(values) if (others % 10 == 9).mean() < 0.5 else last
    for place in (*range(first), *range(last, ends)):
        value, count = float(values[place]), int(counts[place])
        gap = max(low - value, value - high)
        alone = value < 0 <= low
        apart = gap > step
        sure = gap >= FAR * span or (alone and low > 0 and gap >= STEPS * step)
        beside = apart and gap >= BESIDE * span
        if count >= FEWEST and (sure or beside or (alone and first == 1)):
            yield Code(value, count, low, high, apart, sure)


def _note(rule: str, name: str, code: Code, rows: int, findings: Findings) -> None:
    value, low, high = (f"{number:.6g}" for number in (code.value, code.low, code.high))
    who = f"{plural(code.customers, 'customer')}, {percent(code.customers / rows)}"
    detail = f"{value} in {name!r} ({who}; all others {low} to {high})"
    if rule == POSSIBLE:
        setting = override(name, "missing", f"[{value}]")
        detail += f", left as it is; if it means missing: {setting}"
    findings.note(rule, code.customers, column=name, detail=detail)


def _without(
    column: pd.Series, codes: list[float], expected: Expectation, findings: Findings
) -> pd.Series:
    found = column.isin(codes)
    if expected.missing:
        detail = f"{listed(f'{code:.12g}' for code in codes)} in {column.name!r}, as declared"
        findings.note(READ, int(found.sum()), column=str(column.name), detail=detail)
    return column.mask(found)


def _without_placeholders(column: pd.Series, findings: Findings) -> pd.Series:
    found = _placeholders(column)
    if not found.any():
        return column
    days = sorted({f"{day:%Y-%m-%d}" for day in column[found]})
    detail = f"{listed(days)} in {column.name!r} ({plural(int(found.sum()), 'customer')})"
    findings.note(READ, int(found.sum()), column=str(column.name), detail=detail)
    return column.mask(found)


def _placeholders(days: pd.Series) -> NDArray[np.bool_]:
    """Tell which dates stand for none: one that programs write for it, far from all others."""
    midnight = days.dt.normalize()
    found = np.array(midnight.isin(list(map(pd.Timestamp, PLACEHOLDERS))), dtype=bool)
    others = midnight[~found].dropna()
    if not found.any() or others.empty:
        return np.zeros(len(days), dtype=bool)
    outside = (midnight < others.min() - ALONE) | (midnight > others.max() + ALONE)
    return np.array(found & outside, dtype=bool)

"""Give every column one of four types: number, category, date or text.

A declared type is obeyed; otherwise it is inferred from the cells. Cells that do not fit are
problems with a row number, never silently missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from customer_segmentation import numerals
from customer_segmentation.data import codes, levels, nominal
from customer_segmentation.data.expectations import UNDECLARED, Expectation
from customer_segmentation.data.findings import Findings, cells, listed
from customer_segmentation.data.nominal import MAX_LEVELS, as_texts
from customer_segmentation.numerals import MISSING_TOKENS, folded
from customer_segmentation.style import plural

MOSTLY = 0.9  # share of cells that makes a column numeric (or dates) with some bad cells
DECIMAL_COMMA = "decimal comma"  # rule of the cleaning report
SAMPLE = 5_000  # cells from which the type of a long column is inferred
_ZERO = ("0", "-0", "+0")  # looked for first: a pattern takes ten times as long
# Digits in brackets: what Arrow and Python read alike, so that Arrow does it.
DATE_LIKE = (
    r"^(?:[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{2,4}(?:[ T].*)?"
    r"|[0-9]{1,2}[- ][A-Za-z]{3,9}[- ,]+[0-9]{2,4})$"
)
_DAYS = ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%Y", "%d-%B-%Y")
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f")
_WORDS = {"%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%b": "mon", "%B": "month"}
_WORDS |= {":%S.%f": ":ss", "%H:%M": "hh:mm", "%S": "ss"}


@dataclass(frozen=True)
class Context:
    """What the reading of a column depends on besides the column."""

    findings: Findings
    typed: bool  # the file format tells numbers from text, so a number as text is a defect
    mark: numerals.Mark


def coerce(
    frame: pd.DataFrame,
    expectations: Mapping[str, Expectation],
    findings: Findings,
    *,
    typed: bool,
    tokens: Sequence[str] = (),
    numbers: Mapping[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """Type every column.

    Parameters
    ----------
    frame : DataFrame
        Text or native columns, indexed by row number.
    expectations : mapping of str to Expectation
        The declared columns.
    findings : Findings
        Gets what was changed, and the cells that do not fit.
    typed : bool
        Whether the file format tells numbers from text.
    tokens : sequence of str
        Words that mean "missing", besides the usual ones.
    numbers : mapping, column -> Series of float64, optional
        Columns of text that are known to be plain numbers, and which.

    Returns
    -------
    DataFrame
        float64, category, datetime64 and str columns.

    Examples
    --------
    >>> raw = pd.DataFrame({"Age": ["31", "?"], "Sex": ["male", "Male"]}, dtype="str")
    >>> coerce(raw, {}, Findings(), typed=False)
        Age   Sex
    0  31.0  Male
    1   NaN  Male
    """
    missing = MISSING_TOKENS | {token.casefold().strip() for token in tokens}
    wanted = {str(name): expectations.get(str(name), UNDECLARED) for name in frame}
    plain = _plain(numbers or {}, wanted, tokens)
    known = {
        name: frame[name]
        if name in plain
        else _without_tokens(frame[name], expected.words(missing), findings)
        for name, expected in wanted.items()
    }
    texts = [column for column in known.values() if pd.api.types.is_string_dtype(column)]
    context = Context(findings, typed, numerals.decimal_mark(texts))
    for name, column in plain.items():
        if context.mark == "." or not frame[name].str.contains(".", regex=False).any():
            known[name] = column
    return pd.DataFrame(
        {name: _typed(column, wanted[name], context) for name, column in known.items()},
        index=frame.index,
        copy=False,
    )


def _plain(
    numbers: Mapping[str, pd.Series], wanted: Mapping[str, Expectation], tokens: Sequence[str]
) -> dict[str, pd.Series]:
    """Leave out the columns whose text matters: by their declared type, by a word for missing."""
    if any(numerals.plain(pa.array([token])) is not None for token in tokens):
        return {}
    free = {name for name, expected in wanted.items() if expected.type in ("", "number")}
    return {name: column for name, column in numbers.items() if name in free}


def _without_tokens(column: pd.Series, tokens: frozenset[str], findings: Findings) -> pd.Series:
    """Make the words that stand for "missing" missing, and count them."""
    if not pd.api.types.is_string_dtype(column):
        return column
    found = column.str.lower().isin(tokens)
    if not found.any():
        return column
    rows, words = column.index[found], listed(map(repr, column[found].unique()))
    findings.note(
        "missing-value word read", len(rows), column=str(column.name), rows=rows, detail=words
    )
    return column.mask(found)


def _typed(column: pd.Series, expected: Expectation, context: Context) -> pd.Series:
    if pd.isna(column.iloc[0]) and column.isna().all():
        return _all_missing(column, expected, context.findings)
    kind = expected.type or _inferred_type(column, context.mark)
    read = _READERS[kind](column, expected, context)
    return (
        read if expected.type or kind != "number" else nominal.unless_names(read, context.findings)
    )


def _all_missing(column: pd.Series, expected: Expectation, findings: Findings) -> pd.Series:
    if expected is not UNDECLARED:
        findings.refuse(
            f"column {column.name!r}: got no value at all, expected {expected.type or 'some'} "
            "values; fill it or take it out of data.columns"
        )
    findings.note("column without any value", 1, column=str(column.name), detail="left in")
    return pd.Series(np.nan, index=column.index, name=column.name, dtype="float64")


def _inferred_type(column: pd.Series, mark: numerals.Mark = ".") -> str:
    """Infer a column's type: number or date if 90 % of the cells are, category if levels repeat."""
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    present = column.dropna()
    sample = present.iloc[:: len(present) // SAMPLE + 1]
    if (
        numerals.parsed(sample, mark)[0].notna().mean() >= MOSTLY
        and not present[present.str.startswith(_ZERO)].str.contains(numerals.LEADING_ZERO).any()
    ):
        return "number"
    if present.str.contains(DATE_LIKE).mean() >= MOSTLY and _as_dates(present)[0].notna().any():
        return "date"
    if len(sample) > MAX_LEVELS and sample.nunique() == len(sample):
        return "text"
    count = len({folded(level) for level in present.unique()})
    few = count <= MAX_LEVELS and (count <= 2 or count <= len(present) / 2)
    return "category" if few and (count > 1 or len(present) > 1) else "text"


def _number(column: pd.Series, expected: Expectation, context: Context) -> pd.Series:
    if column.dtype == "float64":
        numbers = column
    elif pd.api.types.is_datetime64_any_dtype(column):
        context.findings.refuse(
            f"column {column.name!r}: got dates ({cells(column.dropna())}), expected numbers; "
            "declare it as date, or as number in days or years after you have made it so"
        )
        numbers = pd.Series(np.nan, index=column.index, name=column.name)
    elif not pd.api.types.is_string_dtype(column):
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    else:
        present = column.dropna()
        values, plain = numerals.parsed(present, context.mark)
        _refuse_cells(present[values.isna()], "numbers", "category", context.findings)
        _note_numbers(present, values, plain, context)
        _note_commas(present, context)
        numbers = values.reindex(column.index)
    infinite = numbers[np.isinf(numbers.to_numpy())]
    if infinite.empty:
        return numbers
    context.findings.refuse(
        f"column {column.name!r}: got {plural(len(infinite), 'infinite value')} "
        f"({cells(infinite)}), expected finite numbers; correct or empty these cells"
    )
    return numbers.replace([np.inf, -np.inf], np.nan)


def _note_commas(present: pd.Series, context: Context) -> None:
    """Report decimal commas: in new data, a cell that can be read in two ways is read likewise."""
    if numerals.decimal_mark([present, *numerals.votes(context.mark)]) == ",":
        written = present.str.contains(",", regex=False)
        context.findings.note(DECIMAL_COMMA, int(written.sum()), column=str(present.name))


def _refuse_cells(bad: pd.Series, expected: str, instead: str, findings: Findings) -> None:
    if len(bad):
        findings.refuse(
            f"column {bad.name!r}: got other text in {plural(len(bad), 'cell')} ({cells(bad)}), "
            f"expected {expected}; correct or empty these cells, or list the words that mean "
            f"missing in data.missing_tokens, or declare the column as {instead}"
        )


def _note_numbers(
    present: pd.Series, values: pd.Series, plain: pd.Series, context: Context
) -> None:
    """Report the cells that were not plainly numbers."""
    rows = present.index[values.notna() & (~plain | context.typed)]
    if len(rows):
        units = numerals.units(present[rows[:: len(rows) // SAMPLE + 1]])
        if len(units) > 1:
            detail = f"{listed(units)} in {present.name!r}, read as if they were one"
            context.findings.note("units mixed", 1, column=str(present.name), detail=detail)
        rule = "text read as number" if context.typed else "number format read"
        detail = f"{present[rows[0]]!r} -> {values[rows[0]]:.12g}"
        context.findings.note(rule, len(rows), column=str(present.name), rows=rows, detail=detail)


def _date(column: pd.Series, expected: Expectation, context: Context) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column.dt.tz_localize(None))  # as the clock showed it
    present = as_texts(column).dropna()
    present = codes.without_zeros(present, context.findings)
    values, form = _as_dates(present)
    _refuse_cells(present[values.isna()], f"dates like {form}", "text", context.findings)
    context.findings.note(
        "text read as date",
        int(values.notna().sum()),
        column=str(column.name),
        detail=f"read as {form}",
    )
    return values.reindex(column.index)


def _category(column: pd.Series, expected: Expectation, context: Context) -> pd.Series:
    texts = as_texts(column)
    codes, found = pd.factorize(texts)
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    declared = [str(value) for value in expected.values]
    names = levels.spellings(found.tolist(), counts.tolist(), declared)
    pairs = list(zip(found, names, strict=True))
    respelt = np.array([*(old != new for old, new in pairs), False])  # code -1 picks the last
    rows = texts.index[respelt[codes]]
    detail = listed(f"{old!r} -> {new!r}" for old, new in pairs if old != new)
    context.findings.note(
        "spelling unified", len(rows), column=str(column.name), rows=rows, detail=detail
    )
    order = levels.ordered(set(names), declared)
    unified = np.array([*map(order.index, names), -1])[codes]
    cells = pd.Categorical.from_codes(unified, categories=pd.Index(order, dtype="str"))
    return pd.Series(cells, index=column.index, name=column.name)


_READERS: dict[str, Callable[[pd.Series, Expectation, Context], pd.Series]] = {
    "number": _number,
    "category": _category,
    "date": _date,
    "text": lambda column, *_: as_texts(column),
}


def _as_dates(texts: pd.Series) -> tuple[pd.Series, str]:
    """Read text cells as dates: ISO, else day first, else month first, whichever fits most.

    "-", "/" and "." may part day, month and year. Returns the dates, NaT where a cell does not have
    the format, and the format in words.
    """
    codes, levels = pd.factorize(texts)
    parts = pd.Series(levels, dtype="str").str.replace(r"[/.\s-]+", "-", n=2, regex=True)
    parts = parts.str.replace("T", " ").str.removesuffix("Z")
    sample = parts.head(300)
    forms = [day + time for time in _TIMES for day in _DAYS]
    best = max(forms, key=lambda form: pd.to_datetime(sample, format=form, errors="coerce").count())
    dates = pd.to_datetime(parts, format=best, errors="coerce")
    values = pd.Series(dates.to_numpy()[codes], index=texts.index, name=texts.name)
    return values, _spoken(best, values)


def _spoken(form: str, dates: pd.Series) -> str:
    words = form
    for code, word in _WORDS.items():
        words = words.replace(code, word)
    swappable = form.startswith(("%d-%m", "%m-%d")) and (dates.dropna().dt.day <= 12).all()
    return words + (" (day and month could be swapped)" if swappable else "")

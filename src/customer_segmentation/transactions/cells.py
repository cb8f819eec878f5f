"""Cells as numbers and times: amounts exact to four decimals, dates on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation import numerals
from customer_segmentation.data.findings import Findings, listed

# Sums of decimals are exact, so that neither the order of the lines nor the threads matter.
MONEY = "DECIMAL(18, 4)"
_CURRENCY = r"([$€£¥₹]|USD|EUR|GBP|CHF|INR|JPY|Rs|kr)"
SAMPLE = 2_000  # texts from which the forms in use are told
_NAMED = ("%d-%b-%Y", "%d-%B-%Y", "%b-%d-%Y", "%B-%d-%Y", "%d-%b-%y")
_DAY_FIRST = ("%d-%m-%Y", "%d-%m-%y")
_MONTH_FIRST = ("%m-%d-%Y", "%m-%d-%y")
_COMPACT = ("%Y%m%d", "%Y%m%d%H%M%S")
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S")
_WORDS = {
    "%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%b": "mon", "%B": "month", "%H": "hh",
    "%M": "mm", "%S": "ss", "%I": "hh", "%p": "am/pm", "%f": "fff",
}  # fmt: skip
_OFFSET = (
    '(length("time") > 16 AND regexp_matches("time", \'\\d ?(Z|UTC|[+-]\\d{2}(:?\\d{2})?)$\'))'
)
# Seconds since 1970 have ten digits from 2001 to 2286, milliseconds three more.
_EPOCH = (
    "CASE WHEN regexp_full_match(\"time\", '[1-9]\\d{9}') "
    'THEN make_timestamp(TRY_CAST("time" AS BIGINT) * 1000000) '
    "WHEN regexp_full_match(\"time\", '[1-9]\\d{12}') "
    'THEN make_timestamp(TRY_CAST("time" AS BIGINT) * 1000) END'
)
_ISO = 'TRY_CAST("time" AS TIMESTAMP)'
# The two numbers that may be day and month.
_FIRST, _SECOND = (
    f"TRY_CAST(regexp_extract(\"time\", '^(\\d{{1,2}})[-/. ](\\d{{1,2}})[-/. ]', {n}) AS INT)"
    for n in (1, 2)
)


def numbers(connection: Connection, roles: Sequence[str], findings: Findings) -> dict[str, str]:
    """SQL that makes a number of each of these columns of the table ``raw``.

    Parameters
    ----------
    connection : DuckDBPyConnection
    roles : sequence of str
        Those of amount, quantity and price that the file has.
    findings : Findings
        Gets what was read from text with currency signs, decimal commas and the like.

    Returns
    -------
    dict, role -> SQL
        NULL where the cell is no finite number.

    Examples
    --------
    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE raw AS SELECT '€ 1.234,50' AS amount")
    >>> sql = numbers(connection, ["amount"], Findings())["amount"]
    >>> connection.sql(f"SELECT {sql} FROM raw").fetchall()
    [(1234.5,)]
    """
    texts = {role: _odd_texts(connection, role) for role in roles}
    mark = numerals.decimal_mark(text for text in texts.values() if len(text))
    return {
        role: _mapped(connection, role, text, mark, findings) if len(text) else _plain(role)
        for role, text in texts.items()
    }


def _plain(role: str) -> str:
    number = f'TRY_CAST("{role}" AS DOUBLE)'
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _odd_texts(connection: Connection, role: str) -> pd.Series:
    """Every text of a column, once; none where all of them are plain numbers."""
    if str(connection.sql(f'SELECT "{role}" FROM raw').types[0]) != "VARCHAR":
        return pd.Series(dtype="str")
    odd = f'"{role}" IS NOT NULL AND TRY_CAST("{role}" AS DOUBLE) IS NULL'
    if not connection.sql(f"SELECT 1 FROM raw WHERE {odd} LIMIT 1").fetchall():
        return pd.Series(dtype="str")
    cells = f'SELECT DISTINCT "{role}" FROM raw WHERE "{role}" IS NOT NULL ORDER BY 1'
    return pd.Series([text for (text,) in connection.sql(cells).fetchall()], dtype="str")


def _mapped(
    connection: Connection, role: str, texts: pd.Series, mark: numerals.Mark, findings: Findings
) -> str:
    """Read every distinct text once, and look the lines' numbers up."""
    values, plain = numerals.parsed(texts, mark)
    read = pd.DataFrame({"text": texts.astype(object), "value": values, "plain": plain})
    read = read[np.isfinite(values)]
    table = f"texts_of_{role}"
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM read")
    count = connection.sql(
        f'SELECT count(*) FROM raw JOIN {table} ON raw."{role}" = text WHERE NOT plain'
    ).fetchall()[0][0]
    shown = read[~read["plain"]].head(2)
    pairs = zip(shown["text"], shown["value"], strict=True)
    detail = listed(f"{text!r} -> {value:.12g}" for text, value in pairs)
    findings.note("number format read", count, column=role, detail=detail)
    signs = sorted(read["text"].str.extract(_CURRENCY, expand=False).dropna().unique())
    if len(signs) > 1:
        detail = f"{listed(signs)}: added up as they are; convert them before"
        findings.note("several currencies", len(signs), column=role, detail=detail)
    return f'(SELECT value FROM {table} WHERE text = raw."{role}")'


def times(connection: Connection, timezone: str, findings: Findings) -> str:
    r"""SQL that makes a timestamp of the column ``time`` of the table ``raw``.

    Parameters
    ----------
    connection : DuckDBPyConnection
    timezone : str
        Whose clock the purchases are told by: a time with an offset is converted to it, one
        without is taken as it stands.
    findings : Findings
        Gets how the dates were read where they are not plain ISO dates.

    Returns
    -------
    str
        NULL where the text is no date.

    Examples
    --------
    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE raw AS SELECT '24.12.2025 18:30' AS time")
    >>> sql = times(connection, "UTC", Findings())
    >>> connection.sql(f"SELECT ({sql})::VARCHAR FROM raw").fetchall()
    [('2025-12-24 18:30:00',)]
    """
    kind = str(connection.sql('SELECT "time" FROM raw').types[0])
    zone = timezone.replace("'", "''")
    if kind == "TIMESTAMP WITH TIME ZONE":
        count = _count(connection, '"time" IS NOT NULL')
        findings.note("times with a zone converted", count, detail=f"to {timezone}")
        return f"\"time\" AT TIME ZONE '{zone}'"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return '"time"::TIMESTAMP'
    if kind != "VARCHAR":
        connection.execute('ALTER TABLE raw ALTER "time" TYPE VARCHAR')
    shifted = _count(connection, _OFFSET)
    plain = _as_clock_shows(
        connection, _count(connection, '"time" IS NOT NULL') - shifted, findings
    )
    if not shifted:
        return plain
    findings.note("times with an offset converted", shifted, detail=f"to {timezone}")
    converted = f"TRY_CAST(\"time\" AS TIMESTAMPTZ) AT TIME ZONE '{zone}'"
    return f"CASE WHEN {_OFFSET} THEN {converted} ELSE {plain} END"


def _as_clock_shows(connection: Connection, count: int, findings: Findings) -> str:
    """SQL for the texts without an offset: ISO, else the other forms, those in use first."""
    other = f"{_ISO} IS NULL AND NOT {_OFFSET}"
    left = _count(connection, other)
    if not left:
        return _ISO
    # By hash: the same sample whatever the order of the lines.
    connection.execute(
        'CREATE OR REPLACE TEMP TABLE samples AS SELECT DISTINCT "time" FROM raw '
        f'WHERE {other} ORDER BY hash("time") LIMIT {SAMPLE}'
    )
    numeric = _MONTH_FIRST if _month_first(connection, findings) else _DAY_FIRST
    ranked = _ranked(connection, [*_spelled((*numeric, *_NAMED)), *_COMPACT])
    used = [form for form, hits in ranked.items() if hits]
    forms = list(dict.fromkeys(_words(form) for form in used)) or ["seconds since 1970"]
    findings.note("dates read", left, column="time", detail=f"as {listed(forms)}")
    if left < count and used:
        forms.append("yyyy-mm-dd")
    if len({form.split()[0] for form in forms}) > 1:
        detail = f"{listed(forms)}; each line read as it is written"
        findings.note("dates in several forms", count, column="time", detail=detail)
    listing = ", ".join(f"'{form}'" for form in ranked)
    return f'coalesce({_ISO}, try_strptime("time", [{listing}]), {_EPOCH})'


def _month_first(connection: Connection, findings: Findings) -> bool:
    """Tell the order of day and month from the numbers that can only be days."""
    days_first, months_first, numeric = connection.sql(
        f"SELECT count(*) FILTER ({_FIRST} > 12 AND {_SECOND} <= 12), "
        f"count(*) FILTER ({_SECOND} > 12 AND {_FIRST} <= 12), count({_FIRST}) FROM samples"
    ).fetchall()[0]
    if numeric and not days_first and not months_first:
        detail = "read as day first; day and month could be swapped"
        findings.note("dates of unclear order", numeric, column="time", detail=detail)
    return bool(months_first > days_first)


def _spelled(forms: tuple[str, ...]) -> list[str]:
    dated = [form.replace("-", mark) for mark in "-/. " for form in forms]
    dated += [form.replace("-", " ").replace("%d %Y", "%d, %Y") for form in forms if "d-%Y" in form]
    return [day + clock for clock, day in product(_CLOCKS, dated)]


def _ranked(connection: Connection, forms: list[str]) -> dict[str, int]:
    """How many texts of the sample each form reads, the most useful form first."""
    counts = ", ".join(f"count(try_strptime(\"time\", '{form}'))" for form in forms)
    hits = connection.sql(f"SELECT {counts} FROM samples").fetchall()[0]
    return dict(sorted(zip(forms, hits, strict=True), key=lambda pair: -pair[1]))


def _words(form: str) -> str:
    for code, word in _WORDS.items():
        form = form.replace(code, word)
    return form


def _count(connection: Connection, condition: str) -> int:
    return int(connection.sql(f"SELECT count(*) FILTER ({condition}) FROM raw").fetchall()[0][0])

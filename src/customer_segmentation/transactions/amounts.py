"""What each line is worth: numbers as people write them, exact to four decimals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation import numerals
from customer_segmentation.data.findings import Findings, listed

# Sums of decimals are exact, so that neither the order of the lines nor the threads matter.
MONEY = "DECIMAL(18, 4)"
_CURRENCY = r"([$€£¥₹]|USD|EUR|GBP|CHF|INR|JPY|Rs|kr)"


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

"""From cells to typed lines: tables ``raw`` and, of items, ``catalogue`` become ``staged``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from duckdb import DuckDBPyConnection as Connection

from customer_segmentation.batches import Source, open_source
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.numerals import MISSING_TOKENS
from customer_segmentation.style import plural
from customer_segmentation.transactions import cells, raw
from customer_segmentation.transactions.raw import by_name

KEYS = ("customer", "order", "item", "category")
_NONE = "NULL::VARCHAR"


def stage(
    connection: Connection,
    roles: Mapping[str, str],
    findings: Findings,
    *,
    timezone: str,
    cancellation_mark: str | None,
    drop_copies: bool,
) -> None:
    """Make the table ``staged``: typed lines, with what the rules need to know of each.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With the table ``raw``, which is dropped.
    roles : mapping, role -> column of the file
    findings : Findings
    timezone, cancellation_mark, drop_copies
        See :func:`customer_segmentation.transactions.lines.open_lines`.

    Notes
    -----
    A return is a line with a negative amount or quantity, or of a cancelled order; its amount is
    negative whatever sign it was written with.
    """
    keys = {key: _key_of(connection, "raw", key) if key in roles else _NONE for key in KEYS}
    worth, written, back = _worth(connection, roles, findings)
    if cancellation_mark:
        mark = cancellation_mark.replace("'", "''")
        back.append(f"starts_with({keys['order']}, '{mark}')")
    connection.execute(
        "CREATE OR REPLACE TABLE copies AS SELECT copy, min(line) AS first FROM raw "
        f"WHERE {drop_copies} GROUP BY copy HAVING count(*) > 1"
    )
    moment = cells.times(connection, timezone, findings)
    selected = ", ".join(f'{sql} AS "{key}"' for key, sql in keys.items())
    every = ", ".join(f'"{role}"::VARCHAR' for role in roles)
    connection.execute(f"""
        CREATE OR REPLACE TABLE staged AS
        WITH typed AS (
            SELECT line, problem, {selected}, {moment} AS "time",
                TRY_CAST({worth} AS {cells.MONEY}) AS worth,
                {" OR ".join(f"coalesce({sql}, false)" for sql in back)} AS is_return,
                coalesce({every}) IS NULL AS empty, copies.first IS NOT NULL AS copied,
                raw."time"::VARCHAR AS time_text, {written} AS amount_text
            FROM raw LEFT JOIN copies ON raw.copy = copies.copy AND raw.line > copies.first)
        SELECT line, problem, customer, "order", item, category, "time", is_return, empty, copied,
            CASE WHEN is_return THEN -abs(worth) ELSE worth END AS amount,
            CASE WHEN "time" IS NULL THEN nullif(trim(time_text), '') END AS odd_time,
            CASE WHEN worth IS NULL THEN amount_text END AS odd_amount
        FROM typed""")
    connection.execute("DROP TABLE raw; DROP TABLE copies")


def _key_of(connection: Connection, table: str, column: str) -> str:
    """SQL that makes an id or a level of a column: trimmed text, as a person sees it.

    Words that stand for "missing" are missing; 17850.0 is 17850 where all are whole numbers.
    """
    kind = str(connection.sql(f'SELECT "{column}" FROM {table}').types[0])
    cell = f'{table}."{column}"'
    if "INT" in kind:
        return f"{cell}::VARCHAR"
    words = ", ".join("'{}'".format(word.replace("'", "''")) for word in sorted(MISSING_TOKENS))
    text = f"trim({cell}::VARCHAR)"
    known = f"CASE WHEN {text} = '' OR lower({text}) IN ({words}) THEN NULL ELSE {text} END"
    if connection.sql(f"SELECT 1 FROM {table} WHERE ends_with({text}, '.0') LIMIT 1").fetchall():
        whole = f"SELECT bool_and(regexp_full_match({known}, '\\d+(\\.0+)?')) FROM {table}"
        if connection.sql(whole).fetchall()[0][0]:
            return f"regexp_replace({known}, '\\.0+$', '')"
    return known


def _worth(
    connection: Connection, roles: Mapping[str, str], findings: Findings
) -> tuple[str, str, list[str]]:
    """SQL for a line's amount, for the text it stands in, and for what makes it a return."""
    given = [role for role in ("amount", "quantity", "price") if role in roles]
    numbers = cells.numbers(connection, given, findings)
    back = [f"{numbers['quantity']} < 0"] if "quantity" in numbers else []
    if "amount" in numbers:
        worth, parts = numbers["amount"], ["amount"]
    elif "quantity" in numbers:
        worth, parts = f"{numbers['quantity']} * {numbers['price']}", ["quantity", "price"]
        findings.note("amount read as", 1, detail=" x ".join(roles[p] for p in parts))
    else:
        worth, parts = numbers["price"], ["price"]
        findings.note("amount read as", 1, detail=roles["price"])
    written = ", ".join(f"nullif(trim(raw.\"{part}\"::VARCHAR), '')" for part in parts)
    return worth, f"nullif(concat_ws(' x ', {written}), '')", [f"{worth} < 0", *back]


def add_categories(
    connection: Connection, path: Path, configured: Mapping[str, str | None], findings: Findings
) -> None:
    """Fill the categories of the table ``staged`` from a file of items.

    Parameters
    ----------
    connection : DuckDBPyConnection
    path : Path
        With a column of item ids and one of categories.
    configured : mapping
        May name the columns of ``item`` and ``category``; else they are known by name.
    findings : Findings
        Gets the items on several rows, and those that are in only one of the two files.

    Raises
    ------
    DataError
        Where a column is not found.
    """
    source = open_source(path)
    item, category = (
        _column(role, source.columns, configured, path) for role in ("item", "category")
    )
    read_items(connection, source, item, category)
    repeated, unused, unknown = connection.sql(
        "SELECT (SELECT count(*) FROM catalogue WHERE rows > 1), "
        "(SELECT count(*) FROM catalogue ANTI JOIN staged USING (item)), "
        "(SELECT count(DISTINCT item) FROM staged ANTI JOIN catalogue USING (item))"
    ).fetchall()[0]
    connection.execute(
        "UPDATE staged SET category = value FROM catalogue WHERE staged.item = catalogue.item"
    )
    absent, detail = f"not in {path.name}", f"{path.name}: the first is taken"
    findings.note("item without a category", unknown, column="item", detail=absent)
    findings.note("item never bought", unused, column="item", detail=f"{category} of {path.name}")
    findings.note("item on several rows", repeated, column="item", detail=detail)


def read_items(connection: Connection, source: Source, item: str, column: str) -> None:
    """Make the table ``catalogue`` of a file of items.

    Parameters
    ----------
    connection : DuckDBPyConnection
    source : Source
        The opened file.
    item, column : str
        Its columns of item ids, and of what is wanted of them.

    Notes
    -----
    Its columns: ``item``, one row each; ``value``, the item's first one; ``rows`` that it has.
    """
    raw.read(connection, source, {"item": item, "value": column}, "catalogue")
    key, value = (_key_of(connection, "catalogue", name) for name in ("item", "value"))
    connection.execute(
        f"CREATE OR REPLACE TABLE catalogue AS SELECT {key} AS item, arg_min({value}, line) "
        "AS value, count(*) AS rows FROM catalogue GROUP BY 1 HAVING item IS NOT NULL"
    )


def _column(
    role: str, columns: Sequence[str], configured: Mapping[str, str | None], path: Path
) -> str:
    wanted = configured.get(role)
    found = wanted if wanted in columns else by_name(role, columns)
    if found is None or (role == "category" and wanted and wanted not in columns):
        raise DataError(
            f"{path}: got no column known as the {role} in {plural(len(columns), 'column')}, "
            f"expected one; {closest(wanted or role, columns)}; name it with data.columns.{role}"
        )
    return found

"""Columns of a purchase file: what they stand for, by name or as configured, and their cells."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation.batches import Source
from customer_segmentation.batches.source import ParquetSource
from customer_segmentation.batches.text import TextSource
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import Findings, listed

_EVENT = (
    "(transaction|trans?|txn|order|invoice|purchase|sales?|basket|receipt|checkout|payment|event"
    "|posting)"
)
_THING = "(product|item|article|goods|merchandise)"
_KEY = "(id|ids|key|code|number|num|no|nr)"
_PERSON = "(customer|cust|client|user|member|consumer|shopper|buyer|visitor|cardholder)"
_SUM = "(amount|value|sum|total|revenue|spend|turnover)"
# Role -> patterns of a column's letters in lower case ("Invoice_No" is "invoiceno"), best first.
PATTERNS: Mapping[str, Sequence[str]] = {
    "customer": (
        f"({_PERSON}|household|account|card|loyalty(card)?)(unique)?{_KEY}",
        f"({_PERSON}s?|household)",
        f"{_PERSON}?email(address)?",
    ),
    "time": (
        f"{_EVENT}*(timestamp|datetime)(utc)?",
        f"{_EVENT}+(date|approvedat)",
        "(date|dateofpurchase|purchasedon)",
        f"{_EVENT}*(time|created|createdat|placedat|day)",
    ),
    "amount": (
        f"(line|item|net|gross|total|grand|sub|dollar|{_EVENT})*{_SUM}(usd|eur|gbp|paid|spent)?",
        "(sales|netsales|grosssales|totalsales|totalprice|lineprice|extendedprice|spent)",
    ),
    "quantity": (f"({_EVENT}|{_THING})*(quantity|qty)(sold|ordered)?", "(units|pieces|unitssold)"),
    "price": (f"(net|sale|list|{_THING}|unit)*price(perunit|each)?", "unitcost"),
    "order": (
        f"{_EVENT}{_KEY}",
        f"(bill|ticket|till|slip|cart|session|trip|visit){_KEY}",
        "(invoice|order|basket|receipt|transaction|ticket)",
    ),
    "item": (
        f"({_THING}|stock|sku|upc|ean|gtin|asin|isbn){_KEY}",
        "(sku|upc|ean|gtin|asin|isbn|stockcode)",
        f"{_THING}",
        f"({_THING}(name|description|title)|description)",
    ),
    "category": (
        f"{_THING}?category(name|code)?",
        "(department|departmentname)",
        f"({_THING}(group|class|line|family|type)|commodity|commoditydesc|section)",
    ),
}
ROLES = tuple(PATTERNS)
NEEDED = {
    "customer": "the customer's id",
    "time": "the date or time of the purchase",
    "amount": "an amount, nor quantity and price",
}
MEMORY = "50%"  # of what there is: DuckDB's own default leaves a desktop with a fifth


def recognised(
    columns: Sequence[str], configured: Mapping[str, str | None], findings: Findings
) -> dict[str, str]:
    """Find the column of each role.

    Parameters
    ----------
    columns : sequence of str
        What the file has.
    configured : mapping, role -> column
        Taken as they are; roles that are absent or None are looked for by name.
    findings : Findings
        Gets what was recognised, and a problem for each column that is needed and not there.

    Returns
    -------
    dict, role -> column
        Without the roles that the file has no column for. Quantity and price only where there
        is no amount, or where they were configured.

    Examples
    --------
    >>> recognised(["Client No", "Date", "Sales Value", "SKU"], {}, Findings())
    {'customer': 'Client No', 'time': 'Date', 'amount': 'Sales Value', 'item': 'SKU'}
    """
    named = {role: column for role, column in configured.items() if column is not None}
    for role in named.keys() - set(ROLES):
        findings.refuse(
            f"data.columns: got {role!r}, expected one of {listed(ROLES, 10)}; correct it"
        )
    found: dict[str, str] = {}
    for role in ROLES:
        column = named.get(role) or by_name(role, columns, {*named.values(), *found.values()})
        if column is not None:
            found[role] = column
    _check_roles(found, columns, findings)
    if "amount" in found and "price" not in named:
        found.pop("price", None)
    guessed = {role: column for role, column in found.items() if role not in named}
    detail = listed((f"{role} = {column}" for role, column in guessed.items()), 10)
    findings.note("columns recognised by name", len(guessed), detail=detail)
    return found


def by_name(role: str, columns: Iterable[str], taken: Collection[str] = ()) -> str | None:
    """Find the column that is known as a role by its name.

    Examples
    --------
    >>> by_name("item", ["Invoice", "StockCode", "Description"])
    'StockCode'
    """
    free = [column for column in columns if column not in taken]
    for pattern in PATTERNS[role]:
        for column in free:
            if re.fullmatch(pattern, re.sub(r"[\W\d_]+", "", column.lower())):
                return column
    return None


def _check_roles(found: Mapping[str, str], columns: Sequence[str], findings: Findings) -> None:
    for role, column in found.items():
        if column not in columns:
            findings.refuse(
                f"got no column {column!r} for data.columns.{role}, expected it; "
                f"{closest(column, columns)}; correct data.columns.{role}"
            )
    for role, words in NEEDED.items():
        if role not in found and not (role == "amount" and "price" in found):
            findings.refuse(
                f"got no column known as {words}, expected one; the file has: "
                f"{listed(map(repr, columns), 30)}; name it with data.columns.{role}=COLUMN"
            )


@contextmanager
def scratch() -> Iterator[Connection]:
    """Open a DuckDB database in memory that goes to disk, in a folder of its own, where that ends.

    DuckDB's own error at Ctrl-C becomes the one that Python has for it.

    Examples
    --------
    >>> with scratch() as connection:
    ...     connection.sql("SELECT 1 AS one").fetchall()
    [(1,)]
    """
    with (
        tempfile.TemporaryDirectory(prefix="purchases-") as folder,
        duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": folder}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")  # never the machine's
        connection.execute("SET enable_progress_bar = false")  # ours is enough
        try:
            yield connection
        except RuntimeError as error:
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise


def read(
    connection: Connection, source: Source, roles: Mapping[str, str], table: str = "raw"
) -> None:
    """Make a table: the cells of the columns that have a role, named after it.

    Regular text and Parquet are read by DuckDB itself; Excel, other encodings and irregular
    rows by the reader that scoring uses, a chunk at a time.

    Parameters
    ----------
    connection : DuckDBPyConnection
    source : Source
        The opened file.
    roles : mapping, role -> column
    table : str

    Notes
    -----
    Besides the roles: ``line``, the row of the file; ``copy``, equal where all cells are; and
    ``problem``, why the cells of a row cannot be told apart.
    """
    names = [f"c{place}" for place in range(len(source.columns))]
    by_role = {role: names[source.columns.index(column)] for role, column in roles.items()}
    wanted = ", ".join(f'{name} AS "{role}"' for role, name in by_role.items())
    copies = f"hash({', '.join(names)}) AS copy"
    selection = _scan(source, names)
    if selection is not None:
        try:
            connection.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT {wanted}, {copies}, row_number() "
                f"OVER () + {source.above} AS line, NULL::VARCHAR AS problem FROM {selection}"
            )
            return
        except duckdb.InvalidInputException:
            pass  # a row of another width: the patient reader counts it
    incoming = _batches(source, names)  # noqa: F841  (DuckDB finds it by its name)
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {wanted}, {copies}, line, problem FROM incoming"
    )


def _scan(source: Source, names: Sequence[str]) -> str | None:
    """DuckDB's own reading of the file; None where it has none."""
    if set("*?[") & set(str(source.path)):  # DuckDB would look for files of that pattern
        return None
    file = str(source.path).replace("'", "''")
    if isinstance(source, ParquetSource):
        return f"read_parquet('{file}') AS t({', '.join(names)})"
    if isinstance(source, TextSource) and source.regular and source.encoding == "utf-8-sig":
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        mark = source.separator.replace("'", "''")
        options = (
            f"auto_detect=false, header=false, skip={source.above}, delim='{mark}', quote='\"'"
        )
        return f"read_csv('{file}', {options}, escape='\"', columns={{{columns}}})"
    return None


def _batches(source: Source, names: Sequence[str]) -> pa.RecordBatchReader:
    schema = pa.schema(
        [(name, pa.string()) for name in names] + [("line", pa.int64()), ("problem", pa.string())]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for chunk in source.chunks(source.columns):
            cells = chunk.frame.set_axis(list(names), axis=1).map(_as_text)
            reasons = pd.Series(chunk.problems, dtype="str").reindex(cells.index)
            frame = cells.assign(line=cells.index + 1, problem=reasons)
            yield pa.RecordBatch.from_pandas(frame, schema, preserve_index=False)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _as_text(cell: Any) -> str | None:
    if cell is None or cell is pd.NaT or cell != cell:  # noqa: PLR0124  (NaN of any type)
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a workbook has 17850.0 where a person sees 17850
    return str(cell).strip() or None

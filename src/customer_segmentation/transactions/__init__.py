"""Purchase history: lines of a shop's sales become a customer table, and new lines again.

The work is DuckDB's, so that a file may be larger than memory.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from customer_segmentation.batches import open_source
from customer_segmentation.data import CustomerData
from customer_segmentation.data.findings import DataError, listed
from customer_segmentation.style import plural
from customer_segmentation.transactions.customers import (
    CATEGORIES,
    FREQUENCY,
    SHARE,
    Unmatched,
    join,
    main_categories,
    plain,
    table,
)
from customer_segmentation.transactions.lines import Lines, open_lines


def load(
    path: str | Path,
    *,
    name: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    as_of: str | dt.date | None = None,
    timezone: str = "UTC",
    cancellation_mark: str | None = None,
    duplicate_lines: Literal["drop", "keep"] = "drop",
    items: str | Path | None = None,
    main_category_count: int = 8,
    customers: str | Path | Mapping[str, Any] | None = None,
    unmatched_customers: Unmatched = "keep",
    sheet: str | None = None,
) -> CustomerData:
    r"""Load a customer table from purchase lines: a row for each customer who bought something.

    Parameters
    ----------
    path, columns, as_of, timezone, cancellation_mark, duplicate_lines, items, sheet
        See :func:`customer_segmentation.transactions.lines.open_lines`.
    name : str, optional
        What to call the data; the file's stem by default.
    main_category_count : int, default 8
        For how many categories, those with the largest spend, the share of each customer's spend
        is a column.
    customers : path or mapping, optional
        A file with a row per customer, joined by id; or a mapping with its ``path`` and more of
        what :func:`customer_segmentation.data.load` takes.
    unmatched_customers : {"keep", "drop"}, default "keep"
        What becomes of customers with purchases who are not in that file.

    Returns
    -------
    CustomerData
        Its columns: see :func:`customer_segmentation.transactions.customers.table`.

    Raises
    ------
    DataError
        See :func:`.lines.open_lines`; and where a single customer has purchases.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "sales.csv"
    >>> _ = file.write_text("customer,date,amount\na,2025-05-01,7.5\nb,2025-05-02,3\n")
    >>> load(file).table[["Days since last purchase", "Total spend"]]
              Days since last purchase  Total spend
    customer
    a                              2.0          7.5
    b                              1.0          3.0
    """
    reading: dict[str, Any] = {
        "columns": {role: column for role, column in (columns or {}).items() if column},
        "timezone": timezone,
        "cancellation_mark": cancellation_mark,
        "duplicate_lines": duplicate_lines,
        "items": None if items is None else str(items),
    }
    joining = plain(customers, unmatched_customers)
    with open_lines(path, as_of=as_of, sheet=sheet, **reading) as lines:
        categories = main_categories(lines, main_category_count)
        found = _customers(lines, categories)
    codes: dict[str, list[float]] = {}
    if joining is not None:
        found, codes = join(found, joining, lines.findings)
    if len(found) < 2:
        raise DataError(
            f"{path}: got the purchases of {plural(len(found), 'customer')} "
            f"({listed(found.index)}), expected several to segment; check data.columns.customer"
        )
    reading["columns"] |= lines.columns
    return CustomerData(
        name=name or Path(path).stem,
        table=found,
        report=_report(lines, len(found)),
        rows_in=lines.rows_in,
        rows_out=len(found),
        sha256=_sha256(lines.source, items, joining["reading"]["path"] if joining else None),
        source=str(path),
        id_column=lines.columns["customer"],
        missing_codes=codes,
        history={"reading": reading, "joining": joining, "categories": categories},
    )


def read_again(
    path: str | Path,
    history: Mapping[str, Any],
    columns: Collection[str],
    *,
    as_of: str | dt.date | None = None,
    id_column: str | None = None,
    sheet: str | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Make the customer table of new purchase lines as that of the training lines was made.

    Parameters
    ----------
    path : str or Path
    history : mapping
        Of the training data: its columns, rules and main categories.
    columns : collection of str
        That are wanted: files of items and customers are read where these need them.
    as_of : date or "yyyy-mm-dd", optional
        By default the day after the last purchase of the new lines.
    id_column : str, optional
        Of the customers, where it is called otherwise than in training. Other columns that the
        file does not have are known by their names.
    sheet : str, optional

    Returns
    -------
    table : DataFrame, one row per customer, by id
    notes : list of str
        The cleaning report, a line per rule.

    Raises
    ------
    DataError
    """
    there, categories = open_source(Path(path), sheet=sheet).columns, _categories(history, columns)
    reading = as_read(history, there, items=bool(categories))
    if id_column:
        reading["columns"]["customer"] = id_column
    with open_lines(path, as_of=as_of, sheet=sheet, **reading) as lines:
        found = as_trained(lines, history, columns)
    notes = [entry.told() for entry in lines.findings.entries]
    trained = history["reading"]["columns"]["customer"]
    head = f"{lines.rows_out:,} purchase lines before {lines.as_of}"
    return found.rename_axis(trained), [head, *notes]


def as_read(
    history: Mapping[str, Any], there: Collection[str], *, items: bool = True
) -> dict[str, Any]:
    """How to read new lines as those of the training were.

    Parameters
    ----------
    history : mapping
        See :func:`read_again`.
    there : collection of str
        Columns of the new file. Others of the training are known by their names.
    items : bool
        Whether the file of items, if there was one, is read.

    Returns
    -------
    dict
        Options of :func:`customer_segmentation.transactions.lines.open_lines`.
    """
    reading = history["reading"]
    path = reading["items"] if items else None
    known = {*there, reading["columns"].get("category") if path else None}
    named = {role: column for role, column in reading["columns"].items() if column in known}
    return {**reading, "items": path, "columns": named}


def as_trained(lines: Lines, history: Mapping[str, Any], columns: Collection[str]) -> pd.DataFrame:
    """Table of the customers of new lines, as that of the training lines was made.

    Parameters
    ----------
    lines : Lines
        Its findings get what is to be said of the customers.
    history, columns
        See :func:`read_again`.

    Raises
    ------
    DataError
        When the columns cannot be made.
    """
    categories = _categories(history, columns)
    found = _customers(lines, categories)
    if categories and CATEGORIES not in found:
        raise DataError(
            f"{lines.source}: got no category of any line, expected one; the model was trained on "
            "shares of categories: add the column, or a file of items with items=FILE"
        )
    if history["joining"] is not None and not set(columns) <= set(found.columns):
        return join(found, history["joining"], lines.findings)[0]
    return found


def _categories(history: Mapping[str, Any], columns: Collection[str]) -> Sequence[str]:
    """The main categories of the training, where a model's columns need them."""
    spent = any(column == CATEGORIES or column.endswith(SHARE) for column in columns)
    return history["categories"] if spent else []


def _customers(lines: Lines, categories: Sequence[str]) -> pd.DataFrame:
    """The table of the lines, and what is to be said of its customers."""
    found = table(lines, categories)
    lines.findings.note("customer with one purchase", int((found[FREQUENCY] == 1).sum()))
    returning = lines.connection.execute(
        "SELECT customer FROM lines GROUP BY customer HAVING bool_and(is_return) ORDER BY customer"
    ).fetchall()
    detail = f"{listed(customer for (customer,) in returning)}; left out"
    lines.findings.note("customer with returns only", len(returning), detail=detail)
    return found


def _report(lines: Lines, customers: int) -> pd.DataFrame:
    found = lines.findings.table(pd.Series(dtype="str"))
    first, last = ("lines read", "", lines.rows_in, ""), ("customers", "", customers, "")
    return pd.DataFrame([first, *found.itertuples(index=False), last], columns=found.columns)


def _sha256(*paths: str | Path | None) -> str:
    """Of the file's bytes; of several files, of their digests one after the other."""
    digests = []
    for path in [Path(path) for path in paths if path]:
        with path.expanduser().open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256"))
    if len(digests) == 1:
        return digests[0].hexdigest()
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()

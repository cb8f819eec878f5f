"""What else is known of the customers, from a file with a row each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from customer_segmentation import data
from customer_segmentation.data.findings import DataError, Findings, listed
from customer_segmentation.profiles.indicators import NOT_KNOWN

Unmatched = Literal["keep", "drop"]


def plain(
    customers: str | Path | Mapping[str, Any] | None, unmatched: Unmatched
) -> dict[str, Any] | None:
    """How a customer file is joined, whichever way it is given; fit for JSON.

    Parameters
    ----------
    customers : path or mapping, optional
        A mapping has the ``path`` and more of what :func:`customer_segmentation.data.load` takes.
    unmatched : {"keep", "drop"}
        What becomes of customers with purchases who are not in the file.

    Raises
    ------
    DataError

    Examples
    --------
    >>> plain("people.csv", "keep")
    {'reading': {'path': 'people.csv'}, 'unmatched': 'keep'}
    """
    if unmatched not in get_args(Unmatched):
        raise DataError(
            f"data.unmatched_customers: got {unmatched!r}, expected keep or drop; choose one"
        )
    if customers is None:
        return None
    given = dict(customers) if isinstance(customers, Mapping) else {"path": customers}
    return {"reading": {**given, "path": str(given["path"])}, "unmatched": unmatched}


def join(table: pd.DataFrame, joining: Mapping[str, Any], findings: Findings) -> pd.DataFrame:
    """Add the columns of a customer file to the table of purchases, by customer id.

    What is not known of a customer is a missing number, and a level of its own of a category.

    Parameters
    ----------
    table : DataFrame, one row per customer, by id
    joining : mapping
        As :func:`plain` gives it.
    findings : Findings
        Gets the customers who are in only one of the two files, and how the file was cleaned.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        Where the file cannot be used, or has none of the customers.
    """
    file = data.load(**joining["reading"])
    name = Path(file.source).name
    if file.id_column is None:
        raise DataError(
            f"{file.source}: got no id column, expected one with the ids of the purchases; "
            "name it: data.customers={path: FILE, id_column: COLUMN}"
        )
    twice = [column for column in file.table if column in table]
    if twice:
        raise DataError(
            f"{file.source}: got the columns {listed(twice)}, which the purchases give too, "
            "expected others; rename them"
        )
    known = file.table.set_axis(file.table.index.astype(str))
    ids = pd.Index(table.index.astype(str))
    matched = ids.isin(known.index)
    if not matched.any():
        raise DataError(
            f"{file.source}: got none of the {len(table):,} customers with purchases (ids like "
            f"{listed(ids[:3])}; the file has {listed(known.index[:3])}), expected the same ids; "
            "check the id columns of both files"
        )
    for rule, column, count, examples in file.report.itertuples(index=False):
        if rule not in data.ENDS:
            findings.note(f"{name}: {rule}", count, column=column, detail=examples)
    without, idle = ids[~matched], known.index.difference(ids, sort=False)
    findings.note(f"customer not in {name}", len(without), detail=listed(without))
    findings.note(f"customer of {name} without a purchase", len(idle), detail=listed(idle))
    joined = pd.concat([table, _aligned(known, ids).set_axis(table.index)], axis=1)
    return joined[matched] if joining["unmatched"] == "drop" else joined


def _aligned(known: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    rows = known.reindex(ids)
    for column in rows.select_dtypes("category"):
        if rows[column].isna().any():
            rows[column] = rows[column].cat.add_categories(NOT_KNOWN).fillna(NOT_KNOWN)
    return rows

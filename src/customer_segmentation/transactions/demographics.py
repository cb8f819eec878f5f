"""What else is known of the customers, from a file with a row each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from customer_segmentation import data
from customer_segmentation.data.findings import DataError, Findings, listed

UNKNOWN = "not in the customer file"  # level of a category; a number is missing instead

Unmatched = Literal["keep", "drop"]


def join(
    table: pd.DataFrame,
    customers: str | Path | Mapping[str, Any],
    findings: Findings,
    *,
    unmatched: Unmatched = "keep",
) -> pd.DataFrame:
    """Add the columns of a customer file to the table of purchases, by customer id.

    Parameters
    ----------
    table : DataFrame, one row per customer, by id
    customers : path or mapping
        A mapping has ``path`` and more of what :func:`customer_segmentation.data.load` takes.
    findings : Findings
        Gets the customers who are in only one of the two files, and how the file was cleaned.
    unmatched : {"keep", "drop"}, default "keep"
        What becomes of customers with purchases who are not in the customer file.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        Where the file cannot be used, or has none of the customers.
    """
    given = dict(customers) if isinstance(customers, Mapping) else {"path": customers}
    if unmatched not in get_args(Unmatched):
        raise DataError(
            f"data.unmatched_customers: got {unmatched!r}, expected keep or drop; choose one"
        )
    file = data.load(**given)
    if file.id_column is None:
        raise DataError(
            f"{file.source}: got no id column, expected one with the ids of the purchases; "
            "name it: data.customers={path: FILE, id_column: COLUMN}"
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
    _note_file(file, findings)
    _note_ids(Path(file.source).name, (ids, matched, known.index), unmatched, findings)
    joined = pd.concat([table, _aligned(known, ids, table, file.source)], axis=1)
    return joined[matched] if unmatched == "drop" else joined


def path_of(customers: str | Path | Mapping[str, Any] | None) -> str | None:
    """The customer file, whichever way it is given."""
    given = customers["path"] if isinstance(customers, Mapping) else customers
    return None if given is None else str(given)


def _aligned(known: pd.DataFrame, ids: pd.Index, table: pd.DataFrame, source: str) -> pd.DataFrame:
    twice = [column for column in known if column in table]
    if twice:
        raise DataError(
            f"{source}: got the columns {listed(twice)}, which the purchases give too, expected "
            "others; rename them"
        )
    rows = known.reindex(ids).set_axis(table.index)
    for column in rows.columns[[isinstance(d, pd.CategoricalDtype) for d in rows.dtypes]]:
        if rows[column].isna().any():
            rows[column] = rows[column].cat.add_categories(UNKNOWN).fillna(UNKNOWN)
    return rows


def _note_file(file: data.CustomerData, findings: Findings) -> None:
    name = Path(file.source).name
    for rule, column, count, examples in file.report.itertuples(index=False):
        if rule not in {"rows read", "rows kept"}:
            findings.note(f"{name}: {rule}", count, column=column, detail=examples)


def _note_ids(
    name: str, found: tuple[pd.Index, Any, pd.Index], unmatched: str, findings: Findings
) -> None:
    ids, matched, known = found
    without = ids[~matched]
    detail = f"{listed(without)}; {'left out' if unmatched == 'drop' else 'kept'}"
    findings.note(f"customer not in {name}", len(without), detail=detail)
    idle = known.difference(ids, sort=False)
    findings.note(f"customer of {name} without a purchase", len(idle), detail=listed(idle))

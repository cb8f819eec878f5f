"""The category of each item from a file of its own, where the purchase lines do not have it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from customer_segmentation.batches import open_source
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, Findings, counted
from customer_segmentation.transactions import raw, staging
from customer_segmentation.transactions.roles import by_name


def add_categories(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    configured: Mapping[str, str | None],
    findings: Findings,
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
    columns = {
        role: _column(role, source.columns, configured, path) for role in ("item", "category")
    }
    raw.read(connection, path, columns, source=source, table="catalogue")
    keys = {role: staging.key_of(connection, "catalogue", role) for role in columns}
    connection.execute(
        f"CREATE OR REPLACE TABLE categories AS SELECT {keys['item']} AS item, "
        f"arg_min({keys['category']}, line) AS category, count(*) AS rows "
        "FROM catalogue GROUP BY 1 HAVING item IS NOT NULL; DROP TABLE catalogue"
    )
    connection.execute(
        "UPDATE staged SET category = categories.category FROM categories "
        "WHERE staged.item = categories.item"
    )
    repeated, unused, unknown = connection.sql(
        "SELECT (SELECT count(*) FROM categories WHERE rows > 1), "
        "(SELECT count(*) FROM categories ANTI JOIN staged USING (item)), "
        "(SELECT count(DISTINCT item) FROM staged ANTI JOIN categories USING (item))"
    ).fetchall()[0]
    detail = f"{columns['category']} of {path.name}"
    findings.note("item without a category", unknown, column="item", detail=f"not in {path.name}")
    findings.note("item never bought", unused, column="item", detail=detail)
    findings.note(
        "item on several rows", repeated, column="item", detail=f"{path.name}: the first is taken"
    )


def _column(role: str, columns: list[str], configured: Mapping[str, str | None], path: Path) -> str:
    wanted = configured.get(role)
    found = wanted if wanted in columns else by_name(role, columns)
    if found is None or (role == "category" and wanted and wanted not in columns):
        raise DataError(
            f"{path}: got no column known as the {role} in {counted(len(columns), 'column')}, "
            f"expected one; {closest(wanted or role, columns)}; name it with data.columns.{role}"
        )
    return found

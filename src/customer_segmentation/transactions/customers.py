"""One row per customer: from purchase lines, and from a file that says what else is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from customer_segmentation import data
from customer_segmentation.data.findings import DataError, Findings, listed
from customer_segmentation.data.levels import NOT_KNOWN
from customer_segmentation.transactions.lines import Lines

RECENCY = "Days since last purchase"
FREQUENCY = "Number of purchases"
MONETARY = "Total spend"
TENURE = "Days since first purchase"
RHYTHM = "Days between purchases"
BASKET = "Average basket value"
SIZE = "Items per purchase"
ITEMS, CATEGORIES = "Different items", "Different categories"
RETURNED = "Returns (% of purchases)"
SHARE = " (% of spend)"  # after the name of a category
COLUMNS = (
    RECENCY, FREQUENCY, MONETARY, TENURE, RHYTHM, BASKET, SIZE, ITEMS, CATEGORIES, RETURNED,
)  # fmt: skip

Unmatched = Literal["keep", "drop"]

# Lines of one order are one purchase; without an order id those of a customer on one day.
_PURCHASES = """
    SELECT customer, min("time")::DATE AS day, count(*) AS items, sum(amount) AS worth
    FROM lines WHERE NOT is_return
    GROUP BY customer, coalesce("order", strftime("time", '%Y-%m-%d'))"""


def main_categories(lines: Lines, count: int) -> list[str]:
    """The categories that most money is spent on, the largest first.

    Parameters
    ----------
    lines : Lines
    count : int
        How many at most.
    """
    found = lines.connection.execute(
        "SELECT category FROM lines WHERE NOT is_return AND category IS NOT NULL "
        "GROUP BY category HAVING sum(amount) > 0 ORDER BY sum(amount) DESC, category LIMIT ?",
        [count],
    ).fetchall()
    return [category for (category,) in found]


def table(lines: Lines, categories: Sequence[str] = ()) -> pd.DataFrame:
    r"""Features of every customer who bought something.

    Parameters
    ----------
    lines : Lines
    categories : sequence of str
        Those whose share of the spend gets a column.

    Returns
    -------
    DataFrame, one row per customer, by id
        Days are whole days before ``lines.as_of``. ``Total spend`` is what was bought less what
        was returned; the average basket, items and shares are of what was bought. ``Days between
        purchases`` is missing for customers who bought on one day only, and what the file has no
        column for is absent.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from customer_segmentation.transactions.lines import open_lines
    >>> file = Path(tempfile.mkdtemp()) / "sales.csv"
    >>> _ = file.write_text("customer,date,amount\na,2025-05-01,7.5\na,2025-05-11,2.5\n")
    >>> with open_lines(file, as_of="2025-05-21") as lines:
    ...     print(table(lines)[[RECENCY, FREQUENCY, MONETARY, RHYTHM]].to_string())
              Days since last purchase  Number of purchases  Total spend  Days between purchases
    customer
    a                             10.0                  2.0         10.0                    10.0
    """
    spent = {f"spent_{place}": place for place in range(1, len(categories) + 1)}
    sums = "".join(
        f", sum(amount) FILTER (NOT is_return AND category = ${place})::DOUBLE AS {name}"
        for name, place in spent.items()
    )
    shares = "".join(f", coalesce({name}, 0) / bought * 100" for name in spent)
    found = lines.connection.execute(
        f"""
        WITH purchases AS ({_PURCHASES}),
        visits AS (
            SELECT customer, max(day) AS last, min(day) AS first, count(DISTINCT day) AS days,
                count(*) AS purchases, sum(items) AS items, sum(worth)::DOUBLE AS bought
            FROM purchases GROUP BY customer),
        sums AS (
            SELECT customer, sum(amount)::DOUBLE AS net,
                coalesce(-sum(amount) FILTER (is_return), 0)::DOUBLE AS returned,
                count(DISTINCT item) FILTER (NOT is_return) AS different_items,
                count(DISTINCT category) FILTER (NOT is_return) AS different_categories{sums}
            FROM lines GROUP BY customer)
        SELECT customer, DATE '{lines.as_of}' - last, purchases, net, DATE '{lines.as_of}' - first,
            (last - first) / nullif(days - 1, 0), bought / purchases, items / purchases,
            different_items, different_categories, returned / bought * 100{shares}
        FROM visits JOIN sums USING (customer) ORDER BY customer""",
        list(categories),
    ).df()
    own = lines.columns["customer"]
    names = [own, *COLUMNS, *(category + SHARE for category in categories)]
    result = found.set_axis(names, axis=1).set_index(own).astype("float64")
    unknown = [name for name in (ITEMS, CATEGORIES) if not result[name].any()]
    whole = pd.api.types.is_integer_dtype(result.index)
    return result.drop(columns=unknown).set_axis(result.index.astype("int64" if whole else "str"))


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


def join(
    table: pd.DataFrame, joining: Mapping[str, Any], findings: Findings
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
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
    table : DataFrame
    codes : dict, column -> list of float
        Numbers of the file that mean "missing".

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
    kept = joined[matched] if joining["unmatched"] == "drop" else joined
    return kept, file.missing_codes


def _aligned(known: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    rows = known.reindex(ids)
    for column in rows.select_dtypes("category"):
        if rows[column].isna().any():
            rows[column] = rows[column].cat.add_categories(NOT_KNOWN).fillna(NOT_KNOWN)
    return rows

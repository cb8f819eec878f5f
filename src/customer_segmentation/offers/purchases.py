"""Purchase lines as the model knows them, and who bought what in how many orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from duckdb import DuckDBPyConnection as Connection
from scipy import sparse

from customer_segmentation.batches import open_source
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.transactions import as_read, as_trained, raw, staging
from customer_segmentation.transactions.lines import Lines, open_lines

Moment = pd.Timestamp
# An order without an id is all that a customer bought on one day.
ORDER = """coalesce("order", CAST(CAST("time" AS DATE) AS VARCHAR))"""


class OffersError(ValueError):
    """Purchases from which no offers can be made."""


@dataclass(frozen=True)
class Purchases:
    """Orders per customer and item."""

    #: shape (n_customers, n_items): orders of the customer with the item; returns do
    #: not count
    counts: sparse.csr_array
    customers: pd.Index  #: Sorted; those with any purchase, with an item or without
    items: pd.Index  #: The one that most customers bought first
    #: shape (n_customers,): orders of the customer, at least one each
    orders: npt.NDArray[np.float64]

    @property
    def bought(self) -> sparse.csr_array:
        """Whether the customer bought the item, 0 or 1: one heavy buyer counts once."""
        return (self.counts > 0).astype(np.float64)

    def of(self, customers: pd.Index, items: pd.Index) -> sparse.csr_array:
        """Counts of other customers and items, zero for those unknown here."""
        rows, columns = self.customers.get_indexer(customers), self.items.get_indexer(items)
        padded = self.counts.copy()
        padded.resize(len(self.customers) + 1, len(self.items) + 1)
        return padded[rows][:, columns]  # -1, not found, is the empty one that was added

    def only(self, least: int) -> Purchases:
        """The items that at least so many customers bought."""
        kept = np.flatnonzero(self.bought.sum(axis=0) >= least)
        return Purchases(self.counts[:, kept], self.customers, self.items[kept], self.orders)


def read(
    connection: Connection,
    *,
    what: str = "item",
    start: Moment | None = None,
    end: Moment | None = None,
) -> Purchases:
    """Count the orders of a period.

    Parameters
    ----------
    connection : DuckDBPyConnection
        With a table ``lines``: customer, time, order, item, category, is_return.
    what : {"item", "category"}
    start, end : Timestamp, optional
        From and, not included, until when.

    Returns
    -------
    Purchases
        Possibly without customers or items.

    Examples
    --------
    >>> import duckdb
    >>> lines = pd.DataFrame({"customer": [1, 1, 2], "item": ["tea", "tea", "milk"]})
    >>> lines = lines.assign(time=pd.Timestamp("2025-05-01"), order=["a", "b", "c"])
    >>> connection = duckdb.connect().register("lines", lines.assign(is_return=False))
    >>> found = read(connection)
    >>> found.items.tolist(), found.counts.toarray().tolist(), found.orders.tolist()
    (['milk', 'tea'], [[0.0, 2.0], [1.0, 0.0]], [2.0, 1.0])
    """
    bounds = {"start": start, "end": end}
    inside = (
        'FROM lines WHERE NOT is_return AND ($start IS NULL OR "time" >= $start::TIMESTAMP) '
        'AND ($end IS NULL OR "time" < $end::TIMESTAMP)'
    )
    count = f"count(DISTINCT {ORDER})::DOUBLE AS orders"
    totals = connection.execute(
        f"SELECT customer, {count} {inside} GROUP BY 1 ORDER BY 1", bounds
    ).df()
    pairs = connection.execute(
        f'SELECT customer, "{what}"::VARCHAR AS item, {count} {inside} AND "{what}" IS NOT NULL '
        "GROUP BY 1, 2 ORDER BY 1, 2",
        bounds,
    ).df()
    return _matrix(pairs, totals)


def _matrix(pairs: pd.DataFrame, totals: pd.DataFrame) -> Purchases:
    customers = pd.Index(totals["customer"])
    buyers = pairs.groupby("item").size().sort_values(ascending=False, kind="stable")
    items = pd.Index(buyers.index)
    places = customers.get_indexer(pairs["customer"]), items.get_indexer(pairs["item"])
    shape = (len(customers), len(items))
    counts = sparse.coo_array((pairs["orders"].to_numpy(), places), shape=shape).tocsr()
    return Purchases(counts, customers, items, totals["orders"].to_numpy())


def day(text: str) -> Moment:
    """Read a day, such as 2025-12-31.

    Raises
    ------
    OffersError
    """
    try:
        return Moment(dt.date.fromisoformat(text))
    except ValueError as error:
        raise OffersError(
            f"got split={text}, expected a day like 2025-12-31. Correct it."
        ) from error


def span(connection: Connection) -> tuple[Moment, Moment]:
    """First and last moment of a purchase; NaT both where there is none."""
    first, last = connection.sql(
        'SELECT min("time"), max("time") FROM lines WHERE NOT is_return'
    ).fetchall()[0]
    return pd.Timestamp(first), pd.Timestamp(last)


def categories(connection: Connection) -> dict[str, str]:
    """Category of each item that has one, the commonest of its lines."""
    return dict(
        connection.sql(
            "SELECT item::VARCHAR, mode(category ORDER BY category)::VARCHAR FROM lines "
            "WHERE item IS NOT NULL AND category IS NOT NULL GROUP BY 1"
        ).fetchall()
    )


@dataclass(frozen=True)
class Sales:
    """Purchase lines."""

    lines: Lines  #: With the columns that the model was trained on
    offered: Lines  #: The same lines; their item is what is to be offered


def _before(lines: Lines, day: pd.Timestamp) -> AbstractContextManager[Lines]:
    """Take the same lines without those from a day on."""
    select = f"SELECT * FROM memory.main.lines WHERE \"time\" < TIMESTAMP '{day}'"
    return _viewed(lines, select, as_of=day.date(), findings=Findings())


@contextmanager
def _viewed(lines: Lines, select: str, **other: Any) -> Iterator[Lines]:
    """The lines on a further connection to their database, on which ``lines`` is another view."""
    with lines.connection.cursor() as connection:
        connection.execute(f"CREATE TEMP VIEW lines AS {select}")
        yield replace(lines, connection=connection, **other)


@contextmanager
def open_sales(
    path: Path, history: Mapping[str, Any], *, item: str | None = None, **options: Any
) -> Iterator[Sales]:
    """Read and clean purchase lines as those of the training were.

    Parameters
    ----------
    path : Path
    history : mapping
        How the training table came out of its purchase lines.
    item : str, optional
        Column of what is offered, in the purchases or in the file of items; by default the item.
    **options
        ``as_of`` and ``sheet``; see :func:`customer_segmentation.transactions.lines.open_lines`.

    Yields
    ------
    Sales

    Raises
    ------
    DataError
        Where the file cannot be read.
    OffersError
        Where there is no item.
    """
    columns = open_source(path, sheet=options.get("sheet")).columns
    reading = as_read(history, columns)
    with ExitStack() as stack:
        try:
            lines = stack.enter_context(open_lines(path, **reading, **options))
        except DataError as error:  # say what the columns were called
            known = ", ".join(f"{role} = {c}" for role, c in history["reading"]["columns"].items())
            raise DataError(
                f"{error}\nIn training the columns were {known}: name them so."
            ) from error
        offered = lines
        if item in columns and item != lines.columns.get("item"):
            other = {**reading, "columns": {**reading["columns"], "item": item}}
            offered = stack.enter_context(open_lines(path, **other, **options))
        elif item is not None and item not in columns:
            offered = stack.enter_context(_renamed(lines, item, reading["items"], columns))
        elif "item" not in lines.columns:
            raise OffersError(
                f"{lines.source}: got no column known as the item, which is what is offered, "
                f"expected one of {', '.join(columns)}. Name it: item=COLUMN."
            )
        yield Sales(lines, offered)


def _renamed(
    lines: Lines, item: str, items: str | None, columns: list[str]
) -> AbstractContextManager[Lines]:
    """The lines with a column of the file of items in place of the item's id."""
    source = open_source(Path(items).expanduser()) if items is not None else None
    known = [*columns, *(source.columns if source is not None else [])]
    key = raw.by_name("item", source.columns) if source is not None else None
    if source is None or item not in source.columns or key is None:
        raise OffersError(
            f"got item={item}, expected a column of the purchases or of their file of items; "
            f"{closest(item, known)}. Correct it."
        )
    staging.read_items(lines.connection, source, key, item)
    select = (
        "SELECT lines.* REPLACE (catalogue.value AS item) FROM memory.main.lines AS lines "
        "LEFT JOIN memory.main.catalogue AS catalogue ON lines.item = catalogue.item"
    )
    return _viewed(lines, select, columns={**lines.columns, "item": item})


@dataclass(frozen=True)
class Membership:
    """What a model says of the customers of some purchase lines, as of any day.

    The model's segments stay as they are, with the borders that it found on its training period;
    who is in which is decided by the features of that day.
    """

    lines: Lines
    history: Mapping[str, Any]  #: How the model's training table came out of its purchase lines
    segmenter: Segmenter

    def __call__(self, day: pd.Timestamp) -> pd.Series[int]:
        """Segment of each customer who bought before a day; -1 = outlier."""
        with _before(self.lines, day) as lines:
            return self._assigned(lines)[1]["segment"]

    def now(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Features, and what the model makes of them, of all customers it can assign."""
        return self._assigned(self.lines)

    def _assigned(self, lines: Lines) -> tuple[pd.DataFrame, pd.DataFrame]:
        table = as_trained(lines, self.history, self.segmenter.columns)
        unreadable = self.segmenter.problems(table)["row"]
        assigned = self.segmenter.assign(table[~table.index.isin(unreadable)])
        return table.loc[assigned.index], assigned

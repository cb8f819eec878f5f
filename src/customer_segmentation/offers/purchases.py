"""Who bought what in how many orders: the table that preferences and offers are made from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from duckdb import DuckDBPyConnection as Connection
from scipy import sparse

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

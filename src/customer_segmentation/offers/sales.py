"""Purchase lines twice: as the model knows them, and with what is to be offered as the item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from customer_segmentation.batches import open_source
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.offers.purchases import OffersError
from customer_segmentation.transactions import Lines, open_lines, raw, roles, staging

NAMED = "offered_names"  # table: item -> what it is offered as


@dataclass(frozen=True)
class Sales:
    """Purchase lines.

    Attributes
    ----------
    lines : Lines
        With the columns that the model was trained on.
    offered : Lines
        The same lines; their item is what is to be offered.
    """

    lines: Lines
    offered: Lines


class Window(raw.Scratch):
    """A further connection to a database, on which ``lines`` is another view.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Of the database.
    select : str
        SQL of the view, from ``memory.main.lines``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, select: str) -> None:
        self.connection = connection.cursor()
        self.connection.execute(f"CREATE TEMP VIEW lines AS {select}")

    def close(self) -> None:
        """Close this connection only."""
        self.connection.close()


def before(lines: Lines, day: pd.Timestamp) -> Lines:
    """Take the same lines without those from a day on; to be closed by itself."""
    select = f"SELECT * FROM memory.main.lines WHERE \"time\" < TIMESTAMP '{day}'"
    window = Window(lines.connection, select)
    return replace(lines, scratch=window, as_of=day.date(), findings=Findings())


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
        ``as_of`` and ``sheet``; see :func:`customer_segmentation.transactions.open_lines`.

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
    reading = {**history["reading"]}
    there = {*columns, reading["columns"].get("category") if reading["items"] else None}
    named = {role: column for role, column in reading["columns"].items() if column in there}
    reading["columns"] = named  # the others are known by their names, as in training
    with raw.interruptible(), _opened(path, history, reading, options) as lines:
        if item is None or item == lines.columns.get("item"):
            _check_items(lines, columns)
            yield Sales(lines, lines)
        elif item in columns:
            other = {**reading, "columns": {**named, "item": item}}
            with open_lines(path, **other, **options) as offered:
                yield Sales(lines, offered)
        else:
            with _renamed(lines, item, reading, columns) as offered:
                yield Sales(lines, offered)


def _opened(
    path: Path,
    history: Mapping[str, Any],
    reading: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Lines:
    """Open the lines; where a column is not found, say what it was called."""
    try:
        return open_lines(path, **reading, **options)
    except DataError as error:
        known = ", ".join(f"{role} = {c}" for role, c in history["reading"]["columns"].items())
        raise DataError(f"{error}\nIn training the columns were {known}: name them so.") from error


def _check_items(lines: Lines, columns: list[str]) -> None:
    if "item" not in lines.columns:
        raise OffersError(
            f"{lines.source}: got no column known as the item, which is what is offered, expected "
            f"one of {', '.join(columns)}. Name it: item=COLUMN."
        )


def _renamed(lines: Lines, item: str, reading: Mapping[str, Any], columns: list[str]) -> Lines:
    """The lines with a column of the file of items in place of the item's id."""
    path = reading["items"]
    source = open_source(Path(path).expanduser()) if path is not None else None
    known = [*columns, *(source.columns if source is not None else [])]
    key = roles.by_name("item", source.columns) if source is not None else None
    if source is None or item not in source.columns or key is None:
        raise OffersError(
            f"got item={item}, expected a column of the purchases or of their file of items; "
            f"{closest(item, known)}. Correct it."
        )
    connection = lines.connection
    raw.read(connection, source.path, {"item": key, "name": item}, source=source, table=NAMED)
    keys = {role: staging.key_of(connection, NAMED, role) for role in ("item", "name")}
    names = (
        f"SELECT {keys['item']} AS item, arg_min({keys['name']}, line) AS name "
        f"FROM memory.main.{NAMED} GROUP BY 1"
    )
    select = (
        f"SELECT lines.* REPLACE (names.name AS item) FROM memory.main.lines AS lines "
        f"LEFT JOIN ({names}) AS names ON lines.item = names.item"
    )
    return replace(
        lines, scratch=Window(connection, select), columns={**lines.columns, "item": item}
    )

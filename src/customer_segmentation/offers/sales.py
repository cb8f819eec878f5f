"""Purchase lines: as the model knows them, with what is offered as the item, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from customer_segmentation.batches import open_source
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.offers.purchases import OffersError
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.transactions import Lines, open_lines, raw, staging
from customer_segmentation.transactions.loading import as_read, as_trained


@dataclass(frozen=True)
class Sales:
    """Purchase lines."""

    lines: Lines  #: With the columns that the model was trained on
    offered: Lines  #: The same lines; their item is what is to be offered


def before(lines: Lines, day: pd.Timestamp) -> AbstractContextManager[Lines]:
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
        with before(self.lines, day) as lines:
            return self._assigned(lines)[1]["segment"]

    def now(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Features, and what the model makes of them, of all customers it can assign."""
        return self._assigned(self.lines)

    def _assigned(self, lines: Lines) -> tuple[pd.DataFrame, pd.DataFrame]:
        table = as_trained(lines, self.history, self.segmenter.columns)
        unreadable = self.segmenter.problems(table)["row"]
        assigned = self.segmenter.assign(table[~table.index.isin(unreadable)])
        return table.loc[assigned.index], assigned

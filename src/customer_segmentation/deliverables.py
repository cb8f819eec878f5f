"""What marketing reads of a run: who is in which segment, its summary, the workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from customer_segmentation import card_file, profiles, workbook
from customer_segmentation.items import File, Item, Picture, Table, Text
from customer_segmentation.plots import drawing
from customer_segmentation.plots import segments as segment_plots
from customer_segmentation.results import About, Tables

if TYPE_CHECKING:
    from customer_segmentation.cards import Card


__all__ = ["Tables", "files", "portraits", "promised"]


def promised(
    table: pd.DataFrame,
    segments: pd.Series[int],
    names: Mapping[int, str],
    confidence: pd.Series[float],
    *,
    folder: str = "",
    cards: Sequence[Card] = (),
    about: About | None = None,
) -> Iterator[Item]:
    """All of it, below `folder`: summary, counts, customers, workbook, two pictures.

    Parameters
    ----------
    table : DataFrame
        The clean customers, indexed by id.
    segments : Series of int
        Of each customer, -1 = outlier.
    names : mapping, segment -> name
    confidence : Series of float
    folder : str
        Ends with a slash.
    cards : sequence of Card
    about : About, optional
        The words about the run, for the workbook.
    """
    tables = Tables(table, segments, names, confidence, cards)
    yield from files(tables, folder, about=about)
    for name, how in portraits(tables):
        yield Picture(f"{folder}plots/{name}.png", drawing.begin(*how))


def files(
    tables: Tables,
    folder: str = "",
    *,
    about: About | None = None,
    most_rows: int = workbook.MOST_ROWS,
) -> Iterator[Item]:
    """Tables, cards and workbook, below `folder`; customers that no workbook holds as Parquet."""
    yield Table(f"{folder}cluster_summary.csv", tables.summary, compare=True)
    yield Table(f"{folder}cluster_counts.csv", tables.counts)
    customers = tables.assignments.round({"confidence": 3})
    yield Table(f"{folder}tables/assignments.csv", customers, index=True)
    book = drawing.make(workbook.content, tables, about, most_rows)
    yield File(f"{folder}{workbook.NAME}", lambda path: path.write_bytes(book()))
    if tables.cards:
        yield Text(f"{folder}{card_file.PATH}", lambda: card_file.dumps(tables.cards))
    if not workbook.fits(len(tables.table), most_rows):
        yield File(
            f"{folder}{workbook.BESIDE}",
            lambda path: workbook.customers.frame(tables).to_parquet(path, index=False),
        )


def portraits(tables: Tables) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Name of the pictures of the segments, with the function that draws each and its tables."""
    yield "sizes", (segment_plots.sizes, tables.counts)
    if len(tables.names) > 1:
        raw = profiles.values(tables.table, tables.segments, tables.contrasts.columns)
        yield "profiles", (segment_plots.heatmap, tables.contrasts, raw, tables.names)

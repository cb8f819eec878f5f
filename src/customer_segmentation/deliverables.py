"""What marketing reads of a run: who is in which segment, its summary, the workbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from customer_segmentation import profiles, workbook
from customer_segmentation.items import File, Item, Picture, Table
from customer_segmentation.plots import drawing
from customer_segmentation.plots import segments as segment_plots


class Tables:
    """The profile tables, made once and used by files, pictures and page."""

    def __init__(
        self,
        table: pd.DataFrame,
        segments: pd.Series[int],
        names: Mapping[int, str],
        confidence: pd.Series[float],
    ) -> None:
        self.table, self.segments, self.names = table, segments, names
        self.summary = profiles.summary(table, segments, names)
        self.counts = profiles.counts(segments, names)
        self.contrasts = profiles.contrasts(table, segments)
        self.assignments = pd.DataFrame(
            {
                "segment": segments,
                "name": [names.get(number, "Outliers") for number in segments],
                "confidence": confidence,
            },
            index=segments.index,
        )


def promised(
    table: pd.DataFrame,
    segments: pd.Series[int],
    names: Mapping[int, str],
    confidence: pd.Series[float],
    *,
    folder: str = "",
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
    """
    tables = Tables(table, segments, names, confidence)
    yield from files(tables, folder)
    for name, how in portraits(tables):
        yield Picture(f"{folder}plots/{name}.png", drawing.begin(*how))


def files(tables: Tables, folder: str = "") -> Iterator[Item]:
    """Tables and workbook, below `folder`."""
    yield Table(f"{folder}cluster_summary.csv", tables.summary, compare=True)
    yield Table(f"{folder}cluster_counts.csv", tables.counts)
    customers = tables.assignments.round({"confidence": 3})
    yield Table(f"{folder}tables/assignments.csv", customers, index=True)
    yield File(
        f"{folder}Customer_Segmentation_Results.xlsx",
        lambda path: workbook.write(
            path,
            tables.table,
            tables.segments,
            tables.names,
            tables.assignments["confidence"],
            tables.summary,
            tables.counts,
        ),
    )


def portraits(tables: Tables) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Name of the pictures of the segments, with the function that draws each and its tables."""
    yield "sizes", (segment_plots.sizes, tables.counts)
    if len(tables.names) > 1:
        raw = profiles.values(tables.table, tables.segments, tables.contrasts.columns)
        yield "profiles", (segment_plots.heatmap, tables.contrasts, raw, tables.names)

"""What marketing reads of a run: who is in which segment, its summary, the workbook, pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from customer_segmentation import profiles, workbook
from customer_segmentation.items import File, Item, Table, Text
from customer_segmentation.labels import FloatArray
from customer_segmentation.plots import drawing
from customer_segmentation.plots import scatter as scatter_plot
from customer_segmentation.plots import segments as segment_plots
from customer_segmentation.profiles import cards
from customer_segmentation.results import About, Tables
from customer_segmentation.workbook.tables import all_customers


def files(
    tables: Tables,
    folders: Sequence[str] = ("",),
    *,
    about: About | None = None,
) -> Iterator[Item]:
    """Summary, counts and workbook; customers that no workbook holds as Parquet.

    Parameters
    ----------
    tables : Tables
    folders : sequence of str
        Where they go, each "" or ending with a slash.
    about : About, optional
        The words about the run, for the workbook.
    """
    write = _book(tables, about)
    for folder in folders:
        yield Table(f"{folder}cluster_summary.csv", tables.summary, compare=True)
        yield Table(f"{folder}cluster_counts.csv", tables.counts)
        yield File(f"{folder}{workbook.NAME}", write)
        if not workbook.fits(len(tables.table)):
            yield File(
                f"{folder}{workbook.BESIDE}",
                lambda path: all_customers(tables).to_parquet(path, index=False),
            )


def _book(tables: Tables, about: About | None) -> Callable[[Path], object]:
    """What writes the workbook to a file, and to further ones the same."""
    if drawing.started():
        book = drawing.make(workbook.content, tables, about)
        return lambda path: path.write_bytes(book())
    written: list[Path] = []

    def write(path: Path) -> None:
        # Straight into the file: of a million customers it is too large to be held beside them.
        if written:
            shutil.copyfile(written[0], path)
        else:
            workbook.write(path, tables, about)
            written.append(path)

    return write


def records(tables: Tables, folder: str = "") -> Iterator[Item]:
    """Segment of every customer, and the cards, for programs; below `folder`."""
    customers = tables.assignments.round({"confidence": 3})
    yield Table(f"{folder}tables/assignments.csv", customers, index=True)
    if tables.cards:
        yield Text(f"{folder}{cards.PATH}", lambda: cards.dumps(tables.cards))


def portraits(
    tables: Tables,
    columns: Sequence[str],
    matrix: FloatArray,
    feature_names: Sequence[str],
    silhouettes: FloatArray,
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Name of each picture of the segments, with the function that draws it and what it draws.

    Parameters
    ----------
    tables : Tables
    columns : sequence of str
        What was clustered.
    matrix : array, shape (n_customers, n_features)
        As the algorithm saw it.
    feature_names : sequence of str, length n_features
    silhouettes : array, shape (n_customers,)
    """
    numbers, names = tables.segments.to_numpy(), tables.names
    plane = _plane(tables.table[list(columns)], matrix, list(feature_names))
    yield "scatter", (scatter_plot.scatter, *plane, numbers, names)
    if len(names) > 1:
        yield "silhouette", (segment_plots.silhouette_samples, silhouettes, numbers, names)
    yield "sizes", (segment_plots.sizes, tables.counts)
    if len(names) > 1:
        raw = profiles.values(tables.table, tables.segments, tables.contrasts.columns)
        yield "profiles", (segment_plots.heatmap, tables.contrasts, raw, names)


def _plane(
    table: pd.DataFrame, matrix: FloatArray, feature_names: list[str]
) -> tuple[FloatArray, list[str]]:
    """Two numbers are shown in their units; more go through PCA, as they were fitted."""
    if table.shape[1] == 2 and all(pd.api.types.is_numeric_dtype(table[c]) for c in table):
        return table.to_numpy(float), [str(column) for column in table]
    return matrix, feature_names

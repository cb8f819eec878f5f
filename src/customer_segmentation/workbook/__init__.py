"""The Excel workbook for marketing: segments, every customer with the segment, method."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook

from customer_segmentation.results import About, Offered, Tables
from customer_segmentation.style import plural
from customer_segmentation.workbook import cells, summary
from customer_segmentation.workbook import tables as table_sheets
from customer_segmentation.workbook.cells import Styles

MOST_ROWS = 1_048_576  # of an Excel sheet, header included
MOST_COLUMNS = 16_384
SHEETS = ("Summary", "Segments", "Customers", "Data quality", "Method")
# With offers, each of these comes after the sheet that it belongs to.
OFFER_SHEETS = {"Segments": "Segment offers", "Customers": "Customer offers"}
NAME = "Customer_Segmentation_Results.xlsx"
BESIDE = "Customer_Segmentation_Customers.parquet"  # for more customers than a sheet holds
OFFERS_BESIDE = "customer_offers.csv"
FORMATS = {
    "percent": "0%",
    "decimals": "0.00",
    "moment": "yyyy-mm-dd hh:mm",
    "day": "yyyy-mm-dd",
    "clock": "hh:mm:ss",
}


def content(
    tables: Tables,
    about: About | None = None,
    offered: Offered | None = None,
) -> bytes:
    """Return what :func:`write` writes, so that another process can make it."""
    buffer = BytesIO()
    write(buffer, tables, about, offered)
    return buffer.getvalue()


def write(
    path: str | Path | BytesIO,
    tables: Tables,
    about: About | None = None,
    offered: Offered | None = None,
) -> None:
    """Write ``Customer_Segmentation_Results.xlsx``, formatted, with charts.

    Text stays text (nothing a customer typed becomes a formula), characters that Excel forbids
    are dropped, infinities and types that Excel lacks are written as text. Excel has no time
    zones: times keep their local clock. More customers than a sheet holds are left out, and the
    sheet says in which file they are.

    Parameters
    ----------
    path : str, Path or BytesIO
        File to write; an existing one is replaced.
    tables : Tables
    about : About, optional
        The words about the run.
    offered : Offered, optional
        What to offer to whom: two more sheets.

    Raises
    ------
    ValueError
        If the table has more columns than an Excel sheet.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> table = pd.DataFrame({"Age": [20.0]}, index=pd.Index(["=1+1"], name="id"))
    >>> segments = pd.Series([1], index=table.index)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/r.xlsx", Tables(table, segments, {1: "Young"}, segments * 1.0))
    ...     pd.read_excel(f"{folder}/r.xlsx", "Customers").iloc[0].astype(str).tolist()
    ['=1+1', '1', 'Young', '1', '20']
    """
    about = about or About()
    added = 1 + len(table_sheets.ADDED)
    if tables.table.shape[1] + added > MOST_COLUMNS:
        raise ValueError(
            f"got {tables.table.shape[1]:,} columns, expected at most {MOST_COLUMNS - added:,} "
            "(an Excel sheet holds no more); write the table as CSV or Parquet instead"
        )
    book: Any = Workbook()
    book.remove(book.active)
    sheets = {title: book.create_sheet(title) for title in _titles(offered)}
    summary.write(sheets["Summary"], tables, about)
    table_sheets.segments(sheets["Segments"], tables)
    table_sheets.quality(sheets["Data quality"], about.cleaning)
    summary.method(sheets["Method"], about)
    long = [("Customers", BESIDE, table_sheets.all_customers(tables))]
    if offered is not None:
        table_sheets.offers(sheets["Segment offers"], offered.segments)
        long.append(("Customer offers", OFFERS_BESIDE, offered.customers))
    frames = {}
    for title, beside, frame in long:
        if fits(len(frame)):
            table_sheets.prepare(sheets[title], frame)
            frames[list(sheets).index(title) + 1] = frame
        else:
            _elsewhere(sheets[title], len(frame), beside)
    found = {int(number) for frame in frames.values() for number in frame["segment"].unique()}
    styles, skeleton = _styles(book, sorted(found)), BytesIO()
    book.save(skeleton)
    table_sheets.fill(path, skeleton, frames, styles)


def _titles(offered: Offered | None) -> list[str]:
    if offered is None:
        return list(SHEETS)
    pairs = [(title, OFFER_SHEETS.get(title)) for title in SHEETS]
    return [title for pair in pairs for title in pair if title is not None]


def sheet(table: pd.DataFrame) -> bytes:
    """A workbook of one sheet, with a filter and a header that stays.

    Parameters
    ----------
    table : DataFrame
        Without its index; a column ``segment`` gets the colours of the segments.

    Examples
    --------
    >>> import pandas as pd
    >>> content = sheet(pd.DataFrame({"name": ["=1+1"], "segment": [1]}))
    >>> pd.read_excel(BytesIO(content)).values.tolist()
    [['=1+1', 1]]
    """
    book: Any = Workbook()
    book.active.title = "Customers"
    table_sheets.prepare(book.active, table)
    numbers = table[table_sheets.ADDED[0]].dropna().unique().tolist() if "segment" in table else []
    styles, skeleton, target = _styles(book, numbers), BytesIO(), BytesIO()
    book.save(skeleton)
    table_sheets.fill(target, skeleton, {1: table}, styles)
    return target.getvalue()


def fits(rows: int) -> bool:
    """Whether a sheet holds so many customers and the header.

    Examples
    --------
    >>> fits(200), fits(1_048_575), fits(1_048_576)
    (True, True, False)
    """
    return rows < MOST_ROWS


def _elsewhere(sheet: Any, rows: int, beside: str) -> None:
    text = (
        f"The {plural(rows, 'customer')} are more than the {MOST_ROWS - 1:,} that an Excel sheet "
        f"holds. They are in the file {beside}, beside this workbook."
    )
    cells.put(sheet, 1, 1, text).alignment = cells.WRAPPED
    cells.widen(sheet, [90.0])
    cells.raise_row(sheet, 1, [(text, 90.0)])


def _styles(book: Any, segments: list[int]) -> Styles:
    """Register the cell styles with the workbook; openpyxl numbers them."""
    sheet = book.create_sheet("styles")
    numbers: dict[str, int] = {}
    for row, (style, number_format) in enumerate(FORMATS.items(), 1):
        cell = sheet.cell(row, 1)
        cell.number_format = number_format
        numbers[style] = cell.style_id
    quoted = sheet.cell(1, 2)
    quoted.quotePrefix = True
    tinted: dict[int, int] = {}
    for row, segment in enumerate(segments, 1):
        cell = sheet.cell(row, 3)
        cells.tint(cell, segment)
        tinted[segment] = cell.style_id
    book.remove(sheet)
    return Styles(**numbers, text=quoted.style_id, segments=tinted)

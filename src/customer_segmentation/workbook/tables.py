"""Sheets that are a table: segments, offers, cleaning; and the long ones, a row per customer.

The rows of a long sheet are written as text in chunks, so that memory is bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
from openpyxl.utils import get_column_letter

from customer_segmentation.data.levels import is_numeric
from customer_segmentation.profiles import RESERVED
from customer_segmentation.results import Tables
from customer_segmentation.workbook import cells
from customer_segmentation.workbook.cells import Encode, Styles, encoder, labels

WIDTHS = {
    "number": 9.0, "name": 28.0, "customers": 11.0, "share": 8.0, "who they are": 44.0,
    "what to do": 44.0, "where": 24.0, "rule of thumb": 36.0, "rule catches": 10.0,
    "rule is right": 10.0, "what sets them apart": 48.0, "why this name": 44.0,
}  # fmt: skip
FORMATS = {
    "customers": "#,##0", "share": "0.0%", "rule catches": "0.0%", "rule is right": "0.0%",
}  # fmt: skip
MEASURE_WIDTH = 13.0
MOST_PROFILED = 200  # columns of the table: more are in cluster_summary.csv
QUALITY_WIDTHS = (34.0, 30.0, 12.0, 80.0)
# Column of the table -> title, width in characters, number format.
OFFERS = {
    "segment": ("segment", 9.0, "General"),
    "segment_name": ("segment name", 38.0, "General"),
    "kind": ("kind", 10.0, "General"),
    "rank": ("rank", 6.0, "General"),
    "offer": ("offer", 44.0, "General"),
    "basis": ("why", 42.0, "General"),
    "buyers": ("customers who bought it", 15.0, "#,##0"),
    "share": ("share of the segment", 14.0, "0%"),
    "share_all": ("share of all", 9.0, "0%"),
    "lift": ("lift", 7.0, "0.00"),
    "q_value": ("chance", 9.0, "0.0E+00"),
    "expected_alike": ("buyers among as many alike", 13.0, "#,##0.0"),
    "q_alike": ("chance among those alike", 13.0, "0.0E+00"),
}
READING = (
    "Lift: the share of the segment who bought it, by that of all customers; each customer counts "
    "once. Alike: customers who buy as many different things. Chance: of the rows up to a value, "
    "at most this share is expected to be chance (Benjamini and Hochberg's q-value)."
)
ADDED = ("segment", "segment name", "confidence")
WIDEST, NARROWEST = 44, 9
CHUNK = 5_000  # rows encoded at a time
MEASURED = 200  # rows from which a column's width is taken
END_OF_ROWS = b"</sheetData>"
SIZE = re.compile(rb'<dimension ref="[^"]*"')
LARGE = 2**31 // 100  # cells: then the sheet may be larger than an ordinary archive holds


def segments(sheet: Any, tables: Tables) -> None:
    """Write the segments: a card per row, then mean and median of every column."""
    found = _frame(tables)
    widths = [WIDTHS.get(str(column), MEASURE_WIDTH) for column in found.columns]
    _write(sheet, found, widths, lambda title, value: FORMATS.get(title) or _format(title, value))
    cells.on_paper(sheet, wide=2)


def offers(sheet: Any, found: pd.DataFrame) -> None:
    """Write what to offer: a row per segment and offer, and how to read it below."""
    titles, widths, formats = zip(*OFFERS.values(), strict=True)
    shown = dict(zip(titles, formats, strict=True))
    table = found[list(OFFERS)].set_axis(list(titles), axis=1)
    _write(sheet, table, widths, lambda title, _: shown[title])
    below = cells.put(sheet, len(found) + 3, 2, READING)
    below.alignment = cells.WRAPPED
    sheet.merge_cells(start_row=below.row, end_row=below.row, start_column=2, end_column=6)
    cells.raise_row(sheet, below.row, [(READING, sum(widths[1:6]))])


def quality(sheet: Any, cleaning: pd.DataFrame) -> None:
    """Write the cleaning report: what was found in the data, and what was done about it."""
    if cleaning.empty:
        cells.put(sheet, 1, 1, "No cleaning report was kept with this run.")
        cells.widen(sheet, [60.0])
        return
    _write(sheet, cleaning, QUALITY_WIDTHS[: cleaning.shape[1]], lambda *_: "General", freeze="A2")


def _write(
    sheet: Any,
    found: pd.DataFrame,
    widths: Sequence[float],
    number_format: Callable[[str, Any], str],
    freeze: str = "C2",
) -> None:
    """Write a table, with a filter and a header that stays; rows are as high as their texts."""
    titles = [str(title) for title in found.columns]
    cells.head(sheet, titles, widths)
    for row, record in enumerate(found.itertuples(index=False), 2):
        for column, (title, value) in enumerate(zip(titles, record, strict=True), 1):
            cell = cells.put(sheet, row, column, value)
            cell.alignment = cells.WRAPPED if isinstance(value, str) else cells.TOP
            cell.border, cell.number_format = cells.RULE, number_format(title, value)
        if titles[0] in ("number", "segment"):
            cells.tint(sheet.cell(row, 1), int(record[0]))
        cells.raise_row(sheet, row, zip(record, widths, strict=True))
    sheet.freeze_panes, sheet.auto_filter.ref = freeze, sheet.dimensions
    cells.on_paper(sheet)


def _format(title: object, value: Any) -> str:
    if str(title).endswith(" (share)"):
        return "0.0%"
    broken = isinstance(value, float) and math.isfinite(value) and not value.is_integer()
    return "#,##0.00" if broken else "General"


def _frame(tables: Tables) -> pd.DataFrame:
    """A row per segment: the card, then mean and median, or most frequent level, of each column."""
    sizes = tables.summary[list(RESERVED)].rename(columns={"segment": "number"})
    return pd.concat([sizes, *_cards(tables), _measures(tables)], axis=1)


def _cards(tables: Tables) -> list[pd.DataFrame]:
    if not tables.cards:
        return []
    rows = {
        card.number: (
            card.description,
            card.action,
            card.channel,
            card.rule,
            card.coverage if card.rule else math.nan,
            card.precision if card.rule else math.nan,
            "\n".join(card.differentiators),
            card.why,
        )
        for card in tables.cards
    }
    blank = ("", "", "", "", math.nan, math.nan, "", "")
    ordered = [rows.get(int(number), blank) for number in tables.summary["segment"]]
    return [pd.DataFrame(ordered, columns=list(WIDTHS)[4:], index=tables.summary.index)]


def _measures(tables: Tables) -> pd.DataFrame:
    """Mean and median of numbers; most frequent level and its share of categories."""
    summary, numbers = tables.summary, tables.segments.to_numpy()
    columns: dict[str, Any] = {}
    for column in tables.table.columns[:MOST_PROFILED]:
        title = f"{column} (data)" if column in RESERVED else column
        if title not in summary:
            continue
        if is_numeric(tables.table[column]):
            values = tables.table[column].astype("float64")
            medians = values.groupby(numbers).median().reindex(summary["segment"])
            columns[f"{title} (mean)"] = summary[title].to_numpy()
            columns[f"{title} (median)"] = medians.to_numpy()
        else:
            columns[f"{title} (most frequent)"] = summary[title].to_numpy()
            columns[f"{column} (share)"] = summary[f"{column} (share)"].to_numpy()
    return pd.DataFrame(columns, index=summary.index)


def all_customers(tables: Tables) -> pd.DataFrame:
    """All customers: id, segment, its name, confidence, then their columns in raw units.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0]}, index=pd.Index([7], name="id"))
    >>> segments = pd.Series([1], index=table.index)
    >>> all_customers(Tables(table, segments, {1: "Young"}, segments * 1.0)).values.tolist()
    [[7, 1, 'Young', 1.0, 20.0]]
    """
    table = tables.table
    renamed = [f"{c} (data)" if str(c) in ADDED else c for c in table.columns]
    ids: Any = table.index.to_numpy() if isinstance(table.index, pd.MultiIndex) else table.index
    added = [pd.Series(ids, table.index), *(column for _, column in tables.assignments.items())]
    names = [table.index.name or "customer_id", *ADDED, *renamed]
    return pd.concat([*added, table], axis=1).set_axis(names, axis=1)


def prepare(sheet: Any, customers: pd.DataFrame) -> None:
    """Write header, widths, filter and frozen panes; the rows are filled in by :func:`fill`."""
    widths = [_width(customers.iloc[:, i], c) for i, c in enumerate(customers.columns)]
    cells.head(sheet, customers.columns.tolist(), widths)
    sheet.freeze_panes = "C2"
    last = get_column_letter(customers.shape[1])
    sheet.auto_filter.ref = f"A1:{last}{len(customers) + 1}"
    cells.on_paper(sheet)


def _width(column: pd.Series[Any], title: object) -> float:
    longest = max((len(str(v)) for v in column.head(MEASURED).tolist()), default=0)
    if isinstance(column.dtype, pd.CategoricalDtype):
        longest = max((len(str(v)) for v in column.cat.categories[:MEASURED]), default=0)
    if pd.api.types.is_float_dtype(column.dtype):
        longest = min(longest, 10)
    return float(min(max(longest, min(len(str(title)), 24), NARROWEST - 2) + 2, WIDEST))


def fill(
    path: str | Path | BytesIO,
    skeleton: BytesIO,
    frames: Mapping[int, pd.DataFrame],
    look: Styles,
) -> None:
    """Copy a workbook, adding the customers where the header of their sheet ends.

    Parameters
    ----------
    path : str, Path or BytesIO
        File to write.
    skeleton : BytesIO
        The workbook with all other sheets.
    frames : mapping, position of a sheet from 1 on -> DataFrame
        A row per customer, as :func:`frame` gives it: the segment is the second column.
    look : Styles
        Numbers of the cell styles in the skeleton.
    """
    wanted = {
        f"xl/worksheets/sheet{place}.xml": all_customers for place, all_customers in frames.items()
    }
    with ZipFile(skeleton) as source, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            content, customers = source.read(name), wanted.get(name)
            large = customers is not None and customers.size > LARGE
            with target.open(name, "w", force_zip64=large) as file:
                if customers is None:
                    file.write(content)
                    continue
                before, after = _sized(content, customers).split(END_OF_ROWS)
                file.write(before)
                for rows in _rows(customers, look):
                    file.write(rows.encode())
                file.write(END_OF_ROWS + after)


def _sized(content: bytes, customers: pd.DataFrame) -> bytes:
    """Correct the size that the sheet says it has: some programs read no further."""
    end = f"{get_column_letter(customers.shape[1])}{len(customers) + 1}"
    return SIZE.sub(f'<dimension ref="A1:{end}"'.encode(), content, count=1)


def _rows(customers: pd.DataFrame, styles: Styles) -> Iterator[str]:
    letters = [get_column_letter(i) for i in range(1, customers.shape[1] + 1)]
    row_of = ('<row r="%s">' + "".join(f'<c r="{at}%s"%s' for at in letters) + "</row>").__mod__
    encoders = _encoders(customers, styles)
    for start in range(0, len(customers), CHUNK):
        piece = customers.iloc[start : start + CHUNK]
        rows = list(map(str, range(start + 2, start + 2 + len(piece))))
        encoded = (encode(piece.iloc[:, i]) for i, encode in enumerate(encoders))
        numbered = [part for column in encoded for part in (rows, column)]
        yield "".join(map(row_of, zip(rows, *numbered, strict=True)))


def _encoders(customers: pd.DataFrame, styles: Styles) -> list[Encode]:
    return [
        labels(styles) if c == ADDED[0] else encoder(customers.iloc[:, i], c, styles)
        for i, c in enumerate(customers.columns)
    ]

"""The Excel workbook for marketing: every customer with the segment, the profiles, the counts."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from customer_segmentation.cells import Styles, encode
from customer_segmentation.profiles import check_aligned
from customer_segmentation.style import name_of

MOST_ROWS = 1_048_576  # of an Excel sheet, header included
MOST_COLUMNS = 16_384
ADDED = ("segment", "segment name", "confidence")
WIDEST, NARROWEST = 44, 9
CHUNK = 5_000  # rows encoded at a time
HEADER_FONT = Font(bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", fgColor="0F4C75")
HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)
END_OF_ROWS = b"</sheetData>"


def write(  # noqa: PLR0917  (a workbook is these parts)
    path: str | Path,
    table: pd.DataFrame,
    segments: "pd.Series[int]",
    names: Mapping[int, str],
    confidence: "pd.Series[float]",
    summary: pd.DataFrame,
    counts: pd.DataFrame,
    *,
    most_rows: int = MOST_ROWS,
) -> None:
    """Write ``Customer_Segmentation_Results.xlsx``: sheets Customers, Segments and Counts.

    Text stays text (nothing a customer typed becomes a formula), characters that Excel forbids
    are dropped, infinities and types that Excel lacks are written as text. Excel has no time
    zones: times keep their local clock. What does not fit on one sheet goes on to "Customers 2".

    Parameters
    ----------
    path : str or Path
        File to write; an existing one is replaced.
    table : DataFrame, shape (n_customers, n_columns)
        Customers in raw units, indexed by customer id.
    segments : Series of int, shape (n_customers,)
        Segment of each customer, -1 for outliers; same index as `table`.
    names : mapping of int to str
        Name per segment number.
    confidence : Series of float, shape (n_customers,)
        Between 0 and 1; NaN is left empty.
    summary, counts : DataFrame
        As `profiles.summary` and `profiles.counts` give them.
    most_rows : int
        Rows of a sheet, header included.

    Raises
    ------
    ValueError
        If the indexes differ, or the table has more columns than an Excel sheet.

    Examples
    --------
    >>> import tempfile
    >>> table = pd.DataFrame({"Age": [20.0]}, index=pd.Index(["=1+1"], name="id"))
    >>> segments = pd.Series([1], index=table.index)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/r.xlsx", table, segments, {1: "Young"}, segments * 1.0, table, table)
    ...     pd.read_excel(f"{folder}/r.xlsx").iloc[0].astype(str).tolist()
    ['=1+1', '20', '1', 'Young', '1']
    """
    check_aligned(table, segments)
    check_aligned(table, confidence)
    if table.shape[1] + 1 + len(ADDED) > MOST_COLUMNS:
        raise ValueError(
            f"got {table.shape[1]:,} columns, expected at most {MOST_COLUMNS - 1 - len(ADDED):,} "
            "(an Excel sheet holds no more); write the table as CSV or Parquet instead"
        )
    book = Workbook(write_only=True)
    parts = {
        "Customers": _customers(table, segments, names, confidence),
        "Segments": summary,
        "Counts": counts,
    }
    styles, sheets = _styles(book), []
    for title, part in parts.items():
        sheets += _sheets(book, title, part, most_rows)
    skeleton = BytesIO()
    book.save(skeleton)
    _fill(Path(path), skeleton, sheets, styles)


def _customers(
    table: pd.DataFrame,
    segments: "pd.Series[int]",
    names: Mapping[int, str],
    confidence: "pd.Series[float]",
) -> pd.DataFrame:
    numbers = segments.to_numpy()
    known = {int(s): name_of(int(s), names) for s in np.unique(numbers)}
    frame = table.rename(columns={c: f"{c} (data)" for c in table.columns if str(c) in ADDED})
    ids: Any = table.index.to_numpy() if isinstance(table.index, pd.MultiIndex) else table.index
    frame.insert(0, table.index.name or "customer_id", ids, allow_duplicates=True)
    frame["segment"] = numbers
    frame["segment name"] = [known[int(s)] for s in numbers]
    frame["confidence"] = confidence.to_numpy()
    return frame


def _styles(book: Any) -> Styles:
    """Register the cell styles with the workbook; openpyxl numbers them."""
    sheet = book.create_sheet("styles")
    formats = {
        "percent": "0%",
        "decimals": "0.00",
        "moment": "yyyy-mm-dd hh:mm",
        "day": "yyyy-mm-dd",
        "clock": "hh:mm:ss",
    }
    numbers: dict[str, int] = {}
    for style, number_format in formats.items():
        cell: Any = WriteOnlyCell(sheet, 0)
        cell.number_format = number_format
        numbers[style] = cell.style_id
    cell = WriteOnlyCell(sheet, "")
    cell.quotePrefix = True
    book.remove(sheet)
    return Styles(**numbers, text=cell.style_id)


def _sheets(book: Any, title: str, table: pd.DataFrame, most_rows: int) -> list[pd.DataFrame]:
    """Make the empty sheets that a table needs, at least one; return what belongs on each."""
    widths = [_width(table.iloc[:, i], column) for i, column in enumerate(table.columns)]
    starts = range(0, max(len(table), 1), most_rows - 1)
    pieces = [table.iloc[start : start + most_rows - 1] for start in starts]
    for i, piece in enumerate(pieces, 1):
        _head(book.create_sheet(title if i == 1 else f"{title} {i}"), piece, widths)
    return pieces


def _head(sheet: Any, table: pd.DataFrame, widths: list[float]) -> None:
    for i, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(i)].width = width
    sheet.freeze_panes = "B2"
    if widths:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(widths))}{len(table) + 1}"
    cells = []
    for column in table.columns:
        cell: Any = WriteOnlyCell(sheet, None)
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", str(column))
        cell.data_type = "s"  # also a column called "=1+1"
        cell.font, cell.fill, cell.alignment = HEADER_FONT, HEADER_FILL, HEADER_ALIGNMENT
        cells.append(cell)
    sheet.append(cells)


def _width(column: "pd.Series[Any]", title: object) -> float:
    longest = max((len(str(v)) for v in column.head(200).tolist()), default=0)
    if pd.api.types.is_float_dtype(column.dtype):
        longest = min(longest, 10)
    return float(min(max(longest, min(len(str(title)), 24), NARROWEST - 2) + 2, WIDEST))


def _fill(path: Path, skeleton: BytesIO, sheets: list[pd.DataFrame], styles: Styles) -> None:
    """Copy the workbook, adding each sheet's rows where its header ends."""
    files = {f"xl/worksheets/sheet{i}.xml": table for i, table in enumerate(sheets, 1)}
    with ZipFile(skeleton) as source, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=3) as target:
        for name in source.namelist():
            content = source.read(name)
            with target.open(name, "w") as file:
                if name not in files:
                    file.write(content)
                    continue
                before, after = content.split(END_OF_ROWS)
                file.write(before)
                for rows in _rows(files[name], styles):
                    file.write(rows.encode())
                file.write(END_OF_ROWS + after)


def _rows(table: pd.DataFrame, styles: Styles) -> Iterator[str]:
    letters = [get_column_letter(i) for i in range(1, table.shape[1] + 1)]
    columns = [encode(table.iloc[:, i], column, styles) for i, column in enumerate(table.columns)]
    for start in range(0, len(table), CHUNK):
        chunk = zip(*(column[start : start + CHUNK] for column in columns), strict=True)
        yield "".join(
            f'<row r="{row}">'
            + "".join(
                [f'<c r="{letter}{row}"{cell}' for letter, cell in zip(letters, cells, strict=True)]
            )
            + "</row>"
            for row, cells in enumerate(chunk, start + 2)
        )

"""How the sheets look, and values put into cells so that nothing becomes a formula."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from customer_segmentation.style import colour, ink
from customer_segmentation.workbook.cells import DANGEROUS, FORBIDDEN, LONGEST_TEXT

INK = "0F4C75"
LINE = 15.0  # height of a line, in points
FACE = "Calibri"  # openpyxl's own default, which a font made here would lose
HEADER_FONT = Font(name=FACE, bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", fgColor=INK)
HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)
TITLE_FONT = Font(name=FACE, bold=True, size=16, color=INK)
PART_FONT = Font(name=FACE, bold=True, size=12, color=INK)
LEAD_FONT = Font(name=FACE, size=12)
BOLD = Font(name=FACE, bold=True)
WRAPPED = Alignment(horizontal="left", vertical="top", wrap_text=True, indent=1)
TOP = Alignment(vertical="top")
MIDDLE = Alignment(horizontal="center", vertical="top")
RULE = Border(bottom=Side(style="thin", color="D5DAE0"))


def put(sheet: Any, row: int, column: int, value: Any) -> Any:
    """Put a value into a cell and return the cell; text stays text whatever it begins with.

    Examples
    --------
    >>> from openpyxl import Workbook
    >>> cell = put(Workbook().active, 1, 1, "=1+1")
    >>> cell.value, cell.data_type, cell.quotePrefix
    ('=1+1', 's', True)
    """
    cell = sheet.cell(row, column)
    plain = _plain(value)
    if not isinstance(plain, str):
        cell.value = plain
        return cell
    cell.value = FORBIDDEN.sub("", plain)[:LONGEST_TEXT]
    cell.data_type = "s"
    if DANGEROUS.match(plain):
        cell.quotePrefix = True
    return cell


def _plain(value: Any) -> Any:
    """Value as one that Excel has: missing becomes an empty cell, what it lacks becomes text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return value if isinstance(value, date) else str(value)


def head(sheet: Any, titles: Sequence[object], widths: Sequence[float], row: int = 1) -> None:
    """Write the header of a table, and set the widths of its columns in characters."""
    for column, title in enumerate(titles, 1):
        cell = put(sheet, row, column, str(title))
        cell.font, cell.fill, cell.alignment = HEADER_FONT, HEADER_FILL, HEADER_ALIGNMENT
    widen(sheet, widths)
    raise_row(sheet, row, zip(titles, widths, strict=True))


def tint(cell: Any, segment: int) -> None:
    """Give a cell the colour of a segment, as in the pictures."""
    cell.fill = PatternFill("solid", fgColor=colour(segment)[1:])
    cell.font = Font(name=FACE, bold=True, color=ink(colour(segment))[1:])
    cell.alignment = MIDDLE


def widen(sheet: Any, widths: Sequence[float]) -> None:
    """Set the widths of the columns, in characters."""
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def lines(text: object, width: float) -> int:
    """How many lines a text takes in a column, estimated: no library can measure Excel's font.

    Examples
    --------
    >>> lines("a b", 10), lines("word " * 10, 20), lines("a" + chr(10) + "b", 20)
    (1, 3, 2)
    """
    return sum(max(1, math.ceil(len(part) / (width * 0.98))) for part in str(text).split("\n"))


def raise_row(sheet: Any, row: int, texts: Iterable[tuple[object, float]]) -> None:
    """Make a row as high as its longest text needs; `texts` are (text, width of its column)."""
    most = max((lines(text, width) for text, width in texts), default=1)
    sheet.row_dimensions[row].height = min(most * LINE + 2, 400)


def on_paper(sheet: Any, *, wide: int = 1, high: int = 0, upright: bool = False) -> None:
    """Fit a sheet to so many pages; 0 is as many as it takes, each with the header."""
    sheet.page_setup.orientation = "portrait" if upright else "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = wide, high
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    if not high:
        sheet.print_title_rows = "1:1"
    if wide > 1:
        sheet.print_title_cols = "A:B"

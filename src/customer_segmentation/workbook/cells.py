"""Cells of an Excel sheet: their looks, and long tables as its XML (ECMA-376, SpreadsheetML).

openpyxl builds an element tree per cell, about 10 µs each; a hundred thousand customers would
take half a minute. Written as text they take a few seconds, and text can be nothing but text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import pandas as pd
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from customer_segmentation.style import colour, ink, is_share

LONGEST_TEXT = 32_767  # characters in an Excel cell
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel would read these as a formula or an error when someone edits the cell.
DANGEROUS = re.compile(r"^[=+\-@\t\r#]")
EMPTY = "/>"
EPOCH = datetime(1899, 12, 30)
FIRST_DAY = datetime(1900, 3, 1)  # Excel counts a 29 February 1900 that never was
EXACT = 10**15  # Excel keeps 15 digits: a longer number (a card, a barcode) is text
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


@dataclass(frozen=True)
class Styles:
    """Numbers of the workbook's cell styles."""

    percent: int
    decimals: int
    moment: int
    day: int
    clock: int
    text: int  # "quote prefix": stays text when someone edits the cell
    segments: Mapping[int, int] = field(default_factory=dict)  # in the segment's colour


Encode = Callable[["pd.Series[Any]"], list[str]]
Floats = npt.NDArray[np.float64]


def encoder(column: pd.Series[Any], title: object, styles: Styles) -> Encode:
    """Find out how to encode a column: the cheapest way that its type allows.

    Parameters
    ----------
    column : Series
        Any dtype; missing values become empty cells. How numbers are shown depends on all of them.
    title : object
        Its header: shares between 0 and 1 are shown as percent.
    styles : Styles
        Numbers of the cell styles.

    Returns
    -------
    callable
        Takes a piece of the column, so that no more than a piece is in memory as text; gives per
        value what follows ``<c r="A1"``: attributes, content and end tag.

    Examples
    --------
    >>> column = pd.Series([1.0, None])
    >>> encoder(column, "x", Styles(1, 2, 3, 4, 5, 6))(column)
    ['><v>1.0</v></c>', '/>']
    """
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        levels = [_value(level, styles) for level in kind.categories.tolist()]
        levels.append(EMPTY)  # code -1: missing
        return lambda piece: [levels[code] for code in piece.cat.codes.tolist()]
    if pd.api.types.is_float_dtype(kind):
        style = _float_style(_floats(column), title, styles)
        return lambda piece: _numbers(_floats(piece), style)
    if (
        isinstance(kind, np.dtype)
        and kind.kind in "iu"
        and column.between(1 - EXACT, EXACT - 1).all()
    ):
        return lambda piece: [f"><v>{value}</v></c>" for value in piece.tolist()]
    return lambda piece: [_value(value, styles) for value in piece.tolist()]


def labels(styles: Styles) -> Encode:
    """Encode segment numbers, each in the colour of its segment.

    Examples
    --------
    >>> labels(Styles(1, 2, 3, 4, 5, 6, {1: 7}))(pd.Series([1, 2]))
    [' s="7"><v>1</v></c>', '><v>2</v></c>']
    """
    known = {
        segment: f' s="{style}"><v>{segment}</v></c>' for segment, style in styles.segments.items()
    }
    return lambda piece: [known.get(v) or _value(v, styles) for v in piece.tolist()]


def _floats(column: pd.Series[Any]) -> Floats:
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _text(words: str, styles: Styles) -> str:
    """Encode text: never a formula, without the characters that XML and Excel forbid."""
    clean = escape(FORBIDDEN.sub("", words)[:LONGEST_TEXT])
    style = f' s="{styles.text}"' if DANGEROUS.match(words) else ""
    return f'{style} t="inlineStr"><is><t xml:space="preserve">{clean}</t></is></c>'


def _float_style(array: Floats, title: object, s: Styles) -> str:
    """Shares as percent; fractions with two decimals on the sheet, all of them in the cell."""
    known = array[np.isfinite(array)]
    if is_share(title) and len(known) and known.min() >= 0 and known.max() <= 1:
        return f' s="{s.percent}"'
    if len(known) and (known != np.round(known)).any() and np.abs(known).max() >= 1:
        return f' s="{s.decimals}"'
    return ""


def _numbers(values: Floats, style: str) -> list[str]:
    if np.isfinite(values).all():
        return [f"{style}><v>{value!r}</v></c>" for value in values.tolist()]
    return [_number(value, style) for value in values.tolist()]


def _number(value: float, style: str = "") -> str:
    if math.isfinite(value):
        return f"{style}><v>{value!r}</v></c>"
    return EMPTY if math.isnan(value) else f' t="inlineStr"><is><t>{value}</t></is></c>'


def _value(value: Any, styles: Styles) -> str:
    for kind, convert in CONVERSIONS.items():
        if isinstance(value, kind):
            return convert(value, styles)
    missing = value is None or value is pd.NA or value is pd.NaT
    return EMPTY if missing else _text(str(value), styles)


def _integer(value: int, styles: Styles) -> str:
    whole = int(value)
    return f"><v>{whole}</v></c>" if abs(whole) < EXACT else _text(str(whole), styles)


def _moment(value: datetime, styles: Styles) -> str:
    if pd.isna(value):
        return EMPTY
    local = value.replace(tzinfo=None)
    if local < FIRST_DAY:
        return _text(str(local), styles)
    return f' s="{styles.moment}"><v>{(local - EPOCH) / timedelta(days=1)!r}</v></c>'


def _day(value: date, styles: Styles) -> str:
    if value < FIRST_DAY.date():
        return _text(value.isoformat(), styles)
    return f' s="{styles.day}"><v>{(value - EPOCH.date()).days}</v></c>'


def _clock(value: time, styles: Styles) -> str:
    seconds = value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    return f' s="{styles.clock}"><v>{seconds / 86400!r}</v></c>'


# In this order: a bool is an int, a datetime is a date, and NaT is a datetime to pandas.
CONVERSIONS: dict[type | tuple[type, ...], Callable[[Any, Styles], str]] = {
    str: _text,
    (bool, np.bool_): lambda value, _: f' t="b"><v>{int(value)}</v></c>',
    (int, np.integer): _integer,
    (float, np.floating): lambda value, _: _number(float(value)),
    Decimal: lambda value, _: _number(float(value)),
    datetime: _moment,
    date: _day,
    time: _clock,
}


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


def _lines(text: object, width: float) -> int:
    """How many lines a text takes in a column, estimated: no library can measure Excel's font."""
    return sum(max(1, math.ceil(len(part) / (width * 0.98))) for part in str(text).split("\n"))


def raise_row(sheet: Any, row: int, texts: Iterable[tuple[object, float]]) -> None:
    """Make a row as high as its longest text needs; `texts` are (text, width of its column)."""
    most = max((_lines(text, width) for text, width in texts), default=1)
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

"""Tables that are handed out, as CSV and Excel: nothing that a customer typed becomes a formula."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from customer_segmentation import workbook

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What spreadsheets take for a formula when they open a CSV file; also in full width.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n|]")
HARMLESS = re.compile(r"[+\-]?\d+([.,]\d+)*([eE][+\-]?\d+)?%?|[+\-]")  # a number, a dash
# A number with leading zeros is a code, and a longer one loses digits.
COUNTABLE = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,14})?")


def safe(cell: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would take for a formula.

    Examples
    --------
    >>> [safe(cell) for cell in ("=1+1", "@SUM(A1)", "-12.5", "-", "Anna", 3, None)]
    ["'=1+1", "'@SUM(A1)", '-12.5', '-', 'Anna', 3, None]
    """
    if not isinstance(cell, str) or not FORMULA.match(cell) or HARMLESS.fullmatch(cell.strip()):
        return cell
    return f"'{cell}"


def csv(table: pd.DataFrame) -> bytes:
    r"""Write a table as CSV without its index, for spreadsheets and programs alike.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    bytes
        UTF-8, with the mark by which Excel recognises it.

    Examples
    --------
    >>> csv(pd.DataFrame({"id": [1], "name": ["=cmd"]}))
    b"\xef\xbb\xbfid,name\n1,'=cmd\n"
    """
    guarded = {
        place: column if _numeric(column) else column.astype(object).map(safe, na_action="ignore")
        for place, column in enumerate(_columns(table))
    }
    frame = pd.DataFrame(guarded, index=table.index)
    titles = [safe(str(title)) for title in table.columns]
    return frame.to_csv(index=False, header=titles, lineterminator="\n").encode("utf-8-sig")


def excel(table: pd.DataFrame) -> bytes:
    """Write a table as a workbook of one sheet, with a filter and a header that stays.

    Parameters
    ----------
    table : DataFrame
        Text columns that hold nothing but numbers become numbers; a code such as 007 stays text.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from io import BytesIO
    >>> written = excel(pd.DataFrame({"id": ["007"], "age": ["30"], "name": ["=1+1"]}))
    >>> pd.read_excel(BytesIO(written), dtype={"id": str}).values.tolist()
    [['007', 30, '=1+1']]
    """
    columns = [_typed(column).reset_index(drop=True) for column in _columns(table)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return workbook.sheet(frame.set_axis([str(title) for title in table.columns], axis=1))


def _columns(table: pd.DataFrame) -> list[pd.Series[Any]]:
    return [table.iloc[:, place] for place in range(table.shape[1])]


def _numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def _typed(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers that a text file gave as text, as numbers; all else as it is."""
    known = column.dropna()
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in known.tolist()]
    if not texts or not all(text == "" or COUNTABLE.fullmatch(text) for text in texts):
        return column
    if not all(isinstance(cell, str) for cell in known):
        return column
    return pd.to_numeric(column.map(lambda cell: cell.strip() or None, na_action="ignore"))

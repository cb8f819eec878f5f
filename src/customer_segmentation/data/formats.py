"""Formats of files of customers, and where the table begins and ends in one made to be read."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customer_segmentation.data.findings import DataError, listed

TEXT = {".csv": ",", ".tsv": "\t", ".txt": "\t"}  # extension -> the separator it promises
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
SUPPORTED = (*TEXT, *PARQUET, *EXCEL)
HEAD_BYTES = 4096  # enough to recognise a format by
_FILE_STARTS = {  # the first bytes of formats that get renamed by mistake
    b"PK\x03\x04": "an Excel workbook or zip archive; give it the extension .xlsx",
    b"PAR1": "a Parquet file; give it the extension .parquet",
    b"\xd0\xcf\x11\xe0": "an old .xls or password-protected workbook; save it as a plain .xlsx",
    b"\x1f\x8b": "a gzip archive; unpack it first",
}
LOOKED_AT = 20  # rows: no title is longer
TITLE = "rows above the header left out"  # rule of the cleaning report
TOTALS = {"total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme"}


def check_readable(path: Path, sheet: str | None = None) -> None:
    """Say what is wrong with a path before it is opened.

    Raises
    ------
    DataError
        If it is missing, a folder, empty, of another format, or not readable; if a sheet is asked
        of what has none.

    Examples
    --------
    >>> check_readable(Path("customers.doc"))
    Traceback (most recent call last):
    customer_segmentation.data.findings.DataError: customers.doc: got no such file, ...
    """
    if path.is_dir():
        raise DataError(f"{path}: got a folder, expected a file; it has: {_tables(path)}")
    if not path.exists():
        raise DataError(f"{path}: got no such file, expected a customer table; {_nearby(path)}")
    if path.suffix.lower() not in SUPPORTED:
        raise DataError(
            f"{path}: got the extension {path.suffix or '(none)'!r}, expected one of "
            f"{' '.join(SUPPORTED)}; save the table in one of these formats"
        )
    if sheet is not None and path.suffix.lower() not in EXCEL:
        raise DataError(
            f"{path}: got sheet={sheet!r}, expected it only with an Excel file; leave it out"
        )
    if not head(path).strip():
        raise DataError(f"{path}: got an empty file, expected a header and rows; export it again")


def head(path: Path) -> bytes:
    """Read the first bytes.

    Raises
    ------
    DataError
        If the system does not allow it.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(
            f"{path}: got {error.strerror!r}, expected a readable file; check its permissions"
        ) from error


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f"its folder {path.parent} does not exist either; correct the path"
    return f"its folder has: {_tables(path.parent, path.name)}; correct the path"


def _tables(folder: Path, close_to: str = "") -> str:
    names = sorted(f.name for f in folder.iterdir() if f.suffix.lower() in SUPPORTED)
    close = difflib.get_close_matches(close_to, names, n=3, cutoff=0.5)
    return listed(close or names) or "no tables"


def is_binary(content: bytes) -> bool:
    """Tell that the first bytes of a file are not text (but for UTF-16, half of zero bytes)."""
    return b"\0" in content[:HEAD_BYTES] or content.startswith(tuple(_FILE_STARTS))


def unreadable(path: Path, content: bytes, reason: str) -> DataError:
    """Say that a file is not what its extension promises, and what it looks like instead."""
    looks = next((text for start, text in _FILE_STARTS.items() if content.startswith(start)), "")
    advice = f"it looks like {looks}" if looks else f"{reason}; open it and export it again"
    return DataError(f"{path}: got content that is no {path.suffix.lower()} table; {advice}")


def header_row(rows: Sequence[Sequence[Any]]) -> int | None:
    """Find the row with the column names.

    It is the first row that is not blank, unless that belongs to a title: a title begins in the
    first cell, and fills less than half as many cells as there are names below it.

    Parameters
    ----------
    rows : sequence of sequences of cells
        As they stand in the file; the first few will do.

    Returns
    -------
    int or None
        Its place, from 0; None where all rows are blank.

    Examples
    --------
    >>> header_row([["Sales 2026"], [], ["id", "spend", "city"], ["1", "2", "York"]])
    2
    >>> header_row([["id", ""], ["1", "2"]])
    0
    """
    top = next((place for place, row in enumerate(rows) if filled(row)), None)
    widest = 0
    for place, row in enumerate(rows[top : (top or 0) + LOOKED_AT], start=top or 0):
        names = filled(row)
        if names and empty(row[0]):
            break
        if widest and len(names) > 2 * widest and all(map(_is_word, names)):
            return place
        widest = max(widest, len(names))
    return top


def filled(row: Sequence[Any]) -> list[Any]:
    """The cells of a row that hold something.

    Examples
    --------
    >>> filled(["a", " ", None, 0])
    ['a', 0]
    """
    return [cell for cell in row if not empty(cell)]


def quoted(above: Sequence[Sequence[Any]]) -> list[str]:
    """What stands in the rows above a header, in quotes.

    Examples
    --------
    >>> quoted([["Sales", 2026], []])
    ["'Sales 2026'"]
    """
    return [repr(" ".join(map(str, cells))) for cells in map(filled, above) if cells]


def empty(cell: Any) -> bool:
    """Tell that a cell holds nothing but blanks.

    Examples
    --------
    >>> empty(" "), empty(0)
    (True, False)
    """
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _is_word(cell: Any) -> bool:
    return isinstance(cell, str) and any(map(str.isalpha, cell))


def adds_up(first: Any) -> bool:
    """Tell by its first word that a row is the total of the others, and no customer.

    Examples
    --------
    >>> adds_up("Total:"), adds_up("Total Ltd"), adds_up(7)
    (True, False, False)
    """
    return str(first).strip().rstrip(":").casefold() in TOTALS

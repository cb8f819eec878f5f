"""Cut the bytes of a text or Excel file into cells.

Text files are not trusted to be what their extension says: encoding and separator are found
from the content. Workbooks give the stored results of formulas; nothing is evaluated.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import statistics
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from customer_segmentation.data.findings import DataError, Findings, listed

TEXT = {".csv": ",", ".tsv": "\t", ".txt": "\t"}  # extension -> the separator it promises
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm")
BYTEWISE = "bytewise"  # how bytes are decoded that are no UTF-8
UNREAD = "sheet left unread"  # rule of the cleaning report
SUPPORTED = (*TEXT, *PARQUET, *EXCEL)
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_FILE_STARTS = {  # the first bytes of formats that get renamed by mistake
    b"PK\x03\x04": "an Excel workbook or zip archive; give it the extension .xlsx",
    b"PAR1": "a Parquet file; give it the extension .parquet",
    b"\xd0\xcf\x11\xe0": "an old .xls or password-protected workbook; save it as a plain .xlsx",
    b"\x1f\x8b": "a gzip archive; unpack it first",
}


def text_rows(content: bytes, path: Path, findings: Findings) -> list[list[str]]:
    r"""Cut a delimited text file into rows of text cells.

    Parameters
    ----------
    content : bytes
        The file.
    path : Path
        Its name: says the usual separator, and stands in the errors.
    findings : Findings
        Gets a line when the encoding or the separator is not the usual one.

    Returns
    -------
    list of list of str
        Row 1 of the file first; blank lines are empty rows.

    Raises
    ------
    DataError
        If the content is binary or its quotes are not in pairs.

    Examples
    --------
    >>> text_rows(b"a;b\n1,5;2\n", Path("shop.csv"), Findings())
    [['a', 'b'], ['1,5', '2']]
    """
    text = decoded(content, path, findings).rstrip("\r\n")
    start = text[:6].strip('"').lower()
    named = start[4] if start.startswith("sep=") and len(start) > 4 else ""  # Excel writes it
    body = text.partition("\n")[2] if named else text
    separator = named or found_separator(body, path, findings)
    try:
        rows = list(_parsed(body, separator, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{path}: got broken quoting ({error}), expected double quotes in pairs; "
            f"look for a stray one after row {_last_good_row(body, separator)} and remove it"
        ) from error
    return [[], *rows] if named else rows


def _parsed(text: str, separator: str, *, strict: bool) -> Iterator[list[str]]:
    stream = io.StringIO(text, newline="")
    return csv.reader(stream, delimiter=separator, skipinitialspace=True, strict=strict)


def _last_good_row(text: str, separator: str) -> int:
    rows: list[int] = []
    with contextlib.suppress(csv.Error):
        rows.extend(len(row) for row in _parsed(text, separator, strict=True))
    return len(rows)


def decoded(content: bytes, path: Path, findings: Findings) -> str:
    r"""Decode a text file, and say so where it is not UTF-8.

    Raises
    ------
    DataError
        If the content is binary.

    Examples
    --------
    >>> decoded(b"K\xf6ln", Path("shop.csv"), Findings())
    'Köln'
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        findings.note("encoding", 1, detail="utf-16 instead of utf-8")
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096] or content.startswith(tuple(_FILE_STARTS)):
        raise unreadable(path, content, "it holds binary data")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if mostly_utf8([content]):
            line = content.count(b"\n", 0, error.start) + 1
            detail = f"utf-8 but for single bytes, read as cp1252, the first in line {line}"
            findings.note("encoding", 1, detail=detail)
            return content.decode("utf-8-sig", BYTEWISE)
    with contextlib.suppress(UnicodeDecodeError):
        text = content.decode("cp1252")
        findings.note("encoding", 1, detail="cp1252 instead of utf-8")
        return text
    findings.note("encoding", 1, detail="latin-1 instead of utf-8")
    return content.decode("latin-1")  # cp1252 leaves five bytes undefined, latin-1 none


def mostly_utf8(blocks: Iterable[bytes]) -> bool:
    r"""Tell a UTF-8 file with some bytes of another encoding from a file in that encoding.

    Examples
    --------
    >>> mostly_utf8([b"K\xc3\xb6ln, K\xf6ln"]), mostly_utf8([b"K\xf6ln"])
    (True, False)
    """
    special = bad = 0
    for text in codecs.iterdecode(blocks, "utf-8", "replace"):
        special += len(text) - len(text.encode("ascii", "ignore"))
        bad += text.count("\ufffd")
    return special >= 2 * bad


def _bytewise(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(BYTEWISE, _bytewise)


def found_separator(text: str, path: Path, findings: Findings) -> str:
    r"""Take the separator that cuts the first lines into the same, largest number of cells.

    Examples
    --------
    >>> found_separator("a;b\n1,5;2\n", Path("shop.csv"), Findings())
    ';'
    """
    usual = TEXT[path.suffix.lower()]
    sample = "\n".join([line for line in text[:50_000].splitlines() if line.strip()][:30])

    def fit(separator: str) -> tuple[bool, float, int, bool]:
        widths = [len(row) for row in _parsed(sample, separator, strict=False)] or [1]
        width = statistics.mode(widths)  # a title above the table has fewer cells
        return width > 1, widths.count(width) / len(widths), width, separator == usual

    best = max(_SEPARATORS, key=fit)
    if not fit(best)[0] or best == usual:
        return usual
    if path.suffix.lower() != ".txt":  # .txt promises nothing
        detail = f"{_SEPARATORS[best]} instead of {_SEPARATORS[usual]}"
        findings.note("separator", 1, detail=detail)
    return best


def excel_rows(
    content: bytes, path: Path, findings: Findings, *, sheet: str | None = None
) -> list[tuple[Any, ...]]:
    """Take the cells of one sheet of a workbook.

    Parameters
    ----------
    content : bytes
        The file.
    path : Path
        Its name, for the errors.
    findings : Findings
        Gets a line when other sheets are left unread.
    sheet : str, optional
        Which sheet; the first by default.

    Returns
    -------
    list of tuple
        Row 1 of the sheet first; None where a cell is empty.

    Raises
    ------
    DataError
        If the content is no workbook or the sheet does not exist.
    """
    import openpyxl  # noqa: PLC0415 - only workbooks need it

    try:  # data_only: stored results; no formula is evaluated
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise unreadable(path, content, "it is no Excel workbook") from error
    names = [page.title for page in book.worksheets]
    if sheet is not None and sheet not in names:
        raise DataError(f"{path}: got sheet {sheet!r}, expected one of {listed(names)}; choose one")
    chosen = sheet or names[0]
    others = [name for name in names if name != chosen]
    detail = f"read {chosen!r}, left {listed(others)}"
    findings.note(UNREAD, len(others), detail=detail)
    page = book[chosen]
    page.reset_dimensions()  # some programs write a wrong size, which would cut the table
    rows = list(page.iter_rows(values_only=True))
    book.close()
    return rows


def unreadable(path: Path, content: bytes, reason: str) -> DataError:
    """Say that a file is not what its extension promises, and what it looks like instead."""
    looks = next((text for start, text in _FILE_STARTS.items() if content.startswith(start)), "")
    advice = f"it looks like {looks}" if looks else f"{reason}; open it and export it again"
    return DataError(f"{path}: got content that is no {path.suffix.lower()} table; {advice}")

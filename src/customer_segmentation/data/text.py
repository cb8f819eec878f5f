"""Delimited text cut into cells; its encoding and separator are found from the content."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.data.formats import TEXT, is_binary, unreadable

BYTEWISE = "bytewise"  # how bytes are decoded that are no UTF-8
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def text_rows(content: bytes, path: Path, findings: Findings) -> list[list[str]]:
    r"""Cut a delimited text file into rows of text cells.

    Row 1 of the file comes first; blank lines are empty rows. An encoding or a separator that is
    not the usual one of the path's extension is noted.

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
    rows: list[list[str]] = []
    try:
        rows.extend(_parsed(body, separator, strict=True))  # keeps those before an error
    except csv.Error as error:
        raise DataError(
            f"{path}: got broken quoting ({error}), expected double quotes in pairs; "
            f"look for a stray one after row {len(rows)} and remove it"
        ) from error
    return [[], *rows] if named else rows


def _parsed(text: str, separator: str, *, strict: bool) -> Iterator[list[str]]:
    stream = io.StringIO(text, newline="")
    return csv.reader(stream, delimiter=separator, skipinitialspace=True, strict=strict)


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
    if is_binary(content):
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


def trimmed(cells: Any) -> Any:
    """Arrow text without blanks around it, missing where nothing is left; as it is if unchanged.

    Examples
    --------
    >>> trimmed(pa.chunked_array([[" a", " ", None]])).to_pylist()
    ['a', None, None]
    """
    short = pc.utf8_trim_whitespace(cells)
    empty = pc.equal(pc.binary_length(short), 0)
    if not pc.any(empty).as_py():
        return cells if short.equals(cells) else short
    return pc.if_else(empty, pa.scalar(None, short.type), short)

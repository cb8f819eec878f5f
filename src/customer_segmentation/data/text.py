"""Delimited text cut into cells; its encoding and separator are found from the content."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.data.formats import TEXT, is_binary, unreadable

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
    for encoding in ("utf-8-sig", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            if encoding != "utf-8-sig":
                findings.note("encoding", 1, detail=f"{encoding} instead of utf-8")
            return text
    findings.note("encoding", 1, detail="latin-1 instead of utf-8")
    return content.decode("latin-1")  # cp1252 leaves five bytes undefined, latin-1 none


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
        same = sum(width == widths[0] for width in widths) / len(widths)
        return widths[0] > 1, same, widths[0], separator == usual

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

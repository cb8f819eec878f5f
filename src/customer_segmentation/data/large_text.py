"""Large delimited text files, cut into columns by pyarrow instead of cell by cell.

Only what pyarrow and Python's csv module are known to read alike is taken; anything else is left
to :func:`customer_segmentation.data.text.text_rows`, which looks at every cell.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from customer_segmentation import numerals
from customer_segmentation.data.findings import Findings
from customer_segmentation.data.formats import LOOKED_AT, header_row
from customer_segmentation.data.text import decoded, found_separator, trimmed

LARGE = 1_000_000  # bytes; smaller files are read cell by cell in no time
HEAD = 1 << 18  # bytes from which header and separator are found
BLOCK = 1 << 20  # bytes looked at at a time: they stay in the processor's cache
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'

Choose = Callable[[list[str]], dict[int, str]]


@dataclass(frozen=True)
class Columns:
    """The columns of a text file."""

    texts: pd.DataFrame  #: The chosen columns: trimmed cells, missing where empty
    #: name -> ndarray of float64: those of them in which every cell is a number as computers write
    #: it
    numbers: dict[str, npt.NDArray[np.float64]]
    blanks: int  #: Cells with blanks around the value


def columns(path: Path, findings: Findings, choose: Choose) -> Columns | None:
    r"""Cut a large text file into columns, if nothing in it asks for care.

    Parameters
    ----------
    path : Path
    findings : Findings
        Gets a line when the encoding or the separator is not the usual one.
    choose : callable, header -> dict, place -> name
        Which columns are read.

    Returns
    -------
    Columns or None
        What cutting it cell by cell would give, many times as fast. None for a small file and for
        one with blank lines, rows of different length, stray quotes or anything else that has to
        be looked at.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = file.write_text("a;b\n" + "1,5;2\n" * 200_000)
    >>> found = columns(file, Findings(), lambda header: {1: "b"})
    >>> found.texts.iloc[0].tolist(), list(found.numbers)
    (['2'], ['b'])
    >>> _ = file.write_text("a;b\n" + "1,5;2\n" * 200_000 + "3\n")
    >>> columns(file, Findings(), lambda header: {1: "b"}) is None
    True
    """
    if path.stat().st_size < LARGE or (seen := _survey(path)).odd:
        return None
    noted = Findings()
    content = _content(path, seen, noted)
    head = _head(path) if content is None else content[:HEAD].decode(errors="ignore")
    top, _, _ = head.partition("\n")
    if top.lower().lstrip('"').startswith("sep="):  # Excel writes it
        return None
    separator = found_separator(head, path, noted)
    header, quoted = _cut(top.rstrip("\r"), separator), seen.quotes > top.count('"')
    if header_row([_cut(line, separator) for line in head.splitlines()[:LOOKED_AT]]) != 0 or (
        quoted and not _well_quoted(content or path.read_bytes(), separator)
    ):
        return None
    source = pa.OSFile(str(path)) if content is None else pa.BufferReader(content)
    try:
        table = _table(source, separator, len(header), choose(header), quoted=quoted)
    except pa.ArrowInvalid:  # a row of another width, a blank line
        return None
    found = _columns(table, quoted=quoted)
    if found is not None:
        findings.entries += noted.entries
    return found


def _content(path: Path, seen: Survey, findings: Findings) -> bytes | None:
    """The file as UTF-8 that ends with one line end; None where it is like that on the disk."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, 4), 2)
        end = file.read()
    ends = end[len(end.rstrip(b"\r\n")) :].count(b"\n")
    if seen.utf8 and ends <= 1:
        return None
    content = path.read_bytes().rstrip(b"\r\n")
    return content if seen.utf8 else decoded(content, path, findings).encode()


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(HEAD).decode("utf-8-sig", errors="ignore")


def _cut(line: str, separator: str) -> list[str]:
    """The names of a header; none where its quotes are not in pairs."""
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True), [])
    except csv.Error:
        return []


def _well_quoted(content: bytes, separator: str) -> bool:
    """Tell that quotes stand around whole cells only, or doubled inside such."""
    cells = np.frombuffer(b"\n" + content.removeprefix(codecs.BOM_UTF8) + b"\n", dtype=np.uint8)
    places = np.flatnonzero(cells == _QUOTE)
    if len(places) % 2:
        return False
    opening, closing = places[::2], places[1::2]
    begins = np.isin(cells[opening - 1], [ord(separator), _LINE_FEED])
    ends = np.isin(cells[closing + 1], [ord(separator), _LINE_FEED, _RETURN])
    doubled = opening[1:] == closing[:-1] + 1
    return bool(
        (begins[:1]).all()
        and (begins[1:] | doubled).all()
        and (ends[:-1] | doubled).all()
        and ends[-1:].all()
    )


def _table(
    source: Any, separator: str, width: int, chosen: dict[int, str], *, quoted: bool
) -> pa.Table:
    wanted = [str(place) for place in chosen]
    table = pyarrow.csv.read_csv(
        source,
        read_options=pyarrow.csv.ReadOptions(
            column_names=[str(place) for place in range(width)], skip_rows=1
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=separator,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            ignore_empty_lines=False,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.large_string()),
            strings_can_be_null=True,
            null_values=[""],
            check_utf8=False,  # it has been seen
        ),
        # Arrow's own would keep for itself what its threads have used.
        memory_pool=pa.system_memory_pool(),
    )
    return table.rename_columns(list(chosen.values()))


@dataclass(frozen=True)
class _Column:
    cells: pa.ChunkedArray  # trimmed
    numbers: npt.NDArray[np.float64] | None
    blanks: int = 0  # cells with blanks around the value
    indented: bool = False  # whether there are any before a value


def _columns(table: pa.Table, *, quoted: bool) -> Columns | None:
    """Trim the cells and take the numbers, several columns at a time."""
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        found = list(pool.map(_read, table.columns))
    if quoted and any(column.indented for column in found):
        return None  # inside the quotes they count as blanks trimmed, before them they do not
    texts = pa.table([column.cells for column in found], names=table.column_names)
    read = zip(table.column_names, found, strict=True)
    return Columns(
        texts.to_pandas(),
        {name: column.numbers for name, column in read if column.numbers is not None},
        sum(column.blanks for column in found),
    )


def _read(cells: pa.ChunkedArray) -> _Column:
    numbers = numerals.plain(cells)
    short = cells if numbers is not None else trimmed(cells)
    if short is cells:
        return _Column(cells, numbers)
    rest = pc.utf8_ltrim(cells, characters=" ")  # as the csv module leaves them out
    blanks = pc.sum(pc.not_equal(rest, short)).as_py() or 0
    indented = bool(pc.any(pc.not_equal(rest, cells)).as_py())
    return _Column(short, numerals.plain(short), blanks, indented)


@dataclass
class Survey:
    """What one pass over all bytes of a file tells."""

    utf8: bool = True  #: Whether they are UTF-8
    quotes: int = 0  #: Double quotes among them
    odd: bool = False  #: Whether there are zero bytes, or carriage returns without a line feed


def _survey(path: Path) -> Survey:
    """Look at every byte of a file, once."""
    found, decoder = Survey(), codecs.getincrementaldecoder("utf-8")()
    returns = pairs = 0
    last, buffer = b"", bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            block = buffer if count == BLOCK else buffer[:count]
            found.quotes += block.count(b'"') if b'"' in block else 0
            found.odd |= b"\0" in block
            if b"\r" in block or last == b"\r":
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            found.utf8 = found.utf8 and decodes(decoder, block)
            last = bytes(block[-1:])
    found.utf8 = found.utf8 and decodes(decoder, b"", final=True)
    found.odd |= returns != pairs
    return found


def decodes(
    decoder: codecs.IncrementalDecoder, block: bytes | bytearray, *, final: bool = False
) -> bool:
    r"""Tell whether the next block of a file decodes, after those before it.

    Examples
    --------
    >>> decoder = codecs.getincrementaldecoder("utf-8")()
    >>> [decodes(decoder, block) for block in (b"K\xc3", b"\xb6ln", b"\xff")]
    [True, True, False]
    """
    if block.isascii() and not decoder.getstate()[0]:  # nothing is left from the last block
        return True
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True

"""Large delimited text files, cut into columns by pyarrow instead of cell by cell.

Only what pyarrow and Python's csv module are known to read alike is taken; anything else is left
to :func:`customer_segmentation.data.formats.text_rows`, which looks at every cell.
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
from customer_segmentation.data import formats
from customer_segmentation.data.blanks import trimmed
from customer_segmentation.data.findings import Findings
from customer_segmentation.data.header import LOOKED_AT, header_row
from customer_segmentation.data.survey import Survey, survey

LARGE = 1_000_000  # bytes; smaller files are read cell by cell in no time
HEAD = 1 << 18  # bytes from which header and separator are found
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'

Choose = Callable[[list[str]], list[int]]


@dataclass(frozen=True)
class Columns:
    """The columns of a text file.

    Attributes
    ----------
    header : list of str
        The names of all columns of the file, as they stand there.
    places : list of int
        Of the chosen columns in the header.
    texts : DataFrame of str
        The chosen columns: trimmed cells, missing where empty.
    numbers : dict, place -> ndarray of float64
        Those of them in which every cell is a number as computers write it.
    blanks : int
        Cells with blanks around the value.
    """

    header: list[str]
    places: list[int]
    texts: pd.DataFrame
    numbers: dict[int, npt.NDArray[np.float64]]
    blanks: int


def columns(path: Path, findings: Findings, choose: Choose) -> Columns | None:
    r"""Cut a large text file into columns, if nothing in it asks for care.

    Parameters
    ----------
    path : Path
    findings : Findings
        Gets a line when the encoding or the separator is not the usual one.
    choose : callable, header -> places
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
    >>> found = columns(file, Findings(), lambda header: [0, 1])
    >>> found.texts.iloc[0].tolist(), list(found.numbers)
    (['1,5', '2'], [1])
    >>> _ = file.write_text("a;b\n" + "1,5;2\n" * 200_000 + "3\n")
    >>> columns(file, Findings(), lambda header: [0, 1]) is None
    True
    """
    if path.stat().st_size < LARGE or (seen := survey(path)).odd:
        return None
    noted = Findings()
    content = _content(path, seen, noted)
    head = _head(path) if content is None else content[:HEAD].decode(errors="ignore")
    top, _, _ = head.partition("\n")
    if top.lower().lstrip('"').startswith("sep="):  # Excel writes it
        return None
    separator = formats.found_separator(head, path, noted)
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
    found = _columns(header, table, quoted=quoted)
    if found is not None:
        findings.entries += noted.entries
    return found


def _content(path: Path, seen: Survey, findings: Findings) -> bytes | None:
    """The file as UTF-8 that ends with one line end; None where it is like that on the disk."""
    with path.open("rb") as file:
        file.seek(-min(seen.size, 4), 2)
        end = file.read()
    ends = end[len(end.rstrip(b"\r\n")) :].count(b"\n")
    if seen.utf8 and ends <= 1:
        return None
    content = path.read_bytes().rstrip(b"\r\n")
    return content if seen.utf8 else formats.decoded(content, path, findings).encode()


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


def _table(source: Any, separator: str, width: int, places: list[int], *, quoted: bool) -> pa.Table:
    wanted = [str(place) for place in places]
    return pyarrow.csv.read_csv(
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


@dataclass(frozen=True)
class _Column:
    cells: pa.ChunkedArray  # trimmed
    numbers: npt.NDArray[np.float64] | None
    blanks: int = 0  # cells with blanks around the value
    indented: bool = False  # whether there are any before a value


def _columns(header: list[str], table: pa.Table, *, quoted: bool) -> Columns | None:
    """Trim the cells and take the numbers, several columns at a time."""
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        found = list(pool.map(_read, table.columns))
    if quoted and any(column.indented for column in found):
        return None  # inside the quotes they count as blanks trimmed, before them they do not
    places = [int(name) for name in table.column_names]
    texts = pa.table([column.cells for column in found], names=table.column_names)
    read = zip(places, found, strict=True)
    return Columns(
        header,
        places,
        texts.to_pandas(),
        {place: column.numbers for place, column in read if column.numbers is not None},
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

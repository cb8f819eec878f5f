"""Delimited text of any size as chunks of trimmed text cells.

pyarrow cuts regular files at hundreds of megabytes a second. What it reads otherwise than the
training data are read (rows of another width, blanks before a quote, blank lines) is left to
Python's csv module, from the first such row on. No type is inferred: a column that changes its
type halfway, and an id with leading zeros, come out as they stand in the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from customer_segmentation.batches.source import ROWS, Chunk
from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError, Findings, listed
from customer_segmentation.data.formats import TITLE, header_row, quoted
from customer_segmentation.data.large_text import decodes
from customer_segmentation.data.reading import column_names
from customer_segmentation.data.text import BYTEWISE, mostly_utf8, text_rows, trimmed

BLOCK = 4 << 20  # bytes that pyarrow parses at a time
SCANNED = 8 << 20  # bytes looked at in one go when a file is surveyed
HEAD = 1 << 18  # bytes from which header and separator are found
# Here Python's reader, which the training data went through, and pyarrow differ: a blank before
# a quote, a blank line, a zero byte. Each with the rarest byte in it, which is found in no time.
IRREGULAR = {b' "': b'"', b"\n\n": b"\n", b"\n\r\n": b"\r", b"\r\r": b"\r", b"\0": b"\0"}
UTF16 = (b"\xff\xfe", b"\xfe\xff")
UNDEFINED_IN_CP1252 = re.compile(b"[\x81\x8d\x8f\x90\x9d]")


@dataclass
class _Survey:
    """What one pass over all bytes tells, so that nothing has to be guessed from the head."""

    encoding: str = "utf-8-sig"
    utf8: bool = True
    quotes: int = 0
    regular: bool = True


class TextSource:
    """A delimited text file, its encoding and separator found from the content."""

    head: pd.DataFrame

    def __init__(self, path: Path) -> None:
        self.path = path
        survey = _survey(path)
        self.encoding, self._quoted = survey.encoding, survey.quotes > 0
        text = _head(path, survey.encoding)
        findings = Findings()
        header = self._find_header(text, findings)
        strict = survey.utf8 or self.encoding != "utf-8-sig"
        self.regular = (
            survey.regular and survey.quotes % 2 == 0 and strict and "16" not in self.encoding
        )
        self.columns = column_names(header, path)
        self.notes = [f"{entry.rule}: {entry.detail}" for entry in findings.entries]
        if survey.encoding != "utf-8-sig":
            self.notes.append(f"encoding: {survey.encoding} instead of utf-8")
        elif not survey.utf8:
            self.notes.append("encoding: utf-8 but for single bytes, read as cp1252")

    def chunks(self, columns: Sequence[str]) -> Generator[Chunk]:
        """Read the rows, only these columns of them, in this order."""
        read = 0
        if self.regular:
            # Where pyarrow stops, at a row of another width, Python's reader goes on.
            with suppress(pa.ArrowInvalid):
                for frame, done in self._fast(columns):
                    frame.index = pd.RangeIndex(read + 1, read + 1 + len(frame))
                    read += len(frame)
                    yield Chunk(frame, done)
                return
        yield from self._careful(columns, skip=read)

    def integer(self, column: str) -> bool:
        """Tell that the format itself keeps the column as whole numbers: text does not."""
        return False

    def rows(self) -> int:
        """Count the rows by reading one column."""
        return sum(len(chunk.frame) for chunk in self.chunks(self.columns[:1]))

    def _places(self, columns: Sequence[str]) -> list[int]:
        place = {column: place for place, column in enumerate(self.columns)}
        return [place[column] for column in columns]

    def _find_header(self, text: str, findings: Findings) -> list[str]:
        """Take the header that the training reader finds, and the separator that gives it."""
        rows = text_rows(text.encode(), self.path, findings)
        place = header_row(rows)
        if place is None:
            raise DataError(
                f"{self.path}: got no cells, expected a header and rows; export it again"
            )
        header, above = rows[place], quoted(rows[:place])
        findings.note(TITLE, len(above), detail=listed(above))
        named = re.match(r'"?sep=(.)', text, re.IGNORECASE)  # Excel writes it
        usual = formats.TEXT[self.path.suffix.lower()]
        for separator in [named[1]] if named else [usual, ",", ";", "\t", "|"]:
            reader = csv.reader(_lines(text), delimiter=separator, skipinitialspace=True)
            cells = next((row for row in reader if row == header), None)
            if cells is not None:
                self.separator, self.above = separator, reader.line_num
                return header
        raise DataError(f"{self.path}: got a header that cannot be cut; export the table again")

    def _fast(self, columns: Sequence[str]) -> Iterator[tuple[pd.DataFrame, float]]:
        places = [str(place) for place in self._places(columns)]
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            reader = pyarrow.csv.open_csv(
                file,
                read_options=pyarrow.csv.ReadOptions(
                    block_size=BLOCK,
                    encoding="utf-8" if self.encoding == "utf-8-sig" else self.encoding,
                    skip_rows=self.above,
                    column_names=[str(place) for place in range(len(self.columns))],
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=self.separator, newlines_in_values=self._quoted
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(places, pa.string()), include_columns=places
                ),
            )
            for batch in reader:
                for start in range(0, len(batch), ROWS):
                    yield _frame(batch.slice(start, ROWS), columns), file.tell() / size

    def _careful(self, columns: Sequence[str], *, skip: int) -> Generator[Chunk]:
        places = self._places(columns)
        size = self.path.stat().st_size
        with self.path.open("rb") as raw:
            # Kept until the end: without a reader it would close the file.
            text = io.TextIOWrapper(raw, self.encoding, BYTEWISE, newline="")
            numbered = enumerate(self._rows(text), start=1)
            while True:
                chunk, problems = self._next(numbered, skip)
                if not chunk:
                    return
                cells = [[row[place].strip() or None for row in chunk.values()] for place in places]
                frame = pd.DataFrame(
                    dict(zip(columns, cells, strict=True)), index=list(chunk), dtype="str"
                )
                yield Chunk(frame, raw.tell() / size, problems)

    def _rows(self, text: io.TextIOWrapper) -> Iterator[list[str]]:
        """Cut the rows under the header."""
        for _ in range(self.above):
            text.readline()
        reader = csv.reader(text, delimiter=self.separator, skipinitialspace=True, strict=True)
        number = 0
        try:
            for number, row in enumerate(reader, start=1):  # noqa: B007
                yield row
        except csv.Error as error:
            raise DataError(
                f"{self.path}: got broken quoting ({error}), expected double quotes in pairs; "
                f"look for a stray one after data row {number} and remove it"
            ) from error

    def _next(
        self, numbered: Iterator[tuple[int, list[str]]], skip: int
    ) -> tuple[dict[int, list[str]], dict[int, str]]:
        """Take the next chunk of rows: short ones filled up, blank ones dropped."""
        width = len(self.columns)
        chunk: dict[int, list[str]] = {}
        problems: dict[int, str] = {}
        for number, row in numbered:
            if number <= skip or not any(cell.strip() for cell in row):
                continue
            chunk[number] = row[:width] + [""] * (width - len(row))
            if any(cell.strip() for cell in row[width:]):
                problems[number] = f"got {len(row)} cells, expected {width}"
            if len(chunk) == ROWS:
                break
        return chunk, problems


def _survey(path: Path) -> _Survey:
    """Look at every byte once: a gigabyte a second, against surprises in the last row."""
    found, decoder, end = _Survey(), codecs.getincrementaldecoder("utf-8")(), b""
    with path.open("rb") as file:
        if file.read(2) in UTF16:
            return _Survey("utf-16", regular=False)
        file.seek(0)
        while block := file.read(SCANNED):
            found.quotes += block.count(b'"') if b'"' in block else 0
            found.regular &= not _irregular(block) and not _irregular(end + block[:2])
            end = block[-2:]
            found.utf8 = found.utf8 and decodes(decoder, block)
    if not (found.utf8 and decodes(decoder, b"", final=True)):
        found.utf8, found.encoding = False, _encoding(path)
    return found


def _irregular(block: bytes) -> bool:
    return any(rare in block and mark in block for mark, rare in IRREGULAR.items())


def _encoding(path: Path) -> str:
    """UTF-8 all the same, Windows' western one, or latin-1, which has a character for all bytes."""
    if mostly_utf8(_blocks(path)):
        return "utf-8-sig"
    undefined = any(UNDEFINED_IN_CP1252.search(block) for block in _blocks(path))
    return "latin-1" if undefined else "cp1252"


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(SCANNED):
            yield block


def _head(path: Path, encoding: str) -> str:
    """Decode the first lines, up to a line end that is not inside quotes."""
    with path.open("rb") as file:
        content = file.read(HEAD)
        whole = not file.read(1)
    if encoding != "utf-16" and formats.is_binary(content):
        # Binary content under a text extension is named for what it is.
        raise formats.unreadable(path, content, "it holds binary data")
    text = content.decode(encoding, BYTEWISE)
    end = len(text) if whole else _last_line_end(text)
    return text[:end]


def _last_line_end(text: str) -> int:
    end = text.rfind("\n") + 1 or text.rfind("\r") + 1
    while end and text.count('"', 0, end) % 2:
        end = text.rfind("\n", 0, end - 1) + 1
    return end or len(text)


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def _frame(batch: pa.RecordBatch, columns: Sequence[str]) -> pd.DataFrame:
    cells = {column: trimmed(batch.column(place)) for place, column in enumerate(columns)}
    frame: pd.DataFrame = pa.table(cells).to_pandas()
    return frame.astype("str")

"""Parquet and Excel files as chunks of rows, and what all sources have in common."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError, listed
from customer_segmentation.data.formats import LOOKED_AT, TITLE, filled, header_row, quoted
from customer_segmentation.data.reading import column_names
from customer_segmentation.data.text import trimmed

ROWS = 131_072  # of a chunk: some megabytes, and large enough that the loop costs nothing
CELLS = 4 << 20  # of a chunk of a wide table, which has fewer rows
HEAD_ROWS = 5000  # that tell which column holds the ids, and how numbers are written


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file."""

    #: Text or native cells, missing where empty; indexed by row number, 1 = first under the header
    frame: pd.DataFrame
    done: float | None = None  #: Share of the file read so far, 0 to 1; None where it is unknown
    #: row number -> reason: rows whose cells cannot be told apart
    problems: dict[int, str] = field(default_factory=dict)


class Source(Protocol):
    """A table that is read in chunks, as often as wanted."""

    path: Path
    columns: list[str]
    notes: list[str]  # what was read otherwise than the extension says
    head: pd.DataFrame  # the first rows with all columns, read when the table is opened
    above: int  # rows of the file before the first under the header

    def chunks(self, columns: Sequence[str]) -> Generator[Chunk]:
        """Read the rows, only these columns of them, in this order."""

    def integer(self, column: str) -> bool:
        """Tell that the format itself keeps the column as whole numbers."""

    def rows(self) -> int:
        """Count the rows, at worst by reading one column."""


Row = tuple[Any, ...]


class ParquetSource:
    """A Parquet file: only the wanted columns are decoded."""

    head: pd.DataFrame

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.above = 1
        with _parquet(path) as file:
            self._schema = file.schema_arrow
            self._rows = int(file.metadata.num_rows)
        self.columns = column_names(self._schema.names, path)

    def chunks(self, columns: Sequence[str]) -> Generator[Chunk]:
        """Read the rows, only these columns of them, in this order."""
        own = [self._schema.names[self.columns.index(column)] for column in columns]
        read, rows = 0, min(ROWS, CELLS // len(own) + 1)
        with _parquet(self.path) as file:
            for batch in file.iter_batches(rows, columns=own):
                frame = _cells(batch)[own]
                frame.index = pd.RangeIndex(read + 1, read + 1 + len(frame))
                read += len(frame)
                if len(frame):
                    yield Chunk(frame.set_axis(list(columns), axis=1), read / self._rows)

    def integer(self, column: str) -> bool:
        """Tell that the format itself keeps the column as whole numbers."""
        kind = self._schema.field(self.columns.index(column)).type
        return bool(pa.types.is_integer(kind)) and kind != pa.uint64()

    def rows(self) -> int:
        """Count the rows."""
        return self._rows


class ExcelSource:
    """One sheet of a workbook: the stored results of formulas; nothing is evaluated."""

    head: pd.DataFrame

    def __init__(self, path: Path, sheet: str | None) -> None:
        self.path = path
        with _book(path) as book:
            titles = [page.title for page in book.worksheets]
        if not titles or (sheet is not None and sheet not in titles):
            raise DataError(
                f"{path}: got sheet {sheet!r}, expected one of {listed(titles)}; choose one"
            )
        self._sheet = sheet or titles[0]
        left = [title for title in titles if title != self._sheet]
        self.notes = [f"read sheet {self._sheet!r}, left {listed(left)}"] if left else []
        numbers, first = _first(self._lines())
        place = header_row(first)
        if place is None:
            raise DataError(f"{path}: got no cells, expected a header and rows; export it again")
        header, self.above = first[place], numbers[place] + 1
        if place:
            self.notes.append(f"{TITLE}: {listed(quoted(first[:place]))}")
        while header[-1] is None:
            header = header[:-1]
        self.columns = column_names(header, path)

    def chunks(self, columns: Sequence[str]) -> Generator[Chunk]:
        """Read the rows, only these columns of them, in this order."""
        places = [self.columns.index(column) for column in columns]
        lines = islice(self._lines(), self.above, None)
        rows = ((number, row) for number, row in lines if filled(row))
        while chunk := list(islice(rows, ROWS)):
            index = [number - self.above + 1 for number, _ in chunk]
            cells = {
                column: [row[place] if place < len(row) else None for _, row in chunk]
                for column, place in zip(columns, places, strict=True)
            }
            yield Chunk(pd.DataFrame(cells, index=index, dtype=object))

    def integer(self, column: str) -> bool:
        """Tell that the format itself keeps the column as whole numbers: a sheet does not."""
        return False

    def rows(self) -> int:
        """Count the rows by reading them."""
        return sum(len(chunk.frame) for chunk in self.chunks(self.columns[:1]))

    def _lines(self) -> Iterator[tuple[int, Row]]:
        with _book(self.path) as book:
            page = book[self._sheet]
            page.reset_dimensions()  # some programs write a wrong size, which would cut the table
            yield from enumerate(page.iter_rows(values_only=True))


def _first(lines: Iterator[tuple[int, Row]]) -> tuple[list[int], list[Row]]:
    """Numbers and cells of the first rows that are not blank."""
    found = list(islice(((number, row) for number, row in lines if filled(row)), LOOKED_AT))
    return [number for number, _ in found], [row for _, row in found]


def _cells(batch: pa.RecordBatch) -> pd.DataFrame:
    """Native cells, text trimmed; a list becomes text, which is no number."""
    columns = [trimmed(c) if _is_text(c.type) else c for c in batch.columns]
    # Whole numbers with gaps as decimals would lose the last digits of a long id.
    frame: pd.DataFrame = pa.record_batch(columns, batch.schema).to_pandas(
        integer_object_nulls=True, ignore_metadata=True
    )
    for own in batch.schema:
        if pa.types.is_nested(own.type):
            frame[own.name] = frame[own.name].map(str, na_action="ignore")
    return frame


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        file = pq.ParquetFile(path)
    except (ValueError, OSError) as error:  # pyarrow's errors are these
        raise formats.unreadable(path, formats.head(path), "it is no Parquet file") from error
    with file:
        yield file


@contextmanager
def _book(path: Path) -> Iterator[Any]:
    import openpyxl  # noqa: PLC0415 - only workbooks need it

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise formats.unreadable(path, formats.head(path), "it is no Excel workbook") from error
    try:
        yield book
    finally:
        book.close()

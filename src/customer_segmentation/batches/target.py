"""Write a table in chunks, so that the file under its final name is always a whole one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_segmentation.batches.part import new_part, put_in_place
from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError

MOST_ROWS = 1_048_576  # of an Excel sheet, header included
# A longer number loses digits in Excel; one with leading zeros loses them.
EXCEL_NUMBER = re.compile(r"0|[1-9]\d{0,14}")
# What openpyxl refuses, or would write as a formula or an error.
RISKY = re.compile("^[=#]|[\x00-\x08\x0b\x0c\x0e-\x1f]")
EXCEL = (".xlsx",)


class Writer(Protocol):
    """Takes the chunks of a table, then is closed."""

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what is left and close the file."""

    def discard(self) -> None:
        """Let go of the file, whose content no longer matters; harmless when it is closed."""


def check_target(path: Path, source: Path, rows: int | None = None) -> None:
    """Say what is wrong with an output before hours go into it.

    Parameters
    ----------
    path : Path
        The output: .csv, .tsv, .txt, .parquet, .pq or .xlsx.
    source : Path
        The input, which is never written.
    rows : int, optional
        How many there will be; an Excel sheet holds no more than 1,048,576 with the header.

    Raises
    ------
    DataError

    Examples
    --------
    >>> check_target(Path("out.xlsx"), Path("in.csv"), 2_000_000)
    Traceback (most recent call last):
    customer_segmentation.data.findings.DataError: out.xlsx: got 2,000,000 rows, expected at most
    1,048,575 (an Excel sheet holds no more); write .csv or .parquet
    """
    supported = (*formats.TEXT, *formats.PARQUET, *EXCEL)
    if path.suffix.lower() not in supported:
        raise DataError(
            f"{path}: got the extension {path.suffix or '(none)'!r} for the output, expected one "
            f"of {' '.join(supported)}; choose one of these formats"
        )
    there = path.exists() and source.exists()
    if path.resolve() == source.resolve() or (there and path.samefile(source)):
        raise DataError(
            f"{path}: got the input as output, expected another file; the input is never written"
        )
    if path.is_dir():
        raise DataError(f"{path}: got a folder as output, expected a file; add a file name")
    if not path.resolve().parent.is_dir():
        raise DataError(
            f"{path}: got an output in the folder {path.parent}, which does not exist, expected "
            "one that does; make it or correct the path"
        )
    if not os.access(path.resolve().parent, os.W_OK):
        raise DataError(
            f"{path}: got an output in a folder that cannot be written, expected one that can; "
            "change its permissions or choose another"
        )
    if path.exists() and not os.access(path, os.W_OK):
        raise DataError(
            f"{path}: got a write-protected file as output, expected one that may be replaced; "
            "change its permissions or choose another"
        )
    if path.suffix.lower() in EXCEL and rows is not None and rows >= MOST_ROWS:
        raise DataError(
            f"{path}: got {rows:,} rows, expected at most {MOST_ROWS - 1:,} (an Excel sheet holds "
            "no more); write .csv or .parquet"
        )


@contextmanager
def open_target(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    """Open an output for writing in chunks, by its extension.

    The rows go to a hidden file beside it, which takes the final name when all are on the disk.
    Whatever ends the block early removes that file and leaves an older output as it was; what a
    killed process could not remove, the next one with the same output does.

    Parameters
    ----------
    path : Path
    schema : pyarrow.Schema
        Names and types of the columns.

    Yields
    ------
    Writer

    Raises
    ------
    DataError
        If the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "out.csv"
    >>> schema = pa.schema([("id", pa.string()), ("n", pa.int64())])
    >>> with open_target(file, schema) as target:
    ...     target.write(pa.record_batch([["007", "a,b"], [1, None]], schema))
    >>> print(file.read_text())
    id,n
    007,1
    "a,b",
    """
    final = path.resolve()  # through a link, to the file it stands for
    part: Path | None = None
    writer: Writer | None = None
    try:
        part = new_part(final)
        writer = _writer(part, final.suffix.lower(), schema)
        yield writer
        writer.close()
        put_in_place(part, final)
    except OSError as error:
        raise DataError(
            f"{path}: got {error.strerror or error} while writing, expected room and permission to "
            "write; nothing was changed"
        ) from error
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.discard()
        if part is not None:
            part.unlink(missing_ok=True)


def _writer(part: Path, suffix: str, schema: pa.Schema) -> Writer:
    if suffix in formats.PARQUET:
        return _ParquetWriter(part, schema)
    if suffix in EXCEL:
        return _ExcelWriter(part, schema)
    return _TextWriter(part, schema, formats.TEXT[suffix] if suffix != ".csv" else ",")


class _TextWriter:
    """Builds the lines of a chunk as one Arrow array: its buffer is the text."""

    def __init__(self, part: Path, schema: pa.Schema, separator: str) -> None:
        self._separator = separator
        self._special = [mark.encode() for mark in (separator, '"', "\r", "\n")]
        self._quote_if = f'[{re.escape(separator)}"\r\n]'
        self._file = part.open("wb")
        names = pa.array(schema.names, pa.string())
        self._file.write((separator.join(self._quoted(names).to_pylist()) + "\n").encode())

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows."""
        if not len(rows):
            return
        cells = [self._text(column) for column in rows.columns]
        cells[-1] = pc.binary_join_element_wise(cells[-1], "\n", "")
        lines = pc.binary_join_element_wise(*cells, self._separator)
        self._file.write(lines.buffers()[2])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    discard = close

    def _text(self, column: pa.Array) -> pa.Array:
        if pa.types.is_dictionary(column.type):
            return pc.fill_null(self._text(column.dictionary).take(column.indices), "")
        if pa.types.is_string(column.type):
            return pc.fill_null(self._quoted(column), "")
        return pc.fill_null(pc.cast(column, pa.string()), "")

    def _quoted(self, column: pa.Array) -> pa.Array:
        content = column.buffers()[2]
        text = content.to_pybytes() if content else b""
        if not any(mark in text for mark in self._special):
            return column
        special = pc.match_substring_regex(column, self._quote_if)
        doubled = pc.replace_substring(column, '"', '""')
        return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), column)


class _ParquetWriter:
    def __init__(self, part: Path, schema: pa.Schema) -> None:
        # The first column tells the rows apart: a list of its different values saves nothing.
        # Without Arrow's own schema, names kept as a list are text to those who read them.
        self._writer = pq.ParquetWriter(
            part, schema, use_dictionary=schema.names[1:], store_schema=False
        )

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows, a row group per chunk."""
        self._writer.write_batch(rows)

    def close(self) -> None:
        """Write the footer and close the file."""
        self._writer.close()

    discard = close


class _ExcelWriter:
    """Text stays text: nothing in a cell becomes a formula."""

    def __init__(self, part: Path, schema: pa.Schema) -> None:
        from openpyxl import Workbook  # noqa: PLC0415 - only workbooks need it

        self._part, self._left = part, MOST_ROWS
        self._book = Workbook(write_only=True)
        self._sheet: Any = self._book.create_sheet("Segments")
        self._sheet.freeze_panes = "B2"
        self._append([tuple(schema.names)])

    def write(self, rows: pa.RecordBatch) -> None:
        """Append rows."""
        self._append(list(zip(*rows.to_pydict().values(), strict=True)))

    def _append(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._left -= len(rows)
        if self._left < 0:
            raise DataError(
                f"got more than {MOST_ROWS - 1:,} rows for an Excel sheet, which holds no more; "
                "write .csv or .parquet"
            )
        for row in rows:
            self._sheet.append([self._cell(value) for value in row])

    def close(self) -> None:
        """Write the workbook."""
        from openpyxl.writer.excel import ExcelWriter  # noqa: PLC0415

        # Of an archive that openpyxl opens itself, a full disk leaves one that nobody can close.
        with ZipFile(self._part, "w", ZIP_DEFLATED) as archive:
            ExcelWriter(self._book, archive).save()

    def discard(self) -> None:
        """End the sheet, which openpyxl keeps in a temporary file of its own."""
        if not self._sheet.closed:
            self._sheet.close()

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if EXCEL_NUMBER.fullmatch(value):
            return int(value)  # an id by which other sheets look it up
        if not RISKY.search(value):
            return value
        from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

        cell: Any = WriteOnlyCell(self._sheet, None)
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
        cell.data_type = "s"
        return cell

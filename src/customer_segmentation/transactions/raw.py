"""A purchase file as a DuckDB table of its cells, whatever its format and size."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation.batches import Source
from customer_segmentation.batches.source import ParquetSource
from customer_segmentation.batches.text import TextSource

MEMORY = "50%"  # of what there is: DuckDB's own default leaves a desktop with a fifth


@contextmanager
def scratch() -> Iterator[Connection]:
    """Open a DuckDB database in memory that goes to disk, in a folder of its own, where that ends.

    DuckDB's own error at Ctrl-C becomes the one that Python has for it.

    Examples
    --------
    >>> with scratch() as connection:
    ...     connection.sql("SELECT 1 AS one").fetchall()
    [(1,)]
    """
    with (
        tempfile.TemporaryDirectory(prefix="purchases-") as folder,
        duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": folder}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")  # never the machine's
        connection.execute("SET enable_progress_bar = false")  # ours is enough
        try:
            yield connection
        except RuntimeError as error:
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise


def read(
    connection: Connection, source: Source, roles: Mapping[str, str], table: str = "raw"
) -> None:
    """Make a table: the cells of the columns that have a role, named after it.

    Regular text and Parquet are read by DuckDB itself; Excel, other encodings and irregular
    rows by the reader that scoring uses, a chunk at a time.

    Parameters
    ----------
    connection : DuckDBPyConnection
    source : Source
        The opened file.
    roles : mapping, role -> column
    table : str

    Notes
    -----
    Besides the roles: ``line``, the row of the file; ``copy``, equal where all cells are; and
    ``problem``, why the cells of a row cannot be told apart.
    """
    names = [f"c{place}" for place in range(len(source.columns))]
    by_role = {role: names[source.columns.index(column)] for role, column in roles.items()}
    wanted = ", ".join(f'{name} AS "{role}"' for role, name in by_role.items())
    copies = f"hash({', '.join(names)}) AS copy"
    selection = _scan(source, names)
    above = source.top if isinstance(source, TextSource) else 1  # rows
    if selection is not None:
        try:
            connection.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT {wanted}, {copies}, row_number() "
                f"OVER () + {above} AS line, NULL::VARCHAR AS problem FROM {selection}"
            )
            return
        except duckdb.InvalidInputException:
            pass  # a row of another width: the patient reader counts it
    incoming = _batches(source, names)  # noqa: F841  (DuckDB finds it by its name)
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {wanted}, {copies}, line, problem FROM incoming"
    )


def _scan(source: Source, names: Sequence[str]) -> str | None:
    """DuckDB's own reading of the file; None where it has none."""
    if set("*?[") & set(str(source.path)):  # DuckDB would look for files of that pattern
        return None
    file = str(source.path).replace("'", "''")
    if isinstance(source, ParquetSource):
        return f"read_parquet('{file}') AS t({', '.join(names)})"
    if isinstance(source, TextSource) and source.regular and source.encoding == "utf-8-sig":
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        mark = source.separator.replace("'", "''")
        options = f"auto_detect=false, header=false, skip={source.top}, delim='{mark}', quote='\"'"
        return f"read_csv('{file}', {options}, escape='\"', columns={{{columns}}})"
    return None


def _batches(source: Source, names: Sequence[str]) -> pa.RecordBatchReader:
    schema = pa.schema(
        [(name, pa.string()) for name in names] + [("line", pa.int64()), ("problem", pa.string())]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for chunk in source.chunks(source.columns):
            cells = chunk.frame.set_axis(list(names), axis=1).map(_as_text)
            reasons = pd.Series(chunk.problems, dtype="str").reindex(cells.index)
            frame = cells.assign(line=cells.index + 1, problem=reasons)
            yield pa.RecordBatch.from_pandas(frame, schema, preserve_index=False)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _as_text(cell: Any) -> str | None:
    if cell is None or cell is pd.NaT or cell != cell:  # noqa: PLR0124  (NaN of any type)
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a workbook has 17850.0 where a person sees 17850
    return str(cell).strip() or None

"""Tables of any size, a chunk at a time: read, turned into what a model takes, and written.

Memory stays bounded by the chunk. The whole-table reading of ``customer_segmentation.data`` is
for training, where every row is needed at once.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from customer_segmentation.batches.source import (
    HEAD_ROWS,
    Chunk,
    ExcelSource,
    ParquetSource,
    Source,
)
from customer_segmentation.batches.target import Writer, check_target, open_target
from customer_segmentation.batches.text import TextSource
from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError, in_brackets

__all__ = ["Chunk", "Source", "Writer", "check_target", "open_source", "open_target"]


def open_source(path: Path, *, sheet: str | None = None) -> Source:
    r"""Open a table for reading in chunks, by its extension.

    Parameters
    ----------
    path : Path
        A .csv, .tsv, .txt, .parquet, .pq, .xlsx or .xlsm file.
    sheet : str, optional
        Excel sheet; the first one by default.

    Returns
    -------
    Source
        Its ``columns`` and ``head`` are known; ``chunks(columns)`` reads only some of them.

    Raises
    ------
    DataError
        If the file is missing, not readable, of another format, empty, or without rows.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = file.write_text("id;spend;city\n007;12,5;Bonn\n008;7;Ulm\n")
    >>> source = open_source(file)
    >>> source.columns
    ['id', 'spend', 'city']
    >>> [chunk.frame.to_numpy().tolist() for chunk in source.chunks(["spend", "id"])]
    [[['12,5', '007'], ['7', '008']]]
    """
    formats.check_readable(path, sheet)
    suffix = path.suffix.lower()
    source: Source
    if suffix in formats.PARQUET:
        source = ParquetSource(path)
    elif suffix in formats.EXCEL:
        source = ExcelSource(path, sheet)
    else:
        source = TextSource(path)
    with closing(source.chunks(source.columns)) as chunks:
        first = next(chunks, None)
    if first is None:
        raise DataError(
            f"{path}: got a header and no rows{in_brackets(source.notes)}, expected one row per "
            "customer; check the export"
        )
    source.head = first.frame.head(HEAD_ROWS)
    return source

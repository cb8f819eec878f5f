"""Files handed in, bounded, labelled and forgotten; tables handed out, in which text stays text.

An upload is read as data and never executed. It has to lie somewhere while it is read: it gets a
folder of its own, in memory where the system has such a place, which is gone when this returns.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from customer_segmentation import workbook
from customer_segmentation.batches import batch_scoring, open_source
from customer_segmentation.dashboard.champion import labelled
from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.transactions.scoring import customer_file

MEGABYTE = 1_000_000
MEMORY = Path("/dev/shm")
ROOM = 4  # times its size: the file, what is read of it, and what is written
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What spreadsheets take for a formula when they open a CSV file; also in full width.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n|]")
HARMLESS = re.compile(r"[+\-]?\d+([.,]\d+)*([eE][+\-]?\d+)?%?|[+\-]")  # a number, a dash
# A number with leading zeros is a code, and a longer one loses digits.
COUNTABLE = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,14})?")


@dataclass(frozen=True)
class Limits:
    """How large an upload may be."""

    upload_mb: float  #: The file
    unpacked_mb: float  #: What an Excel or Parquet file holds, once unpacked
    rows: int


@dataclass(frozen=True)
class Labelled:
    """What became of an upload."""

    table: pd.DataFrame  #: The file as it came, then segment, segment_name, confidence and problem
    #: Customers per segment: segment, name, customers, share, share in training
    counts: pd.DataFrame
    #: ``row`` (of the file) and ``problem`` of those that could not be scored
    failed: pd.DataFrame
    notes: list[str]  #: What was read otherwise than the extension says
    ids: str  #: Where the ids come from
    drift: str  #: Whether these customers look like those of the training


def score(
    name: str,
    content: bytes,
    segmenter: Segmenter,
    reference: Mapping[str, Any],
    limits: Limits,
) -> Labelled:
    """Assign every row of an uploaded file to a segment, or every customer of purchase lines.

    Parameters
    ----------
    name : str
        Of the file: its extension says the format.
    content : bytes
    segmenter : Segmenter
    reference : dict
        What the training customers looked like.
    limits : Limits

    Raises
    ------
    DataError
        When the file is too large or cannot be read.
    SchemaError
        When columns are missing that the model needs.
    """
    with _kept(name, content, limits) as path:
        _check_unpacked(path, limits)
        history = reference.get("history")
        if history is None:
            segmenter.check_columns(open_source(path).columns)
        _check_rows(open_source(path).rows(), limits)
        with customer_file(path, segmenter.columns, history) as (customers, notes):
            source = open_source(customers)
            output = path.with_name("labelled.parquet")
            scored = batch_scoring.score(customers, output, segmenter, reference)
            added = pd.read_parquet(output)
            with closing(source.chunks(source.columns)) as chunks:
                table = pd.concat([chunk.frame for chunk in chunks])
    added.index = table.index
    whole = labelled(table, added["segment"].astype("Int64"), scored.names, added["confidence"])
    whole = whole.rename(columns={"problem": "problem (data)"}).assign(problem=added["problem"])
    failed = added["problem"].dropna()
    rows = pd.DataFrame({"row": failed.index + source.above, "problem": failed.to_numpy()})
    said = [*notes, *scored.notes]
    return Labelled(whole, scored.counts(), rows, said, scored.ids, scored.monitor.words())


def _check_rows(rows: int, limits: Limits) -> None:
    """Refuse more rows than the limit."""
    if rows > limits.rows:
        raise DataError(
            f"got {rows:,} rows, expected at most {limits.rows:,}. Upload fewer, or score the "
            f"whole file: python score.py input=FILE output=FILE"
        )


def _check_unpacked(path: Path, limits: Limits) -> None:
    """Refuse a small file that holds far more than it weighs, before it is read."""
    size = 0
    suffix = path.suffix.lower()
    try:
        if suffix in formats.EXCEL:
            with zipfile.ZipFile(path) as book:
                size = sum(part.file_size for part in book.infolist())
        elif suffix in formats.PARQUET:
            found = pq.read_metadata(path)
            size = sum(found.row_group(i).total_byte_size for i in range(found.num_row_groups))
    except (zipfile.BadZipFile, pa.ArrowException, ValueError, OSError):
        return  # whoever reads it says what it is
    if size > limits.unpacked_mb * MEGABYTE:
        raise DataError(
            f"got a file that unpacks to {size / MEGABYTE:,.0f} MB, expected at most "
            f"{limits.unpacked_mb:,.0f} MB. Upload fewer rows."
        )


@contextmanager
def _kept(name: str, content: bytes, limits: Limits) -> Iterator[Path]:
    """The file as a path, for the time of reading; errors name it as its owner does."""
    if len(content) > limits.upload_mb * MEGABYTE:
        raise DataError(
            f"got {len(content) / MEGABYTE:,.1f} MB, expected at most {limits.upload_mb:,.0f} MB. "
            f"Upload fewer rows, or score the whole file: python score.py input=FILE output=FILE"
        )
    with tempfile.TemporaryDirectory(prefix="upload-", dir=_place(len(content))) as folder:
        path = Path(folder) / f"upload{Path(name).suffix.lower()[:10]}"
        path.write_bytes(content)
        try:
            yield path
        except DataError as error:
            raise DataError(str(error).replace(str(path), name)) from error


def _place(size: int) -> Path | None:
    """Where files in memory lie, if there is room; None for the system's temporary folder."""
    try:
        return MEMORY if shutil.disk_usage(MEMORY).free > ROOM * size + MEGABYTE else None
    except OSError:
        return None


def _safe(cell: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    if not isinstance(cell, str) or not FORMULA.match(cell) or HARMLESS.fullmatch(cell.strip()):
        return cell
    return f"'{cell}"


def csv(table: pd.DataFrame) -> bytes:
    r"""Write a table as CSV without its index, for spreadsheets and programs alike.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    bytes
        UTF-8, with the mark by which Excel recognises it.

    Examples
    --------
    >>> csv(pd.DataFrame({"id": [1], "name": ["=cmd"]}))
    b"\xef\xbb\xbfid,name\n1,'=cmd\n"
    """
    guarded = {
        place: column if _numeric(column) else column.astype(object).map(_safe, na_action="ignore")
        for place, column in enumerate(_columns(table))
    }
    frame = pd.DataFrame(guarded, index=table.index)
    titles = [_safe(str(title)) for title in table.columns]
    return frame.to_csv(index=False, header=titles, lineterminator="\n").encode("utf-8-sig")


def excel(table: pd.DataFrame) -> bytes:
    """Write a table as a workbook of one sheet, with a filter and a header that stays.

    Parameters
    ----------
    table : DataFrame
        Text columns that hold nothing but numbers become numbers; a code such as 007 stays text.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from io import BytesIO
    >>> written = excel(pd.DataFrame({"id": ["007"], "age": ["30"], "name": ["=1+1"]}))
    >>> pd.read_excel(BytesIO(written), dtype={"id": str}).values.tolist()
    [['007', 30, '=1+1']]
    """
    columns = [_typed(column).reset_index(drop=True) for column in _columns(table)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return workbook.sheet(frame.set_axis([str(title) for title in table.columns], axis=1))


def _columns(table: pd.DataFrame) -> list[pd.Series[Any]]:
    return [table.iloc[:, place] for place in range(table.shape[1])]


def _numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def _typed(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers that a text file gave as text, as numbers; all else as it is."""
    known = column.dropna()
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in known.tolist()]
    if not texts or not all(text == "" or COUNTABLE.fullmatch(text) for text in texts):
        return column
    if not all(isinstance(cell, str) for cell in known):
        return column
    return pd.to_numeric(column.map(lambda cell: cell.strip() or None, na_action="ignore"))

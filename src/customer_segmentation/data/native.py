"""Excel and Parquet files: their cells have a type."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from customer_segmentation.data.findings import DataError, Findings, listed
from customer_segmentation.data.formats import head, unreadable
from customer_segmentation.data.levels import is_numeric
from customer_segmentation.data.text import trimmed

UNREAD = "sheet left unread"  # rule of the cleaning report


def excel_rows(
    content: bytes, path: Path, findings: Findings, *, sheet: str | None = None
) -> list[tuple[Any, ...]]:
    """Take the cells of one sheet of a workbook, the first by default; None where one is empty.

    Raises
    ------
    DataError
        If the content is no workbook or the sheet does not exist.
    """
    import openpyxl  # noqa: PLC0415 - only workbooks need it

    try:  # data_only: stored results; no formula is evaluated
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise unreadable(path, content, "it is no Excel workbook") from error
    names = [page.title for page in book.worksheets]
    if sheet is not None and sheet not in names:
        raise DataError(f"{path}: got sheet {sheet!r}, expected one of {listed(names)}; choose one")
    chosen = sheet or names[0]
    others = [name for name in names if name != chosen]
    detail = f"read {chosen!r}, left {listed(others)}"
    findings.note(UNREAD, len(others), detail=detail)
    page = book[chosen]
    page.reset_dimensions()  # some programs write a wrong size, which would cut the table
    rows = list(page.iter_rows(values_only=True))
    book.close()
    return rows


def parquet_frame(path: Path, choose: Callable[[list[str]], Iterable[int]]) -> pd.DataFrame:
    """Take the table of a Parquet file; a named index becomes a column.

    Parameters
    ----------
    path : Path
    choose : callable, names -> places
        Which columns are read, besides the index.

    Raises
    ------
    DataError
        If the content is no Parquet file.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.parquet"
    >>> pd.DataFrame({"age": [31], "city": ["Ulm"]}).to_parquet(file)
    >>> parquet_frame(file, lambda names: [1])
      city
    0  Ulm
    """
    try:
        with pq.ParquetFile(path) as file:
            names = [str(name) for name in file.schema_arrow.names]
            chosen = choose(names)
            table = file.read(columns=[names[place] for place in chosen], use_pandas_metadata=True)
    except DataError:
        raise
    except (ValueError, OSError) as error:  # pyarrow's errors are these
        raise unreadable(path, head(path), "it is no Parquet file") from error
    # A column at a time, what Arrow read freed as pandas takes it: no whole table twice.
    found: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    plain = isinstance(found.index, pd.RangeIndex) and found.index.name is None
    return found if plain else found.reset_index()


def typed_column(values: Sequence[Any], index: range) -> tuple[pd.Series, int]:
    """Make a column of cells: native when all are numbers or all dates, else text, trimmed."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds and kinds <= {int, float, Decimal}:
        whole = kinds == {int} and None not in values
        return pd.Series(values, index=index, dtype="int64" if whole else "float64"), 0
    if kinds and kinds <= {dt.datetime, dt.date, pd.Timestamp}:
        return pd.Series(pd.to_datetime(pd.Series(values, index=index))), 0
    texts = list(values) if kinds == {str} else [_as_text(value) for value in values]
    short = [text.strip() if text else text for text in texts]
    changed = short != texts  # fast: unchanged text is the same object
    blanks = sum(a != b for a, b in zip(texts, short, strict=True) if b) if changed else 0
    return pd.Series([text or None for text in short], index=index, dtype="str"), blanks


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a workbook has 1001.0 where a person sees 1001
    return str(value)


def native_column(column: pd.Series, index: range) -> pd.Series:
    """Keep numbers and dates; all else as :func:`typed_column` makes it."""
    if is_numeric(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column.set_axis(index)
    categories = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    if categories.dtype == "str":
        texts = pa.table([trimmed(pa.chunked_array(pa.array(column.astype("str"))))], ["text"])
        return pd.Series(texts.to_pandas()["text"]).set_axis(index)
    cells = column.astype(object).where(column.notna(), None).tolist()
    return typed_column(cells, index)[0]

"""Read a file into a table whose cells are still as they came, each row under its file's number."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from customer_segmentation.data import formats, large_text, parquet
from customer_segmentation.data.blanks import trimmed
from customer_segmentation.data.choice import Choice, column_names
from customer_segmentation.data.files import check_readable
from customer_segmentation.data.findings import REMOVED, DataError, Findings, in_brackets, listed
from customer_segmentation.data.header import adds_up, empty, filled, header_row

TITLE = "rows above the header left out"  # rule of the cleaning report
WORDLESS = "columns named by numbers"
Cells = tuple[pd.DataFrame, dict[str, pd.Series]]


@dataclass(frozen=True)
class RawTable:
    """The cells of a file, indexed by row number (header = row 1).

    Attributes
    ----------
    frame : DataFrame
        Text or native columns.
    numbers : dict, column -> Series of float64
        Columns of text in which every cell is a number as computers write it, where known.
    rows_in : int
        Rows under the header.
    sha256 : str
        Of the file's bytes.
    typed : bool
        Whether the format itself tells numbers from text.
    names : list of str
        Of all columns of the file, read or not.
    """

    frame: pd.DataFrame
    numbers: dict[str, pd.Series]
    rows_in: int
    sha256: str
    typed: bool
    names: list[str]


def read(
    path: Path,
    findings: Findings,
    *,
    sheet: str | None = None,
    only: Collection[str] | None = None,
    id_column: str | None = None,
) -> RawTable:
    r"""Read a table by its extension.

    Parameters
    ----------
    path : Path
        A .csv, .tsv, .txt, .parquet, .pq, .xlsx or .xlsm file.
    findings : Findings
        Gets a line for whatever was read otherwise than the extension says, and for empty rows.
    sheet : str, optional
        Excel sheet; the first one by default.
    only : collection of str, optional
        The columns to read, and besides them the id column; all by default.
    id_column : str, optional
        The id column; without it, all columns that are named like one.

    Returns
    -------
    RawTable
        The rows that are not empty; text cells trimmed, missing where empty.

    Raises
    ------
    DataError
        If the file is missing, not readable, of another format, empty, or without rows; or has
        not the columns that are wanted.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = file.write_text("Age;Income\n31; 20,5\n")
    >>> read(file, Findings()).frame
      Age Income
    2  31   20,5
    """
    check_readable(path, sheet)
    choice = Choice(path, only, id_column)
    with ThreadPoolExecutor(1) as pool:  # it hashes while the cells are read
        digest = pool.submit(_sha256, path)
        frame, numbers = _cells(path, findings, choice, sheet)
    blank = _blank_rows(frame)
    if len(blank) == len(frame):
        sheets = in_brackets(e.detail for e in findings.entries if e.rule == formats.UNREAD)
        raise DataError(
            f"{path}: got a header and no rows{sheets}, expected one row per customer; check the "
            "export"
        )
    findings.note(f"empty {REMOVED}", len(blank), detail=f"rows {listed(blank)} of the file")
    present = frame.index.difference(blank)
    total = present[-1:] if len(present) > 1 and adds_up(frame.loc[present[-1]]) else present[:0]
    findings.note(f"total {REMOVED}", len(total), detail=f"row {listed(total)} of the file")
    gone = blank.append(total)
    if len(gone):
        numbers = {name: column.drop(index=gone) for name, column in numbers.items()}
    return RawTable(
        frame=frame.drop(index=gone) if len(gone) else frame,
        numbers=numbers,
        rows_in=len(frame),
        sha256=digest.result(),
        typed=path.suffix.lower() not in formats.TEXT,
        names=choice.names,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cells(path: Path, findings: Findings, choice: Choice, sheet: str | None) -> Cells:
    """The chosen columns, and those of text that are known to be numbers."""
    if path.suffix.lower() in formats.PARQUET:
        return _native_table(parquet.frame(path, choice), path), {}
    if path.suffix.lower() in formats.EXCEL:
        rows = formats.excel_rows(path.read_bytes(), path, findings, sheet=sheet)
        return _table(rows, path, findings, choice), {}
    found = large_text.columns(path, findings, choice)
    if found is None:
        cells = formats.text_rows(path.read_bytes(), path, findings)
        return _table(cells, path, findings, choice), {}
    return _large_table(found, choice.names, findings)


def _blank_rows(frame: pd.DataFrame) -> pd.Index:
    blank = np.ones(len(frame), dtype=bool)
    for name in frame:
        blank &= frame[name].isna().to_numpy()
        if not blank.any():
            break
    return frame.index[blank]


def _table(
    rows: Sequence[Sequence[Any]], path: Path, findings: Findings, choice: Choice
) -> pd.DataFrame:
    """Take the first row that is not blank as the header; keep every row's number."""
    top = header_row(rows)
    if top is None:
        raise DataError(f"{path}: got no cells, expected a header and rows; export it again")
    title = [" ".join(map(str, filled(row))) for row in rows[:top] if filled(row)]
    findings.note(TITLE, len(title), detail=listed(map(repr, title)))
    header, body = list(rows[top]), rows[top + 1 :]
    while header and empty(header[-1]) and all(len(row) < len(header) for row in body):
        header.pop()
    places = choice(header)
    _check_width(header, body, top + 2, path)
    columns = list(itertools.islice(itertools.zip_longest(*body), len(header)))
    columns += [(None,) * len(body)] * (len(header) - len(columns))
    index = range(top + 2, top + 2 + len(body))
    blanks = 0
    named: dict[str, pd.Series] = {}
    for place in places:
        column, found = _column(columns[place], index)
        blanks += found
        named[choice.names[place]] = column
    unnamed = {choice.names[place] for place, label in enumerate(header) if empty(label)}
    return _tidied(pd.DataFrame(named, index=index), choice.names, unnamed, blanks, findings)


def _large_table(found: large_text.Columns, names: list[str], findings: Findings) -> Cells:
    """A large text file under the names and row numbers that :func:`_table` gives."""
    rows = range(2, len(found.texts) + 2)
    frame = found.texts.set_axis([names[place] for place in found.places], axis=1)
    numbers = {
        names[place]: pd.Series(values, index=rows, name=names[place], copy=False)
        for place, values in found.numbers.items()
    }
    unnamed = {names[place] for place, label in enumerate(found.header) if empty(label)}
    return _tidied(frame.set_axis(rows), names, unnamed, found.blanks, findings), numbers


def _tidied(
    frame: pd.DataFrame, names: list[str], unnamed: set[str], blanks: int, findings: Findings
) -> pd.DataFrame:
    """Leave out columns without name and value, and report what was tidied, or is odd."""
    wordless = [name for name in names if not any(map(str.isalpha, name))]
    if 2 * len(wordless) > len(names):
        detail = f"{listed(map(repr, wordless))}; if these are a customer's, add a header"
        findings.note(WORDLESS, len(wordless), detail=detail)
    empty = [name for name in frame if name in unnamed and frame[name].isna().all()]
    findings.note("empty column removed", len(empty), detail="no name and no value")
    findings.note("blanks trimmed", blanks, detail="cells with blanks around the value")
    return frame.drop(columns=empty) if empty else frame


def _check_width(header: list[Any], body: Sequence[Sequence[Any]], first: int, path: Path) -> None:
    long = {
        number: len(row)
        for number, row in enumerate(body, start=first)
        if len(row) > len(header) and filled(row[len(header) :])
    }
    if long:
        found = listed(f"row {number} has {width}" for number, width in long.items())
        raise DataError(
            f"{path}: got rows with more cells than the header ({found}), expected "
            f"{len(header)}; put values that contain the separator in double quotes"
        )


def _column(values: Sequence[Any], index: range) -> tuple[pd.Series, int]:
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


def _native_table(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    index = range(2, len(frame) + 2)
    names = column_names(frame.columns.tolist(), path)
    named = {name: _native_column(frame.iloc[:, place], index) for place, name in enumerate(names)}
    return pd.DataFrame(named, index=index, copy=False)


def _native_column(column: pd.Series, index: range) -> pd.Series:
    if _is_native(column):
        return column.set_axis(index)
    categories = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    if categories.dtype == "str":
        texts = pa.table([trimmed(pa.chunked_array(pa.array(column.astype("str"))))], ["text"])
        return pd.Series(texts.to_pandas()["text"]).set_axis(index)
    return _column(_object_cells(column), index)[0]


def _is_native(column: pd.Series) -> bool:
    types = pd.api.types
    numeric = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    return numeric or types.is_datetime64_any_dtype(column)


def _object_cells(column: pd.Series) -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()

"""Read a file into a table whose cells are still as they came, each row under its file's number."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from customer_segmentation.data import formats
from customer_segmentation.data.findings import REMOVED, DataError, Findings, listed


@dataclass(frozen=True)
class RawTable:
    """The cells of a file: text or native columns, indexed by row number (header = row 1)."""

    frame: pd.DataFrame
    rows_in: int
    sha256: str
    typed: bool  # whether the format itself tells numbers from text


def read(path: Path, findings: Findings, *, sheet: str | None = None) -> RawTable:
    r"""Read a table by its extension.

    Parameters
    ----------
    path : Path
        A .csv, .tsv, .txt, .parquet, .pq, .xlsx or .xlsm file.
    findings : Findings
        Gets a line for whatever was read otherwise than the extension says, and for empty rows.
    sheet : str, optional
        Excel sheet; the first one by default.

    Returns
    -------
    RawTable
        The rows that are not empty; text cells trimmed, missing where empty.

    Raises
    ------
    DataError
        If the file is missing, not readable, of another format, empty, or without rows.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = file.write_text("Age;Income\n31; 20,5\n")
    >>> read(file, Findings()).frame
      Age Income
    2  31   20,5
    """
    content = _bytes(path)
    suffix = path.suffix.lower()
    if suffix in formats.PARQUET:
        frame = _native_table(formats.parquet_frame(content, path), path)
    elif suffix in formats.EXCEL:
        frame = _table(formats.excel_rows(content, path, findings, sheet=sheet), path, findings)
    elif (clean := formats.clean_frame(content, path, findings)) is not None:
        names = _names(clean.columns.tolist(), path)
        frame = clean.set_axis(names, axis=1).set_axis(range(2, len(clean) + 2), axis=0)
    else:
        frame = _table(formats.text_rows(content, path, findings), path, findings)
    blank = frame.index[frame.isna().all(axis=1)] if len(frame.columns) else frame.index
    if len(blank) == len(frame):
        raise DataError(
            f"{path}: got a header and no rows, expected one row per customer; check the export"
        )
    findings.note(f"empty {REMOVED}", len(blank), detail=f"rows {listed(blank)} of the file")
    digest = hashlib.sha256(content).hexdigest()
    kept = frame.drop(index=blank) if len(blank) else frame
    return RawTable(kept, len(frame), digest, suffix not in formats.TEXT)


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path}: got a folder, expected a file; it has: {_tables_in(path)}")
    if not path.exists():
        raise DataError(f"{path}: got no such file, expected a customer table; {_nearby(path)}")
    if path.suffix.lower() not in formats.SUPPORTED:
        raise DataError(
            f"{path}: got the extension {path.suffix or '(none)'!r}, expected one of "
            f"{' '.join(formats.SUPPORTED)}; save the table in one of these formats"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: got {error.strerror!r}, expected a readable file; check its permissions"
        ) from error
    if not content.strip():
        raise DataError(f"{path}: got an empty file, expected a header and rows; export it again")
    return content


def _tables_in(folder: Path, close_to: str = "") -> str:
    names = (file.name for file in folder.iterdir())
    tables = sorted(name for name in names if Path(name).suffix.lower() in formats.SUPPORTED)
    close = difflib.get_close_matches(close_to, tables, n=3, cutoff=0.5)
    return listed(close or tables) or "no tables"


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f"its folder {path.parent} does not exist either; correct the path"
    return f"its folder has: {_tables_in(path.parent, path.name)}; correct the path"


def _table(rows: Sequence[Sequence[Any]], path: Path, findings: Findings) -> pd.DataFrame:
    """Take the first row that is not blank as the header; keep every row's number."""
    top = next((place for place, row in enumerate(rows) if not _blank(row)), None)
    if top is None:
        raise DataError(f"{path}: got no cells, expected a header and rows; export it again")
    header, body = list(rows[top]), rows[top + 1 :]
    while header and _empty(header[-1]) and all(len(row) < len(header) for row in body):
        header.pop()
    _check_width(header, body, top + 2, path)
    columns = list(itertools.islice(itertools.zip_longest(*body), len(header)))
    columns += [(None,) * len(body)] * (len(header) - len(columns))
    index = range(top + 2, top + 2 + len(body))
    trimmed = Counter[str]()
    named: dict[str, pd.Series] = {}
    for name, label, values in zip(_names(header, path), header, columns, strict=True):
        column, blanks = _column(values, index)
        trimmed["cells"] += blanks
        if _empty(label) and column.isna().all():
            trimmed["columns"] += 1
        else:
            named[name] = column
    findings.note("empty column removed", trimmed["columns"], detail="no name and no value")
    findings.note("blanks trimmed", trimmed["cells"], detail="cells with blanks around the value")
    return pd.DataFrame(named, index=index)


def _blank(row: Sequence[Any]) -> bool:
    return all(_empty(cell) for cell in row)


def _empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _check_width(header: list[Any], body: Sequence[Sequence[Any]], first: int, path: Path) -> None:
    long = {
        number: len(row)
        for number, row in enumerate(body, start=first)
        if len(row) > len(header) and not _blank(row[len(header) :])
    }
    if long:
        found = listed(f"row {number} has {width}" for number, width in long.items())
        raise DataError(
            f"{path}: got rows with more cells than the header ({found}), expected "
            f"{len(header)}; put values that contain the separator in double quotes"
        )


def _names(header: Sequence[Any], path: Path) -> list[str]:
    """Trim the column names; number those without one, as pandas does."""
    names = [
        f"Unnamed: {place}" if _empty(label) else " ".join(str(label).split())
        for place, label in enumerate(header)
    ]
    twice = {name: places for name in names if len(places := _places(names, name)) > 1}
    if twice:
        found = listed(f"{name!r} in columns {listed(at)}" for name, at in twice.items())
        raise DataError(f"{path}: got {found}, expected each column name once; rename or delete")
    return names


def _places(names: list[str], name: str) -> list[int]:
    return [place for place, other in enumerate(names, start=1) if other == name]


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
    named = {}
    for place, name in enumerate(_names(frame.columns.tolist(), path)):
        column = frame.iloc[:, place].set_axis(index)
        named[name] = column if _is_native(column) else _column(_cells(column), index)[0]
    return pd.DataFrame(named, index=index, copy=False)


def _is_native(column: pd.Series) -> bool:
    types = pd.api.types
    numeric = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    return numeric or types.is_datetime64_any_dtype(column)


def _cells(column: pd.Series) -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()

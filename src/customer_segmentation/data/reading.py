"""Read a file into a table whose cells are still as they came, each row under its file's number."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.data import formats, large_text, native, text
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import REMOVED, DataError, Findings, in_brackets, listed
from customer_segmentation.data.formats import TITLE, adds_up, empty, filled, header_row, quoted
from customer_segmentation.data.identity import may_be_id

WORDLESS = "columns named by numbers"
Cells = tuple[pd.DataFrame, dict[str, pd.Series]]


@dataclass(frozen=True)
class RawTable:
    """The cells of a file, indexed by row number (header = row 1)."""

    frame: pd.DataFrame  #: Text or native columns
    #: column -> float64 values: columns of text in which every cell is a number as computers
    #: write it, where known
    numbers: dict[str, pd.Series]
    rows_in: int  #: Rows under the header
    sha256: str  #: Of the file's bytes
    typed: bool  #: Whether the format itself tells numbers from text
    names: list[str]  #: Of all columns of the file, read or not


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
    formats.check_readable(path, sheet)
    choice = Choice(path, only, id_column)
    with ThreadPoolExecutor(1) as pool:  # it hashes while the cells are read
        digest = pool.submit(_sha256, path)
        frame, numbers = _cells(path, findings, choice, sheet)
    blank = _blank_rows(frame)
    if len(blank) == len(frame):
        sheets = in_brackets(e.detail for e in findings.entries if e.rule == native.UNREAD)
        raise DataError(
            f"{path}: got a header and no rows{sheets}, expected one row per customer; check the "
            "export"
        )
    findings.note(f"empty {REMOVED}", len(blank), detail=f"rows {listed(blank)} of the file")
    present = frame.index.difference(blank)
    first = frame.loc[present[-1]].dropna().iloc[0]
    total = present[-1:] if len(present) > 1 and adds_up(first) else present[:0]
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
        return _native_table(native.parquet_frame(path, choice), path), {}
    if path.suffix.lower() in formats.EXCEL:
        rows = native.excel_rows(path.read_bytes(), path, findings, sheet=sheet)
        return _table(rows, path, findings, choice), {}
    found = large_text.columns(path, findings, choice)
    if found is None:
        return _table(text.text_rows(path.read_bytes(), path, findings), path, findings, choice), {}
    index = range(2, len(found.texts) + 2)
    numbers = {
        name: pd.Series(values, index=index, name=name, copy=False)
        for name, values in found.numbers.items()
    }
    return _tidied(found.texts.set_axis(index), choice, found.blanks, findings), numbers


def _blank_rows(frame: pd.DataFrame) -> pd.Index:
    blank = np.ones(len(frame), dtype=bool)
    for name in frame:
        blank &= frame[name].isna().to_numpy()
        if not blank.any():
            break
    return frame.index[blank]


def _native_table(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    index = range(2, len(frame) + 2)
    names = column_names(frame.columns.tolist(), path)
    named = {
        name: native.native_column(frame.iloc[:, place], index) for place, name in enumerate(names)
    }
    return pd.DataFrame(named, index=index, copy=False)


def _table(
    rows: Sequence[Sequence[Any]], path: Path, findings: Findings, choice: Choice
) -> pd.DataFrame:
    """Take the first row that is not blank as the header; keep every row's number."""
    top = header_row(rows)
    if top is None:
        raise DataError(f"{path}: got no cells, expected a header and rows; export it again")
    title = quoted(rows[:top])
    findings.note(TITLE, len(title), detail=listed(title))
    header, body = list(rows[top]), rows[top + 1 :]
    while header and empty(header[-1]) and all(len(row) < len(header) for row in body):
        header.pop()
    chosen = choice(header)
    _check_width(header, body, top + 2, path)
    cells = list(itertools.islice(itertools.zip_longest(*body), len(header)))
    cells += [(None,) * len(body)] * (len(header) - len(cells))
    index = range(top + 2, top + 2 + len(body))
    columns = {name: native.typed_column(cells[place], index) for place, name in chosen.items()}
    frame = pd.DataFrame({name: column for name, (column, _) in columns.items()}, index=index)
    return _tidied(frame, choice, sum(blanks for _, blanks in columns.values()), findings)


def _tidied(frame: pd.DataFrame, choice: Choice, blanks: int, findings: Findings) -> pd.DataFrame:
    """Leave out columns without name and value, and report what was tidied, or is odd."""
    wordless = [name for name in choice.names if not any(map(str.isalpha, name))]
    if 2 * len(wordless) > len(choice.names):
        detail = f"{listed(map(repr, wordless))}; if these are a customer's, add a header"
        findings.note(WORDLESS, len(wordless), detail=detail)
    gone = [name for name in frame if name in choice.unnamed and frame[name].isna().all()]
    findings.note("empty column removed", len(gone), detail="no name and no value")
    findings.note("blanks trimmed", blanks, detail="cells with blanks around the value")
    return frame.drop(columns=gone) if gone else frame


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


@dataclass
class Choice:
    """Which columns of a file are read; called with the header, it keeps its names.

    Parameters
    ----------
    only : collection of str, optional
        The wanted columns; all by default.
    id_column : str, optional
        Read as well; without it, all columns that are named as if they could hold ids.

    Attributes
    ----------
    names : list of str
        Of all columns of the file, trimmed.
    unnamed : set of str
        Those of columns that have none in the file.

    Examples
    --------
    >>> choice = Choice(Path("shop.csv"), only=["Income"])
    >>> choice(["CustomerID", " Age ", "Income"]), choice.names
    ({0: 'CustomerID', 2: 'Income'}, ['CustomerID', 'Age', 'Income'])
    """

    path: Path
    only: Collection[str] | None = None
    id_column: str | None = None
    names: list[str] = field(default_factory=list)
    unnamed: set[str] = field(default_factory=set)

    def __call__(self, header: Sequence[Any]) -> dict[int, str]:
        """Find the columns to read: place -> name.

        Raises
        ------
        DataError
            If a name occurs twice, or a wanted column is not there.
        """
        self.names = column_names(header, self.path)
        self.unnamed = {name for name, cell in zip(self.names, header, strict=True) if empty(cell)}
        places = dict(enumerate(self.names))
        if self.only is None:
            return places
        lacking = [name for name in self.only if name not in self.names]
        if lacking:
            raise DataError(
                f"{self.path}: got no column {listed(map(repr, lacking))}, expected all that "
                f"data.only lists; {closest(lacking[0], self.names)}; correct data.only"
            )
        ids = [self.id_column] if self.id_column else filter(may_be_id, self.names)
        wanted = {*self.only, *ids}
        return {place: name for place, name in places.items() if name in wanted}


def column_names(header: Sequence[Any], path: Path) -> list[str]:
    """Trim the column names; number those without one, as pandas does.

    Raises
    ------
    DataError
        If a name occurs twice.

    Examples
    --------
    >>> column_names([" Age ", None, "Annual  Income"], Path("shop.csv"))
    ['Age', 'Unnamed: 1', 'Annual Income']
    """
    texts = ["" if label is None else " ".join(str(label).split()) for label in header]
    names = [text or f"Unnamed: {place}" for place, text in enumerate(texts)]
    places = {
        name: [place for place, other in enumerate(names, start=1) if other == name]
        for name, count in Counter(names).items()
        if count > 1
    }
    if places:
        found = listed(f"{name!r} in columns {listed(where)}" for name, where in places.items())
        raise DataError(f"{path}: got {found}, expected each column name once; rename or delete")
    return names

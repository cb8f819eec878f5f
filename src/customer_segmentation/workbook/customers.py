"""The long sheets, a row per customer: written as text in chunks, so that memory is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
from openpyxl.utils import get_column_letter

from customer_segmentation.results import Tables
from customer_segmentation.workbook import cells
from customer_segmentation.workbook.cells import Encode, Styles, encoder, labels

ADDED = ("segment", "segment name", "confidence")
WIDEST, NARROWEST = 44, 9
CHUNK = 5_000  # rows encoded at a time
MEASURED = 200  # rows from which a column's width is taken
END_OF_ROWS = b"</sheetData>"
SIZE = re.compile(rb'<dimension ref="[^"]*"')
LARGE = 2**31 // 100  # cells: then the sheet may be larger than an ordinary archive holds


def frame(tables: Tables) -> pd.DataFrame:
    """All customers: id, segment, its name, confidence, then their columns in raw units.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0]}, index=pd.Index([7], name="id"))
    >>> segments = pd.Series([1], index=table.index)
    >>> frame(Tables(table, segments, {1: "Young"}, segments * 1.0)).values.tolist()
    [[7, 1, 'Young', 1.0, 20.0]]
    """
    table = tables.table
    renamed = [f"{c} (data)" if str(c) in ADDED else c for c in table.columns]
    ids: Any = table.index.to_numpy() if isinstance(table.index, pd.MultiIndex) else table.index
    added = [pd.Series(ids, table.index), *(column for _, column in tables.assignments.items())]
    names = [table.index.name or "customer_id", *ADDED, *renamed]
    return pd.concat([*added, table], axis=1).set_axis(names, axis=1)


def prepare(sheet: Any, customers: pd.DataFrame) -> None:
    """Write header, widths, filter and frozen panes; the rows are filled in by :func:`fill`."""
    widths = [_width(customers.iloc[:, i], c) for i, c in enumerate(customers.columns)]
    cells.head(sheet, customers.columns.tolist(), widths)
    sheet.freeze_panes = "C2"
    last = get_column_letter(customers.shape[1])
    sheet.auto_filter.ref = f"A1:{last}{len(customers) + 1}"
    cells.on_paper(sheet)


def _width(column: pd.Series[Any], title: object) -> float:
    longest = max((len(str(v)) for v in column.head(MEASURED).tolist()), default=0)
    if isinstance(column.dtype, pd.CategoricalDtype):
        longest = max((len(str(v)) for v in column.cat.categories[:MEASURED]), default=0)
    if pd.api.types.is_float_dtype(column.dtype):
        longest = min(longest, 10)
    return float(min(max(longest, min(len(str(title)), 24), NARROWEST - 2) + 2, WIDEST))


def fill(
    path: str | Path | BytesIO,
    skeleton: BytesIO,
    frames: Mapping[int, pd.DataFrame],
    look: Styles,
) -> None:
    """Copy a workbook, adding the customers where the header of their sheet ends.

    Parameters
    ----------
    path : str, Path or BytesIO
        File to write.
    skeleton : BytesIO
        The workbook with all other sheets.
    frames : mapping, position of a sheet from 1 on -> DataFrame
        A row per customer, as :func:`frame` gives it: the segment is the second column.
    look : Styles
        Numbers of the cell styles in the skeleton.
    """
    wanted = {f"xl/worksheets/sheet{place}.xml": frame for place, frame in frames.items()}
    with ZipFile(skeleton) as source, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            content, customers = source.read(name), wanted.get(name)
            large = customers is not None and customers.size > LARGE
            with target.open(name, "w", force_zip64=large) as file:
                if customers is None:
                    file.write(content)
                    continue
                before, after = _sized(content, customers).split(END_OF_ROWS)
                file.write(before)
                for rows in _rows(customers, look):
                    file.write(rows.encode())
                file.write(END_OF_ROWS + after)


def _sized(content: bytes, customers: pd.DataFrame) -> bytes:
    """Correct the size that the sheet says it has: some programs read no further."""
    end = f"{get_column_letter(customers.shape[1])}{len(customers) + 1}"
    return SIZE.sub(f'<dimension ref="A1:{end}"'.encode(), content, count=1)


def _rows(customers: pd.DataFrame, styles: Styles) -> Iterator[str]:
    letters = [get_column_letter(i) for i in range(1, customers.shape[1] + 1)]
    row_of = ('<row r="%s">' + "".join(f'<c r="{at}%s"%s' for at in letters) + "</row>").__mod__
    encoders = _encoders(customers, styles)
    for start in range(0, len(customers), CHUNK):
        piece = customers.iloc[start : start + CHUNK]
        rows = list(map(str, range(start + 2, start + 2 + len(piece))))
        encoded = (encode(piece.iloc[:, i]) for i, encode in enumerate(encoders))
        numbered = [part for column in encoded for part in (rows, column)]
        yield "".join(map(row_of, zip(rows, *numbered, strict=True)))


def _encoders(customers: pd.DataFrame, styles: Styles) -> list[Encode]:
    return [
        labels(styles) if c == ADDED[0] else encoder(customers.iloc[:, i], c, styles)
        for i, c in enumerate(customers.columns)
    ]

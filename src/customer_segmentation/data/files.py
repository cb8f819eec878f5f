"""The file itself: whether it is there, and can be read."""

from __future__ import annotations

import difflib
from pathlib import Path

from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError, listed

HEAD_BYTES = 4096  # enough to recognise a format by


def check_readable(path: Path, sheet: str | None = None) -> None:
    """Say what is wrong with a path before it is opened.

    Raises
    ------
    DataError
        If it is missing, a folder, empty, of another format, or not readable; if a sheet is asked
        of what has none.

    Examples
    --------
    >>> check_readable(Path("customers.doc"))
    Traceback (most recent call last):
    customer_segmentation.data.findings.DataError: customers.doc: got no such file, ...
    """
    if path.is_dir():
        raise DataError(f"{path}: got a folder, expected a file; it has: {_tables(path)}")
    if not path.exists():
        raise DataError(f"{path}: got no such file, expected a customer table; {_nearby(path)}")
    if path.suffix.lower() not in formats.SUPPORTED:
        raise DataError(
            f"{path}: got the extension {path.suffix or '(none)'!r}, expected one of "
            f"{' '.join(formats.SUPPORTED)}; save the table in one of these formats"
        )
    if sheet is not None and path.suffix.lower() not in formats.EXCEL:
        raise DataError(
            f"{path}: got sheet={sheet!r}, expected it only with an Excel file; leave it out"
        )
    if not head(path).strip():
        raise DataError(f"{path}: got an empty file, expected a header and rows; export it again")


def head(path: Path) -> bytes:
    """Read the first bytes.

    Raises
    ------
    DataError
        If the system does not allow it.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(
            f"{path}: got {error.strerror!r}, expected a readable file; check its permissions"
        ) from error


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return f"its folder {path.parent} does not exist either; correct the path"
    return f"its folder has: {_tables(path.parent, path.name)}; correct the path"


def _tables(folder: Path, close_to: str = "") -> str:
    names = sorted(f.name for f in folder.iterdir() if f.suffix.lower() in formats.SUPPORTED)
    close = difflib.get_close_matches(close_to, names, n=3, cutoff=0.5)
    return listed(close or names) or "no tables"

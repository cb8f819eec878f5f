"""Who each row is: the id column is found, checked, set aside, and never a feature."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import Findings, cells, counted, listed

_PEOPLE = {"customer", "cust", "client", "user", "member", "consumer", "shopper", "buyer"}
_KUNDEN = {"kunde", "kunden", "mitglied", "mitglieds"}  # as German exports name them
_HOLDERS = _PEOPLE | _KUNDEN | {"account", "card", "household"}
_ID_WORDS = {"id", "ids", "key", "uid", "uuid", "guid", "code", "number", "no", "nr", "nummer"}
_ROW_NUMBERS = re.compile(r"Unnamed: \d+|index|row|row ?(no|nr|num|number|id)", re.IGNORECASE)


def set_aside(
    frame: pd.DataFrame, id_column: str | None, findings: Findings
) -> tuple[pd.DataFrame, pd.Series]:
    """Take the customer ids out of a table.

    Parameters
    ----------
    frame : DataFrame
        Cells as read, indexed by row number (header = row 1).
    id_column : str, optional
        The id column; looked for when not given. Without any, the first row under the header is
        customer 1, the next customer 2, and so on.
    findings : Findings
        Gets where the ids come from, and the problem if the id column lacks or lacks values.

    Returns
    -------
    frame : DataFrame
        The other columns, without a left-over row-number column.
    ids : Series of int64 or str
        The id of each row. Text unless all are plain whole numbers: "00123" stays "00123".

    Examples
    --------
    >>> raw = pd.DataFrame({"Cust_ID": ["007", "12"], "Age": ["31", "40"]}, index=[2, 3])
    >>> set_aside(raw, None, Findings())[1].tolist()
    ['007', '12']
    """
    found = _declared(frame, id_column, findings) if id_column else found_id(frame)
    if found is None:
        findings.note("customers numbered", len(frame), detail="no id column; row 2 is customer 1")
        name = "customer" if "customer" not in frame else "customer number"
        numbers = pd.Series(frame.index.to_numpy() - 1, index=frame.index, name=name)
        return _without_row_numbers(frame, findings), numbers
    if id_column is None:
        findings.note("id column found", 1, column=found, detail="by its name")
    ids = _canonical(frame[found])
    empty = frame.index[ids.isna()]
    if len(empty):
        findings.refuse(
            f"id column {found!r}: got {counted(len(empty), 'row')} without id "
            f"(row {listed(empty)}), expected one id per row; "
            "fill them in, or name another column in data.id_column"
        )
    return _without_row_numbers(frame.drop(columns=found), findings), ids


def _declared(frame: pd.DataFrame, id_column: str, findings: Findings) -> str | None:
    if id_column in frame:
        return id_column
    near = closest(id_column, frame.columns)
    findings.refuse(
        f"got no id column {id_column!r}, expected it; {near}; "
        "set data.id_column to one of them, or to null to have it found"
    )
    return None


def found_id(frame: pd.DataFrame) -> str | None:
    """Find the column that is obviously the customer id, by its name and its distinct values.

    A column named after customers is taken even if ids are repeated: that is then an error to be
    seen, whereas taking the column for a feature would hide it. Other ids must be distinct.

    Examples
    --------
    >>> found_id(pd.DataFrame({"Age": [31, 31], "CUST_ID": ["C1", "C2"]}))
    'CUST_ID'
    """
    ranked = sorted((rank, str(name)) for name in frame if (rank := _rank(str(name))) is not None)
    if not ranked or ranked[0][0] == 0:
        return ranked[0][1] if ranked else None
    distinct = frame if frame[ranked[0][1]].is_unique else frame.drop_duplicates()
    for _, name in ranked:
        column = distinct[name]
        if column.is_unique and column.notna().all() and _whole(column):
            return name
    return None


def distinct(ids: pd.Series) -> bool:
    """Tell that no id stands on two rows; in no time where they are sorted.

    Examples
    --------
    >>> distinct(pd.Series([1, 2, 1]))
    False
    """
    return bool(pd.Index(ids, copy=False).is_unique)


def may_be_id(name: str) -> bool:
    """Tell by its name that a column could hold ids, or the numbers of the rows.

    Examples
    --------
    >>> may_be_id("CUST_ID"), may_be_id("Age")
    (True, False)
    """
    return _rank(name) is not None


def _rank(name: str) -> int | None:
    """0: an id of customers; 1: some id; 2: a left-over row number; None: no id."""
    if _ROW_NUMBERS.fullmatch(name):
        return 2
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    lower = [word.lower() for word in words]
    joined = "".join(lower)
    named = {p + i for p in _HOLDERS for i in _ID_WORDS}
    if joined in named | {"id", "customer", "kunde"}:
        return 0
    return 1 if lower and lower[-1] in {"id", "uid", "uuid", "guid"} else None


def _whole(column: pd.Series) -> bool:
    """Tell that a column could be ids: not fractions, not dates."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return False
    if not pd.api.types.is_numeric_dtype(column):
        return True
    return bool((column.dropna() % 1 == 0).all())


def _canonical(column: pd.Series) -> pd.Series:
    """Write ids as a person sees them: 1001, not 1001.0; with their leading zeros."""
    if column.dtype == "str" and (numbers := _as_written(column)) is not None:
        return numbers
    numeric = pd.api.types.is_numeric_dtype(column)
    if numeric and _whole(column) and np.isfinite(column.dropna().astype("float64")).all():
        whole = column.astype("Int64")
        return whole if whole.isna().any() else whole.astype("int64")
    texts = column.astype("str").where(column.notna()).astype("str")
    present = texts.dropna()
    if present.str.fullmatch(r"\d+(\.0+)?").all():
        texts = texts.str.replace(r"\.0+$", "", regex=True)
    plain = texts.dropna().str.fullmatch(r"0|[1-9]\d{0,17}").all()
    return texts.astype("int64") if plain and texts.notna().all() and len(texts) else texts


def _as_written(column: pd.Series) -> pd.Series | None:
    """Text as whole numbers, if these written out are the text: no zeros lead, none follow."""
    cells = pa.array(column)
    try:
        numbers = pc.cast(cells, pa.int64())
    except pa.ArrowInvalid:
        return None
    same = len(cells) and not cells.null_count and pc.cast(numbers, cells.type).equals(cells)
    if not same or not 0 <= pc.min(numbers).as_py() <= pc.max(numbers).as_py() < 10**18:
        return None
    return pd.Series(numbers.to_numpy(), index=column.index, name=column.name, copy=False)


def _without_row_numbers(frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Drop columns that only number the rows, left over from an earlier export."""
    for name in [str(name) for name in frame if _ROW_NUMBERS.fullmatch(str(name))]:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if (numbers.diff().dropna() == 1).all() and numbers.notna().all() and len(numbers) > 1:
            findings.note("row-number column set aside", 1, column=name)
            frame = frame.drop(columns=name)
    return frame


def one_row_each(ids: pd.Series, how: str, findings: Findings) -> pd.Index:
    """Decide which rows to keep when an id stands on several different ones.

    Parameters
    ----------
    ids : Series
        The id of each row, indexed by row number.
    how : str
        "error", "keep_first" or "keep_last".
    findings : Findings
        Gets the rows removed, or the problem.

    Returns
    -------
    Index
        The row numbers to keep.

    Examples
    --------
    >>> one_row_each(pd.Series(["a", "b", "a"]), "keep_last", Findings()).tolist()
    [1, 2]
    """
    repeated = ids[ids.duplicated(keep=False) & ids.notna()]
    if repeated.empty:
        return ids.index
    if how == "error":
        findings.refuse(
            f"id column {ids.name!r}: got {counted(repeated.nunique(), 'id')} on several rows "
            f"({cells(repeated.sort_values(kind='stable'))}), expected one row per customer; "
            "correct them, or set data.duplicate_ids=keep_first or keep_last; purchase lines are "
            "read with data=transactions"
        )
        return ids.index
    removed = ids.index[ids.duplicated(keep="first" if how == "keep_first" else "last")]
    findings.note("repeated id row removed", len(removed), rows=removed, detail=how)
    return ids.index.difference(removed, sort=False)

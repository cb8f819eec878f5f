"""Who each row is: the id column is found, checked, set aside, and never a feature."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import REMOVED, Findings, cells, listed
from customer_segmentation.data.nominal import as_texts
from customer_segmentation.style import plural

_PEOPLE = {"customer", "cust", "client", "user", "member", "consumer", "shopper", "buyer"}
_KUNDEN = {"kunde", "kunden", "mitglied", "mitglieds"}  # as German exports name them
_HOLDERS = _PEOPLE | _KUNDEN | {"account", "card", "household"}
# Ids only where no two rows share them: a customer may have two policies.
_OTHERS = {"respondent", "donor", "patient", "guest", "subscriber", "person", "insured"}
_OTHERS |= {"policy", "policyholder", "contract", "loyalty", "membership", "booking"}
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
        first = frame.index[0] if len(frame) else 2
        detail = f"no id column; row {first} is customer 1"
        findings.note("customers numbered", len(frame), detail=detail)
        name = "customer" if "customer" not in frame else "customer number"
        numbers = pd.Series(frame.index.to_numpy() - first + 1, index=frame.index, name=name)
        return _without_row_numbers(frame, findings), numbers
    if id_column is None:
        findings.note("id column found", 1, column=found, detail="by its name")
    ids = _canonical(frame[found])
    empty = frame.index[ids.isna()]
    if len(empty):
        findings.refuse(
            f"id column {found!r}: got {plural(len(empty), 'row')} without id "
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
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name.replace("#", " no"))
    lower = [word.lower() for word in words]
    joined = "".join(lower)
    named = {p + i for p in _HOLDERS for i in _ID_WORDS}
    if joined in named | {"id", "customer", "kunde"}:
        return 0
    numbered = {p + i for p in _OTHERS for i in _ID_WORDS} | _PEOPLE | _OTHERS
    ending = bool(lower) and lower[-1] in {"id", "uid", "uuid", "guid"}
    return 1 if ending or joined in numbered else None


def _whole(column: pd.Series) -> bool:
    """Tell that a column could be ids: not fractions, not dates."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return False
    if not pd.api.types.is_numeric_dtype(column):
        return True
    return bool((column.dropna() % 1 == 0).all())


def _canonical(column: pd.Series) -> pd.Series:
    """Write ids as a person sees them: 1001, not 1001.0; with their leading zeros."""
    numeric = pd.api.types.is_numeric_dtype(column)
    if numeric and _whole(column) and np.isfinite(column.dropna().astype("float64")).all():
        whole = column.astype("Int64")
        return whole if whole.isna().any() else whole.astype("int64")
    texts = as_texts(column)
    return texts.astype("int64") if texts.str.fullmatch(r"0|[1-9]\d{0,17}").all() else texts


def _without_row_numbers(frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Drop columns that only number the rows, left over from an earlier export."""
    for name in [str(name) for name in frame if _ROW_NUMBERS.fullmatch(str(name))]:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if (numbers.diff().dropna() == 1).all() and numbers.notna().all() and len(numbers) > 1:
            findings.note("row-number column set aside", 1, column=name)
            frame = frame.drop(columns=name)
    return frame


def distinct_rows(
    frame: pd.DataFrame, ids: pd.Series | None, how: str, findings: Findings
) -> pd.Index:
    """Find the rows that are not an exact copy of an earlier one; `ids` if the file has them."""
    if ids is not None:  # a copy has the same id
        repeated = ids.duplicated(keep=False)
        whole = pd.concat([ids[repeated], frame[repeated]], axis=1)
    else:  # only rows with the same hash are compared
        numbers = frame.select_dtypes("float64") + 0.0  # minus zero is zero
        hashes = pd.util.hash_pandas_object(frame.assign(**numbers), index=False)
        whole = frame[hashes.duplicated(keep=False).to_numpy()]
    copies = whole.index[whole.duplicated()]
    if how == "keep":
        findings.note("duplicate row kept", len(copies), rows=copies)
        return frame.index
    findings.note(f"duplicate {REMOVED}", len(copies), rows=copies)
    return frame.index.difference(copies, sort=False)


def one_row_each(ids: pd.Series, how: str, findings: Findings) -> pd.Index:
    """Decide which row to keep, by its number, when an id stands on several different ones.

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
            f"id column {ids.name!r}: got {plural(repeated.nunique(), 'id')} on several rows "
            f"({cells(repeated.sort_values(kind='stable'))}), expected one row per customer; "
            "correct them, or set data.duplicate_ids=keep_first or keep_last; purchase lines are "
            "read with data=transactions"
        )
        return ids.index
    removed = ids.index[ids.duplicated(keep="first" if how == "keep_first" else "last")]
    findings.note("repeated id row removed", len(removed), rows=removed, detail=how)
    return ids.index.difference(removed, sort=False)

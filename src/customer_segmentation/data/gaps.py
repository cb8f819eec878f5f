"""Missing values: filled, dropped or refused, and counted in any case."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_segmentation.data.findings import REMOVED, Findings, counted, listed
from customer_segmentation.style import percent

MOST = 0.5  # share of gaps; to fill more would be to make the column up


def complete(frame: pd.DataFrame, ids: pd.Series, how: str, findings: Findings) -> pd.DataFrame:
    """Deal with missing values as configured; every one is counted.

    Parameters
    ----------
    frame : DataFrame
        Typed columns, indexed by row number.
    ids : Series
        The id of each row, for the errors.
    how : str
        "impute", "drop" or "error". Columns of which most is missing are not imputed.
    findings : Findings
        Gets what was filled or removed, or the problem.

    Examples
    --------
    >>> ages = pd.DataFrame({"Age": [31.0, None, 45.0]}, index=[2, 3, 4])
    >>> complete(ages, pd.Series([7, 8, 9], index=[2, 3, 4]), "impute", Findings())["Age"].tolist()
    [31.0, 38.0, 45.0]
    """
    usable = [name for name in frame if not _is_text(frame[name])]
    gaps = {str(name): frame.index[frame[name].isna()] for name in usable}
    gaps = {name: rows for name, rows in gaps.items() if 0 < len(rows) < len(frame)}
    _note_free_text(frame, findings)
    if how == "error":
        for name, rows in gaps.items():
            findings.refuse(
                f"column {name!r}: got {counted(len(rows), 'missing value')} "
                f"({ids.name} {listed(ids[rows])}), expected none; "
                "fill them in, or set data.missing=impute or drop"
            )
        return frame
    if how == "drop":
        return _without_gaps(frame, gaps, findings)
    filled = {}
    for name, rows in gaps.items():
        if len(rows) > MOST * len(frame):
            detail = f"no value for {percent(len(rows) / len(frame))} of the customers"
            findings.note("missing value left", len(rows), column=name, rows=rows, detail=detail)
        else:
            filled[name] = _imputed(frame[name], rows, findings)
    return frame.assign(**filled)


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.is_string_dtype(column) and not isinstance(
        column.dtype, pd.CategoricalDtype
    )


def _note_free_text(frame: pd.DataFrame, findings: Findings) -> None:
    for name, column in frame.items():
        if _is_text(column):
            empty = column.index[column.isna()]
            findings.note("missing text left", len(empty), column=str(name), rows=empty)


def _without_gaps(
    frame: pd.DataFrame, gaps: Mapping[str, pd.Index], findings: Findings
) -> pd.DataFrame:
    for name, rows in gaps.items():
        findings.note("missing value", len(rows), column=name, rows=rows)
    complete = frame.dropna(subset=list(gaps))
    if complete.empty:
        findings.refuse(
            f"got a missing value in each of the {len(frame)} rows, expected complete ones to "
            f"keep (missing: {listed(f'{n} {len(r)}' for n, r in gaps.items())}); "
            "set data.missing=impute"
        )
    removed = frame.index.difference(complete.index, sort=False)
    findings.note(f"incomplete {REMOVED}", len(removed), rows=removed)
    return complete


def _imputed(column: pd.Series, rows: pd.Index, findings: Findings) -> pd.Series:
    """Fill a column with its median, or with its most frequent level."""
    if pd.api.types.is_numeric_dtype(column):
        value, shown = column.median(), f"{column.median():.6g}"
    elif isinstance(column.dtype, pd.CategoricalDtype):
        value = shown = column.mode().iloc[0]
    else:
        value = column.dropna().sort_values().iloc[(column.notna().sum() - 1) // 2]
        shown = f"{value:%Y-%m-%d}"
    findings.note(
        "missing value imputed", len(rows), column=str(column.name), rows=rows, detail=f"-> {shown}"
    )
    return column.fillna(value)

"""Missing values: filled, dropped or refused, and counted in any case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from customer_segmentation.data.findings import REMOVED, Findings, listed
from customer_segmentation.style import percent, plural

MOST = 0.5  # share of gaps; to fill more would be to make the column up

IMPUTED = "missing value imputed"  # rule of the cleaning report


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
    gaps: dict[str, pd.Index] = {}
    for name, column in frame.items():
        rows = column.index[column.isna()]
        if column.dtype == "str":
            findings.note("missing text left", len(rows), column=str(name), rows=rows)
        elif 0 < len(rows) < len(frame):
            gaps[str(name)] = rows
    if how == "error":
        for name, rows in gaps.items():
            findings.refuse(
                f"column {name!r}: got {plural(len(rows), 'missing value')} "
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
    value: Any
    if pd.api.types.is_numeric_dtype(column):
        value, shown = column.median(), f"{column.median():.6g}"
    elif isinstance(column.dtype, pd.CategoricalDtype):
        value = shown = column.mode().iloc[0]
    else:
        value = column.quantile(interpolation="lower")  # a day that occurs
        shown = f"{value:%Y-%m-%d}"
    findings.note(IMPUTED, len(rows), column=str(column.name), rows=rows, detail=f"-> {shown}")
    return column.fillna(value)

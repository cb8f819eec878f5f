"""Read, check and clean a customer table, and account for every row and cell that was touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from customer_segmentation import environment
from customer_segmentation.data import codes, coercion, gaps, identity, native, nominal
from customer_segmentation.data.expectations import check_names, check_values, expectations
from customer_segmentation.data.findings import SAID, DataError, Findings, listed
from customer_segmentation.data.formats import TITLE
from customer_segmentation.data.reading import WORDLESS, read
from customer_segmentation.style import percent

__all__ = ["CustomerData", "DataError", "load"]

TOLD = SAID | {native.UNREAD, TITLE, WORDLESS, codes.READ, codes.POSSIBLE, nominal.NAMES}
ENDS = {"rows read", "rows kept", "lines read", "customers"}
MUCH = 0.2  # share of made-up values that a reader has to know of
Missing = Literal["impute", "drop", "error"]
DuplicateRows = Literal["drop", "keep"]
DuplicateIds = Literal["error", "keep_first", "keep_last"]


@dataclass(frozen=True)
class CustomerData:
    """A clean customer table and how it came about."""

    name: str  #: What the data are called
    #: shape (n_customers, n_columns): float64, category, datetime64 and str columns in raw units,
    #: indexed by customer id
    table: pd.DataFrame
    #: The cleaning report: rule, column, count, examples (ids, or what was read as what). Rules
    #: that took rows away end with "row removed".
    report: pd.DataFrame
    #: Rows under the file's header, and customers kept
    rows_in: int
    rows_out: int
    sha256: str  #: Of the file's bytes
    source: str  #: The path as given
    id_column: str | None = None  #: None when the file has no ids and its rows were numbered
    #: How the table came out of purchase lines, for making it again from new ones; then ``rows_in``
    #: counts lines
    history: dict[str, Any] | None = None
    unread: list[str] = field(default_factory=list)  #: Columns that were not asked for
    #: column -> dict: what was declared of columns, any of ``min``, ``max`` and ``values``
    allowed: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing_tokens: Sequence[str] = ()  #: Words that mean "missing", besides the usual ones
    #: column -> numbers that mean "missing" in it
    missing_codes: dict[str, list[float]] = field(default_factory=dict)

    @property
    def imputed(self) -> dict[str, int]:
        """How many gaps were filled, by column."""
        filled = self.report[self.report["rule"] == gaps.IMPUTED]
        return {str(c): int(n) for c, n in zip(filled["column"], filled["count"], strict=True)}

    @property
    def decimal_mark(self) -> Literal[".", ","]:
        """How text cells wrote fractions."""
        return "," if (self.report["rule"] == coercion.DECIMAL_COMMA).any() else "."

    @property
    def summary(self) -> str:
        """The cleaning in one line for the terminal."""
        start = f"{self.rows_in:,} customers read, {self.rows_out:,} kept; "
        if self.history is not None:
            start = f"{self.rows_in:,} purchase lines read, of {self.rows_out:,} customers; "
        done = [
            _in_words(str(rule), lines, self.rows_out)
            for rule, lines in self.report.groupby("rule", sort=False)
        ]
        return start + ("; ".join(filter(None, done)) or "nothing to clean")


def _in_words(rule: str, lines: pd.DataFrame, customers: int) -> str:
    """Say one rule's lines of the report in a few words; nothing where it only counts rows."""
    if rule in ENDS:
        return ""
    if rule == "id column found":
        return f"ids from {lines['column'].iloc[0]}"
    if rule in TOLD:
        return f"{rule}: {listed(lines['examples'], 3)}"
    counts = zip(lines["column"], lines["count"] / customers, strict=True)
    much = [f"{column} {percent(share)}" for column, share in counts if share > MUCH]
    detail = f" ({listed(much)})" if rule == gaps.IMPUTED and much else ""
    return f"{rule}: {lines['count'].sum():,}{detail}"


def load(
    path: str | Path,
    *,
    name: str | None = None,
    id_column: str | None = None,
    columns: Mapping[str, Any] | None = None,
    missing: Missing = "impute",
    duplicate_rows: DuplicateRows = "drop",
    duplicate_ids: DuplicateIds = "error",
    missing_tokens: Sequence[str] | None = None,
    sheet: str | None = None,
    only: Sequence[str] | None = None,
) -> CustomerData:
    r"""Load a customer table: one row per customer.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .txt, .parquet, .pq, .xlsx or .xlsm file; it is never written.
    name : str, optional
        What to call the data; the file's stem by default.
    id_column : str, optional
        The column that identifies customers. When not given, an obvious one is looked for
        (named like CustomerID, with distinct values), else the rows are numbered from 1.
    columns : mapping, optional
        Expected columns: name -> any of type (number, category, date, text), min, max, values,
        required, missing (codes for "missing", such as [999]). Other columns are kept with an
        inferred type.
    missing : {"impute", "drop", "error"}, default "impute"
        Numbers and dates get their column's median, categories the most frequent level; or rows
        with a missing value are dropped. Free text and columns of which most is missing stay as
        they are.
    duplicate_rows : {"drop", "keep"}, default "drop"
        What to do with rows equal in every column, the id included.
    duplicate_ids : {"error", "keep_first", "keep_last"}, default "error"
        What to do with one id on different rows.
    missing_tokens : sequence of str, optional
        Words that mean "missing", besides the usual ones (?, -, N/A, unknown, ...).
    sheet : str, optional
        Excel sheet; the first one by default.
    only : sequence of str, optional
        The columns to read; all by default. Of CSV and Parquet files no other is decoded. The id
        column is read in any case. Without ids, rows that are equal in these columns may be
        different customers, and are kept.

    Returns
    -------
    CustomerData

    Raises
    ------
    DataError
        With every problem found: what was got, what was expected, what to do.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = file.write_text("CustomerID,Age,Gender\n1,31,male\n2,?,Male\n3,45,Male \n")
    >>> data = load(file)
    >>> data.table
                Age Gender
    CustomerID
    1          31.0   Male
    2          38.0   Male
    3          45.0   Male
    """
    _check_choices(missing=missing, duplicate_rows=duplicate_rows, duplicate_ids=duplicate_ids)
    wanted = _only(only)
    declared = expectations(columns)
    findings = Findings()
    raw = read(Path(path).expanduser(), findings, sheet=sheet, only=wanted, id_column=id_column)
    frame, ids = identity.set_aside(raw.frame, id_column, findings)
    identified = ids.name in raw.frame
    declared.pop(str(ids.name), None)
    if wanted is not None:
        frame = frame[[name for name in frame if name in wanted]]
        declared = {name: expected for name, expected in declared.items() if name in wanted}
    check_names(frame, declared, findings)
    tokens = missing_tokens or ()
    frame = coercion.coerce(
        frame, declared, findings, typed=raw.typed, tokens=tokens, numbers=raw.numbers
    )
    raw = replace(raw, frame=frame, numbers={})  # what was read is let go
    if not (identified and pd.Index(ids, copy=False).is_unique):  # which is quick if sorted
        equal = duplicate_rows if wanted is None or identified else "keep"
        frame = _distinct(frame, ids, identified, (equal, duplicate_ids), findings)
    frame, missing_codes = codes.set_aside(frame, declared, findings)
    check_values(frame, declared, findings)
    findings.stop_if_refused(str(path))
    table = gaps.complete(frame, ids, missing, findings)
    findings.stop_if_refused(str(path))
    environment.release_memory()
    return CustomerData(
        name=name or Path(path).stem,
        table=table.set_axis(pd.Index(ids.loc[table.index], name=ids.name)),
        report=_report(findings, ids, raw.rows_in, len(table)),
        rows_in=raw.rows_in,
        rows_out=len(table),
        sha256=raw.sha256,
        source=str(path),
        id_column=str(ids.name) if identified else None,
        allowed={name: part.allowed for name, part in declared.items() if part.allowed},
        missing_tokens=tokens,
        missing_codes=missing_codes,
        unread=[name for name in raw.names if wanted and name not in (*frame, ids.name)],
    )


def _only(only: Sequence[str] | None) -> list[str] | None:
    if only is None:
        return None
    if isinstance(only, str) or not only:
        raise DataError(
            f"data.only: got {only!r}, expected a list of columns; write data.only=[Age,Income], "
            "or null to read all"
        )
    return [str(name) for name in only]


def _distinct(
    frame: pd.DataFrame,
    ids: pd.Series,
    identified: bool,
    rules: tuple[DuplicateRows, DuplicateIds],
    findings: Findings,
) -> pd.DataFrame:
    """One row for each customer, by the rules for rows that are equal and for equal ids."""
    rows = identity.distinct_rows(frame, ids if identified else None, rules[0], findings)
    rows = identity.one_row_each(ids.loc[rows], rules[1], findings)
    return frame if len(rows) == len(frame) else frame.loc[rows]


def _check_choices(**given: str) -> None:
    allowed = {"missing": Missing, "duplicate_rows": DuplicateRows, "duplicate_ids": DuplicateIds}
    for key, value in given.items():
        choices = get_args(allowed[key])
        if value not in choices:
            raise DataError(
                f"data.{key}: got {value!r}, expected one of {listed(choices)}; choose one"
            )


def _report(findings: Findings, ids: pd.Series, rows_in: int, rows_out: int) -> pd.DataFrame:
    """Close the cleaning report with the row account, which must add up."""
    if rows_in - findings.removed() != rows_out:
        raise AssertionError(f"{rows_in} rows in, {findings.removed()} removed, {rows_out} out")
    found = findings.table(ids)
    lines = found.itertuples(index=False, name=None)
    first, last = ("rows read", "", rows_in, ""), ("rows kept", "", rows_out, "")
    return pd.DataFrame([first, *lines, last], columns=found.columns)

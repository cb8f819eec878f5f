"""Clean purchase lines, from a file of any size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation.batches import open_source
from customer_segmentation.data.findings import DataError, Findings, listed
from customer_segmentation.style import plural
from customer_segmentation.transactions import raw, rules, staging
from customer_segmentation.transactions.roles import recognised


@dataclass(frozen=True)
class Lines:
    """Clean purchase lines in a DuckDB database, and how they came about."""

    #: With the view ``lines``. Its columns: ``customer`` (BIGINT where all ids are whole numbers,
    #: else VARCHAR), ``time`` (TIMESTAMP), ``amount`` (DECIMAL, negative for returns), ``order``,
    #: ``item``, ``category`` (VARCHAR, NULL where the file has none) and ``is_return`` (BOOLEAN).
    connection: Connection
    columns: dict[str, str]  #: role -> column of the file
    as_of: dt.date  #: Lines before this day are kept
    #: columns ``rule``, ``lines``, ``amount``: where every line and its money went; the rules add
    #: up to the file
    account: pd.DataFrame
    findings: Findings  #: The cleaning report so far
    source: str

    @property
    def rows_in(self) -> int:
        """Lines of the file."""
        return int(self.account["lines"].sum())

    @property
    def rows_out(self) -> int:
        """Lines kept."""
        kept = self.account["rule"].isin([rules.PURCHASES, rules.RETURNS])
        return int(self.account.loc[kept, "lines"].sum())


@contextmanager
def open_lines(
    path: str | Path,
    *,
    columns: Mapping[str, str | None] | None = None,
    as_of: str | dt.date | None = None,
    timezone: str = "UTC",
    cancellation_mark: str | None = None,
    duplicate_lines: Literal["drop", "keep"] = "drop",
    items: str | Path | None = None,
    sheet: str | None = None,
) -> Iterator[Lines]:
    r"""Read and clean a file of purchase lines of any size.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .txt, .parquet, .pq, .xlsx or .xlsm file; it is never written.
    columns : mapping, role -> column, optional
        Of ``customer``, ``time``, ``amount`` (or ``quantity`` and ``price``), ``order``, ``item``
        and ``category``; what is absent or None is known by its name.
    as_of : date or "yyyy-mm-dd", optional
        Only lines before this day count. By default the day after the last purchase, which must
        not be in the future.
    timezone : str, default "UTC"
        Whose clock: times with an offset are converted to it, others are taken as they stand.
    cancellation_mark : str, optional
        What the ids of cancelled orders begin with, such as "C": their lines are returns, as are
        those with a negative amount or quantity.
    duplicate_lines : {"drop", "keep"}, default "drop"
        What to do with lines equal in every column of the file.
    items : str or Path, optional
        A file with the category of each item, joined by the item's id.
    sheet : str, optional
        Excel sheet; the first one by default.

    Yields
    ------
    Lines

    Raises
    ------
    DataError
        Where the file cannot be read, a column is not found, or no purchase is left.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "sales.csv"
    >>> _ = file.write_text("customer_id,date,amount\na,2025-05-01,7.5\n,2025-05-02,3\n")
    >>> with open_lines(file) as lines:
    ...     lines.connection.sql("SELECT customer, amount FROM lines").fetchall()
    [('a', Decimal('7.5000'))]
    """
    path, findings, named = Path(path).expanduser(), Findings(), dict(columns or {})
    _check(duplicate_lines, timezone)
    source = open_source(path, sheet=sheet)
    inside = {role: c for role, c in named.items() if items is None or role != "category"}
    found = recognised(source.columns, inside, findings)
    findings.stop_if_refused(str(path))
    for text in source.notes:
        findings.note("read otherwise", 1, detail=text)
    with raw.scratch() as connection:
        raw.read(connection, source, found)
        staging.stage(
            connection,
            found,
            findings,
            timezone=timezone,
            cancellation_mark=cancellation_mark,
            drop_copies=duplicate_lines == "drop",
        )
        if items is not None:
            staging.add_categories(connection, Path(items).expanduser(), named, findings)
        moment = _moment(connection, as_of, path, findings)
        rules.apply(connection, moment)
        account = rules.account(connection, findings)
        _check_purchases(account, path, moment)
        yield Lines(connection, found, moment, account, findings, str(path))


def _check(duplicate_lines: str, timezone: str) -> None:
    if duplicate_lines not in {"drop", "keep"}:
        raise DataError(
            f"data.duplicate_lines: got {duplicate_lines!r}, expected drop or keep; choose one"
        )
    known = "SELECT count(*) FROM pg_timezone_names() WHERE name = ?"
    if not duckdb.execute(known, [timezone]).fetchall()[0][0]:
        raise DataError(
            f"data.timezone: got {timezone!r}, expected one like UTC or Europe/Berlin; correct it"
        )


def _moment(
    connection: Connection, as_of: str | dt.date | None, path: Path, findings: Findings
) -> dt.date:
    """The day before which purchases count: as given, or the day after the last one."""
    if as_of is not None:
        return _day(as_of)
    last, today = rules.last_purchase(connection), dt.date.today()
    if last is None:
        return today  # nothing is left: said with the account
    if last > today:
        raise DataError(
            f"{path}: got purchases up to {last}, after today ({today}), expected past ones; "
            f"set data.as_of={today} to leave them out, or correct the dates"
        )
    moment = last + dt.timedelta(days=1)
    findings.note("as_of", 1, detail=f"{moment}, the day after the last purchase")
    return moment


def _day(as_of: str | dt.date) -> dt.date:
    try:
        return dt.date.fromisoformat(str(as_of)[:10])
    except ValueError as error:
        raise DataError(
            f"data.as_of: got {as_of!r}, expected a day like 2025-12-31; correct it"
        ) from error


def _check_purchases(account: pd.DataFrame, path: Path, as_of: dt.date) -> None:
    counts = dict(zip(account["rule"], account["lines"], strict=True))
    if not counts.get(rules.PURCHASES):
        went = listed((f"{rule} {count:,}" for rule, count in counts.items()), len(counts))
        raise DataError(
            f"{path}: got no purchase among {plural(sum(counts.values()), 'line')} before {as_of} "
            f"({went}), expected at least one with customer, date and amount; "
            "check data.columns and data.as_of"
        )

"""Clean purchase lines, from a file of any size: every line is kept or set aside by one rule."""

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
from customer_segmentation.data.codes import PLACEHOLDERS
from customer_segmentation.data.findings import EXAMPLES, DataError, Findings, listed
from customer_segmentation.style import plural
from customer_segmentation.transactions import raw, staging
from customer_segmentation.transactions.raw import recognised

PURCHASES, RETURNS = "purchase line kept", "return line kept"
REMOVED = "line removed"
_PLACEHOLDERS = ", ".join(f"DATE '{day}'" for day in PLACEHOLDERS)
# Rule -> when a line falls under it. The first that holds is the line's.
RULES: Mapping[str, str] = {
    f"unreadable {REMOVED}": "problem IS NOT NULL",
    f"empty {REMOVED}": "empty",
    f"duplicate {REMOVED}": "copied",
    f"no customer: {REMOVED}": "customer IS NULL",
    f"no date: {REMOVED}": '"time" IS NULL AND odd_time IS NULL',
    f"unreadable date: {REMOVED}": '"time" IS NULL',
    f"date of none: {REMOVED}": f'"time"::DATE IN ({_PLACEHOLDERS})',
    f"no amount: {REMOVED}": "amount IS NULL AND odd_amount IS NULL",
    f"unreadable amount: {REMOVED}": "amount IS NULL",
    f"after as_of: {REMOVED}": "\"time\" >= DATE '{as_of}'",
    f"zero amount: {REMOVED}": "amount = 0",
    RETURNS: "is_return",
}
# What is shown of an example, besides the number of its row.
_SHOWN = {
    f"unreadable {REMOVED}": "problem",
    f"unreadable date: {REMOVED}": "odd_time",
    f"date of none: {REMOVED}": '"time"::DATE::VARCHAR',
    f"unreadable amount: {REMOVED}": "odd_amount",
    f"after as_of: {REMOVED}": '"time"::DATE::VARCHAR',
    RETURNS: "round(amount, 2)::VARCHAR",
}


def _apply_rules(connection: Connection, as_of: dt.date) -> None:
    """Make the views ``ruled`` (every line and its rule) and ``lines`` (those kept)."""
    cases = " ".join(
        f"WHEN {condition.format(as_of=as_of)} THEN '{rule}'" for rule, condition in RULES.items()
    )
    connection.execute(
        f"CREATE OR REPLACE VIEW ruled AS SELECT *, CASE {cases} ELSE '{PURCHASES}' END AS rule "
        "FROM staged"
    )
    whole = connection.sql(
        "SELECT bool_and(regexp_full_match(customer, '0|[1-9]\\d{0,17}')) FROM staged"
    ).fetchall()[0][0]
    customer = "customer::BIGINT AS customer" if whole else "customer"
    connection.execute(
        f'CREATE OR REPLACE VIEW lines AS SELECT {customer}, "time", amount, "order", item, '
        f"category, is_return FROM ruled WHERE rule IN ('{PURCHASES}', '{RETURNS}')"
    )


def _last_purchase(connection: Connection) -> dt.date | None:
    """Day of the last line that only a date could set aside."""
    _apply_rules(connection, dt.date.max)
    found = connection.sql('SELECT max("time")::DATE FROM lines').fetchall()[0][0]
    return found if isinstance(found, dt.date) else None


def _account(connection: Connection, findings: Findings) -> pd.DataFrame:
    """Lines and money per rule, noted in the cleaning report with examples of what was set aside.

    Returns columns ``rule``, ``lines``, ``amount`` (of the lines whose amount is readable).
    """
    found = connection.sql(
        "SELECT rule, count(*), coalesce(sum(amount), 0) FROM ruled GROUP BY rule"
    ).fetchall()
    order = [*RULES, PURCHASES]
    found.sort(key=lambda row: order.index(row[0]))
    for rule, count, amount in found:
        examples = "" if rule == PURCHASES else _examples(connection, rule, count)
        worth = f"worth {amount:,.2f}" if amount else ""
        findings.note(rule, count, detail="; ".join(filter(None, (worth, examples))))
    return pd.DataFrame(found, columns=["rule", "lines", "amount"])


def _examples(connection: Connection, rule: str, count: int) -> str:
    shown = _SHOWN.get(rule, "NULL")
    rows = connection.sql(
        f"SELECT line, {shown} FROM ruled WHERE rule = '{rule}' ORDER BY line LIMIT {EXAMPLES}"
    ).fetchall()
    texts = [f"row {line}" + (f" {text!r}" if text else "") for line, text in rows]
    return listed(texts + [""] * (count - len(texts)), len(texts))


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
        kept = self.account["rule"].isin([PURCHASES, RETURNS])
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
        _apply_rules(connection, moment)
        account = _account(connection, findings)
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
    last, today = _last_purchase(connection), dt.date.today()
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
    if not counts.get(PURCHASES):
        went = listed((f"{rule} {count:,}" for rule, count in counts.items()), len(counts))
        raise DataError(
            f"{path}: got no purchase among {plural(sum(counts.values()), 'line')} before {as_of} "
            f"({went}), expected at least one with customer, date and amount; "
            "check data.columns and data.as_of"
        )

"""Every line is kept or set aside by one rule, and the rules add up to the file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pandas as pd
from duckdb import DuckDBPyConnection as Connection

from customer_segmentation.data.findings import EXAMPLES, Findings, listed

PURCHASES, RETURNS = "purchase line kept", "return line kept"
REMOVED = "line removed"
# Rule -> when a line falls under it. The first that holds is the line's.
RULES: Mapping[str, str] = {
    f"unreadable {REMOVED}": "problem IS NOT NULL",
    f"empty {REMOVED}": "empty",
    f"duplicate {REMOVED}": "copied",
    f"no customer: {REMOVED}": "customer IS NULL",
    f"no date: {REMOVED}": '"time" IS NULL AND odd_time IS NULL',
    f"unreadable date: {REMOVED}": '"time" IS NULL',
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
    f"unreadable amount: {REMOVED}": "odd_amount",
    f"after as_of: {REMOVED}": '"time"::DATE::VARCHAR',
    RETURNS: "round(amount, 2)::VARCHAR",
}


def apply(connection: Connection, as_of: dt.date) -> None:
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


def last_purchase(connection: Connection) -> dt.date | None:
    """Day of the last line that only a date could set aside."""
    apply(connection, dt.date.max)
    found = connection.sql('SELECT max("time")::DATE FROM lines').fetchall()[0][0]
    return found if isinstance(found, dt.date) else None


def account(connection: Connection, findings: Findings) -> pd.DataFrame:
    """Lines and money per rule, noted in the cleaning report with examples of what was set aside.

    Returns
    -------
    DataFrame, columns ``rule``, ``lines``, ``amount`` (of the lines whose amount is readable)
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

"""What the columns of a purchase file stand for: named in the configuration, or known by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import Findings, listed

_EVENT = (
    "(transaction|trans?|txn|order|invoice|purchase|sales?|basket|receipt|checkout|payment|event"
    "|posting)"
)
_THING = "(product|item|article|goods|merchandise)"
_KEY = "(id|ids|key|code|number|num|no|nr)"
_PERSON = "(customer|cust|client|user|member|consumer|shopper|buyer|visitor|cardholder)"
_SUM = "(amount|value|sum|total|revenue|spend|turnover)"
# Role -> patterns of a column's letters in lower case ("Invoice_No" is "invoiceno"), best first.
PATTERNS: Mapping[str, Sequence[str]] = {
    "customer": (
        f"({_PERSON}|household|account|card|loyalty(card)?)(unique)?{_KEY}",
        f"({_PERSON}s?|household)",
        f"{_PERSON}?email(address)?",
    ),
    "time": (
        f"{_EVENT}*(timestamp|datetime)(utc)?",
        f"{_EVENT}+(date|approvedat)",
        "(date|dateofpurchase|purchasedon)",
        f"{_EVENT}*(time|created|createdat|placedat|day)",
    ),
    "amount": (
        f"(line|item|net|gross|total|grand|sub|dollar|{_EVENT})*{_SUM}(usd|eur|gbp|paid|spent)?",
        "(sales|netsales|grosssales|totalsales|totalprice|lineprice|extendedprice|spent)",
    ),
    "quantity": (f"({_EVENT}|{_THING})*(quantity|qty)(sold|ordered)?", "(units|pieces|unitssold)"),
    "price": (f"(net|sale|list|{_THING}|unit)*price(perunit|each)?", "unitcost"),
    "order": (
        f"{_EVENT}{_KEY}",
        f"(bill|ticket|till|slip|cart|session|trip|visit){_KEY}",
        "(invoice|order|basket|receipt|transaction|ticket)",
    ),
    "item": (
        f"({_THING}|stock|sku|upc|ean|gtin|asin|isbn){_KEY}",
        "(sku|upc|ean|gtin|asin|isbn|stockcode)",
        f"{_THING}",
        f"({_THING}(name|description|title)|description)",
    ),
    "category": (
        f"{_THING}?category(name|code)?",
        "(department|departmentname)",
        f"({_THING}(group|class|line|family|type)|commodity|commoditydesc|section)",
    ),
}
ROLES = tuple(PATTERNS)
NEEDED = {
    "customer": "the customer's id",
    "time": "the date or time of the purchase",
    "amount": "an amount, nor quantity and price",
}


def recognised(
    columns: Sequence[str], configured: Mapping[str, str | None], findings: Findings
) -> dict[str, str]:
    """Find the column of each role.

    Parameters
    ----------
    columns : sequence of str
        What the file has.
    configured : mapping, role -> column
        Taken as they are; roles that are absent or None are looked for by name.
    findings : Findings
        Gets what was recognised, and a problem for each column that is needed and not there.

    Returns
    -------
    dict, role -> column
        Without the roles that the file has no column for. Quantity and price only where there
        is no amount, or where they were configured.

    Examples
    --------
    >>> recognised(["Client No", "Date", "Sales Value", "SKU"], {}, Findings())
    {'customer': 'Client No', 'time': 'Date', 'amount': 'Sales Value', 'item': 'SKU'}
    """
    named = {role: column for role, column in configured.items() if column is not None}
    for role in named.keys() - set(ROLES):
        findings.refuse(
            f"data.columns: got {role!r}, expected one of {listed(ROLES, 10)}; correct it"
        )
    found: dict[str, str] = {}
    for role in ROLES:
        column = named.get(role) or by_name(role, columns, {*named.values(), *found.values()})
        if column is not None:
            found[role] = column
    _check(found, columns, findings)
    if "amount" in found and "price" not in named:
        found.pop("price", None)
    guessed = {role: column for role, column in found.items() if role not in named}
    detail = listed((f"{role} = {column}" for role, column in guessed.items()), 10)
    findings.note("columns recognised by name", len(guessed), detail=detail)
    return found


def by_name(role: str, columns: Iterable[str], taken: Collection[str] = ()) -> str | None:
    """Find the column that is known as a role by its name.

    Examples
    --------
    >>> by_name("item", ["Invoice", "StockCode", "Description"])
    'StockCode'
    """
    free = [column for column in columns if column not in taken]
    for pattern in PATTERNS[role]:
        for column in free:
            if re.fullmatch(pattern, re.sub(r"[\W\d_]+", "", column.lower())):
                return column
    return None


def _check(found: Mapping[str, str], columns: Sequence[str], findings: Findings) -> None:
    for role, column in found.items():
        if column not in columns:
            findings.refuse(
                f"got no column {column!r} for data.columns.{role}, expected it; "
                f"{closest(column, columns)}; correct data.columns.{role}"
            )
    for role, words in NEEDED.items():
        if role not in found and not (role == "amount" and "price" in found):
            findings.refuse(
                f"got no column known as {words}, expected one; the file has: "
                f"{listed(map(repr, columns), 30)}; name it with data.columns.{role}=COLUMN"
            )

"""Segments as cards: who they are, what to do, how to recognise them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from customer_segmentation.page.html import (
    LONG,
    Html,
    badge,
    bullets,
    element,
    join,
    paint,
    paragraph,
    table,
)
from customer_segmentation.style import (
    OUTLIER,
    colour,
    heading,
    label,
    percent,
    plural,
    written,
)

if TYPE_CHECKING:
    from customer_segmentation.profiles.cards import Card

MOST_COLUMNS = 6  # of the typical customers
MOST_CHARACTERS = 60  # in a row of them, gaps included: what fits a card
GAP = 2


def cards(found: Sequence[Card]) -> Html:
    """All cards."""
    return element("div", *map(_card, found), class_="cards")


def strip(counts: pd.DataFrame) -> Html:
    """Sizes of all segments as one bar; read aloud as numbers.

    Parameters
    ----------
    counts : DataFrame
        As `profiles.counts` gives it.

    Examples
    --------
    >>> counts = pd.DataFrame({"segment": [1], "name": ["All"], "customers": [3], "share": [1.0]})
    >>> "1 · All: 3 customers (100 %)" in strip(counts)
    True
    """
    pieces, words = [], []
    for row in counts.itertuples():
        segment, share = int(row.segment), float(row.share)  # type: ignore[arg-type]
        size = f"{plural(int(row.customers), 'customer')} ({percent(share)})"  # type: ignore[arg-type]
        words.append(f"{label(segment, str(row.name))}: {size}")
        look = f"flex-grow:{max(share, 0.001):.4f};{paint(segment)}"
        text = "" if share < 0.03 else "–" if segment == OUTLIER else str(segment)
        pieces.append(element("span", text, style=look))
    return element("div", *pieces, class_="strip", role="img", aria_label="; ".join(words))


def _card(card: Card) -> Html:
    title, hue = f"card-{card.number}", colour(card.number)
    width = f"width:{min(max(card.share, 0), 1):.2%};background:{hue}"
    size = f"{plural(card.customers, 'customer')}, {percent(card.share)} of all"
    return element(
        "article",
        element("header", badge(card.number), element("h3", card.name, id=title)),
        paragraph(size, "size"),
        element("div", element("span", style=width), class_="bar", aria_hidden="true"),
        element(
            "div",
            element("div", paragraph(card.description), _action(card)),
            element("div", _differences(card), _rule(card)),
            class_="halves",  # side by side on paper, where a card has the whole width
        ),
        _typical(card),
        class_="card",
        aria_labelledby=title,
        style=f"border-top-color:{hue}",
    )


def _action(card: Card) -> Html:
    none = "No ready-made action fits this segment; start from what sets it apart."
    where = element("p", element("b", "Where: "), card.channel)
    return element(
        "div",
        element("h4", "What to do"),
        paragraph(card.action or none),
        where if card.action and card.channel else None,
        class_="do",
    )


def _differences(card: Card) -> Html | None:
    if not card.differentiators and not card.why:
        return None
    return join(
        element("h4", "What sets them apart"),
        bullets(card.differentiators) if card.differentiators else None,
        paragraph(card.why and f"Why this name: {card.why}", "note"),
    )


def _rule(card: Card) -> Html | None:
    if not card.rule:
        return None
    return join(
        element("h4", "Rule of thumb"),
        element("p", element("b", card.rule.replace("<=", "≤"))),
        paragraph(_reach(card.coverage, card.precision), "note"),
    )


def _reach(coverage: float, precision: float) -> str:
    """How far to trust a rule, in words."""
    if math.isnan(coverage) or math.isnan(precision):
        return ""
    return (
        f"It catches {percent(coverage)} of the segment; of those it catches, {percent(precision)} "
        "belong to it."
    )


def _typical(card: Card) -> Html | None:
    if card.typical.empty:
        return None
    shown = narrow(card.typical, card.telling, characters=MOST_CHARACTERS)
    left = card.typical.shape[1] - (shown.shape[1] - 1)
    note = f"The other {plural(left, 'column')} are in the workbook." if left else ""
    return join(
        element("h4", "Typical customers"),
        table(shown, f"Typical customers of {label(card.number, card.name)}"),
        paragraph("One more column is in the workbook." if left == 1 else note, "note"),
    )


def narrow(
    customers: pd.DataFrame,
    columns: Iterable[str],
    most: int = MOST_COLUMNS,
    characters: float = math.inf,
) -> pd.DataFrame:
    """The most telling columns of some customers in the table's order, their id in front.

    Parameters
    ----------
    customers : DataFrame
    columns : iterable of str
        The most telling first; the others follow in the table's order.
    most : int
        Columns shown.
    characters : float
        What a row may be wide; the most telling column is shown in any case.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1], "b": ["some long text"], "c": [3]})
    >>> narrow(table, ["c"], 2).columns.tolist()
    ['customer', 'a', 'c']
    >>> narrow(table, ["c"], characters=20).columns.tolist()
    ['customer', 'a', 'c']
    """
    names = [str(column) for column in customers.columns]
    first = [names.index(column) for column in dict.fromkeys(columns) if column in names]
    wanted = list(dict.fromkeys([*first, *range(len(names))]))
    ids = pd.Series([str(label) for label in customers.index])
    title = str(customers.index.name or "customer")
    left = characters - _width(ids, title)
    fitting: list[int] = []
    for place in wanted:
        width = _width(customers.iloc[:, place], names[place])
        if len(fitting) < most and (width <= left or not fitting):
            fitting.append(place)
            left -= width
    shown = customers.iloc[:, sorted(fitting)].copy()
    shown.insert(0, title, ids.tolist(), allow_duplicates=True)
    return shown


def _width(values: pd.Series[Any], title: str) -> int:
    """Characters of a column: its longest cell, or longest word of its heading."""
    cells = [len(written(value, title)) for value in values]
    words = [len(word) for word in heading(title).split()]
    return max([*cells, *words, LONG // 2 if len(title) > LONG else 0]) + GAP

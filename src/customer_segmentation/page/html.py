"""Markup that cannot be injected: whatever is put into an element is escaped unless it is Html."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.style import colour, ink, is_share, marker, number, percent

MOST_ROWS = 200  # of a table on the page; the files hold all
VOID = ("img", "meta", "br")
SHAPES = {"o": "round", "s": "square", "^": "triangle", "D": "diamond"}  # as in the pictures


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, *content: object, **attributes: object) -> Html:
    """Make an element; ``class_`` is class, ``aria_label`` is aria-label.

    Parameters
    ----------
    name : str
        Its tag.
    *content : object
        Html is put in as it is, None is left out, all else is escaped.
    **attributes : object
        Escaped; None is left out.

    Examples
    --------
    >>> element("p", "a < b ", element("b", 1), class_="n", id=None)
    '<p class="n">a &lt; b <b>1</b></p>'
    """
    given = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>" + ("" if name in VOID else f"{join(content)}</{name}>"))


def join(parts: Iterable[object]) -> Html:
    """Put parts one after the other: Html as it is, all else escaped.

    Examples
    --------
    >>> join(["<", None, Html("<br>")])
    '&lt;<br>'
    """
    texts = (
        part if isinstance(part, Html) else escape(str(part)) for part in parts if part is not None
    )
    return Html("".join(texts))


def badge(segment: int) -> Html:
    """Number of a segment in its colour and shape; outliers get a dash.

    Examples
    --------
    >>> badge(1)
    '<span class="badge round" style="background:#0072B2;color:#FFFFFF">1</span>'
    """
    look = f"background:{colour(segment)};color:{ink(segment)}"
    text = str(segment) if segment > 0 else "–"
    return element("span", text, class_=f"badge {SHAPES[marker(segment)]}", style=look)


def picture(png: bytes, text: str) -> Html:
    """Embed a picture; `text` is for those who cannot see it."""
    source = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    width, height = pixels(png)
    # A phone shows it a little smaller than it is, in a box that scrolls.
    style = f"--width:{width}px" if width else None
    return element(
        "img", src=source, alt=text, width=width or None, height=height or None, style=style
    )


def pixels(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, from its header; zeros when it is none.

    Examples
    --------
    >>> head = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
    >>> pixels(head + (800).to_bytes(4) + (256).to_bytes(4))
    (800, 256)
    """
    if png[12:16] != b"IHDR":
        return 0, 0
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def scrolling(content: Html, label: str) -> Html:
    """Box that scrolls sideways when its content is wider, also by keyboard."""
    return element("div", content, class_="scroll", role="region", aria_label=label, tabindex="0")


def table(frame: pd.DataFrame, caption: str, *, most: int = MOST_ROWS) -> Html:
    """Show a table without its index; a column ``segment`` gets the colours of the pictures.

    Parameters
    ----------
    frame : DataFrame
    caption : str
        What it is, for those who hear the page.
    most : int
        Rows shown; a note says how many there are.

    Examples
    --------
    >>> "1,234" in table(pd.DataFrame({"customers": [1234]}), "Sizes")
    True
    """
    shown = frame.head(most)
    # A segment number is a label, so it stands on the left.
    right = [
        pd.api.types.is_numeric_dtype(kind) and column != "segment"
        for column, kind in frame.dtypes.items()
    ]
    head = [
        element("th", heading(column), scope="col", class_="n" if side else None)
        for column, side in zip(frame.columns, right, strict=True)
    ]
    columns = [
        [_cell(value, column, numeric=side, first=i == 0) for value in shown.iloc[:, i].tolist()]
        for i, (column, side) in enumerate(zip(frame.columns, right, strict=True))
    ]
    rows = [element("tr", *cells) for cells in zip(*columns, strict=True)]
    whole = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
    )
    note = f"{len(shown):,} of {len(frame):,} rows" if len(shown) < len(frame) else ""
    return join([scrolling(whole, caption), element("p", note, class_="note") if note else None])


def facts(rows: Iterable[tuple[str, object]], kind: str) -> Html:
    """Show labels with their values, as a description list."""
    pairs = (
        element(
            "div",
            element("dt", label),
            element("dd", value if isinstance(value, Html) else written(value, label)),
        )
        for label, value in rows
    )
    return element("dl", *pairs, class_=kind)


def heading(column: object) -> str:
    """Column as a heading: ours are words joined by underscores, a customer's stay as they are.

    Examples
    --------
    >>> heading("outlier_share"), heading("Annual_Income")
    ('outlier share', 'Annual_Income')
    """
    text = str(column)
    return text.replace("_", " ") if text.islower() else text


def written(value: Any, column: object) -> str:
    """Write a value for a reader, by its type and by what its column holds.

    Examples
    --------
    >>> written(0.25, "share"), written(0.25, "Age"), written(12000, "n"), written(None, "x")
    ('25 %', '0.25', '12,000', '-')
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        share = is_share(column) and 0 <= value <= 1
        return percent(float(value)) if share else number(float(value))
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def _cell(value: Any, column: object, *, numeric: bool, first: bool) -> Html:
    text = written(value, column)
    if column == "segment" and isinstance(value, int):
        return element("th", badge(value), scope="row")
    kind = "n" if numeric else "w" if len(text) > 14 else None
    if first:
        return element("th", text, scope="row", class_=kind)
    return element("td", text, class_=kind)

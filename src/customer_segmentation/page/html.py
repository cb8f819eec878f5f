"""Markup that cannot be injected, and the frame of a page made of it.

Whatever is put into an element is escaped unless it is Html.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from customer_segmentation.style import colour, heading, ink, marker, written

MOST_ROWS = 200  # of a table on the page; the files hold all
WIDE = 1200  # pixels: such a picture gets a page of its own, sideways, when printed
WORDS, LONG = 14, 30  # characters of a cell and of a heading from where on they need room
VOID = ("img", "meta", "br")
SHAPES = {"o": "round", "s": "square", "^": "triangle", "D": "diamond"}  # as in the pictures
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
CODE = ("Run id", "Sweep id", "Command", "Make it again and compare", "Data SHA-256")
# The policy makes the promise enforceable: a browser loads nothing, not even from injected text.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Section = tuple[str, str, Html | None]  # anchor, heading, content


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
    return Html(f"<{name}{given}>" + ("" if name in VOID else f"{join(*content)}</{name}>"))


def join(*parts: object) -> Html:
    """Put parts one after the other: Html as it is, all else escaped.

    Examples
    --------
    >>> join("<", None, Html("<br>"))
    '&lt;<br>'
    """
    texts = (
        part if isinstance(part, Html) else escape(str(part)) for part in parts if part is not None
    )
    return Html("".join(texts))


def paragraph(text: str, kind: str | None = None) -> Html | None:
    """A paragraph, or nothing where there is no text.

    Examples
    --------
    >>> paragraph("a < b"), paragraph("")
    ('<p>a &lt; b</p>', None)
    """
    return element("p", text, class_=kind) if text else None


def bullets(texts: Sequence[str]) -> Html:
    """A list of sentences.

    Examples
    --------
    >>> bullets(["One.", "Two."])
    '<ul><li>One.</li><li>Two.</li></ul>'
    """
    return element("ul", *(element("li", text) for text in texts))


def badge(segment: int) -> Html:
    """Number of a segment in its colour and shape; outliers get a dash.

    Examples
    --------
    >>> badge(1)
    '<span class="badge round" style="background:#0072B2;color:#FFFFFF">1</span>'
    """
    text = str(segment) if segment > 0 else "–"
    return element("span", text, class_=f"badge {SHAPES[marker(segment)]}", style=paint(segment))


def paint(segment: int) -> str:
    """Colour of a segment, and of text on it, as a style."""
    return f"background:{colour(segment)};color:{ink(colour(segment))}"


def figure(png: bytes, name: str, caption: str | None = None, heading: object = None) -> Html:
    """Show a picture, which scrolls sideways where it is too wide to read.

    Those who cannot see it get its headline; a picture that has none is told by its name.

    Examples
    --------
    >>> from customer_segmentation.plots import canvas
    >>> 'alt="2 segments"' in figure(canvas.png(canvas.blank(4, 3, "2 segments")), "Sizes")
    True
    """
    with Image.open(BytesIO(png)) as image:
        (width, height), text = image.size, image.info.get("Title", name)
    source = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    # A phone shows it a little smaller than it is, in a box that scrolls.
    style = f"--width:{width}px"
    shown = element("img", src=source, alt=text, width=width, height=height, style=style)
    return element(
        "figure",
        heading,
        element("figcaption", caption) if caption else None,
        _scrolling(shown, f"Picture: {name}"),
        class_="wide" if width > WIDE else None,
    )


def _scrolling(content: Html, label: str) -> Html:
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
    head, columns = [], []
    for place, column in enumerate(frame.columns):
        # A segment number is a label, so it stands on the left.
        numeric = pd.api.types.is_numeric_dtype(frame.dtypes.iloc[place]) and column != "segment"
        title = heading(column)
        head.append(element("th", title, scope="col", class_=_kind(title, LONG, numeric)))
        values = shown.iloc[:, place].tolist()
        columns.append([_cell(value, column, numeric, place == 0) for value in values])
    rows = [element("tr", *cells) for cells in zip(*columns, strict=True)]
    whole = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
    )
    left_out = f"{len(shown):,} of {len(frame):,} rows" if len(shown) < len(frame) else ""
    return join(_scrolling(whole, caption), paragraph(left_out, "note"))


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


def _cell(value: Any, column: object, numeric: bool, first: bool) -> Html:
    if column == "segment" and isinstance(value, int):
        return element("th", badge(value), scope="row")
    text = written(value, column)
    name, scope = ("th", "row") if first else ("td", None)
    return element(name, text, scope=scope, class_=_kind(text, WORDS, numeric))


def _kind(text: str, most: int, numeric: bool) -> str | None:
    """Numbers stand on the right; a text of more characters gets a width of its own."""
    return " ".join(["n"] * numeric + ["w"] * (len(text) > most)) or None


def document(
    title: str,
    subtitle: str,
    verdict: str,
    lead: object,
    sections: Sequence[Section],
    *,
    note: str = "",
) -> str:
    """Put a page together.

    Parameters
    ----------
    title, subtitle, verdict : str
    lead : Html or None
        Between the verdict and the first section.
    sections : sequence of (anchor, heading, content)
    note : str
        Below the verdict, in smaller print.

    Returns
    -------
    str
        HTML that refers to no other file or host.

    Examples
    --------
    >>> page = document("A < B", "", "Yes.", None, [("more", "More", element("p", "text"))])
    >>> "<h1>A &lt; B</h1>" in page, '<a href="#more">More</a>' in page
    (True, True)
    """
    links = (element("li", element("a", name, href=f"#{anchor}")) for anchor, name, _ in sections)
    header = element(
        "header",
        element("h1", title),
        paragraph(subtitle, "sub"),
        paragraph(verdict, "verdict"),
        paragraph(note, "note"),
    )
    main = element("main", lead, *(_section(*section) for section in sections), id="main")
    skip = element("a", "To the content", href="#main", class_="skip unseen")
    nav = element("nav", element("ul", *links), aria_label="On this page")
    body = element("body", skip, header, nav, main)
    return f"<!DOCTYPE html>\n{element('html', _head(title), body, lang='en')}\n"


def _head(title: str) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(STYLE)),
    )


def _section(anchor: str, name: str, content: Html | None) -> Html:
    title = f"{anchor}-title"
    return element(
        "section", element("h2", name, id=title), content, id=anchor, aria_labelledby=title
    )


def gallery(found: Mapping[str, bytes], captions: Mapping[str, tuple[str, str]]) -> Html:
    """Show pictures in the order of their captions.

    Parameters
    ----------
    found : mapping, name -> PNG
    captions : mapping, name -> (heading, how to read it)

    Examples
    --------
    >>> from customer_segmentation.plots import canvas
    >>> png = canvas.png(canvas.blank(4, 3, "2 segments"))
    >>> "<h3>Sizes</h3>" in gallery({"a": png}, {"a": ("Sizes", "Longer is more.")})
    True
    """
    shown = (name for name in captions if name in found)
    titled = ((name, *captions[name]) for name in shown)
    return join(*(figure(found[n], head, text, element("h3", head)) for n, head, text in titled))


def made(rows: Mapping[str, str]) -> Html:
    """How to make a run again: label and text, commands as code."""
    shown = ((label, element("code", t) if label in CODE else t) for label, t in rows.items())
    return facts(shown, "pairs")

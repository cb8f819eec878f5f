"""The frame of a page: head, title, contents, sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from customer_segmentation.page.html import Html, element, facts, figure, join, paragraph

STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
# The policy makes the promise enforceable: a browser loads nothing, not even from injected text.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
Section = tuple[str, str, Html | None]  # anchor, heading, content


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
    shown = (
        figure(found[name], heading, caption, element("h3", heading))
        for name, (heading, caption) in captions.items()
        if name in found
    )
    return join(*shown)


def made(rows: Mapping[str, str]) -> Html:
    """How to make a run again: label and text, commands as code."""
    shown = [
        (label, element("code", text) if label in CODE else text) for label, text in rows.items()
    ]
    return facts(shown, "pairs")


CODE = ("Run id", "Sweep id", "Command", "Make it again and compare", "Data SHA-256")

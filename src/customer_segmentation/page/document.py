"""The frame of a page: head, title, contents, sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from customer_segmentation.page.html import Html, element, facts, join, picture, pixels, scrolling
from customer_segmentation.page.stylesheet import STYLE

# The policy makes the promise enforceable: a browser loads nothing, not even from injected text.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
WIDE = 1200  # pixels: such a picture gets a page of its own, sideways, when printed
Section = tuple[str, str, Html]  # anchor, heading, content


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
        element("p", subtitle, class_="sub") if subtitle else None,
        element("p", verdict, class_="verdict"),
        element("p", note, class_="note") if note else None,
    )
    main = element("main", lead, *(_section(*section) for section in sections), id="main")
    skip = element("a", "To the content", href="#main", class_="skip unseen")
    nav = element("nav", element("ul", *links), aria_label="On this page")
    body = element("body", skip, header, nav, main)
    return f"<!DOCTYPE html>\n{element('html', _head(title), body, lang='en')}\n"


def _head(title: str) -> Html:
    meta = [
        {"charset": "utf-8"},
        {"http_equiv": "Content-Security-Policy", "content": POLICY},
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    ]
    parts = [
        Html("<meta" + "".join(_attribute(*pair) for pair in one.items()) + ">") for one in meta
    ]
    return element("head", *parts, element("title", title), element("style", Html(STYLE)))


def _attribute(key: str, value: str) -> str:
    return f' {key.replace("_", "-")}="{value}"'


def _section(anchor: str, name: str, content: Html) -> Html:
    title = f"{anchor}-title"
    return element(
        "section", element("h2", name, id=title), content, id=anchor, aria_labelledby=title
    )


def pictures(
    found: Mapping[str, bytes], captions: Mapping[str, tuple[str, str]], texts: Mapping[str, str]
) -> Html:
    """Show pictures in the order of their captions, each with how to read it and in words.

    Parameters
    ----------
    found : mapping, name -> PNG
    captions : mapping, name -> (heading, how to read it)
    texts : mapping, name -> text alternative

    Examples
    --------
    >>> shown = pictures({"a": b"x"}, {"a": ("Sizes", "Longer is more.")}, {"a": "1: 3 customers"})
    >>> 'alt="1: 3 customers"' in shown
    True
    """
    return join(
        _picture(found[name], heading, caption, texts.get(name, caption))
        for name, (heading, caption) in captions.items()
        if name in found
    )


def _picture(png: bytes, heading: str, caption: str, text: str) -> Html:
    image = scrolling(picture(png, text), f"Picture: {heading}")
    return element(
        "div",
        element("h3", heading),
        element("figure", element("figcaption", caption), image),
        class_="picture wide" if pixels(png)[0] > WIDE else "picture",
    )


def bullets(texts: Sequence[str]) -> Html:
    """A list of sentences.

    Examples
    --------
    >>> bullets(["One.", "Two."])
    '<ul><li>One.</li><li>Two.</li></ul>'
    """
    return element("ul", *(element("li", text) for text in texts))


def made(rows: Mapping[str, str]) -> Html:
    """How to make a run again: label and text, commands as code."""
    shown = [
        (label, element("code", text) if label in CODE else text) for label, text in rows.items()
    ]
    return facts(shown, "pairs")


CODE = ("Run id", "Sweep id", "Command", "Make it again and compare", "Data SHA-256")

"""What the pages write: text that stays text, and markup in the style of the report."""

from __future__ import annotations

import re
from pathlib import Path

from customer_segmentation.page.document import STYLE
from customer_segmentation.page.html import element

MEANINGFUL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
OWN = Path(__file__).with_name("dashboard.css").read_text(encoding="utf-8")


def style() -> str:
    """The style sheet of all pages, as an element.

    Examples
    --------
    >>> style()[:7]
    '<style>'
    """
    return f"<style>.seg{{{STYLE}}}{OWN}</style>"


def plain(text: object) -> str:
    r"""Escape text for where Markdown is understood: messages.

    A column called "Cost ($) of [it]" is then shown as it is; an address of a picture in a
    customer's data is not fetched.

    Examples
    --------
    >>> print(plain("Income ($) ![x](http://a)"))
    Income \(\$\) \!\[x\]\(http\://a\)
    """
    return MEANINGFUL.sub(r"\\\1", str(text))


def quiet(text: str) -> str:
    """Take from a label that only screen readers read what would make Markdown fetch a picture.

    Examples
    --------
    >>> quiet("Cost ($)"), quiet("![x](http://a)")
    ('Cost ($)', '[x](http://a)')
    """
    return text.replace("![", "[")


def block(*parts: object) -> str:
    """Put parts into a box in which the report's style holds; all but Html is escaped.

    Examples
    --------
    >>> block("a < b")
    '<div class="seg">a &lt; b</div>'
    """
    return element("div", *parts, class_="seg")

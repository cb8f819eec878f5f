import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from customer_segmentation import page
from customer_segmentation.style import colour

NASTY = "<script>alert('x')</script> & \"q\" {braces} https://example.com/a.png"
VOID = {"meta", "img", "br", "link"}


class Outline(HTMLParser):
    """Start tags with their attributes; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags(text: str, tag: str) -> list[dict[str, str | None]]:
    return [attrs for found, attrs in Outline(text).found if found == tag]


def test_everything_a_caller_passes_is_escaped():
    table = pd.DataFrame({NASTY: [NASTY], "n": [1.0]})
    html = page.render(NASTY, NASTY, {NASTY: NASTY}, [(NASTY, table)], [(NASTY, b"png")])
    assert "<script" not in html
    assert tags(html, "script") == []
    assert tags(html, "img")[0]["alt"] == NASTY


def test_nothing_is_loaded_from_anywhere():
    html = page.render("t", "v", {}, [], [("p", b"one"), ("q", b"two")])
    sources = [
        value
        for _, attrs in Outline(html).found
        for name, value in attrs.items()
        if name in {"src", "href", "srcset", "action"}
    ]
    assert sources == ["data:image/png;base64,b25l", "data:image/png;base64,dHdv"]
    assert not re.search(r"url\(|@import|//", page.STYLE)
    assert "default-src 'none'" in html


def test_tables_read_well():
    table = pd.DataFrame(
        {
            "segment": [1, -1],
            "share": [0.405, np.nan],
            "customers": [12_345, 3],
            "Income": [86.538, np.inf],
            "ok": [True, False],
        }
    )
    html = page.render("t", "v", {"silhouette": 0.55431, "share": 0.2}, [("Segments", table)], [])
    for text in ("40 %", "12,345", "86.5", "∞", "yes", "0.554", "20 %"):
        assert f">{text}<" in html
    assert colour(1) in html
    assert len(tags(html, "tr")) == 3


def test_long_tables_are_cut_and_say_so():
    html = page.render("t", "v", {}, [("Customers", pd.DataFrame({"x": range(500)}))], [])
    assert "200 of 500 rows" in html
    assert len(tags(html, "tr")) == page.MOST_ROWS + 1


def test_an_empty_table_still_has_its_header():
    html = page.render("t", "v", {}, [("Outliers", pd.DataFrame({"id": []}))], [])
    assert len(tags(html, "th")) == 1

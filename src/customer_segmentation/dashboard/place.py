"""What a page works with: champion and settings, and how it shows markup, tables, choices."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from customer_segmentation import workbook
from customer_segmentation.dashboard import cache, files
from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.dashboard.files import Limits
from customer_segmentation.page import html
from customer_segmentation.page.html import STYLE
from customer_segmentation.registry import Served
from customer_segmentation.style import percent, plural
from customer_segmentation.tracking.store import Store

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
    return html.element("div", *parts, class_="seg")


@dataclass(frozen=True)
class Place:
    """What a page works with."""

    opened: Store
    served: Served | None  #: The champion; None before the first promotion
    model: str  #: Name of the registered model
    limits: Limits  #: Of uploads
    #: Customers drawn on the map; rows of a table on a page
    map_customers: int
    listed: int

    @property
    def champion(self) -> Champion:
        """The champion with its customers; pages that need it are only shown with one."""
        assert self.served is not None
        return cache.champion(self.served)


def place(opened: Store, settings: dict[str, Any]) -> Place:
    """Find the champion of now, and put it with the settings."""
    limits = settings["limits"]
    return Place(
        opened,
        cache.served(opened, settings["model"]),
        settings["model"],
        Limits(limits["upload_mb"], limits["unpacked_mb"], limits["rows"]),
        limits["map_customers"],
        limits["listed"],
    )


def show(*parts: object) -> None:
    """Show markup in the report's style; all but Html is escaped."""
    st.html(block(*parts))


def tell(text: str) -> None:
    """Show a paragraph as it is, without reading Markdown into it."""
    show(html.element("p", text))


def show_table(frame: pd.DataFrame, caption: str, most: int) -> None:
    """Show the first rows of a table."""
    show(html.table(frame, caption, most=most))


def sizes(counts: pd.DataFrame) -> html.Html:
    """Colour, name and size of every segment, a line each."""
    cells = [
        part
        for row in counts.to_dict("records")
        for part in (
            html.badge(int(row["segment"])),
            html.element("span", row["name"]),
            html.element("b", f"{row['customers']:,} ({percent(row['share'])})", _before(row)),
        )
    ]
    return html.element("div", *cells, class_="sizes")


def _before(row: dict[Hashable, Any]) -> html.Html | None:
    """Share in training, where it is told."""
    share = row.get("share in training")
    return None if share is None else html.element("i", f" {percent(share)} in training")


def choose(label: str, options: Iterable[str], *, key: str, index: int = 0) -> str:
    """Let someone choose one of several texts."""
    found = st.selectbox(label, list(options), index=index, key=key)
    return str(found)


def downloads(frame: pd.DataFrame, stem: str, key: str) -> None:
    """Offer a table as CSV and, if a sheet holds it, as Excel; written when it is asked for."""
    rows = plural(len(frame), "row")
    kinds = [("CSV", "csv", "text/csv", files.csv)]
    if workbook.fits(len(frame)):
        kinds.append(("Excel", "xlsx", files.EXCEL, files.excel))
    for side, (name, suffix, mime, write) in zip(st.columns(2), kinds, strict=False):
        side.download_button(
            f"Download {rows} as {name}",
            partial(write, frame),
            f"{stem}.{suffix}",
            mime,
            key=f"{key}-{suffix}",
            on_click="ignore",
            width="stretch",
        )

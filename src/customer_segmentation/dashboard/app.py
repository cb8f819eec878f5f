"""The dashboard itself, as Streamlit runs it: started by dashboard.py, which hands the settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import streamlit as st
from PIL import Image, ImageColor

from customer_segmentation.dashboard import (
    cache,
    comparison_pages,
    score_page,
    segment_pages,
)
from customer_segmentation.dashboard.champion import ChampionError
from customer_segmentation.dashboard.place import Place, place, plain, style, tell
from customer_segmentation.registry import RegistryError
from customer_segmentation.style import PALETTE
from customer_segmentation.tracking.store import Store, StoreError

TITLE = "Customer segments"
NO_CHAMPION = (
    "There is no champion yet. Compare runs first (python train.py -m), then promote one "
    "(python promote.py), and reload this page."
)
ICON = 32  # pixels
Page = Callable[[Place], None]
PAGES: dict[str, Page] = {
    "Segments": segment_pages.overview,
    "One segment": segment_pages.segment,
    "Compare runs": comparison_pages.compared_runs,
    "Score customers": score_page.page,
    "Changes": comparison_pages.changes,
}
ALWAYS = "Compare runs"  # shown without a champion too


def main(settings: dict[str, Any]) -> None:
    """Show the page that was asked for."""
    st.set_page_config(page_title=TITLE, page_icon=icon(), layout="wide")
    st.html(style())
    # Pages as a choice in the address, not as paths: below a path Streamlit's frontend first asks
    # for its server at the wrong place, and the browser notes an error.
    title = st.segmented_control(
        "Page",
        list(PAGES),
        default=next(iter(PAGES)),
        required=True,
        key="page",
        label_visibility="collapsed",
        bind="query-params",
    )
    try:
        found = place(open_store(settings["tracking"]), settings)
        (PAGES[str(title)] if found.served or title == ALWAYS else none)(found)
    except (ChampionError, RegistryError, StoreError) as error:
        st.title(TITLE)
        st.error(plain(error))


def icon() -> Image.Image:
    """Picture of the browser's tab: the colours of the first four segments.

    Examples
    --------
    >>> icon().size
    (32, 32)
    """
    image = Image.new("RGB", (2, 2))
    for at, hue in enumerate(PALETTE[:4]):
        image.putpixel((at % 2, at // 2), ImageColor.getrgb(hue)[:3])
    return image.resize((ICON, ICON), Image.Resampling.NEAREST)


def open_store(tracking: dict[str, Any]) -> Store:
    """Open the store that the settings name."""
    return cache.opened(tracking["uri"], tracking["experiment"], tracking["folder"])


def none(_: Place) -> None:
    """Say how to get a champion."""
    st.title(TITLE)
    tell(NO_CHAMPION)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

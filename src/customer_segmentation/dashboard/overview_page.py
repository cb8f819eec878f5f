"""Page 1: all segments: sizes, cards, map."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from customer_segmentation.dashboard import portrait
from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.dashboard.place import Place, choose, show, sizes, tell
from customer_segmentation.page import html, segment_cards
from customer_segmentation.profiles.cards import Card

WHOLE = "All columns of the model at once"


def page(place: Place) -> None:
    """Show all segments."""
    champion = place.champion
    st.title("Segments")
    about = champion.about
    show(html.paragraph(about.sentence, "verdict"), html.paragraph(about.meaning))
    if about.doubts:
        show(html.element("h3", "What speaks against it"), html.bullets(about.doubts))
    show(segment_cards.strip(champion.counts), sizes(champion.counts))
    st.header("Who they are and what to do")
    show(segment_cards.cards([short(card) for card in champion.cards]))
    origin = f"Version {champion.served.version} of {place.model}, from {champion.served.run_name}."
    show(html.element("p", origin, class_="note"))
    st.header("Map of the customers")
    _map(champion, place.map_customers)


def short(card: Card) -> Card:
    """The card without what the page of the segment tells: who they are and what to do."""
    empty = card.typical.iloc[:0]
    return replace(card, why="", differentiators=(), rule="", typical=empty)


def _map(champion: Champion, most: int) -> None:
    columns = portrait.numeric_columns(champion)
    axes = None
    if len(columns) > 1:
        left, right = st.columns(2)
        with left:
            across = choose("Across", [*_whole(champion), *columns], key="across")
        if across != WHOLE:
            with right:
                others = [column for column in columns if column != across]
                axes = (across, choose("Up", others, key=f"up-{across}"))
    plane = portrait.plane(champion, axes, most)
    alt = f"Map of {len(plane.points):,} customers by {plane.axes[0]} and {plane.axes[1]}"
    st.altair_chart(portrait.customer_map(plane), alt=alt, key="map")
    if plane.note:
        tell(plane.note)


def _whole(champion: Champion) -> list[str]:
    """Two columns are shown as they are; more of them can be shown all at once."""
    used = champion.segmenter.columns
    two = len(used) == 2 and set(used) <= set(portrait.numeric_columns(champion))
    return [] if two else [WHOLE]

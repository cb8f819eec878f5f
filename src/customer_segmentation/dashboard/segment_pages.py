"""Pages 1 and 2: all segments, with their sizes, cards and map; and one segment in depth."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from customer_segmentation.dashboard import cache, history, portrait
from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.dashboard.place import (
    Place,
    choose,
    downloads,
    show,
    show_table,
    sizes,
    tell,
)
from customer_segmentation.data.levels import is_flag
from customer_segmentation.labels import OUTLIER
from customer_segmentation.naming.wording import LEVEL
from customer_segmentation.page import html, segment_cards
from customer_segmentation.page.run_page import doubtful
from customer_segmentation.profiles.cards import Card
from customer_segmentation.style import percent, plural

WHOLE = "All columns of the model at once"
FEW, DOUBTFUL = 5, 10  # customers shown; the downloads have them all
COLUMNS = 8  # of these customers: what fits a page
MEASURES = ("column", "level", "mean", "median", "spread", "share", "overall", "effect", "lift")
NOTE = (
    "Bars to the right: more than everyone; to the left: less. A bar that ends at the edge is two "
    "standard deviations or more from everyone."
)


def overview(place: Place) -> None:
    """Show all segments."""
    champion = place.champion
    st.title("Segments")
    about = champion.about
    show(html.paragraph(about.sentence, "verdict"), html.paragraph(about.meaning))
    if about.doubts:
        show(html.element("h3", "What speaks against it"), html.bullets(about.doubts))
    show(segment_cards.strip(champion.counts), sizes(champion.counts))
    st.header("Who they are and what to do")
    show(segment_cards.cards([_short(card) for card in champion.cards]))
    origin = f"Version {champion.served.version} of {place.model}, from {champion.served.run_name}."
    show(html.element("p", origin, class_="note"))
    st.header("Map of the customers")
    _map(champion, place.map_customers)


def _short(card: Card) -> Card:
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


def segment(place: Place) -> None:
    """Show one segment."""
    champion = place.champion
    st.title("One segment")
    labels = {champion.label(number): number for number in _numbers(champion)}
    number = labels[choose("Segment", labels, key=f"segment-{champion.served.version}")]
    for card in champion.cards:
        if card.number == number:
            drawn = segment_cards.cards([card])
            show(html.element("div", drawn, class_="one"))
    if number != OUTLIER:
        _profile(champion, number, place.listed)
    _offers(place, number)
    stem = f"segment-{number if number != OUTLIER else 'outliers'}"
    _borderline(champion, number, stem)
    st.header("Its customers")
    some = champion.table[(champion.segments == number).to_numpy()].head(FEW)
    telling = [str(label).split(LEVEL)[0] for label in champion.contrasts.columns]
    show_table(segment_cards.narrow(some, telling, COLUMNS), "Some of its customers", FEW)
    downloads(champion.customers(number), stem, f"segment-{number}")


def _numbers(champion: Champion) -> list[int]:
    """Segments, and the outliers if there are any."""
    present = set(champion.segments.unique().tolist())
    return [*champion.names, *([OUTLIER] if OUTLIER in present else [])]


def _profile(champion: Champion, number: int, listed: int) -> None:
    st.header("Against everyone")
    found = cache.profile(champion)
    rows = portrait.strongest(found, number)
    flags = [str(column) for column in champion.table if is_flag(champion.table[column])]
    show(portrait.differences(rows, number, flags), html.element("p", NOTE, class_="note"))
    with st.expander("All numbers"):
        mine = found[found["segment"] == number]
        show_table(mine[list(MEASURES)].rename(columns=_heads()), "Profile", listed)


def _heads() -> dict[str, str]:
    return {
        "spread": "standard deviation",
        "overall": "everyone",
        "effect": "difference in standard deviations",
    }


def _borderline(champion: Champion, number: int, stem: str) -> None:
    found = champion.borderline
    mine = found[found["segment"] == number]
    st.header("Customers in doubt")
    if mine.empty:
        tell("None: every customer is clearly in this segment.")
        return
    tell(
        f"{plural(len(mine), 'customer')} might as well be in another segment, the most doubtful "
        f"first. Leave them out of offers that suit this segment only."
    )
    shown = doubtful(mine).drop(columns=["segment", "name"])
    shown.insert(2, "confidence", mine["confidence"].to_numpy())
    show_table(shown, "Customers in doubt", DOUBTFUL)
    if len(shown) > DOUBTFUL:
        downloads(shown, f"{stem}-borderline", f"borderline-{number}")


def _offers(place: Place, number: int) -> None:
    """What `python recommend.py` found, where it was run for this version."""
    run_id = history.offers(place.opened, place.champion.served.version)
    found = cache.table(run_id, "segment_offers.csv") if run_id is not None else None
    if run_id is None or found is None:
        return
    st.header("What to offer")
    mine = found[found["segment"] == number].round({"lift": 2})
    texts = {"share of the segment": "share", "share of all": "share_all"}
    shown = mine[["offer", "kind", "basis", "buyers", "lift"]].rename(columns={"basis": "why"})
    shown = shown.assign(**{title: mine[column].map(percent) for title, column in texts.items()})
    show_table(shown, "What to offer to this segment", place.listed)
    offers = cache.table(run_id, "customer_offers.csv")
    if offers is not None:
        tell("And to each of its customers, the best first:")
        inside = offers[offers["segment"] == number]
        downloads(inside, f"offers-segment-{number}", f"offers-{number}")

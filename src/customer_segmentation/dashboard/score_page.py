"""Page 4: assign customers: a whole file, or one by a form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import streamlit as st

from customer_segmentation.dashboard import files, person
from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.dashboard.files import Labelled
from customer_segmentation.dashboard.person import Answer, Field, Reason
from customer_segmentation.dashboard.place import (
    Place,
    downloads,
    plain,
    quiet,
    show,
    show_table,
    sizes,
    tell,
)
from customer_segmentation.data import formats
from customer_segmentation.data.findings import DataError
from customer_segmentation.page import html
from customer_segmentation.segmenter.schema import SchemaError
from customer_segmentation.style import MOST_LISTED, listed, percent, plural

UNKNOWN = "(not known)"
HIDDEN: Final = "collapsed"
ADDED = 4  # columns of the answer: segment, its name, confidence, problem
FEW, WIDEST = 5, 8  # rows and columns shown; the downloads have them all


def page(place: Place) -> None:
    """Assign customers."""
    st.title("Score customers")
    file, one = st.tabs(["A file", "One customer"])
    with file:
        _file(place)
    with one:
        _form(place.champion)


def _file(place: Place) -> None:
    needed = place.champion.segmenter.columns
    history = "history" in place.champion.served.reference
    lines = " Or a file of purchase lines, as at the training." if history else ""
    tell(
        f"Needed columns: {listed(needed)}.{lines} Others are handed back as they came. At most "
        f"{place.limits.rows:,} rows and {place.limits.upload_mb:,} MB. The file is read for this "
        f"answer only, and not kept."
    )
    if len(needed) > MOST_LISTED:
        with st.expander("All needed columns"):
            show(html.element("ul", *(html.element("li", column) for column in needed)))
    kinds = [suffix.removeprefix(".") for suffix in formats.SUPPORTED]
    uploaded = st.file_uploader("File of customers", type=kinds, key="upload")
    if uploaded is None:
        st.session_state.pop("labelled", None)
        return
    known = (place.champion.served.version, uploaded.file_id)
    if st.session_state.get("labelled", (None, None))[0] != known:
        st.session_state["labelled"] = (known, _labelled(place, uploaded.name, uploaded.getvalue()))
    found = st.session_state["labelled"][1]
    if isinstance(found, str):
        st.error(plain(found))
    else:
        _result(found, Path(uploaded.name).stem, place.listed)


def _labelled(place: Place, name: str, content: bytes) -> Labelled | str:
    """The labelled table, or what is wrong with the file."""
    served = place.champion.served
    with st.spinner("Scoring…"):
        try:
            return files.score(name, content, served.segmenter, served.reference, place.limits)
        except (DataError, SchemaError, OSError) as error:
            return str(error)


def _result(found: Labelled, stem: str, listed: int) -> None:
    scored = len(found.table) - len(found.failed)
    tell(f"{plural(scored, 'row')} scored, {plural(len(found.failed), 'row')} not; {found.ids}.")
    for note in found.notes:
        tell(note)
    show(sizes(found.counts))
    tell(found.drift)
    if len(found.failed):
        st.subheader("Rows that could not be scored")
        tell("They are in the download too, without a segment. Rows are those of the file.")
        show_table(found.failed, "Rows that could not be scored", listed)
    st.subheader("Labelled customers")
    columns = found.table.shape[1]
    front = [0, *range(columns - ADDED, columns - 1), *range(1, columns - ADDED)][:WIDEST]
    show_table(found.table.iloc[:FEW, front], "The first rows", FEW)
    downloads(found.table, f"{stem}-segments", "labelled")


def _form(champion: Champion) -> None:
    tell("Leave empty what is not known: it is filled in as at the training.")
    served = champion.served
    with st.form(f"customer-{served.version}", enter_to_submit=True):
        sides = st.columns(2)
        values: dict[str, Any] = {}
        for place, field in enumerate(person.fields(served.segmenter, served.reference)):
            with sides[place % 2]:
                values[field.column] = _input(field, served.version)
        asked = st.form_submit_button("Which segment?", type="primary")
    if not asked:
        return
    try:
        _answer(champion, person.answer(champion, values))
    except SchemaError as error:
        st.error(plain(error))


def _input(field: Field, version: int) -> Any:
    """A field as the model's schema wants it, under a label of our own: theirs is Markdown."""
    hint = html.element("span", f" {field.hint}", class_="note") if field.hint else None
    show(html.element("b", field.column), hint)
    label, key = quiet(field.column), f"field-{version}-{field.column}"
    if field.levels:
        chosen = st.selectbox(label, [UNKNOWN, *field.levels], key=key, label_visibility=HIDDEN)
        return None if chosen == UNKNOWN else chosen
    if math.isnan(field.high):  # nothing is known of its values
        return st.text_input(label, key=key, label_visibility=HIDDEN) or None
    step, shape = (int(field.step), None) if field.whole else (field.step, "%g")
    return st.number_input(
        label, value=None, step=step, format=shape, key=key, label_visibility=HIDDEN
    )


def _answer(champion: Champion, found: Answer) -> None:
    near = percent(found.confidence)
    show(
        html.element(
            "p", html.badge(found.segment), " ", html.element("b", found.name), class_="verdict"
        ),
        html.element("p", f"{near} of the most similar customers are in this segment."),
    )
    card = next((card for card in champion.cards if card.number == found.segment), None)
    if card is not None and card.action:
        show(html.element("p", html.element("b", "What to do: "), card.action))
    st.subheader("Why this segment")
    tell("The values, the most telling first. Usual is what eight of ten customers have.")
    show(html.element("ul", *(_why(reason, found.segment) for reason in found.why), class_="why"))


def _why(reason: Reason, segment: int) -> html.Html:
    middles = f"Middle of the segment: {reason.segment}; of everyone: {reason.everyone}. "
    own = "" if segment in reason.usual else "Unusual for this segment. "
    where: list[object] = ["Usual in ", *(html.badge(n) for n in reason.usual)]
    return html.element(
        "li",
        html.element("b", f"{reason.column}: {reason.value}"),
        html.element("p", middles, own, *(where if reason.usual else []), class_="note"),
    )

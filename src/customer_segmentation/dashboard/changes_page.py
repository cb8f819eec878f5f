"""Page 5: what changed: against the former champion, and in the customers scored since."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from customer_segmentation import registry
from customer_segmentation.dashboard import cache, history
from customer_segmentation.dashboard.place import Place, choose, downloads, show, show_table, tell
from customer_segmentation.page import html


def page(place: Place) -> None:
    """Show migration and drift."""
    st.title("Changes")
    _migration(place)
    _drift(place)
    st.header("Versions")
    versions = registry.table(place.opened, place.model)
    empty = [column for column in versions if (versions[column] == "").all()]
    show_table(versions.drop(columns=empty), "Versions", place.listed)


def _migration(place: Place) -> None:
    assert place.served is not None
    st.header("Against the former champion")
    found = cache.move(place.served)
    if found is None:
        tell("This champion was compared with no former one: it is the first.")
        return
    tell(f"Version {place.served.version} against version {found.former}. {found.words}")
    if found.picture:
        show(html.figure(found.picture, "Who moved where"))
    show(became(found.changes))
    if len(found.movers):
        st.subheader("Customers who change segment")
        movers = found.movers.reset_index(names=str(found.movers.index.name or "customer"))
        shown = movers.drop(columns=["from_segment", "to_segment"])
        show_table(shown.head(5), "Customers who change segment", 5)
        downloads(movers, "movers", "movers")


def became(changes: pd.DataFrame) -> html.Html:
    """What became of each segment, an item each."""
    return html.element("ul", *(_item(row) for row in changes.to_dict("records")), class_="changes")


def _item(row: dict[Hashable, Any]) -> html.Html:
    sizes = f"{row['old_customers']:,} → {row['new_customers']:,} customers"
    moved = ((word, row[key]) for word, key in (("from ", "from"), ("to ", "into")))
    told = [html.element("p", word, text, class_="note") for word, text in moved if _is_text(text)]
    former = f" (before: {row['former_name']})" if _is_text(row.get("former_name")) else ""
    name = html.element("b", row["name"])
    words = html.element("p", name, f"{former}: {row['change']}, {sizes}")
    body = html.element("div", words, *told)
    return html.element("li", html.badge(int(row["number"])), body)


def _is_text(cell: object) -> bool:
    return isinstance(cell, str) and cell != ""


def _drift(place: Place) -> None:
    st.header("Scored files, and whether they have drifted")
    found = history.scorings(place.opened)
    if found.empty:
        tell("None yet: python score.py input=FILE output=FILE keeps a note of every file.")
        return
    show_table(found.drop(columns=["run_id", "drift"]), "Scored files", place.listed)
    labels = {_label(row): str(row["run_id"]) for _, row in found.iterrows()}
    run_id = labels[choose("Scored file", labels, key="scoring")]
    words = str(found.loc[found["run_id"] == run_id, "drift"].iloc[0])
    show(html.element("p", words, class_="verdict"))
    png = cache.picture(run_id, "plots/drift.png")
    if png:
        show(html.figure(png, "Drift"))
    with st.expander("All numbers"):
        _numbers(run_id, place.listed)


def _numbers(run_id: str, listed: int) -> None:
    drift = cache.table(run_id, "tables/drift.csv")
    if drift is not None:
        show_table(drift, "Drift", listed)


def _label(row: pd.Series) -> str:
    return f"{row['date (UTC)']}: {row['file']}, version {row['version']}"

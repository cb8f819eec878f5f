"""Pages 3 and 5: the runs of a sweep side by side; the champion against the former one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from customer_segmentation import registry
from customer_segmentation.dashboard import cache, history
from customer_segmentation.dashboard.history import Sweep
from customer_segmentation.dashboard.place import (
    Place,
    choose,
    downloads,
    show,
    show_table,
    sizes,
    tell,
)
from customer_segmentation.page import html
from customer_segmentation.page.sweep_page import READING
from customer_segmentation.style import plural
from customer_segmentation.sweep import SHOWN
from customer_segmentation.tracking.runs import Run

FEW = ("run", "verdict", "n_segments", "score", "stability", "silhouette", "objection")
PICTURES = {"plots/scatter.png": "Map of the customers", "plots/profiles.png": "Profiles"}


def compared_runs(place: Place) -> None:
    """Compare the runs of a sweep."""
    st.title("Compare runs")
    found = history.sweeps(place.opened)
    if not found:
        tell("No sweep has finished yet. Make one: python train.py -m")
        return
    labels = {sweep.label: sweep for sweep in found}
    sweep = labels[choose("Sweep", labels, key="sweep")]
    runs = history.runs_of(place.opened, sweep.run_id)
    board = cache.table(sweep.run_id, "leaderboard.csv")
    if board is None or not runs:
        tell("The files of this sweep are gone from the store; choose another.")
        return
    _leaderboard(sweep, runs, board, place.listed)
    if len(runs) > 1:
        _side_by_side(sweep, runs)
    _agreement(sweep)


def _leaderboard(sweep: Sweep, runs: dict[str, Run], board: pd.DataFrame, listed: int) -> None:
    st.header("Leaderboard")
    best = _recommended(sweep, runs)
    tell(f"Recommended: {best}." if best else "No run of this sweep is recommended.")
    show_table(_shown(board, FEW), "Leaderboard", listed)
    show(html.element("p", READING, class_="note"))
    with st.expander("All measures"):
        show_table(_shown(board, SHOWN), "Leaderboard, all measures", listed)


def _shown(board: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """These columns, as far as they tell something."""
    told = [column for column in wanted if column in board and board[column].notna().any()]
    return board[told]


def _recommended(sweep: Sweep, runs: dict[str, Run]) -> str:
    ids = {run.id: name for name, run in runs.items()}
    return ids.get(sweep.recommended, "")


def _side_by_side(sweep: Sweep, runs: dict[str, Run]) -> None:
    st.header("Two runs side by side")
    names = list(runs)
    best = _recommended(sweep, runs)
    start = names.index(best) if best else 0
    sides = st.columns(2)
    with sides[0]:
        one = choose("First run", names, key=f"one-{sweep.run_id}", index=start)
    with sides[1]:
        others = [name for name in names if name != one]
        two = choose("Second run", others, key=f"two-{sweep.run_id}-{one}")
    for side, name in zip(sides, (one, two), strict=True):
        with side:
            _one(name, runs[name])
    _crossed(runs[one], runs[two])
    for path, title in PICTURES.items():
        st.subheader(title)
        for name in (one, two):
            png = cache.picture(runs[name].id, path)
            if png:
                show(html.figure(png, f"{title}: {name}", heading=html.element("b", name)))


def _one(name: str, run: Run) -> None:
    show(html.element("h3", name), html.facts(history.facts(run).items(), "pairs"))
    counts = cache.table(run.id, "cluster_counts.csv")
    if counts is not None:
        show(sizes(counts))


def _crossed(one: Run, two: Run) -> None:
    found = cache.compared(one, two)
    tell(
        f"Agreement of the two: {found.agreement:.2f} (adjusted Rand index; 1 = the same segments, "
        f"0 = no more alike than by chance), over {plural(found.common, 'common customer')}. "
        f"Rows are the segments of the first run, columns those of the second."
    )
    # Names would make the columns too wide; they stand above.
    counted = found.customers.rename(columns=lambda label: str(label).split(" · ")[0])
    counted.insert(0, "first run", counted.index.astype(str))
    show_table(counted, "Customers by the segments of both runs", len(counted))


def _agreement(sweep: Sweep) -> None:
    png = cache.picture(sweep.run_id, "plots/agreement.png")
    if png:
        st.header("Agreement of all runs")
        show(html.figure(png, "Agreement of all runs"))


def changes(place: Place) -> None:
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
    show(_became(found.changes))
    if len(found.movers):
        st.subheader("Customers who change segment")
        movers = found.movers.reset_index(names=str(found.movers.index.name or "customer"))
        shown = movers.drop(columns=["from_segment", "to_segment"])
        show_table(shown.head(5), "Customers who change segment", 5)
        downloads(movers, "movers", "movers")


def _became(changes: pd.DataFrame) -> html.Html:
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
        _drift_numbers(run_id, place.listed)


def _drift_numbers(run_id: str, listed: int) -> None:
    drift = cache.table(run_id, "tables/drift.csv")
    if drift is not None:
        show_table(drift, "Drift", listed)


def _label(row: pd.Series) -> str:
    return f"{row['date (UTC)']}: {row['file']}, version {row['version']}"

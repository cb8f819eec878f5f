"""Page 3: the runs of a sweep, ranked, and two of them side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from customer_segmentation.dashboard import cache, history
from customer_segmentation.dashboard.history import Sweep
from customer_segmentation.dashboard.place import Place, choose, show, show_table, sizes, tell
from customer_segmentation.page import html
from customer_segmentation.page.sweep_page import READING
from customer_segmentation.style import plural
from customer_segmentation.sweep import SHOWN
from customer_segmentation.tracking.runs import Run

FEW = ("run", "verdict", "n_segments", "score", "stability", "silhouette", "objection")
PICTURES = {"plots/scatter.png": "Map of the customers", "plots/profiles.png": "Profiles"}


def page(place: Place) -> None:
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

"""What the pages read, kept per version of the champion, or for a while per run.

A promotion makes another version, so it shows at the next click, without a restart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from customer_segmentation import registry
from customer_segmentation.dashboard import champion as champions
from customer_segmentation.dashboard import history
from customer_segmentation.dashboard.champion import Champion
from customer_segmentation.dashboard.history import Compared, Move
from customer_segmentation.profiles import effects
from customer_segmentation.registry import Served
from customer_segmentation.tracking import artifacts, store
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store

KEPT = 4  # versions
READ = 64  # tables and pictures
FRESH = 60  # seconds: a promotion gives the segments of a run other numbers
# What tells two of a kind apart.
KEYS: dict[Any, Any] = {
    Served: lambda served: (served.uri, served.version),
    Champion: lambda champion: (champion.served.uri, champion.served.version),
    Run: lambda run: run.id,
}


@st.cache_resource(show_spinner=False)
def opened(uri: str | None, experiment: str, folder: str) -> Store:
    """The store, opened once."""
    return store.open_existing(uri, experiment, Path(folder))


def served(opened: Store, name: str) -> Served | None:
    """The champion of now, with its model read once; None where there is none."""
    found = registry.find(opened, name)
    return _once(found) if found is not None else None


@st.cache_resource(max_entries=KEPT, show_spinner=False, hash_funcs=KEYS)
def _once(served: Served) -> Served:
    return served


@st.cache_resource(max_entries=KEPT, show_spinner="Reading the customers…", hash_funcs=KEYS)
def champion(served: Served) -> Champion:
    """The champion with its customers."""
    found = champions.load(served)
    assert found.cards is not None  # made now, once, and not by two pages at a time
    return found


@st.cache_data(max_entries=KEPT, show_spinner="Comparing with everyone…", hash_funcs=KEYS)
def profile(champion: Champion) -> pd.DataFrame:
    """Every segment in every column; see :func:`customer_segmentation.profiles.effects.profile`."""
    used = champion.segmenter.columns
    return effects.profile(champion.table, champion.segments, champion.names, used=used)


@st.cache_data(max_entries=READ, ttl=FRESH, show_spinner=False)
def table(run_id: str, path: str, *, index: bool = False) -> pd.DataFrame | None:
    """A table of a run that has ended."""
    return artifacts.read_table(run_id, path, index=index)


@st.cache_data(max_entries=READ, ttl=FRESH, show_spinner=False)
def picture(run_id: str, path: str) -> bytes:
    """A picture of a run that has ended, in the lasting colours once it is promoted."""
    return artifacts.read_latest(run_id, path) or b""


@st.cache_data(
    max_entries=READ, ttl=FRESH, show_spinner="Comparing customer by customer…", hash_funcs=KEYS
)
def compared(first: Run, second: Run) -> Compared:
    """Two runs, customer by customer."""
    return history.compare(first, second)


@st.cache_data(max_entries=KEPT, show_spinner=False, hash_funcs=KEYS)
def move(served: Served) -> Move | None:
    """What the promotion of a version noted about its predecessor."""
    return history.move(served)

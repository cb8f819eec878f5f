"""What the store knows beside the champion: sweeps, scorings, former champions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from customer_segmentation.recommendation import NO_SEGMENTS, agreement
from customer_segmentation.registry import Served
from customer_segmentation.style import label
from customer_segmentation.tracking import runs
from customer_segmentation.tracking.artifacts import assignments, read, read_table
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store

FACTS = {
    "verdict": "Verdict", "n_segments": "Segments", "score": "Score", "stability": "Stability",
    "silhouette": "Silhouette", "smallest_share": "Smallest segment (share)",
    "outlier_share": "Outliers (share)", "assigner_fidelity": "Put back into their segment (share)",
}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """A finished sweep."""

    run_id: str
    name: str
    started: str
    recommended: str  #: Run id of what it recommends; "" if nothing, or one single group

    @property
    def label(self) -> str:
        """Name and time, as a choice."""
        return f"{self.name} ({self.started})"


@dataclass(frozen=True)
class Compared:
    """Two runs of a sweep, customer by customer."""

    #: How many, a row per segment of the first run, a column per segment of the second
    customers: pd.DataFrame
    agreement: float  #: Adjusted Rand index
    common: int  #: Customers that both have


@dataclass(frozen=True)
class Move:
    """What became of the segments when the champion took over."""

    former: str  #: Version that it was compared with
    words: str
    changes: pd.DataFrame
    movers: pd.DataFrame
    picture: bytes  #: PNG; empty where there is none


def sweeps(opened: Store) -> list[Sweep]:
    """Finished sweeps that have a leaderboard, the latest first."""
    found = runs.search(opened, "tags.kind = 'sweep' AND attributes.status != 'RUNNING'")
    return [_sweep(run) for run in found if run.metrics.get("runs_finished", 0) > 0]


def _sweep(run: Run) -> Sweep:
    none = run.tags.get("verdict") == NO_SEGMENTS
    best = "" if none else run.tags.get("recommended_run_id", "")
    return Sweep(run.id, run.name, _when(run), best)


def runs_of(opened: Store, sweep_id: str) -> dict[str, Run]:
    """Finished runs of a sweep by the names that its leaderboard gives them."""
    sweep = runs.get(sweep_id)
    found = runs.of_sweep(opened, sweep) if sweep is not None else []
    return runs.named(run for run in found if run.status == "FINISHED")


def facts(run: Run) -> dict[str, Any]:
    """What is worth comparing of a run, by label; what was not measured is left out.

    Examples
    --------
    >>> tags, metrics = {"verdict": "natural"}, {"n_segments": 5.0, "stability": 0.9}
    >>> facts(Run("a", metrics=metrics, tags=tags))
    {'Verdict': 'natural', 'Segments': 5, 'Stability': 0.9}
    """
    known: dict[str, Any] = {**run.metrics, **run.tags}
    found = {label: known[key] for key, label in FACTS.items() if key in known}
    if "Segments" in found:
        found["Segments"] = int(found["Segments"])
    return found


def compare(first: Run, second: Run) -> Compared:
    """Count who is where in two runs."""
    one, two = (assignments(run.id, latest=True) for run in (first, second))
    common = one.index.intersection(two.index)
    rows, columns = (_labels(part.loc[common]).rename(None) for part in (one, two))
    counted = pd.crosstab(rows, columns)
    matrix = agreement({"a": one.loc[common, "segment"], "b": two.loc[common, "segment"]})
    return Compared(counted, float(matrix.to_numpy()[0, 1]), len(common))


def _labels(assigned: pd.DataFrame) -> pd.Series[Any]:
    order = assigned.drop_duplicates("segment").sort_values("segment")
    texts = {
        number: label(number, str(name))
        for number, name in zip(order["segment"], order["name"], strict=True)
    }
    return assigned["segment"].map(texts).astype(pd.CategoricalDtype(list(texts.values())))


def move(served: Served) -> Move | None:
    """What the promotion of a version noted about its predecessor; None for the first."""
    former = served.tags.get("matched_to", "")
    changes = read_table(served.run_id, "promotion/migration.csv") if former else None
    run = runs.get(served.run_id)
    if changes is None or run is None:
        return None
    movers = read_table(served.run_id, "promotion/movers.csv", index=True)
    return Move(
        former,
        run.tags.get("migration", ""),
        changes,
        movers if movers is not None else pd.DataFrame(),
        read(served.run_id, "promotion/migration.png") or b"",
    )


def scorings(opened: Store) -> pd.DataFrame:
    """Scoring runs, the latest first: run_id, when, file, rows, failed, version, drift."""
    rows = [
        {
            "run_id": run.id,
            "date (UTC)": _when(run),
            "file": Path(run.params.get("input", "")).name,
            "rows": int(run.metrics.get("rows", 0)),
            "failed": int(run.metrics.get("rows_failed", 0)),
            "version": run.tags.get("model_version", ""),
            "drift": run.tags.get("drift", ""),
        }
        for run in runs.search(opened, "tags.kind = 'scoring' AND attributes.status = 'FINISHED'")
    ]
    return pd.DataFrame(rows)


def offers(opened: Store, version: int) -> str | None:
    """Find the latest run of offers by the segments of a version; None where there is none."""
    wanted = f"tags.kind = 'recommendation' AND tags.model_version = '{version}'"
    found = runs.search(opened, f"{wanted} AND attributes.status = 'FINISHED'")
    return found[0].id if found else None


def _when(run: Run) -> str:
    """When a run started, for people."""
    return f"{pd.Timestamp(run.started, unit='ms'):%Y-%m-%d %H:%M}"

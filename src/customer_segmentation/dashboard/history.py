"""What the store knows beside the champion: sweeps, scorings, former champions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of this project first: it sets MLflow up.
from customer_segmentation.tracking.store import Store  # isort: skip
import mlflow
import pandas as pd
from mlflow.entities import Run

from customer_segmentation.promotion.proposal import assignments
from customer_segmentation.registry import Served
from customer_segmentation.selection import agreement
from customer_segmentation.tracking import reuse
from customer_segmentation.tracking.artifacts import read, read_table

MOST_RUNS = 1000
FACTS = {
    "verdict": "Verdict", "n_segments": "Segments", "score": "Score", "stability": "Stability",
    "silhouette": "Silhouette", "smallest_share": "Smallest segment (share)",
    "outlier_share": "Outliers (share)", "assigner_fidelity": "Assigned as grouped (share)",
}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    Attributes
    ----------
    run_id, name, started : str
    recommended : str
        Run id of what it recommends; "" if nothing.
    overrides : str
        What the command changed.
    """

    run_id: str
    name: str
    started: str
    recommended: str

    @property
    def label(self) -> str:
        """Name and time, as a choice."""
        return f"{self.name} ({self.started})"


@dataclass(frozen=True)
class Compared:
    """Two runs of a sweep, customer by customer.

    Attributes
    ----------
    customers : DataFrame
        How many, a row per segment of the first run, a column per segment of the second.
    agreement : float
        Adjusted Rand index.
    common : int
        Customers that both have.
    """

    customers: pd.DataFrame
    agreement: float
    common: int


@dataclass(frozen=True)
class Move:
    """What became of the segments when the champion took over.

    Attributes
    ----------
    former : str
        Version that it was compared with.
    words : str
    changes, movers : DataFrame
    picture : bytes
        PNG; empty where there is none.
    """

    former: str
    words: str
    changes: pd.DataFrame
    movers: pd.DataFrame
    picture: bytes


def sweeps(opened: Store) -> list[Sweep]:
    """Finished sweeps that have a leaderboard, the latest first."""
    found = _search(opened, "tags.kind = 'sweep' AND attributes.status != 'RUNNING'")
    return [
        Sweep(
            run.info.run_id,
            str(run.info.run_name),
            when(run),
            run.data.tags.get("recommended_run_id", ""),
        )
        for run in found
        if run.data.metrics.get("runs_finished", 0) > 0
    ]


def runs_of(opened: Store, sweep_id: str) -> dict[str, Run]:
    """Finished runs of a sweep by the names that its leaderboard gives them."""
    found: dict[str, Run] = {}
    counted: dict[str, int] = {}
    client = mlflow.MlflowClient()
    runs = reuse.runs_of(client, opened.experiment_id, sweep_id)
    for run in sorted(runs, key=lambda run: run.info.start_time):
        if run.info.status != "FINISHED":
            continue
        name = str(run.info.run_name)
        counted[name] = counted.get(name, 0) + 1
        found[name if counted[name] == 1 else f"{name} #{counted[name]}"] = run
    return found


def facts(run: Run) -> dict[str, Any]:
    """What is worth comparing of a run, by label; what was not measured is left out.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> data = Some(metrics={"n_segments": 5.0, "stability": 0.9}, tags={"verdict": "natural"})
    >>> facts(Some(data=data))
    {'Verdict': 'natural', 'Segments': 5, 'Stability': 0.9}
    """
    known = {**run.data.metrics, **run.data.tags}
    found = {label: known[key] for key, label in FACTS.items() if key in known}
    if "Segments" in found:
        found["Segments"] = int(found["Segments"])
    return found


def compare(first: Run, second: Run) -> Compared:
    """Count who is where in two runs."""
    one, two = (_assignments(run) for run in (first, second))
    common = one.index.intersection(two.index)
    rows, columns = (_labels(part.loc[common]).rename(None) for part in (one, two))
    counted = pd.crosstab(rows, columns)
    matrix = agreement({"a": one.loc[common, "segment"], "b": two.loc[common, "segment"]})
    return Compared(counted, float(matrix.to_numpy()[0, 1]), len(common))


def _assignments(run: Run) -> pd.DataFrame:
    found = read_table(run.info.run_id, "tables/assignments.csv", index=True, latest=True)
    return assignments(run) if found is None else found  # whose error says what is missing


def _labels(assigned: pd.DataFrame) -> pd.Series[Any]:
    order = assigned.drop_duplicates("segment").sort_values("segment")
    texts = {
        number: f"{number} · {name}" if number > 0 else str(name)
        for number, name in zip(order["segment"], order["name"], strict=True)
    }
    return assigned["segment"].map(texts).astype(pd.CategoricalDtype(list(texts.values())))


def move(served: Served) -> Move | None:
    """What the promotion of a version noted about its predecessor; None for the first."""
    former = served.tags.get("matched_to", "")
    changes = read_table(served.run_id, "promotion/migration.csv") if former else None
    if changes is None:
        return None
    movers = read_table(served.run_id, "promotion/movers.csv", index=True)
    return Move(
        former,
        mlflow.get_run(served.run_id).data.tags.get("migration", ""),
        changes,
        movers if movers is not None else pd.DataFrame(),
        read(served.run_id, "promotion/migration.png") or b"",
    )


def scorings(opened: Store) -> pd.DataFrame:
    """Scoring runs, the latest first: run_id, when, file, rows, failed, version, drift."""
    rows = [
        {
            "run_id": run.info.run_id,
            "date (UTC)": when(run),
            "file": Path(run.data.params.get("input", "")).name,
            "rows": int(run.data.metrics.get("rows", 0)),
            "failed": int(run.data.metrics.get("rows_failed", 0)),
            "version": run.data.tags.get("model_version", ""),
            "drift": run.data.tags.get("drift", ""),
        }
        for run in _search(opened, "tags.kind = 'scoring' AND attributes.status = 'FINISHED'")
    ]
    return pd.DataFrame(rows)


def offers(opened: Store, version: int) -> str | None:
    """Find the latest run of offers by the segments of a version; None where there is none."""
    wanted = f"tags.kind = 'recommendation' AND tags.model_version = '{version}'"
    found = _search(opened, f"{wanted} AND attributes.status = 'FINISHED'")
    return str(found[0].info.run_id) if found else None


def when(run: Run) -> str:
    """When a run started, for people.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> when(Some(info=Some(start_time=0)))
    '1970-01-01 00:00'
    """
    return f"{pd.Timestamp(run.info.start_time, unit='ms'):%Y-%m-%d %H:%M}"


def _search(opened: Store, wanted: str) -> list[Run]:
    """Runs, the latest first."""
    client = mlflow.MlflowClient(opened.uri)
    return list(
        client.search_runs(
            [opened.experiment_id],
            wanted,
            order_by=["attributes.start_time DESC"],
            max_results=MOST_RUNS,
        )
    )

"""Finished runs that a later sweep takes over instead of making them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Run

from customer_segmentation.environment import PACKAGE, requirements
from customer_segmentation.tracking.store import Store  # first: it sets MLflow up

FINGERPRINT = "fingerprint"  # tag: equal for runs that can only come out equal
TAKEN = "reused."  # tag of a sweep, followed by the id of a run: the run's own sweep


def fingerprint(config: Mapping[str, Any], data_sha256: str, entry: Iterable[Path] = ()) -> str:
    """What a run depends on, in short: configuration, content of the data, code, libraries.

    Parameters
    ----------
    config : mapping
        All of it that has a say in the result.
    data_sha256 : str
    entry : iterable of Path
        Code outside this package that belongs to it.

    Examples
    --------
    >>> fingerprint({"seed": 0}, "ab") == fingerprint({"seed": 0}, "ab")
    True
    >>> fingerprint({"seed": 0}, "ab") == fingerprint({"seed": 1}, "ab")
    False
    """
    settings = json.dumps(config, sort_keys=True, default=str)
    parts = [settings, data_sha256, code_version(tuple(entry)), *requirements()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@cache
def code_version(entry: tuple[Path, ...]) -> str:
    """Hash of this package's sources, and of some more files."""
    digest = hashlib.sha256()
    for file in [*sorted(PACKAGE.rglob("*.py")), *entry]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def find(opened: Store, wanted: str) -> Run | None:
    """The latest finished run of a fingerprint."""
    same = f"tags.{FINGERPRINT} = '{wanted}' AND attributes.status = 'FINISHED'"
    client = mlflow.MlflowClient()
    return next(iter(client.search_runs([opened.experiment_id], same, max_results=1)), None)


def take_over(sweep_id: str, run: Run) -> None:
    """Make a finished run one of a sweep's; it stays nested in the sweep that made it."""
    its_own = run.data.tags.get("sweep_id", "none")
    mlflow.MlflowClient().set_tag(sweep_id, f"{TAKEN}{run.info.run_id}", its_own)


def runs_of(client: mlflow.MlflowClient, experiment_id: str, sweep_id: str) -> list[Run]:
    """Runs of a sweep: those nested in it, and those it took over that still exist."""
    nested = f"tags.`mlflow.parentRunId` = '{sweep_id}'"
    found = list(client.search_runs([experiment_id], nested, max_results=5000))
    for run_id in taken(client.get_run(sweep_id)):
        run = client.get_run(run_id)
        if run.info.lifecycle_stage == "active":
            found.append(run)
    return found


def taken(sweep: Run) -> list[str]:
    """Ids of the runs that a sweep took over."""
    return [tag.removeprefix(TAKEN) for tag in sweep.data.tags if tag.startswith(TAKEN)]

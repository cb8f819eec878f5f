"""Runs as they were logged: found, taken over by a later sweep, and the parent run of a sweep."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Of this project first: it sets MLflow up.
from customer_segmentation.tracking.store import Store, process_tags  # isort: skip
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from customer_segmentation.environment import PACKAGE, requirements

MOST = 1000  # runs that a search finds
MOST_NESTED = 5000  # runs in a sweep
TAKEN = "reused."  # tag of a sweep, followed by the id of a run: the run's own sweep
# An environment variable is the one thing that reaches the jobs of every launcher.
PARENT = "SEGMENTATION_SWEEP_ID"
FAILURE = "failure."
FINGERPRINT = "fingerprint"  # tag: equal for runs that can only come out equal


@dataclass(frozen=True)
class Run:
    """A run as it was logged."""

    id: str
    name: str = ""
    #: "RUNNING", "FINISHED", "FAILED" or "KILLED"; "DELETED" whatever it was before
    status: str = "FINISHED"
    started: int = 0  #: Milliseconds since 1970
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    source: str = ""  #: Address of the data; "" where it is not known


def get(run_id: str) -> Run | None:
    """Find a run by its id; None where there is none."""
    try:
        return _read(mlflow.get_run(run_id))
    except MlflowException:
        return None


def search(opened: Store, wanted: str, *, most: int = MOST) -> list[Run]:
    """Find runs by a filter in MLflow's words, the latest first.

    Parameters
    ----------
    opened : Store
    wanted : str
        Such as "tags.kind = 'sweep' AND attributes.status = 'FINISHED'".
    most : int
    """
    client, latest = mlflow.MlflowClient(opened.uri), ["attributes.start_time DESC"]
    found = client.search_runs([opened.experiment_id], wanted, order_by=latest, max_results=most)
    return [_read(run) for run in found]


def of_sweep(opened: Store, sweep: Run) -> list[Run]:
    """Runs of a sweep, in their order: those nested in it, and those it took over and are there."""
    nested = f"tags.`mlflow.parentRunId` = '{sweep.id}'"
    found = search(opened, nested, most=MOST_NESTED)
    client = mlflow.MlflowClient(opened.uri)
    over = [client.get_run(run_id) for run_id in taken(sweep)]
    found += [_read(run) for run in over if run.info.lifecycle_stage == "active"]
    return sorted(found, key=lambda run: run.started)


def taken(sweep: Run) -> list[str]:
    """Ids of the runs that a sweep took over.

    Examples
    --------
    >>> taken(Run("s", tags={"kind": "sweep", "reused.ab": "none"}))
    ['ab']
    """
    return [tag.removeprefix(TAKEN) for tag in sweep.tags if tag.startswith(TAKEN)]


def named(found: Iterable[Run]) -> dict[str, Run]:
    """Runs by name; those that differ in their settings only, and share a name, get a number.

    Examples
    --------
    >>> list(named([Run("a", "gmm-k4"), Run("b", "gmm-k4"), Run("c", "ward-k5")]))
    ['gmm-k4', 'gmm-k4 #2', 'ward-k5']
    """
    names: dict[str, Run] = {}
    counted: dict[str, int] = {}
    for run in found:
        counted[run.name] = counted.get(run.name, 0) + 1
        again = counted[run.name]
        names[f"{run.name} #{again}" if again > 1 else run.name] = run
    return names


def mark(run_id: str, tag: str, value: str) -> None:
    """Set a tag of a run."""
    mlflow.MlflowClient().set_tag(run_id, tag, value)


def end(run_id: str, status: str) -> None:
    """Close a run that is open."""
    mlflow.MlflowClient().set_terminated(run_id, status)


def delete(run_id: str) -> None:
    """Take a run out of sight."""
    mlflow.MlflowClient().delete_run(run_id)


def _read(run: MlflowRun) -> Run:
    info, data = run.info, run.data
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return Run(
        str(info.run_id),
        str(info.run_name),
        str(info.status) if info.lifecycle_stage == "active" else "DELETED",
        int(info.start_time),
        dict(data.metrics),
        dict(data.params),
        dict(data.tags),
        json.loads(inputs[0].dataset.source)["uri"] if inputs else "",
    )


def start_parent(store: Store, name: str, overrides: str) -> str:
    """Open the parent run of a sweep and make it known to the jobs.

    Parameters
    ----------
    store : Store
    name : str
        For people, such as "sweep-mall-24-runs".
    overrides : str
        What the command line changed.

    Returns
    -------
    str
        Its run id, the ``sweep_id``.
    """
    tags = {**source(), "kind": "sweep", "overrides": overrides, **process_tags()}
    run = mlflow.MlflowClient().create_run(store.experiment_id, run_name=name, tags=tags)
    os.environ[PARENT] = run.info.run_id
    return str(run.info.run_id)


def source() -> dict[str, str]:
    """Tags of MLflow's own that say which code runs: its file, its git commit."""
    return dict(resolve_tags())


def current_parent() -> str | None:
    """Run id of the sweep that this job belongs to, None outside a sweep."""
    return os.environ.get(PARENT)


def fail_job(job: str, error: Exception) -> None:
    """Note on the run of the current sweep that a job failed, and why."""
    sweep_id = current_parent()
    if sweep_id is not None:
        key = f"{FAILURE}{os.getpid()}.{abs(hash(job)) % 10**8}"
        text = f"{job}: {type(error).__name__}: {error}"
        mlflow.MlflowClient().set_tag(sweep_id, key, text[:4000])


def leave_parent() -> None:
    """Belong to no sweep from now on."""
    os.environ.pop(PARENT, None)


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
    parts = [settings, data_sha256, _code_version(tuple(entry)), *requirements()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@cache
def _code_version(entry: tuple[Path, ...]) -> str:
    """Hash of this package's sources, and of some more files."""
    digest = hashlib.sha256()
    for file in [*sorted(PACKAGE.rglob("*.py")), *entry]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def find_finished(opened: Store, wanted: str) -> Run | None:
    """The latest finished run of a fingerprint."""
    same = f"tags.{FINGERPRINT} = '{wanted}' AND attributes.status = 'FINISHED'"
    return next(iter(search(opened, same, most=1)), None)


def take_over(sweep_id: str, run: Run) -> None:
    """Make a finished run one of a sweep's; it stays nested in the sweep that made it."""
    mark(sweep_id, f"{TAKEN}{run.id}", run.tags.get("sweep_id", "none"))

"""The sweep that a job belongs to: its run, open while the jobs go on.

Apart from what a sweep comes to, which takes plots and a page: a job need not load these to start.
"""

from __future__ import annotations

import os

import mlflow
from mlflow.tracking.context.registry import resolve_tags

from customer_segmentation.tracking.store import Store, process_tags  # first: it sets MLflow up

# An environment variable is the one thing that reaches the jobs of every launcher.
PARENT = "SEGMENTATION_SWEEP_ID"
FAILURE = "failure."


def start(store: Store, name: str, overrides: str) -> str:
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


def current() -> str | None:
    """Run id of the sweep that this job belongs to, None outside a sweep."""
    return os.environ.get(PARENT)


def fail(job: str, error: Exception) -> None:
    """Note on the run of the current sweep that a job failed, and why."""
    sweep_id = current()
    if sweep_id is not None:
        key = f"{FAILURE}{os.getpid()}.{abs(hash(job)) % 10**8}"
        text = f"{job}: {type(error).__name__}: {error}"
        mlflow.MlflowClient().set_tag(sweep_id, key, text[:4000])


def leave() -> None:
    """Belong to no sweep from now on."""
    os.environ.pop(PARENT, None)

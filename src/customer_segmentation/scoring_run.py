"""A scoring as an MLflow run, logged when its output is in place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

# Of this project first: it sets MLflow up.
from customer_segmentation.store import Store, StoreError  # isort: skip
import mlflow
from mlflow.exceptions import MlflowException
from omegaconf import OmegaConf

from customer_segmentation import batch_scoring, tracking
from customer_segmentation.batch_scoring import Scored
from customer_segmentation.registry import Served

CONFIG = "config/.hydra/config.yaml"  # where a training run keeps its configuration
WRITTEN = "scoring_started"  # tag of the experiment: when a scoring last found it writable


def check_writable(opened: Store) -> None:
    """Find out that a store takes no runs before hours of scoring, not after.

    Raises
    ------
    StoreError
        When the store can be read, but not written.
    """
    with _said(f"got a tracking store at {opened.uri} that cannot be written"):
        now = datetime.now(UTC).isoformat(timespec="seconds")
        # MLflow prints the whole statement; the error says it.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        mlflow.MlflowClient().set_experiment_tag(opened.experiment_id, WRITTEN, now)


def missing_tokens(run_id: str) -> list[str]:
    """Words that meant "missing" in the training data of a run; none if it does not say."""
    try:
        text = mlflow.artifacts.load_text(f"runs:/{run_id}/{CONFIG}")
    except (MlflowException, OSError):
        return []
    tokens = OmegaConf.select(OmegaConf.create(text), "data.missing_tokens") or []
    return [str(token) for token in tokens]


def log(scored: Scored, name: str, served: Served) -> str:
    """Log a scoring to the active experiment.

    Parameters
    ----------
    scored : Scored
    name : str
        Of the registered model.
    served : Served
        The version that was used.

    Returns
    -------
    str
        The run id.

    Raises
    ------
    StoreError
        When the store fails by now; the output is in place all the same.
    """
    settings = {
        "input": scored.input.name,
        "output": scored.output.name,
        "model": name,
        "model_version": served.version,
        "model_run": served.run_name,
        "ids": scored.ids,
    }
    tags = {"kind": "scoring", "model_version": str(served.version)}
    failed = f"{scored.output} is complete, but the scoring could not be logged"
    with _said(failed), tracking.run(f"scoring-{scored.input.stem}", tags=tags) as run_id:
        tracking.log(run_id, batch_scoring.items(scored, settings))
        source = str(Path(scored.input).resolve())
        mlflow.set_tag("input", source)
    return run_id


@contextmanager
def _said(got: str) -> Iterator[None]:
    try:
        yield
    except (MlflowException, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StoreError(
            f"{got} ({reason}), expected one that takes runs. Check its permissions and its disk, "
            f"or set tracking.uri=."
        ) from error

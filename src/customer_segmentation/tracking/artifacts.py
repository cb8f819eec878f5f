"""Files of a run, read back; one that the run does not have is None, unless it must have it."""

from __future__ import annotations

import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

# Of this project first: it sets MLflow up.
from customer_segmentation.tracking.store import StoreError  # isort: skip
import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from omegaconf import OmegaConf

CONFIG = "config/.hydra/config.yaml"  # where a training run keeps its configuration
ASSIGNMENTS = "tables/assignments.csv"
PROMOTED = "promoted/"  # below it, segments have the numbers that they keep


def read(run_id: str, path: str) -> bytes | None:
    """Read a file of a run.

    Parameters
    ----------
    run_id : str
    path : str
        Below the run's artifacts.
    """
    uri = f"runs:/{run_id}/{path}"
    # Left to itself MLflow keeps a copy, of customers too, in the temporary folder.
    with tempfile.TemporaryDirectory() as folder, suppress(MlflowException, OSError):
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder)).read_bytes()
    return None


def read_latest(run_id: str, path: str) -> bytes | None:
    """Read a file of a run as its promotion wrote it, else as the run did."""
    promoted = read(run_id, f"{PROMOTED}{path}")
    return read(run_id, path) if promoted is None else promoted


def read_text(run_id: str, path: str) -> str | None:
    """Read a text file of a run."""
    content = read(run_id, path)
    return None if content is None else content.decode("utf-8")


def read_setting(run_id: str, key: str) -> Any:
    """What the configuration of a run says about a key such as "data.path"; None if nothing."""
    text = read_text(run_id, CONFIG)
    found = None if text is None else OmegaConf.select(OmegaConf.create(text), key)
    return OmegaConf.to_container(found) if OmegaConf.is_config(found) else found


def read_table(
    run_id: str, path: str, *, index: bool = False, latest: bool = False
) -> pd.DataFrame | None:
    """Read a CSV of a run; with `index`, the first column is the customer's id, as text."""
    content = (read_latest if latest else read)(run_id, path)
    if content is None:
        return None
    return _by_customer(content.decode("utf-8")) if index else pd.read_csv(io.BytesIO(content))


def _by_customer(text: str) -> pd.DataFrame:
    """A logged CSV whose first column is the customer's id: text, whatever it looks like."""
    customer, *others = pd.read_csv(io.StringIO(text), nrows=0).columns.astype(str)
    table = pd.read_csv(
        io.StringIO(text),
        dtype={customer: str},
        keep_default_na=False,
        na_values={column: [""] for column in others},  # a customer "NA" is no gap
    )
    return table.set_index(customer)


def assignments(run_id: str, *, latest: bool = False) -> pd.DataFrame:
    """Segment, name and confidence of a run's customers, indexed by id as text.

    Raises
    ------
    StoreError
        When the run does not have them.
    """
    found = read_table(run_id, ASSIGNMENTS, index=True, latest=latest)
    if found is None:
        raise StoreError(
            f"got run {run_id} without {ASSIGNMENTS}, expected the segments of its customers. "
            f"Restore its files, or train it again."
        )
    return found

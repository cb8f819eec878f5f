"""Whether a run can be made again: the same labels from its configuration, data and seed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

# Of this project first: it sets MLflow up.
from customer_segmentation.tracking.store import Store  # isort: skip
import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from customer_segmentation.analysis import Analysis
from customer_segmentation.environment import requirements

CHOICES = ("data", "features", "algorithm", "selection")
COMMIT = "mlflow.source.git.commit"


class RebuildError(RuntimeError):
    """A run that cannot be made again."""


@dataclass(frozen=True)
class Rebuilt:
    """How a run that was made again compares with what it was.

    Attributes
    ----------
    differences : DataFrame
        What is not the same: what, then, now. Empty when all is.
    same_labels : bool
    customers : int
        How many have labels in both.
    """

    differences: pd.DataFrame
    same_labels: bool
    customers: int

    @property
    def words(self) -> str:
        """The answer in a sentence."""
        if self.same_labels:
            return f"Rebuilt: the same label for each of the {self.customers:,} customers."
        return "Rebuilt, and the labels differ."


def find(opened: Store, run_id: str) -> tuple[Run, Path]:
    """Find a run and the configuration it was made with.

    Raises
    ------
    RebuildError
        When there is no such run, or it kept no configuration.
    """
    client = mlflow.MlflowClient(opened.uri)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise RebuildError(
            f"got no run with the id {run_id!r}, expected one of this store. Copy the id from the "
            f"run's page in the UI: rebuild=ID."
        ) from error
    try:
        place = f"runs:/{run_id}/config/.hydra/config.yaml"
        return run, Path(mlflow.artifacts.download_artifacts(place))
    except (MlflowException, OSError) as error:
        raise RebuildError(
            f"got run {run.info.run_name} without its configuration, expected a finished run of "
            f"kind 'model'. Choose another: rebuild=ID."
        ) from error


def compare(run: Run, again: Analysis) -> Rebuilt:
    """Compare a run with its rebuilt analysis: labels first, then what may explain a difference.

    Parameters
    ----------
    run : Run
        As it was logged.
    again : Analysis
        Made now from the same configuration.
    """
    text = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/tables/assignments.csv")
    then = pd.read_csv(io.StringIO(text), index_col=0, dtype={0: str})["segment"]
    now = again.segments.set_axis(again.segments.index.astype(str))
    both = then.index.intersection(now.index)
    changed = int((then[both] != now[both]).sum())
    same = changed == 0 and len(both) == len(then) == len(now)
    rows = [
        ("data_sha256", run.data.tags.get("data_sha256", ""), again.data.sha256),
        ("customers", f"{len(then):,}", f"{len(now):,}"),
        ("run", str(run.info.run_name), again.name),
        ("versions", run.data.tags.get("versions", ""), ", ".join(requirements())),
        ("code", run.data.tags.get(COMMIT, ""), _commit()),
        ("labels", f"{len(both):,} customers in both", f"{changed:,} of them labelled otherwise"),
    ]
    different = [row for row in rows[:-1] if row[1] != row[2]] + ([] if same else rows[-1:])
    return Rebuilt(pd.DataFrame(different, columns=["what", "then", "now"]), same, len(both))


def _commit() -> str:
    from mlflow.tracking.context.registry import resolve_tags  # noqa: PLC0415 - asks git

    return str(resolve_tags().get(COMMIT, ""))

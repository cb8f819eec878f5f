"""Whether a run can be made again: the same labels from its configuration, data and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from customer_segmentation.analysis import Analysis
from customer_segmentation.environment import requirements
from customer_segmentation.tracking import artifacts, runs
from customer_segmentation.tracking.runs import Run

CHOICES = ("data", "features", "algorithm", "selection")
COMMIT = "mlflow.source.git.commit"


class RebuildError(RuntimeError):
    """A run that cannot be made again."""


@dataclass(frozen=True)
class Rebuilt:
    """How a run that was made again compares with what it was."""

    differences: pd.DataFrame  #: What is not the same: what, then, now. Empty when all is.
    same_labels: bool
    customers: int  #: How many have labels in both

    @property
    def words(self) -> str:
        """The answer in a sentence."""
        if self.same_labels:
            return f"Rebuilt: the same label for each of the {self.customers:,} customers."
        return "Rebuilt, and the labels differ."


def find(run_id: str) -> tuple[Run, str]:
    """Find a run of the open store, and the configuration it was made with, as YAML.

    Raises
    ------
    RebuildError
        When there is no such run, or it kept no configuration.
    """
    run = runs.get(run_id)
    if run is None:
        raise RebuildError(
            f"got no run with the id {run_id!r}, expected one of this store. Copy the id from the "
            f"run's page in the UI: rebuild=ID."
        )
    config = artifacts.read_text(run_id, artifacts.CONFIG)
    if config is None:
        raise RebuildError(
            f"got run {run.name} without its configuration, expected a finished run of kind "
            f"'model'. Choose another: rebuild=ID."
        )
    return run, config


def check_alone(overrides: Sequence[str], *, sweeping: bool = False) -> None:
    """Refuse what a rebuild would not heed: a run is made again from its own configuration.

    Raises
    ------
    RebuildError

    Examples
    --------
    >>> check_alone(["rebuild=0a1b", "tracking.folder=runs"])
    >>> check_alone(["rebuild=0a1b", "seed=5"])
    Traceback (most recent call last):
    customer_segmentation.rebuild.RebuildError: got seed=5 beside rebuild=, expected nothing else...
    """
    others = [text for text in overrides if not text.startswith(("rebuild=", "tracking"))]
    if others or sweeping:
        raise RebuildError(
            f"got {', '.join(others or ['-m'])} beside rebuild=, expected nothing else: a run is "
            "made again from its own configuration. Leave it out."
        )


def compare(run: Run, again: Analysis) -> Rebuilt:
    """Compare a run with its rebuilt analysis: labels first, then what may explain a difference.

    Parameters
    ----------
    run : Run
        As it was logged.
    again : Analysis
        Made now from the same configuration.
    """
    then = artifacts.assignments(run.id)["segment"]
    now = again.segments.set_axis(again.segments.index.astype(str))
    both = then.index.intersection(now.index)
    changed = int((then[both] != now[both]).sum())
    same = changed == 0 and len(both) == len(then) == len(now)
    rows = [
        ("data_sha256", run.tags.get("data_sha256", ""), again.data.sha256),
        ("customers", f"{len(then):,}", f"{len(now):,}"),
        ("run", run.name, again.name),
        *_versions(run.tags.get("versions", "").split(", "), requirements()),
        ("code", run.tags.get(COMMIT, ""), runs.source().get(COMMIT, "")),
        ("labels", f"{len(both):,} customers in both", f"{changed:,} of them labelled otherwise"),
    ]
    different = [row for row in rows[:-1] if row[1] != row[2]] + ([] if same else rows[-1:])
    return Rebuilt(pd.DataFrame(different, columns=["what", "then", "now"]), same, len(both))


def _versions(then: Sequence[str], now: Sequence[str]) -> list[tuple[str, str, str]]:
    """Package, version then, version now, of each package."""
    before, after = (dict(pin.split("==") for pin in pins if pin) for pins in (then, now))
    return [(name, before.get(name, ""), version) for name, version in after.items()]

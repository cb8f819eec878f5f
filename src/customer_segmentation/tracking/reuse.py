"""Finished runs that a later sweep takes over instead of making them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from customer_segmentation.environment import PACKAGE, requirements
from customer_segmentation.tracking import runs
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store

FINGERPRINT = "fingerprint"  # tag: equal for runs that can only come out equal


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
    return next(iter(runs.search(opened, same, most=1)), None)


def take_over(sweep_id: str, run: Run) -> None:
    """Make a finished run one of a sweep's; it stays nested in the sweep that made it."""
    runs.mark(sweep_id, f"{runs.TAKEN}{run.id}", run.tags.get("sweep_id", "none"))

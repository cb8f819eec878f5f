"""The model registry: versions of the segmentation, and which of them is the champion."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

# Of this project first: it sets MLflow up.
from customer_segmentation.tracking.store import Store  # isort: skip
import filelock
import mlflow
import pandas as pd
import skops.io
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from skops.io.exceptions import UntrustedTypesFoundException

from customer_segmentation.segmenter import TRUSTED_TYPES, Segmenter

CHAMPION, PREVIOUS = "champion", "previous"
RESTORED = "restored"  # tag of the registered model: the version that a rollback has made champion
LOGGED = "models:/"  # and its id: the URI of a logged model


class RegistryError(RuntimeError):
    """A version, alias or model that is not there."""


@dataclass(frozen=True)
class Served:
    """A registered version, ready to assign customers."""

    version: int
    run_id: str  #: The run that it comes from
    uri: str  #: Of the logged model
    tags: dict[str, str]  #: What was noted at its promotion
    created: int = 0  #: Milliseconds since 1970

    @cached_property
    def segmenter(self) -> Segmenter:
        """The model itself; read when first asked for."""
        return read_segmenter(self.uri)

    @cached_property
    def reference(self) -> dict[str, Any]:
        """What its training customers looked like, for drift."""
        return read_reference(self.uri)

    @property
    def run_name(self) -> str:
        """Name of the run."""
        return self.tags.get("run", "")

    @property
    def numbers(self) -> dict[int, int]:
        """The run's own segment numbers -> the numbers of this version."""
        return {int(own): int(n) for own, n in json.loads(self.tags.get("numbers", "{}")).items()}

    @property
    def named(self) -> frozenset[int]:
        """Numbers of the segments whose names the user gave."""
        return frozenset(json.loads(self.tags.get("named", "[]")))


def load(opened: Store, name: str, which: str = CHAMPION) -> Served:
    """Find a version by alias or number.

    Parameters
    ----------
    opened : Store
    name : str
        Of the registered model.
    which : str
        "champion", "previous", another alias, or a version number.

    Raises
    ------
    RegistryError
        When there is no such version; says which there are.
    """
    client = mlflow.MlflowClient(opened.uri)
    by_number = str(which).isdigit()
    get = client.get_model_version if by_number else client.get_model_version_by_alias
    try:
        return _served(get(name, str(which)))
    except MlflowException as error:
        raise RegistryError(_missing(opened, name, which)) from error


def _missing(opened: Store, name: str, which: str) -> str:
    """Say which versions there are, when the one asked for is not there."""
    got, numbers = f"got no {which!r} of {name}", [v.version for v in _versions(opened, name)]
    if not numbers:
        return (
            f"{got}: no model was promoted yet. Compare runs first (python train.py -m), then "
            f"promote one: python promote.py"
        )
    aliases = sorted(mlflow.MlflowClient(opened.uri).get_registered_model(name).aliases)
    return (
        f"{got}, expected one of the versions {sorted(numbers)} or of the aliases {aliases}. "
        f"See them all: python promote.py list=true"
    )


def find(opened: Store, name: str) -> Served | None:
    """Find the champion; None where there is none yet."""
    with suppress(RegistryError):
        return load(opened, name)
    return None


def of_run(opened: Store, name: str, run_id: str) -> Served | None:
    """Find the latest version that was made from a run."""
    found = [served for served in _versions(opened, name) if served.run_id == run_id]
    return max(found, key=lambda served: served.version, default=None)


def last_number(opened: Store, name: str) -> int:
    """Find the highest segment number that any version has used; 0 without versions."""
    return max((n for v in _versions(opened, name) for n in v.numbers.values()), default=0)


def table(opened: Store, name: str) -> pd.DataFrame:
    """Every version, latest first: version, alias, date, run, segments, verdict, gate, reason."""
    aliases: dict[str, str] = {}
    with suppress(MlflowException):
        aliases = mlflow.MlflowClient(opened.uri).get_registered_model(name).aliases
    rows = []
    for found in sorted(_versions(opened, name), key=lambda v: -v.version):
        mine = [alias for alias, version in aliases.items() if int(version) == found.version]
        when = pd.Timestamp(found.created, unit="ms").strftime("%Y-%m-%d %H:%M")
        kept = ("run", "segments", "verdict", "gate", "reason")
        rows.append(
            {"version": found.version, "alias": ", ".join(sorted(mine)), "date (UTC)": when}
            | {key: found.tags.get(key, "") for key in kept}
        )
    return pd.DataFrame(rows)


def lock(opened: Store, folder: Path) -> filelock.BaseFileLock:
    """Hold the registry for one promotion at a time, among the processes of this machine."""
    local = opened.uri.startswith("sqlite") and folder.is_dir()
    key = hashlib.sha256(opened.uri.encode()).hexdigest()[:16]
    place = folder if local else Path(tempfile.gettempdir())
    return filelock.FileLock(place / f".promote-{key}.lock")


def register(opened: Store, name: str, uri: str, run_id: str, tags: Mapping[str, str]) -> Served:
    """Make a new version of a logged model; no alias points to it yet."""
    client = mlflow.MlflowClient(opened.uri)
    with suppress(MlflowException):  # it exists already
        client.create_registered_model(name)
    kept = {key: str(value) for key, value in tags.items()}
    return _served(client.create_model_version(name, uri, run_id, tags=kept))


def note(opened: Store, name: str, served: Served, tags: Mapping[str, str]) -> None:
    """Note what the gate says now of a version that is promoted again, and why."""
    client = mlflow.MlflowClient(opened.uri)
    for key, value in {"reason": "", **tags}.items():
        client.set_model_version_tag(name, str(served.version), key, value)


def crown(opened: Store, name: str, served: Served) -> None:
    """Make a version the champion, and the champion of now the previous one."""
    client = mlflow.MlflowClient(opened.uri)
    former = find(opened, name)
    if former is not None and former.version != served.version:
        client.set_registered_model_alias(name, PREVIOUS, str(former.version))
        client.set_model_version_tag(name, str(served.version), "replaces", str(former.version))
        _mark(client, former.run_id, PREVIOUS)
    client.set_registered_model_alias(name, CHAMPION, str(served.version))
    client.set_registered_model_tag(name, RESTORED, "")
    _mark(client, served.run_id, CHAMPION)


def roll_back(opened: Store, name: str) -> tuple[Served, Served | None]:
    """Make the previous version the champion again; the one before it becomes the previous.

    Once: asked again before the next promotion, as by a job that runs twice, nothing changes.

    Returns
    -------
    champion : Served
    former : Served or None
        Whose place it took; None when the champion has been given the title back already.

    Raises
    ------
    RegistryError
        When there is no champion, or none before it.
    """
    client = mlflow.MlflowClient(opened.uri)
    former = load(opened, name)
    if client.get_registered_model(name).tags.get(RESTORED) == str(former.version):
        return former, None
    champion = load(opened, name, PREVIOUS)
    client.set_registered_model_alias(name, CHAMPION, str(champion.version))
    client.set_registered_model_tag(name, RESTORED, str(champion.version))
    before = champion.tags.get("replaces")
    if before:
        client.set_registered_model_alias(name, PREVIOUS, before)
    else:
        client.delete_registered_model_alias(name, PREVIOUS)
    _mark(client, former.run_id, "rolled back")
    _mark(client, champion.run_id, CHAMPION)
    return champion, former


def _mark(client: mlflow.MlflowClient, run_id: str, title: str) -> None:
    """Show on a run what its model became; one that was deleted since shows nothing."""
    with suppress(MlflowException):
        client.set_tag(run_id, "promoted", title)


def read_segmenter(uri: str) -> Segmenter:
    """Read the segmenter of a logged model, without pickle."""
    saved = _folder(uri) / "segmenter.skops"
    try:
        loaded = skops.io.load(saved, trusted=TRUSTED_TYPES)
        loaded.names  # noqa: B018 - one saved by other code may lack what this code asks of it
    except (UntrustedTypesFoundException, AttributeError, ImportError, TypeError) as error:
        raise RegistryError(
            f"got a model at {uri} that another version of this project has saved ({error}), "
            f"expected one of this version. Train its run again, or use the code logged with it: "
            f"mlflow models predict -m {uri} --env-manager local"
        ) from error
    if not isinstance(loaded, Segmenter):
        raise RegistryError(f"got a {type(loaded).__name__} in {uri}, expected a Segmenter.")
    return loaded


def read_reference(uri: str) -> dict[str, Any]:
    """Read what the training customers of a logged model looked like; see :mod:`drift`."""
    return dict(json.loads((_folder(uri) / "reference.json").read_text(encoding="utf-8")))


def _folder(uri: str) -> Path:
    """Find the files of a logged model by where they are: by its id, MLflow writes among them."""
    place = str(mlflow.get_logged_model(uri.removeprefix(LOGGED)).artifact_location)
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=place)) / "artifacts"


def _versions(opened: Store, name: str) -> list[Served]:
    found = mlflow.MlflowClient(opened.uri).search_model_versions(f"name = '{name}'")
    return [_served(version) for version in found]


def _served(found: ModelVersion) -> Served:
    uri = f"{LOGGED}{found.model_id}" if found.model_id else str(found.source)
    created = int(found.creation_timestamp or 0)
    return Served(int(found.version), str(found.run_id), uri, dict(found.tags), created)

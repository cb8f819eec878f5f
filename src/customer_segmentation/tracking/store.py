"""The MLflow store: opened safely, repaired after a move, with a view worth opening."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

# At its first import skops walks through all loaded modules: seconds if mlflow is among them.
import skops.io  # noqa: F401

# isort: split
import filelock
import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from customer_segmentation.tracking import saved_view

# Columns of the store's tables in which MLflow keeps absolute artifact locations.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
SQLITE = "sqlite:///"  # and a path: the URI of a database that is a file
KNOCK_SECONDS = 20
WRITTEN = "scoring_started"  # tag of the experiment: when a scoring last found it writable


class StoreError(RuntimeError):
    """A store that cannot be opened."""


@dataclass(frozen=True)
class Store:
    """An opened store and the experiment in it."""

    uri: str
    experiment: str
    experiment_id: str

    @property
    def ui(self) -> str:
        """Address of the UI: the server itself, or where ``make ui`` serves a local store."""
        return self.uri.rstrip("/") if self.uri.startswith("http") else "http://127.0.0.1:5000"

    @property
    def link(self) -> str:
        """The comparison of all runs, flat and sorted, in the model-training mode of the UI."""
        return (
            f"{self.ui}/#/experiments/{self.experiment_id}/runs"
            f"?workflowType=machine_learning&viewStateShareKey={quote(saved_view.KEY)}"
        )

    def run_link(self, run_id: str) -> str:
        """The page of one run."""
        page = f"{self.ui}/#/experiments/{self.experiment_id}/runs/{run_id}"
        return f"{page}?workflowType=machine_learning"


def local_uri(folder: Path) -> str:
    """Tracking URI of the store kept in `folder`."""
    return f"{SQLITE}{folder.resolve() / 'mlflow.db'}"


def open_store(uri: str | None, experiment: str, folder: Path, view: Sequence[str] = ()) -> Store:
    """Open the tracking store, making or repairing it where needed.

    Parameters
    ----------
    uri : str or None
        A tracking server or database; None means ``MLFLOW_TRACKING_URI``, or else a SQLite store
        in `folder`.
    experiment : str
        Made if it does not exist.
    folder : Path
        Where a local store lives: the database and, under ``artifacts``, everything logged.
    view : sequence of str
        Columns of the saved view, e.g. "metrics.silhouette"; the first metric sorts it.

    Raises
    ------
    StoreError
        When the store cannot be written or reached.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or local_uri(folder)
    local = uri == local_uri(folder)
    try:
        if uri.startswith("http"):
            _knock(uri)
        with _ready_folder(folder) if local else nullcontext():
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            location = (folder.resolve() / "artifacts" / experiment).as_uri() if local else None
            experiment_id = _experiment_id(experiment, location)
            if view:
                saved_view.save(mlflow.MlflowClient(), experiment_id, view)
    except (MlflowException, OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(
            f"got a tracking store at {uri} that cannot be opened ({_first_line(error)}), "
            f"expected one that can be written. Check that it exists, runs and is writable, or set "
            f"tracking.uri=."
        ) from error
    mlflow.set_experiment(experiment_id=experiment_id)
    return Store(uri, experiment, experiment_id)


def open_existing(uri: str | None, experiment: str, folder: Path) -> Store:
    """Open a store that runs were logged to; nothing is made, and what was left running closed.

    Raises
    ------
    StoreError
        When there is none.
    """
    named = uri or os.environ.get("MLFLOW_TRACKING_URI") or local_uri(folder)
    database = Path(named.removeprefix(SQLITE).partition("?")[0].removeprefix("file:"))
    if named.startswith(SQLITE) and not database.is_file():
        raise StoreError(
            f"got no runs in {database.parent}, expected a store there. Make it: python train.py -m"
        )
    opened = open_store(uri, experiment, folder)
    with suppress(MlflowException):  # of a store that can only be read
        close_stale_runs(opened)
    return opened


@contextmanager
def said(got: str) -> Iterator[None]:
    """Say what could not be logged, when the store refuses."""
    try:
        yield
    except (MlflowException, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StoreError(
            f"{got} ({reason}), expected one that takes runs. Check its permissions and its disk, "
            f"or set tracking.uri=."
        ) from error


def check_writable(opened: Store) -> None:
    """Find out that a store takes no runs before hours of work, not after.

    Raises
    ------
    StoreError
        When the store can be read, but not written.
    """
    with said(f"got a tracking store at {opened.uri} that cannot be written"):
        now = datetime.now(UTC).isoformat(timespec="seconds")
        # MLflow prints the whole statement; the error says it.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        mlflow.MlflowClient().set_experiment_tag(opened.experiment_id, WRITTEN, now)


def close_stale_runs(store: Store) -> list[str]:
    """Mark runs as killed that this machine left running without a living process.

    Returns
    -------
    list of str
        Names of the runs that were closed.
    """
    client = mlflow.MlflowClient()
    running = client.search_runs([store.experiment_id], "attributes.status = 'RUNNING'")
    host = socket.gethostname()
    stale = [
        run
        for run in running
        if run.data.tags.get("host") == host and not _alive(run.data.tags.get("process", ""))
    ]
    for run in stale:
        client.set_terminated(run.info.run_id, "KILLED")
    return [str(run.info.run_name) for run in stale]


def process_tags() -> dict[str, str]:
    """Tags by which a later start recognises that the process of a run is gone."""
    return {"host": socket.gethostname(), "process": f"{os.getpid()}@{_started(os.getpid())}"}


def _alive(process: str) -> bool:
    pid, _, started = process.partition("@")
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """Start time of a process, so that a number used again is not taken for it; "" if unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


@contextmanager
def _ready_folder(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: several processes making a fresh store at once would all fail."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "mlflow.db"
    _write_without_waiting()
    with filelock.FileLock(folder / ".lock"), _made_whole(folder):
        new = not database.exists()
        with closing(sqlite3.connect(database)) as connection:
            if new:
                # Readers do not block the writer, and a commit does not wait for the disk.
                connection.execute("PRAGMA journal_mode=WAL")
            else:
                _relocate(connection, folder)
        yield


@contextmanager
def _made_whole(folder: Path) -> Iterator[None]:
    """Make a database anew whose maker was stopped before its tables were there."""
    half = folder / ".half"
    files = list(folder.glob("mlflow.db*"))
    if half.exists():
        for file in files:
            file.unlink()
    elif not files:
        half.touch()
    yield
    half.unlink(missing_ok=True)


def _knock(uri: str) -> None:
    """Fail at once where no server answers: MLflow would try again for minutes."""
    with suppress(urllib.error.HTTPError):  # an answer, whatever it says
        urllib.request.urlopen(uri, timeout=KNOCK_SECONDS).close()


def _write_without_waiting() -> None:
    if not event.contains(Engine, "connect", _relaxed_sync):
        event.listen(Engine, "connect", _relaxed_sync)


def _relaxed_sync(connection: object, _record: object) -> None:
    # Safe with a write-ahead log: a power cut may lose the last commits, never the database.
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")


def _relocate(connection: sqlite3.Connection, folder: Path) -> None:
    """Point a store whose folder was moved at its artifacts again."""
    tables = {
        row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")
    }
    if "experiments" not in tables:
        return
    here = f"{folder.resolve().as_uri()}/artifacts/"
    stored = [row[0] for row in connection.execute("select artifact_location from experiments")]
    moved = {
        s.rpartition("/artifacts/")[0] + "/artifacts/" for s in stored if s and "/artifacts/" in s
    }
    for old in moved - {here}:
        for table, column in LOCATIONS:
            if table in tables:
                connection.execute(
                    f"update {table} set {column} = replace({column}, ?, ?)", (old, here)
                )
    connection.commit()


def _experiment_id(name: str, location: str | None) -> str:
    found = mlflow.get_experiment_by_name(name)
    if found is None:
        return str(mlflow.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage == "deleted":
        raise StoreError(
            f"got experiment {name!r}, which was deleted, expected an active one. Restore it in "
            f"the UI or choose another: tracking.experiment=NAME."
        )
    return str(found.experiment_id)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

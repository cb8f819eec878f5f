"""What several test modules need: the command line, a fresh store, the Mall table."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import mlflow
import pandas as pd
import pytest
import train
from sklearn.preprocessing import StandardScaler

from customer_segmentation.tracking import store

# A busy machine is not a failure.
# At home every run tries other examples; CI says of the same code always the same.
hypothesis.settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("patient")
ROOT = Path(__file__).resolve().parents[1]
MALL = ROOT / "data" / "mall_customers.csv"
INCOME, SPENDING = "Annual Income (k$)", "Spending Score (1-100)"

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

Cli = Callable[..., "Done"]


def environment() -> dict[str, str]:
    """As a user has it: no store named, a wide terminal, nothing left of another test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SEGMENTATION_"))}
    return {**kept, "COLUMNS": "200", "PYTHONUNBUFFERED": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose database was made once; copied, a test need not pay for it again."""
    folder = tmp_path_factory.mktemp("migrated") / "mlruns"
    store.open_store(store.local_uri(folder), "customer-segmentation", folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    """The folder of a fresh store."""
    return Path(shutil.copytree(migrated, tmp_path / "mlruns"))


@pytest.fixture
def opened(folder: Path) -> store.Store:
    """A fresh store, opened in this process."""
    return store.open_store(store.local_uri(folder), "customer-segmentation", folder)


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch) -> Cli:
    """Run `python train.py ARGS` on a fresh store, in this process: the imports are paid once."""

    def run(*args: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["train.py", *args, *places(folder, tmp_path)])
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow.end_run()
        capfd.readouterr()
        try:
            train.main()
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return Done(code, *capfd.readouterr())

    yield run
    mlflow.set_tracking_uri(None)


def places(folder: Path, cwd: Path) -> list[str]:
    """Overrides that keep everything a command writes inside a test's own folder."""
    return [
        f"tracking.folder={folder}",
        f"hydra.run.dir={cwd}/outputs/run",
        f"hydra.sweep.dir={cwd}/outputs/sweep",
    ]


def start(
    folder: Path, cwd: Path, *args: str, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `python train.py ARGS` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *args, *places(folder, cwd)],
        cwd=cwd,
        env={**environment(), **(env or {})},
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str], timeout: float = 150) -> Done:
    stdout, stderr = process.communicate(timeout=timeout)
    return Done(process.returncode, stdout, stderr)


def client(folder: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(store.local_uri(folder))


def runs(folder: Path, filter_string: str = "") -> list[mlflow.entities.Run]:
    asked = client(folder)
    experiments = [e.experiment_id for e in asked.search_experiments()]
    return list(asked.search_runs(experiments, filter_string))


@pytest.fixture(scope="session")
def mall() -> pd.DataFrame:
    """The Mall Customers table, indexed by customer."""
    return pd.read_csv(MALL).set_index("CustomerID")


@pytest.fixture(scope="session")
def income_spending(mall: pd.DataFrame):
    """The matrix of write-up A."""
    return StandardScaler().fit_transform(mall[[INCOME, SPENDING]])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Wait until a server that was just started answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, process.stdout and process.stdout.read()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"{url} did not answer within {seconds} s")

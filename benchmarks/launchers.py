"""What a second process brings: the same sweep by Hydra's basic launcher and by joblib's.

    python benchmarks/launchers.py [--rows N] [--seeds N] [--folder FOLDER] [basic joblib again]

Eight algorithms, each with three seeds unless told otherwise, on 5 columns of generated customers.
Every step is `python train.py -m` in an own process; `again` is the joblib sweep a second time,
which finds all its runs finished. Labels are compared between the basic and the joblib sweep.
Throughput is that of the runs, from the start of the first to the end of the last; "times faster"
counts what comes before and after them too: the libraries that every process loads, the report.
Threads are those of all its processes that run or wait for a processor, sampled from /proc (Linux):
many more than there are processors would be in each other's way. Steps that were made in FOLDER
before are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from rich.console import Console
from rich.table import Table
from scale import ALGORITHMS, ROOT, customers

STEPS = {"basic": "basic", "joblib": "joblib", "again": "joblib"}  # and the launcher of each
PROCESSES = 2
PAUSE = 0.2  # seconds between two looks at the threads


def sweep(folder: Path, step: str, seeds: int) -> dict[str, Any]:
    """Make a step, and say what it took."""
    launcher = STEPS[step]
    command = [
        sys.executable, str(ROOT / "train.py"), "-m", f"hydra/launcher={launcher}",
        *([f"hydra.launcher.n_jobs={PROCESSES}"] if launcher == "joblib" else []),
        "data=csv", f"data.path={folder / 'customers.parquet'}", "features=auto",
        f"seed={','.join(map(str, range(seeds)))}", f"algorithm={','.join(ALGORITHMS)}",
        f"tracking.folder={store(folder, step)}", f"hydra.sweep.dir={folder / step}",
    ]  # fmt: skip
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        threads = watch(process)
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{step} failed: {said[-2000:]}")
    return {
        "seconds": time.perf_counter() - start,
        "cpu": used.ru_utime + used.ru_stime,
        "threads": [statistics.mean(threads), max(threads)],
        "taken over": said.count("finished before; "),
    }


def watch(process: subprocess.Popen[str]) -> list[int]:
    """Threads that run in all processes of a step, from one look to the next."""
    found = []
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        found.append(sum(map(running, family(process.pid))))
        time.sleep(PAUSE)
    return found


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # ended meanwhile
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def running(pid: int) -> int:
    """Threads of a process that run, or wait for a processor."""
    states = []
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            states.append(task.read_text().rpartition(")")[2].split()[0])
        except OSError:
            continue
    return states.count("R")


def store(folder: Path, step: str) -> Path:
    """Where a step's runs are kept."""
    return folder / f"mlruns-{STEPS[step]}"


def models(folder: Path, step: str) -> list[mlflow.entities.Run]:
    """Runs of a step."""
    client = mlflow.MlflowClient(f"sqlite:///{store(folder, step) / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, "tags.kind = 'model'"))


def span(folder: Path, step: str) -> float:
    """Seconds between the start of the first run and the end of the last."""
    times = [run.info for run in models(folder, step)]
    return (max(t.end_time for t in times) - min(t.start_time for t in times)) / 1000


def labels(folder: Path, step: str) -> dict[str, list[int]]:
    """Segment of every customer in every run of a step."""
    found = {}
    for run in models(folder, step):
        file = Path(run.info.artifact_uri.removeprefix("file://")) / "tables" / "assignments.csv"
        name = f"{run.info.run_name}, seed {run.data.params['seed']}"
        found[name] = pd.read_csv(file)["segment"].tolist()
    return found


def ratio(done: dict[str, dict[str, Any]], step: str, key: str) -> str:
    """How many times as fast as the basic launcher."""
    return f"{done['basic'][key] / done[step][key]:.2f}" if "basic" in done else "-"


def show(folder: Path, done: dict[str, dict[str, Any]]) -> None:
    """Print what the steps took, and whether their labels are the same."""
    table = Table(title="The same sweep in each step", title_justify="left")
    for heading in (
        "step",
        "seconds",
        "CPU s",
        "times faster",
        "its runs",
        "throughput",
        "taken over",
        "threads: mean, most",
    ):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for step, took in done.items():
        whole, own = (ratio(done, step, key) for key in ("seconds", "runs"))
        threads = "{:.1f}, {}".format(*took["threads"])
        cells = [f"{took['seconds']:.1f}", f"{took['cpu']:.1f}", whole]
        cells += [f"{took['runs']:.1f}", own, str(took["taken over"])]
        table.add_row(step, *cells, threads)
    if {"basic", "joblib"} <= set(done):
        one, other = labels(folder, "basic"), labels(folder, "joblib")
        same = sum(one[name] == other.get(name) for name in one)
        table.caption = f"Runs with the same labels in both sweeps: {same} of {len(one)}"
    Console(width=110).print(table)


def main() -> None:
    """Make the steps that were asked for and compare all that are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", default=list(STEPS), help=", ".join(STEPS))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        customers(options.rows, 5).to_parquet(folder / "customers.parquet", index=False)
        record = folder / "steps.json"
        done = json.loads(record.read_text()) if record.exists() else {}
        for step in options.steps:
            if step not in done:
                done[step] = sweep(folder, step, options.seeds)
                done[step]["runs"] = span(folder, step)
                record.write_text(json.dumps(done))
        show(folder, done)


if __name__ == "__main__":
    main()

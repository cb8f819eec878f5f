"""Train: one configuration, or with -m a sweep over algorithms and feature sets.

With `composition.py` the only place that knows Hydra: it calls plain functions with objects.
"""

from __future__ import annotations

import gc
import logging
import math
import shutil
import signal
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(f"Python 3.11, 3.12 or 3.13 is needed, got {sys.version.split()[0]}.")

import hydra
from composition import (
    SHARED,
    command_line,
    customers,
    fingerprint,
    first_with,
    leave_out,
    open_store,
    plain,
    playbook,
    prepare,
    settings,
    shared_folder,
    swept,
    tags_of,
)
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parent
# Warnings of third parties that a user can do nothing about.
warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|pydantic|hydra|kneed)\b")

log = logging.getLogger("train")


def train(cfg: DictConfig, reporter: Any) -> Any:
    """One run: read, check, and only then log, fit, choose and report."""
    from customer_segmentation import analysis, terminal, tracking
    from customer_segmentation.tracking import runs, store

    settle()
    choices = dict(HydraConfig.get().runtime.choices)
    data, features, method, taking = prepare(cfg, choices)
    naming = {"book": playbook(cfg), "overrides": plain(cfg.names)}
    opened, parent = open_store(cfg), runs.current_parent()
    if parent is None:
        for name in store.close_stale_runs(opened):
            log.warning("run %s was left running by a process that is gone: marked KILLED", name)
    tags = tags_of(cfg, choices, data.name, data.sha256)
    with tracking.run(f"{method.name}-{features.name}", parent=parent, tags=tags) as run_id:
        tracking.log_data(data.name, str(cfg.data.path), data.sha256, data.table)
        if not parent or first_with(data.name):
            terminal.say(f"{data.name}: {data.summary}")
            if parent:  # whatever becomes of this job
                explore(data, parent)
        result = analysis.analyse(
            data,
            features,
            method,
            taking,
            **naming,
            seed=cfg.seed,
            exact_rows=cfg.exact_rows,
            progress=reporter.step,
        )
        if not parent:  # after the fit, which then starts before all that draws is loaded
            explore(data, run_id)
        line = keep(result, cfg, run_id, reporter)
    return result, line, opened, run_id


def keep(result: Any, cfg: DictConfig, run_id: str, reporter: Any) -> str:
    """Log all that a run has found, and return it in a line."""
    from customer_segmentation import report, tracking
    from customer_segmentation.plots import drawing

    job = HydraConfig.get()
    line = report.headline(result)
    log.info("%s: %s", result.name, line)
    tracking.log_folder(run_id, Path(job.runtime.output_dir), "config")
    chosen = settings(cfg, dict(job.runtime.choices))
    items = report.items(result, chosen, seed=cfg.seed, run_id=run_id, command=command_line())
    # While the pictures are drawn, a sweep goes on with its next run.
    wait = job.mode != RunMode.MULTIRUN or not drawing.started()
    tracking.log(run_id, items, wait=wait, failed=lambda e: reporter.failed_late(result.name, e))
    return line


def finished_before(cfg: DictConfig) -> Any:
    """A finished run that can only come out the same, taken over by this sweep; None without."""
    from customer_segmentation.tracking import runs

    parent, data = runs.current_parent(), customers(cfg, shared_folder())
    choices = dict(HydraConfig.get().runtime.choices)
    found = runs.find_finished(open_store(cfg), fingerprint(cfg, choices, data.sha256))
    if found is not None and parent is not None:
        runs.take_over(parent, found)
    return found


def rebuild(cfg: DictConfig) -> bool:
    """Make a logged run again, log nothing, and say whether its labels are the same."""
    from customer_segmentation import analysis, rebuild, terminal

    rebuild.check_alone(HydraConfig.get().overrides.task)
    open_store(cfg)
    run, config = rebuild.find(cfg.rebuild)
    then = OmegaConf.create(config)
    assert isinstance(then, DictConfig)
    choices = {name: run.params[name] for name in rebuild.CHOICES}
    OmegaConf.set_struct(then, False)
    then.setdefault("exact_rows", cfg.exact_rows)  # runs logged before there was the setting
    result = analysis.analyse(*prepare(then, choices), seed=then.seed, exact_rows=then.exact_rows)
    found = rebuild.compare(run, result)
    terminal.show_rebuilt(found)
    return found.same_labels


def explore(data: Any, run_id: str) -> None:
    """Log the exploration of a data set."""
    from customer_segmentation import report, tracking

    tracking.log(run_id, report.explore(data, f"exploration/{data.name}"))


@hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Run one job; in a sweep a failure is noted, and the other jobs go on."""
    from customer_segmentation import interrupts, terminal
    from customer_segmentation.tracking import runs

    interrupts.heed()
    interrupts.end_with_launcher()
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    reporter = terminal.Reporter(folder)
    sweeping = job.mode == RunMode.MULTIRUN
    try:
        if cfg.rebuild:
            sys.exit(0 if rebuild(cfg) else 1)
        if sweeping and not cfg.rerun and (earlier := finished_before(cfg)) is not None:
            name, line = earlier.name, "finished before; rerun=true makes it again"
            reporter.finished(name, line, failed=False)
            return earlier.metrics.get("score")
        with nullcontext() if sweeping else terminal.watch(folder, 1):
            result, line, opened, run_id = train(cfg, reporter)
            reporter.finished(result.name, line, failed=False)
    except Exception as error:
        if interrupts.requested():
            raise KeyboardInterrupt from error
        log.exception("failed")
        if not sweeping:
            stop(error)
        overrides = " ".join(job.overrides.task)
        runs.fail_job(overrides, error)
        reporter.finished(overrides, str(error), failed=True)
        return None
    finally:
        interrupts.rest()
    if not sweeping:
        terminal.show_run(result, opened, run_id)
    score = float(result.chosen.row["score"])  # what an optimising sweeper maximises
    return None if math.isnan(score) else score


def stop(error: Exception) -> None:
    """Say what is wrong in plain words and exit with 1."""
    from customer_segmentation.terminal import show_error

    show_error(error)
    sys.exit(1)


class SweepRun(Callback):
    """The sweep's parent run: opened before the first job, closed whatever happens."""

    current: ClassVar[SweepRun | None] = None

    def __init__(self) -> None:
        self.store: Any = None
        self.sweep_id: str | None = None
        self.watch: Any = None
        self.folder = Path()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the data, open the store and the parent run."""
        # Hydra turns an exception raised here into a warning, but not an exit.
        try:
            self._start(config)
        except Exception as error:
            stop(error)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Close the parent, print the leaderboard and leave with 1 if a job failed."""
        try:
            failed = self.close(interrupted=False)
        except Exception as error:
            stop(error)
        if failed:
            sys.exit(1)

    def _start(self, config: DictConfig) -> None:
        from customer_segmentation.plots import drawing

        drawing.start()  # first: it loads what it needs while this process does
        from customer_segmentation import analysis, interrupts, rebuild, report, sweep, terminal  # noqa: F401
        from customer_segmentation.tracking import runs, store

        settle()
        interrupts.heed()
        if config.hydra.launcher.get("batch_size") == "auto":
            # joblib would take runs that are taken over for short jobs, and hand out the others in
            # ever larger batches: one process would get what is left.
            config.hydra.launcher.batch_size = 1
        if config.rebuild:
            rebuild.check_alone(config.hydra.overrides.task, sweeping=True)
        by_key = swept(config)
        data = [o for key, o in by_key.items() if key.split(".")[0] == "data"]
        if not any(o.is_sweep_override() for o in data):
            # Data that cannot be read are said once, before anything is written.
            leave_out(config, customers(config).table.columns)
            by_key = swept(config)
        self.store = open_store(config)
        for name in store.close_stale_runs(self.store):
            terminal.console.print(f"{name} was left running by a process now gone: marked KILLED")
        SweepRun.current = self  # on an interrupt Hydra does not call on_multirun_end
        jobs = math.prod(
            len(list(o.sweep_string_iterator())) for o in by_key.values() if o.is_discrete_sweep()
        )
        name = f"sweep-{config.hydra.runtime.choices['data']}-{jobs}-runs"
        self.sweep_id = runs.start_parent(self.store, name, " ".join(config.hydra.overrides.task))
        self.folder = Path(config.hydra.sweep.dir)
        self.watch = terminal.watch(self.folder, jobs)
        self.watch.__enter__()

    def close(self, *, interrupted: bool) -> bool:
        """Close the parent run, once; say whether a job failed."""
        from customer_segmentation import sweep, terminal, tracking

        if self.sweep_id is None:
            return False
        sweep_id, self.sweep_id = self.sweep_id, None
        tracking.finish()  # while the watch can still say that a run failed at its end
        self.watch.__exit__(None, None, None)
        shutil.rmtree(self.folder / SHARED, ignore_errors=True)
        result = sweep.finish(self.store, sweep_id, interrupted=interrupted)
        if result is None:
            return interrupted
        terminal.show_sweep(result, self.store, sweep_id)
        if interrupted:
            terminal.say("\nNot all runs were made. The same command goes on where it was.")
        return bool(len(result.failures))

    def __getstate__(self) -> dict[str, Any]:
        # Launchers send callbacks to other processes; only this one closes the sweep.
        return {"store": None, "sweep_id": None, "watch": None, "folder": self.folder}


def settle() -> None:
    """Collect garbage again after the imports, but none among the many objects that they made."""
    gc.freeze()
    gc.enable()


def command() -> int:
    """Run the command line; whatever ends it, no run is left open."""
    gc.disable()  # a fifth of the time of the imports, for nothing: see `settle`
    try:
        main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: the runs are being closed
        print("Interrupted: what was under way is marked KILLED.", file=sys.stderr)
        return 130
    finally:
        if SweepRun.current is not None:
            SweepRun.current.close(interrupted=True)
    return 0


if __name__ == "__main__":
    # Under its own name, so that launchers can send its functions to other processes.
    import train

    sys.exit(train.command())

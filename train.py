"""Train: one configuration, or with -m a sweep over algorithms and feature sets.

With `composition.py` the only place that knows Hydra: it calls plain functions with objects.
"""

from __future__ import annotations

import gc
import logging
import math
import shlex
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
    algorithm,
    customers,
    fingerprint,
    fitted,
    open_store,
    plain,
    playbook,
    selection,
    settings,
    shared_folder,
)
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parent
# Warnings of third parties that a user can do nothing about.
warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|pydantic|hydra|kneed|pandera)\b")

log = logging.getLogger("train")


def train(cfg: DictConfig, reporter: Any) -> Any:
    """One run: read, check, and only then log, fit, choose and report."""
    from customer_segmentation import analysis, report, sweep, tracking
    from customer_segmentation.plots import drawing
    from customer_segmentation.tracking import store

    settle()
    choices = dict(HydraConfig.get().runtime.choices)
    data, features, method, taking = prepare(cfg, choices)
    naming = {"book": playbook(cfg), "overrides": plain(cfg.names)}
    opened, parent = open_store(cfg), sweep.current()
    if parent is None:
        for name in store.close_stale_runs(opened):
            log.warning("run %s was left running by a process that is gone: marked KILLED", name)
    tags = {"kind": "model", "algorithm": method.name, "features": features.name}
    tags |= {"data": data.name, "data_sha256": data.sha256}
    tags |= {"fingerprint": fingerprint(cfg, choices, data.sha256)}
    tags |= {"sweep_id": parent} if parent else {}
    with tracking.run(f"{method.name}-{features.name}", parent=parent, tags=tags) as run_id:
        tracking.log_data(data.name, str(cfg.data.path), data.sha256, data.table)
        explore(data, run_id, parent)
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
        log.info("%s: %s", result.name, report.headline(result))
        tracking.log_folder(run_id, Path(HydraConfig.get().runtime.output_dir), "config")
        # While the pictures are drawn, a sweep goes on with its next run.
        wait = parent is None or not drawing.started()
        kept = report.items(
            result, settings(cfg, choices), seed=cfg.seed, run_id=run_id, command=command_line()
        )
        tracking.log(run_id, kept, wait=wait)
    return result, opened, run_id


def prepare(cfg: DictConfig, choices: dict[str, str]) -> tuple[Any, Any, Any, Any]:
    """Data, features, algorithm and selection, checked against each other."""
    from customer_segmentation import refusal

    data, features = customers(cfg, shared_folder()), fitted(cfg, choices["features"])
    method, taking = algorithm(cfg, choices["algorithm"]), selection(cfg)
    refusal.check(features, method, taking, cfg.seed, cfg.exact_rows)
    return data, features, method, taking


def finished_before(cfg: DictConfig) -> Any:
    """A finished run that can only come out the same, taken over by this sweep; None without."""
    from customer_segmentation import sweep
    from customer_segmentation.tracking import reuse

    parent, data = sweep.current(), customers(cfg, shared_folder())
    choices = dict(HydraConfig.get().runtime.choices)
    found = reuse.find(open_store(cfg), fingerprint(cfg, choices, data.sha256))
    if found is not None and parent is not None:
        reuse.take_over(parent, found)
    return found


def command_line() -> str:
    """The command that makes this run, and none but this one of a sweep."""
    overrides = [o for o in HydraConfig.get().overrides.task if not o.startswith("tracking.")]
    return shlex.join(["python", "train.py", *overrides])


def rebuild(cfg: DictConfig) -> bool:
    """Make a logged run again, log nothing, and say whether its labels are the same."""
    from customer_segmentation import analysis, rebuild, terminal

    run, config = rebuild.find(open_store(cfg), cfg.rebuild)
    then = OmegaConf.load(config)
    assert isinstance(then, DictConfig)
    choices = {name: run.data.params[name] for name in rebuild.CHOICES}
    OmegaConf.set_struct(then, False)
    then.setdefault("exact_rows", cfg.exact_rows)  # runs logged before there was the setting
    result = analysis.analyse(*prepare(then, choices), seed=then.seed, exact_rows=then.exact_rows)
    found = rebuild.compare(run, result)
    terminal.show_rebuilt(found)
    return found.same_labels


def explore(data: Any, run_id: str, parent: str | None) -> None:
    """Log the exploration once per data set: with the sweep if there is one, else with the run."""
    from customer_segmentation import report, sweep, terminal, tracking

    folder = f"exploration/{data.name}"
    if parent is None or not sweep.explored(parent, folder):
        terminal.console.print(f"{data.name}: {data.summary}", highlight=False)
        tracking.log(parent or run_id, report.explore(data, folder))


@hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Run one job; in a sweep a failure is noted, and the other jobs go on."""
    from customer_segmentation import interrupts, report, sweep, terminal

    interrupts.heed()
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    reporter = terminal.Reporter(folder)
    sweeping = job.mode == RunMode.MULTIRUN
    try:
        if cfg.rebuild:
            sys.exit(0 if rebuild(cfg) else 1)
        if sweeping and not cfg.rerun and (earlier := finished_before(cfg)) is not None:
            name, line = str(earlier.info.run_name), "finished before; rerun=true makes it again"
            reporter.finished(name, line, failed=False)
            return earlier.data.metrics.get("score")
        with nullcontext() if sweeping else terminal.watch(folder, 1):
            result, opened, run_id = train(cfg, reporter)
            reporter.finished(result.name, report.headline(result), failed=False)
    except Exception as error:
        if interrupts.requested():
            raise KeyboardInterrupt from error
        log.exception("failed")
        if not sweeping:
            stop(error)
        overrides = " ".join(job.overrides.task)
        sweep.fail(overrides, error)
        reporter.finished(overrides, str(error), failed=True)
        return None
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
        from customer_segmentation import (  # noqa: F401
            analysis,
            interrupts,
            report,
            sweep,
            terminal,
        )
        from customer_segmentation.tracking import store

        settle()
        interrupts.heed()
        overrides = list(config.hydra.overrides.task)
        swept = OverridesParser.create().parse_overrides(
            [f"{k}={v}" for k, v in (config.hydra.sweeper.get("params") or {}).items()] + overrides
        )
        by_key = {o.get_key_element(): o for o in swept}
        data = [o for key, o in by_key.items() if key.split(".")[0] == "data"]
        if not any(o.is_sweep_override() for o in data):
            customers(config)  # one that cannot be read is said once, before anything is written
        self.store = open_store(config)
        for name in store.close_stale_runs(self.store):
            terminal.console.print(f"{name} was left running by a process now gone: marked KILLED")
        SweepRun.current = self  # on an interrupt Hydra does not call on_multirun_end
        jobs = math.prod(
            len(list(o.sweep_string_iterator())) for o in by_key.values() if o.is_discrete_sweep()
        )
        name = f"sweep-{config.hydra.runtime.choices['data']}-{jobs}-runs"
        self.sweep_id = sweep.start(self.store, name, " ".join(overrides))
        self.folder = Path(config.hydra.sweep.dir)
        self.watch = terminal.watch(self.folder, jobs)
        self.watch.__enter__()

    def close(self, *, interrupted: bool) -> bool:
        """Close the parent run, once; say whether a job failed."""
        from customer_segmentation import sweep, terminal

        if self.sweep_id is None:
            return False
        sweep_id, self.sweep_id = self.sweep_id, None
        self.watch.__exit__(None, None, None)
        shutil.rmtree(self.folder / SHARED, ignore_errors=True)
        result = sweep.finish(self.store, sweep_id, interrupted=interrupted)
        if result is None:
            return interrupted
        terminal.show_sweep(result, self.store, sweep_id)
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
        print("Interrupted: finished runs are kept, the others are marked KILLED.", file=sys.stderr)
        return 130
    finally:
        if SweepRun.current is not None:
            SweepRun.current.close(interrupted=True)
    return 0


if __name__ == "__main__":
    # Under its own name, so that launchers can send its functions to other processes.
    import train

    sys.exit(train.command())

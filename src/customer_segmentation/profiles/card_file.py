"""Cards as a file of a run: a sweep's page shows those of the recommended run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from io import StringIO
from typing import Any

import pandas as pd

from customer_segmentation.profiles.cards import Card

PATH = "tables/cards.json"


def dumps(cards: Sequence[Card]) -> str:
    """Write cards as JSON; ids of the typical customers become text.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0]}, index=pd.Index([7], name="id"))
    >>> card = Card(1, "All", 1, 1.0, "", "", "", "", ("young",), "", float("nan"), 0.0, table)
    >>> again = loads(dumps([card]))[0]
    >>> again.name, again.differentiators, again.coverage, again.typical["Age"].to_dict()
    ('All', ('young',), nan, {'7': 20.0})
    """
    return json.dumps([_plain(card) for card in cards], ensure_ascii=False)


def loads(text: str) -> list[Card]:
    """Read what :func:`dumps` wrote."""
    return [_card(record) for record in json.loads(text)]


def _plain(card: Card) -> dict[str, Any]:
    record = {f.name: getattr(card, f.name) for f in fields(card) if f.name != "typical"}
    shown = card.typical.set_axis([str(label) for label in card.typical.index])
    shown = shown.rename_axis(None).set_axis([str(c) for c in shown.columns], axis=1)
    typical = json.loads(shown.to_json(orient="split", date_format="iso"))
    dates = [str(c) for c, kind in card.typical.dtypes.items() if kind.kind == "M"]
    name = str(card.typical.index.name or "customer")
    return {**record, "typical": typical, "dates": dates, "id": name}


def _card(record: dict[str, Any]) -> Card:
    typical = pd.read_json(
        StringIO(json.dumps(record.pop("typical"))),
        orient="split",
        convert_axes=False,
        dtype=False,
        convert_dates=False,  # by their names: it would take delivery_time for a date
    ).rename_axis(record.pop("id"))
    for name in record.pop("dates", []):  # runs logged before these were noted have none
        typical[name] = pd.to_datetime(typical[name])
    record["differentiators"] = tuple(record["differentiators"])
    return Card(**record, typical=typical)

"""One card per segment: who they are, what to do, and what shows it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist

from customer_segmentation import profiles
from customer_segmentation.data.levels import is_flag, is_numeric
from customer_segmentation.labels import OUTLIER, FloatArray
from customer_segmentation.naming.playbook import Play
from customer_segmentation.naming.positions import values_of
from customer_segmentation.naming.traits import spoken_of
from customer_segmentation.naming.wording import LEVEL
from customer_segmentation.profiles.effects import differentiators
from customer_segmentation.profiles.rules import COLUMNS, Rules, rules
from customer_segmentation.style import listed, name_of, percent
from customer_segmentation.style import number as written

TYPICAL = 5  # customers per card
PATH = "tables/cards.json"  # of a run: a sweep's page shows those of the recommended one
LIFTED = 1 / 3  # standard deviations from median to mean: Pearson's skewness is then beyond 1


@dataclass(frozen=True)
class Card:
    """All that a person needs of one segment."""

    number: int
    name: str
    customers: int
    share: float  #: Of all customers, outliers included; 0 to 1
    description: str  #: Who they are, in a sentence or two
    #: What to do and where; "" when no play fits
    action: str
    channel: str
    why: str  #: The numbers behind the name; "" where it names none, as "All customers" does
    differentiators: tuple[str, ...]  #: The three strongest, in words, with numbers
    rule: str  #: "" when no column tells the segment apart
    #: Share of the segment that the rule catches, and share of those caught who are in it
    coverage: float
    precision: float
    #: Up to five real customers nearest to the segment's middle, raw units, indexed by id
    typical: pd.DataFrame
    #: Its columns in which the segments differ, the most telling first
    telling: tuple[str, ...] = ()


def cards(
    table: pd.DataFrame,
    segments: pd.Series[int],
    names: Mapping[int, str],
    plays: Mapping[int, Play],
    *,
    X: FloatArray,
    found: Rules | None = None,
    tested: pd.DataFrame | None = None,
) -> list[Card]:
    """Make a card for every segment, in the order of their numbers.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table in raw units, indexed by customer id.
    segments : Series of int, shape (n_customers,)
        1..k, -1 for outliers, who get no card. Same index as `table`.
    names : mapping of int to str
    plays : mapping of int to Play
        As `playbook.assign` gives it.
    X : array, shape (n_customers, n_features)
        The space in which the segments were found.
    found : Rules, optional
        As `rules.rules` gives them, where they are known already.
    tested : DataFrame, optional
        As `effects.profile` gives it, where it is known already.

    Raises
    ------
    ValueError
        If `segments` does not have the index of `table`.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 21.0, 25.0, 60.0, 62.0]})
    >>> names, X = {1: "Young", 2: "Older"}, table.to_numpy()
    >>> card = cards(table, pd.Series([1, 1, 1, 2, 2]), names, {}, X=X)[0]
    >>> card.name, card.customers, card.rule, card.typical.index.tolist()
    ('Young', 3, 'Age <= 50', [1, 0, 2])
    """
    profiles.check_aligned(table, segments)
    found = rules(table, segments) if found is None else found
    told = differentiators(table, segments, tested)
    contrasts = profiles.contrasts(table, segments)
    sentences = profiles.describe(contrasts, table, segments)
    telling = dict.fromkeys(str(label).split(LEVEL)[0] for label in contrasts.columns)
    result = []
    rows = found.table[list(COLUMNS)].itertuples(index=False, name=None)
    for number, rule, coverage, precision in rows:
        inside, play = np.flatnonzero(segments == number), plays.get(int(number))
        name = name_of(int(number), names)
        card = Card(
            number=int(number),
            name=name,
            customers=len(inside),
            share=len(inside) / len(table),
            description=play.description if play else sentences[int(number)],
            action=play.action if play else "",
            channel=play.channel if play else "",
            why=why(table, segments, int(number), _spoken(name, play, table)),
            differentiators=told[int(number)],
            rule=str(rule),
            coverage=float(coverage),
            precision=float(precision),
            typical=table.iloc[inside[_nearest(X[inside])]],
            telling=tuple(telling),
        )
        result.append(card)
    return result


def _spoken(name: str, play: Play | None, table: pd.DataFrame) -> list[Any]:
    """Columns behind a name: the play's, then those that the name itself speaks of."""
    columns = [*(play.columns.values() if play else ()), *spoken_of(name, list(table.columns))]
    return [c for c in dict.fromkeys(columns) if isinstance(c, tuple) or is_numeric(table[c])]


def why(
    table: pd.DataFrame, segments: pd.Series[int], segment: int, columns: Collection[Any]
) -> str:
    """The numbers behind a segment's name: its mean against that of all customers in segments.

    A few large amounts can lift the mean of all far above what most have, even above that of
    customers who are above most; where they do, the medians are told.

    Parameters
    ----------
    table, segments
        As for `cards`.
    segment : int
    columns : collection of column names
        Those that the name speaks of; numbers. A tuple of names: the sum of their columns.

    Examples
    --------
    >>> table = pd.DataFrame({"Income": [90.0, 30.0]})
    >>> why(table, pd.Series([1, 2]), 1, ["Income"])
    'Income 90 against 60 for all'
    """
    member, inside = (segments == segment).to_numpy(), (segments != OUTLIER).to_numpy()
    parts = []
    for column in columns:
        values = values_of(table, column)
        mine, all_ = values[member], values[inside]
        means, medians = (mine.mean(), all_.mean()), (mine.median(), all_.median())
        flag = is_flag(values)
        lifted = abs(means[1] - medians[1]) > LIFTED * all_.std() and medians[1] != 0
        opposite = (means[0] - means[1]) * (medians[0] - medians[1]) < 0
        typical = "typically " if (lifted or opposite) and not flag else ""
        shown = percent if flag else written
        one, other = map(shown, map(float, medians if typical else means))
        title = f"{listed(column, 2)} together" if isinstance(column, tuple) else column
        parts.append(f"{title} {typical}{one} against {other} for all")
    return "; ".join(parts)


def _nearest(X: FloatArray) -> npt.NDArray[np.intp]:
    """Places of a few rows nearest to the mean of all, the nearest first; of equals the first."""
    away = cdist(X, X.mean(axis=0, keepdims=True), "sqeuclidean")[:, 0]
    return np.argsort(away, kind="stable")[:TYPICAL]


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


def loads(text: str | None) -> list[Card]:
    """Read what :func:`dumps` wrote; a run without it has no cards."""
    return [_card(record) for record in json.loads(text)] if text else []


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
    record |= {key: tuple(record.get(key, ())) for key in ("differentiators", "telling")}
    return Card(**record, typical=typical)

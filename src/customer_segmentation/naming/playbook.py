"""A playbook: which play (name, description, action, channel) fits a segment's profile."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.naming.positions import columns_of_roles, positions
from customer_segmentation.naming.wording import HIGH, SLIGHT, VERY

# From where to where a segment's position must lie, in standard deviations from all customers.
# HIGH and SLIGHT are Cohen's (1988) medium and small effects; between the two a segment may be
# called above average and average alike, so neighbouring plays leave no gap.
LEVELS: Mapping[str, tuple[float, float]] = {
    "very low": (-np.inf, -VERY),
    "low": (-np.inf, -HIGH),
    "below average": (-np.inf, -SLIGHT),
    "average": (-HIGH, HIGH),
    "above average": (SLIGHT, np.inf),
    "high": (HIGH, np.inf),
    "very high": (VERY, np.inf),
    "not low": (-HIGH, np.inf),
    "not high": (-np.inf, HIGH),
}
# "average" and "not ..." say little; they count less than the least that is called a difference.
WEAK = {"average": SLIGHT, "not low": SLIGHT / 2, "not high": SLIGHT / 2}
TEXTS = ("name", "description", "action", "channel")


class PlaybookError(ValueError):
    """A playbook that cannot be read."""


@dataclass(frozen=True)
class Play:
    """What to do with one kind of segment."""

    name: str
    description: str
    action: str
    channel: str
    #: role -> level, such as ``{"income": "high", "spending": "low"}``; all must hold
    conditions: Mapping[str, str]
    #: role -> column of the table whose numbers decided, or those whose sum did; filled in by
    #: `assign`
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Playbook:
    """The plays of one trade."""

    name: str
    plays: list[Play]  #: Of two that fit a segment equally well, the earlier is taken
    #: role -> words by which its column is known, the preferred first
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read(config: Mapping[str, Any]) -> Playbook:
    """Check a playbook's plain data and take it over.

    Parameters
    ----------
    config : mapping
        ``name``; ``roles``: role -> words; ``plays``: a list of mappings with ``name``, ``when``
        (role -> level), ``description``, ``action`` and ``channel``.

    Raises
    ------
    PlaybookError
        With everything that is wrong, a line each.

    Examples
    --------
    >>> play = {"name": "Wealthy", "when": {"income": "high"}, "description": "They earn much.",
    ...         "action": "Offer the best.", "channel": "Post"}
    >>> read({"name": "shop", "roles": {"income": ["income"]}, "plays": [play]}).plays[0].conditions
    {'income': 'high'}
    """
    wrong = list(_problems(config))
    if wrong:
        raise PlaybookError("\n".join(f"playbook: {line}" for line in wrong))
    plays = [_play(play) for play in config.get("plays") or []]
    roles = {role: tuple(words) for role, words in (config.get("roles") or {}).items()}
    return Playbook(str(config["name"]), plays, roles)


def assign(playbook: Playbook, table: pd.DataFrame, segments: pd.Series[int]) -> dict[int, Play]:
    """Give every segment the play that fits it best, if any does.

    A segment's level in a role is its mean normal score (van der Waerden): the customers' ranks in
    the role's column, spread as under a normal curve. No unit matters, and neither do a few very
    large amounts. Of the plays whose conditions all hold, the one with the most and the clearest
    differences fits best.

    Parameters
    ----------
    playbook : Playbook
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table in raw units.
    segments : Series of int, shape (n_customers,)
        1..k, -1 for outliers, which are left out.

    Returns
    -------
    dict of int to Play
        Segments that no play fits are absent; so is a segment that is alone, because there is
        nothing to compare it with. Two segments may have the same play.

    References
    ----------
    van der Waerden (1952), "Order tests for the two-sample problem and their power",
    Indagationes Mathematicae 14; Cohen (1988), "Statistical Power Analysis for the Behavioral
    Sciences", for what is a small and a medium difference.

    Examples
    --------
    >>> play = Play("Wealthy", "They earn much.", "Offer the best.", "Post", {"income": "high"})
    >>> book = Playbook("shop", [play], {"income": ["income", "salary"]})
    >>> table = pd.DataFrame({"Salary": [10.0, 12.0, 11.0, 90.0, 95.0, 92.0]})
    >>> found = assign(book, table, pd.Series([1, 1, 1, 2, 2, 2]))
    >>> {segment: (play.name, play.columns) for segment, play in found.items()}
    {2: ('Wealthy', {'income': 'Salary'})}
    """
    columns = columns_of_roles(playbook.roles, table)
    placed = positions(table, segments, columns)
    result: dict[int, Play] = {}
    for segment in placed.index if len(placed) > 1 else []:
        place = {str(role): float(value) for role, value in placed.loc[segment].items()}
        best = max(playbook.plays, key=lambda play: fit(play, place), default=None)
        if best is not None and fit(best, place) > 0:
            used = {role: columns[role].name for role in best.conditions}
            result[int(segment)] = replace(best, columns=used)
    return result


def fit(play: Play, place: Mapping[str, float]) -> float:
    """How well a play fits: the sum of its differences, 0 if a condition does not hold.

    Parameters
    ----------
    play : Play
    place : mapping of str to float
        Position of the segment per role; a role that the table lacks is absent or NaN.

    Examples
    --------
    >>> play = Play("n", "d", "a", "c", {"income": "high", "age": "average"})
    >>> fit(play, {"income": 1.0, "age": 0.1}), fit(play, {"income": 0.4, "age": 0.1})
    (1.2, 0.0)
    """
    total = 0.0
    for role, level in play.conditions.items():
        low, high = LEVELS[level]
        value = place.get(role, float("nan"))
        if not low <= value <= high:  # NaN lies nowhere
            return 0.0
        total += WEAK.get(level, min(abs(value), 2.0))
    return total


def _play(config: Mapping[str, Any]) -> Play:
    name, description, action, channel = (" ".join(config[key].split()) for key in TEXTS)
    return Play(name, description, action, channel, dict(config["when"]))


def _problems(config: Mapping[str, Any]) -> Iterable[str]:
    if not isinstance(config, Mapping):
        got = type(config).__name__
        yield f"got {got}, expected a mapping with name, roles and plays; see retail.yaml"
        return
    yield from _unknown(config, ("name", "roles", "plays"), "the file")
    if not str(config.get("name") or "").strip():
        yield "got no name, expected one; add `name: retail` or alike"
    roles = config.get("roles") or {}
    if not isinstance(roles, Mapping):
        yield f"roles: got {roles!r}, expected a role and its words a line; see retail.yaml"
        roles = {}
    for role, words in roles.items():
        if not _is_list(words) or not words or not all(isinstance(w, str) and w for w in words):
            yield f"role {role!r}: got {words!r}, expected words of its column; write [income, ...]"
    plays = config.get("plays") or []
    if not _is_list(plays):
        yield f"plays: got {type(plays).__name__}, expected a list; begin each play with `- name:`"
        return
    for place, play in enumerate(plays, start=1):
        yield from _problems_of_play(play, f"play {place}", list(roles))
    names = [str(play.get("name")).strip() for play in plays if isinstance(play, Mapping)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"got {names.count(name)} plays called {name!r}, expected one; rename the others"


def _problems_of_play(play: Any, where: str, roles: list[str]) -> Iterable[str]:
    if not isinstance(play, Mapping):
        yield f"{where}: got {play!r}, expected name, when, {', '.join(TEXTS[1:])}; add them"
        return
    where = f"{where} ({play['name']})" if play.get("name") else where
    yield from _unknown(play, (*TEXTS, "when"), where)
    for key in TEXTS:
        if not isinstance(play.get(key), str) or not play[key].strip():
            yield f"{where}: got {play.get(key)!r} for {key}, expected text; add `{key}: ...`"
    when = play.get("when")
    if not isinstance(when, Mapping) or not when:
        yield f"{where}: got {when!r} for when, expected conditions; add `when: {{income: high}}`"
        return
    for role, level in when.items():
        if role not in roles:
            yield f"{where}: got role {role!r}, expected {_one_of(role, roles)}; or add it to roles"
        if level not in LEVELS:
            yield f"{where}: got {role}: {level!r}, expected {_one_of(level, LEVELS)}; choose one"


def _unknown(given: Mapping[str, Any], known: Sequence[str], where: str) -> Iterable[str]:
    for key in given:
        if key not in known:
            yield f"{where}: got key {key!r}, expected {_one_of(key, known)}; rename or remove it"


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _one_of(given: object, known: Iterable[str]) -> str:
    listed = list(known)
    close = difflib.get_close_matches(str(given), listed, n=1)
    every = f"one of {', '.join(listed)}" if listed else "a role listed under roles"
    return f"{close[0]!r} ({every})" if close else every

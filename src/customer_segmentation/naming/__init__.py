"""A short unique name for every segment: the user's, the playbook's, or what sets it apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from customer_segmentation.data.levels import is_flag
from customer_segmentation.naming.playbook import Play
from customer_segmentation.naming.traits import distinct, other_level, split, spoken_of, traits
from customer_segmentation.naming.wording import (
    HIGH,
    LEVEL,
    NO,
    SLIGHT,
    YES,
    Trait,
    comparative,
    humanise,
    share_of,
    visible,
    wording,
    wordings,
)
from customer_segmentation.style import number, percent

__all__ = ["LEVEL", "NamingError", "humanise", "names"]

# Stages of a computed name: how many features, from which contrast on, graded words or not.
# Each renames only those that still share their name with another segment.
STAGES = ((2, HIGH, False), (2, HIGH, True), (3, HIGH, True), (3, SLIGHT, True), (4, SLIGHT, True))


class NamingError(ValueError):
    """A name that the user gave and that cannot be taken."""


def names(
    contrasts: pd.DataFrame,
    table: pd.DataFrame,
    segments: pd.Series[int],
    plays: Mapping[int, Play] = {},
    overrides: Mapping[int, str] = {},
) -> dict[int, str]:
    """Name every segment; the same input gives the same names, and no two are equal.

    The user's own name comes first, then that of the play which fits, else a computed one: a number
    is high or low from `visible` standard deviations on, a category level is named when the segment
    has that much more of it; the two strongest make the name, in the table's column order. Equal
    computed names get graded words, then a third and fourth feature. Segments with the same play
    are told apart by the feature in which they differ most. A bare number is the last resort.

    Parameters
    ----------
    contrasts : DataFrame, shape (n_segments, n_features)
        As `profiles.contrasts` gives it: standard deviations from the average customer.
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table, raw units.
    segments : Series of int, shape (n_customers,)
        Segment of each customer, 1..k, and -1 for outliers.
    plays : mapping of int to Play, optional
        As `playbook.assign` gives it.
    overrides : mapping of int to str, optional
        The user's own names, taken as they are.

    Returns
    -------
    dict of int to str
        Unique name per segment of `contrasts`; one segment alone is "All customers".

    Raises
    ------
    NamingError
        With every override that cannot be taken: no such segment, empty, or given twice.

    Examples
    --------
    >>> contrasts = pd.DataFrame({"Annual Income (k$)": [1.1, -1.1, 0.0]}, index=[1, 2, 3])
    >>> table = pd.DataFrame({"Annual Income (k$)": [90.0, 20.0, 55.0]})
    >>> names(contrasts, table, pd.Series([1, 2, 3]))
    {1: 'High Income', 2: 'Low Income', 3: 'Average customers'}
    >>> names(contrasts, table, pd.Series([1, 2, 3]), overrides={2: "Students"})[2]
    'Students'
    """
    own = _checked(overrides, [int(segment) for segment in contrasts.index])
    result = _computed(contrasts, table, segments)
    result |= {segment: play.name for segment, play in plays.items() if segment in result}
    result |= own
    for group in _alike(result):
        free = [segment for segment in group if segment not in own]
        said = spoken_of(result[group[0]], list(table.columns))
        deciding = [c for s in group if s in plays for c in plays[s].columns.values()]
        said += [part for c in deciding for part in (c if isinstance(c, tuple) else (c,))]
        apart = _told_apart(group, said, contrasts, table, segments)
        result |= {segment: f"{result[segment]}, {apart[segment]}" for segment in free if apart}
    return _numbered(result, own)


def _checked(overrides: Mapping[int, str], known: list[int]) -> dict[int, str]:
    """The user's names by segment, or one error with everything that is wrong with them."""
    wrong = []
    uses = Counter(str(name).strip().casefold() for name in overrides.values())
    for segment, name in overrides.items():
        if str(segment) not in map(str, known):
            wrong.append(
                f"segment name for {segment!r}: got no such segment, expected one of "
                f"{', '.join(map(str, known)) or 'none'}; correct the number or leave it out"
            )
        if not isinstance(name, str) or not name.strip():
            wrong.append(f"name of segment {segment}: got {name!r}, expected words; write a name")
        elif uses[name.strip().casefold()] > 1:
            wrong.append(
                f"name of segment {segment}: got {name!r}, which another segment has too, "
                "expected a name of its own; change one of them"
            )
    if wrong:
        raise NamingError("\n".join(wrong))
    return {int(segment): name.strip() for segment, name in overrides.items()}


def _computed(
    contrasts: pd.DataFrame, table: pd.DataFrame, segments: pd.Series[int]
) -> dict[int, str]:
    if len(contrasts) == 1:
        return {int(contrasts.index[0]): "All customers"}
    found = traits(contrasts, table, segments)
    result = dict.fromkeys(found, "")
    for count, least, graded in STAGES:
        threshold = min(least, visible(len(found)))
        for segment in (segment for group in _alike(result) for segment in group):
            result[segment] = _name(found[segment], table, count, threshold, graded)
    return result


def _told_apart(
    group: list[int],
    said: Collection[Any],
    contrasts: pd.DataFrame,
    table: pd.DataFrame,
    segments: pd.Series[int],
) -> dict[int, str]:
    """Words that tell segments of one name apart, by the feature in which they differ most.

    Two are the one and the other. More need the figure, and so does a column of which the name
    has `said` something: "high income, lower income" would confuse.
    """
    rows = contrasts.loc[group]
    spread = (rows.max() - rows.min()).sort_values(ascending=False, kind="stable")
    words = wordings(list(table.columns))
    for label in spread.index[spread > 0]:
        column, level = split(label, words)
        if len(group) == 2 and column not in said:
            more = dict(zip(group, rows[label] == rows[label].max(), strict=True))
            return {s: _other_than(words[column], more[s], table[column], level) for s in group}
        found = {s: _figure(table[column][(segments == s).to_numpy()], level) for s in group}
        if len(set(found.values())) == len(group):
            if level is None:
                return {s: f"{words[column]} about {text}" for s, text in found.items()}
            return {s: f"{text} {level}" for s, text in found.items()}
    return {}


def _other_than(words: str, more: bool, values: pd.Series[Any], level: str | None) -> str:
    """Less of the one of two levels is more of the other."""
    if level is None and is_flag(values):
        return comparative(words, more=True, level=YES if more else NO)
    other = "" if more or level is None else other_level(values, level)
    return comparative(words, more=bool(more or other), level=other or level)


def _figure(values: pd.Series[Any], level: str | None) -> str:
    if level is None and is_flag(values):
        return percent(float(values.mean()))
    if level is None:
        return number(float(f"{values.mean():.2g}"))
    return percent(share_of(level, values))


def _name(
    found: list[Trait], table: pd.DataFrame, count: int, threshold: float, graded: bool
) -> str:
    strong = [trait for trait in found if abs(trait.contrast) >= threshold]
    # One column speaks once, by its strongest level, however many levels stand out.
    first = list({trait.order: trait for trait in reversed(strong)}.values())[::-1]
    told = distinct(first, table, count)
    words = [wording(trait, graded) for trait in sorted(told, key=lambda trait: trait.order)]
    text = ", ".join(words) or "average customers"
    return text[0].upper() + text[1:]


def _alike(result: Mapping[int, str]) -> list[list[int]]:
    """Groups of segments whose names a reader would take for the same."""
    groups: dict[str, list[int]] = {}
    for segment, name in result.items():
        groups.setdefault(name.casefold(), []).append(segment)
    return [group for group in groups.values() if len(group) > 1]


def _numbered(result: Mapping[int, str], own: Mapping[int, str]) -> dict[int, str]:
    """A number where nothing else is left; the user's names keep theirs."""
    taken = {name.casefold() for name in own.values()}
    unique = dict(result)
    for segment in (segment for segment in result if segment not in own):
        name, copy = result[segment], 1
        while unique[segment].casefold() in taken:
            copy += 1
            unique[segment] = f"{name} {copy}"
        taken.add(unique[segment].casefold())
    return unique

"""What sets a segment apart, column by column: the numbers compared, and what stands out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.data.levels import NOT_KNOWN, commonest, is_category, is_flag, is_numeric
from customer_segmentation.labels import FloatArray
from customer_segmentation.naming.wording import LEVEL, NO, YES, Rows, Trait, share_of, wordings

SAMPLE = 5_000  # customers who tell whether two columns say the same
SAME = 0.99  # share of whom they must say it


def indicators(
    table: pd.DataFrame, rows: Rows | None = None
) -> Iterator[tuple[Hashable, Any, FloatArray]]:
    """Turn a customer table into the numbers it is profiled by, column by column.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table; dates and text are left out.
    rows : array of bool, shape (n_customers,), optional
        The customers who count; all by default.

    Yields
    ------
    column : hashable
    level : object
        Of a category; None for a number.
    values : array, shape (n_counted,)
        The number, or 1 where the customer has the level and 0 elsewhere. Of two levels only the
        second is given (the first mirrors it), of many the `MOST_LEVELS` most frequent. That
        nothing is known of a customer describes nobody.

    Examples
    --------
    >>> table = pd.DataFrame({"Gender": pd.Categorical(["Female", "Male"])})
    >>> [(column, level, values.tolist()) for column, level, values in indicators(table)]
    [('Gender', 'Male', [0.0, 1.0])]
    """
    for column in table.columns:
        values = table[column] if rows is None or rows.all() else table[column][rows]
        if is_numeric(values):
            yield column, None, values.to_numpy(dtype="float64", na_value=np.nan)
        elif is_category(values):
            levels = commonest(values)
            known = [level for level in levels if level != NOT_KNOWN]
            for level in known[1:] if len(known) == len(levels) == 2 else known:
                yield column, level, (values == level).to_numpy(dtype="float64")


def traits(
    contrasts: pd.DataFrame, table: pd.DataFrame, segments: pd.Series[int]
) -> dict[int, list[Trait]]:
    """List what sets each segment apart, the strongest first.

    Parameters
    ----------
    contrasts, table, segments
        As for `naming.names`.

    Returns
    -------
    dict of int to list of Trait
        One per feature of `contrasts` (levels that a segment has fewer of are left out).

    Examples
    --------
    >>> contrasts = pd.DataFrame({"Age": [1.0, -1.0]}, index=[1, 2])
    >>> table = pd.DataFrame({"Age": [60.0, 20.0]})
    >>> traits(contrasts, table, pd.Series([1, 2]))[2][0].contrast
    -1.0
    """
    words, result = wordings(list(table.columns)), {}
    shared, flags = _shared(table), {column for column in table if is_flag(table[column])}
    for segment, row in zip(map(int, contrasts.index), contrasts.to_numpy(), strict=True):
        member = (segments == segment).to_numpy()
        labelled = zip(contrasts.columns, map(float, row), strict=True)
        found = [_trait(label, c, words, table, member, flags=flags) for label, c in labelled]
        known = [replace(t, shared=t.level in shared) for t in found if t is not None]
        result[segment] = sorted(known, key=lambda trait: (-abs(trait.contrast), trait.order))
    return result


def distinct(found: Iterable[Trait], table: pd.DataFrame, most: int) -> list[Trait]:
    """The first traits, without levels of several columns that are about the same customers.

    "No internet service" is a level of every service of a telephone company, and says nothing of
    any of them that has not been said once.

    Parameters
    ----------
    found : iterable of Trait
        The strongest first.
    table : DataFrame, shape (n_customers, n_columns)
    most : int

    Examples
    --------
    >>> table = pd.DataFrame({"web": ["Yes", "No"], "tv": ["Yes", "No web"], "age": [30.0, 40.0]})
    >>> found = [Trait(0, -1.0, "web", "No"), Trait(1, -1.0, "tv", "No web", shared=True)]
    >>> [trait.words for trait in distinct([*found, Trait(2, 0.5, "age")], table, 2)]
    ['web', 'age']
    """
    some = table.iloc[:: len(table) // SAMPLE + 1]
    kept: list[tuple[Trait, Any]] = []
    for trait in found:
        if len(kept) == most:
            break
        level = None if trait.answers else trait.level
        having = None if level is None else some.iloc[:, trait.order].astype(str) == level
        if not any(_same(trait, having, *other) for other in kept):
            kept.append((trait, having))
    return [trait for trait, _ in kept]


def _same(trait: Trait, having: Any, other: Trait, others: Any) -> bool:
    """Whether two levels, one of them of several columns, are those of the same customers."""
    if having is None or others is None or not (trait.shared or other.shared):
        return False
    return bool((having == others).mean() > SAME)


def _shared(table: pd.DataFrame) -> set[str]:
    """Levels that more than one column has, as the answers of a survey."""
    categories = [table[column] for column in table.columns if is_category(table[column])]
    counted = Counter(str(level) for values in categories for level in values.dropna().unique())
    return {level for level, columns in counted.items() if columns > 1}


def _trait(
    label: Hashable,
    contrast: float,
    words: dict[Hashable, str],
    table: pd.DataFrame,
    member: Rows,
    *,
    flags: Collection[Hashable],
) -> Trait | None:
    column, level = split(label, words)
    order = list(table.columns).index(column)
    if level is None and column in flags:
        having = float(table[column][member].mean())
        answer, share = (YES, having) if contrast > 0 else (NO, 1 - having)
        return Trait(order, abs(contrast), words[column], answer, share, answers=True)
    if level is None:
        return Trait(order, contrast, words[column])
    values = table[column][member]
    if contrast < 0:  # "not mostly X" says little, unless there is exactly one other level
        level, contrast = other_level(values, level), -contrast
    if not level:
        return None
    share = share_of(level, values)
    return Trait(order, contrast, words[column], level, share)


def split(label: Hashable, columns: Iterable[Hashable]) -> tuple[Any, str | None]:
    """Column and level of a contrast's label; a number has no level.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> split("Gender = Male", ["Age", "Gender"])
    ('Gender', 'Male')
    """
    if label in columns:
        return label, None
    for column in columns:
        if str(label).startswith(f"{column}{LEVEL}"):
            return column, str(label)[len(f"{column}{LEVEL}") :]
    raise ValueError(
        f"got a contrast for {label!r}, expected a column of the table or 'column = level'; "
        "compute the contrasts from the same table"
    )


def other_level(values: pd.Series[Any], level: str) -> str:
    """The other one of two levels; "" if there are more.

    Examples
    --------
    >>> other_level(pd.Series(["Female", "Male"], dtype="category"), "Male")
    'Female'
    """
    levels = (
        values.cat.categories
        if isinstance(values.dtype, pd.CategoricalDtype)
        else pd.Index(values.dropna().unique())
    )
    others = [str(other) for other in levels if str(other) != level]
    return others[0] if len(others) == 1 else ""


def spoken_of(name: str, columns: Sequence[Hashable]) -> list[Any]:
    """Columns that a name says something about, in the table's order.

    Examples
    --------
    >>> spoken_of("High income, younger", ["Age", "Annual Income (k$)", "Visits"])
    ['Age', 'Annual Income (k$)']
    """
    text = name.casefold()
    if re.search(r"\b(older|younger|young)\b", text):
        text += " age"
    words = wordings(columns)
    return [c for c in columns if re.search(rf"\b{re.escape(words[c].casefold())}\b", text)]

"""Where segments stand in what a playbook speaks of: income, age, recency, in any unit."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from customer_segmentation.data.levels import is_numeric
from customer_segmentation.labels import OUTLIER, FloatArray
from customer_segmentation.naming.wording import humanise

REVERSED, PART = "-", "+"
SINGLE = {"total", "average", "avg", "mean", "max", "min", "first", "last", "largest", "frequency"}
TIED = 0.4  # share of the customers
UPPER = 0.95  # quantile up to which amounts are taken as they are: a few may be enormous


class RoleColumn(NamedTuple):
    """The column that speaks for a role, and whether its small values count as high.

    A tuple of names are the parts of a whole: their sum speaks.
    """

    name: Any
    reversed: bool = False


def columns_of_roles(
    roles: Mapping[str, Sequence[str]], table: pd.DataFrame
) -> dict[str, RoleColumn]:
    """Find the numeric column of each role by the words in its name.

    A column belongs to the role whose words cover the most of its name, so "account age" is a
    tenure where that role lists "account age", though "age" is in it. Of a role's columns the one
    with the earliest listed words is taken, then that with the shortest name, then the first. A
    constant says nothing of anybody: it has no role.

    Parameters
    ----------
    roles : mapping of str to sequence of str
        Role -> words, the preferred first. Words that begin with "-" name a column whose small
        values count as high: "- year of birth" for age. Those that begin with "+" name columns
        that add up: several of them, none a total or an average, speak by their sum.
    table : DataFrame

    Returns
    -------
    dict of str to RoleColumn
        Roles without a column are absent.

    Examples
    --------
    >>> roles = {"age": ["age", "- year birth"], "tenure": ["account age", "tenure"]}
    >>> table = pd.DataFrame({"Account_Age": [3.0, 4.0], "Year_Birth": [1980.0, 1990.0]})
    >>> {role: tuple(column) for role, column in columns_of_roles(roles, table).items()}
    {'age': ('Year_Birth', True), 'tenure': ('Account_Age', False)}
    """
    found: dict[str, list[tuple[int, int, int, RoleColumn]]] = {}
    for order, column in enumerate(table.columns):
        varies = is_numeric(table[column]) and table[column].nunique() > 1
        match = _role_of(column, roles) if varies else None
        if match is not None:
            role, place, backwards = match
            candidate = (place, len(str(column)), order, RoleColumn(column, backwards))
            found.setdefault(role, []).append(candidate)
    return {role: _speaker(found[role], roles[role]) for role in roles if role in found}


def _speaker(
    candidates: list[tuple[int, int, int, RoleColumn]], words: Sequence[str]
) -> RoleColumn:
    """The first choice, or all that come with the same words where these are parts of a whole."""
    place, *_, best = min(candidates)
    alike = sorted((order, column.name) for at, _, order, column in candidates if at == place)
    said = {name: humanise(name).casefold() for _, name in alike}
    whole = any(text == _plain(words[place]) or "total" in text.split() for text in said.values())
    parts = tuple(name for name, text in said.items() if not SINGLE & set(text.split()))
    adds_up = words[place].startswith(PART) and len(parts) > 1 and not whole
    return RoleColumn(parts) if adds_up else best


def values_of(table: pd.DataFrame, name: Any) -> pd.Series[Any]:
    """A column as numbers; of several names, the sum of their columns.

    Examples
    --------
    >>> values_of(pd.DataFrame({"a": [1.0], "b": [2.0]}), ("a", "b")).tolist()
    [3.0]
    """
    if isinstance(name, tuple):
        return pd.Series(table[list(name)].sum(axis=1))
    return pd.Series(table[name])


def positions(
    table: pd.DataFrame, segments: pd.Series[int], columns: Mapping[str, RoleColumn]
) -> pd.DataFrame:
    """Mean normal score of every segment in every role, in standard deviations.

    For a normally distributed column this is the usual standardised difference from all customers;
    for a skewed one (amounts, counts) it is what that would be were it not skewed.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
    segments : Series of int, shape (n_customers,)
        1..k; outliers (-1) are left out.
    columns : mapping of str to RoleColumn
        As `columns_of_roles` gives it.

    Returns
    -------
    DataFrame, shape (n_segments, n_roles)
        NaN where a segment has no value.

    Examples
    --------
    >>> table = pd.DataFrame({"spend": [1.0, 2.0, 3.0, 1000.0]})
    >>> found = positions(table, pd.Series([1, 1, 2, 2]), {"spending": RoleColumn("spend")})
    >>> found["spending"].round(2).tolist()
    [-0.88, 0.88]
    """
    inside = (segments != OUTLIER).to_numpy()
    numbers = segments[inside].to_numpy()
    scores: dict[Hashable, FloatArray] = {}
    for role, column in columns.items():
        values = values_of(table, column.name)[inside].to_numpy(dtype="float64", na_value=np.nan)
        scores[role] = _scores(-values if column.reversed else values)
    frame = pd.DataFrame(scores, index=pd.RangeIndex(len(numbers)))
    return frame.groupby(numbers).mean().rename_axis("segment")


def _scores(values: FloatArray) -> FloatArray:
    """Normal scores; where many customers share one value, such as no amount, standard scores.

    Ranks cannot tell how much those spend who spend at all, when most have spent nothing.
    """
    known = values[np.isfinite(values)]
    if not len(known) or np.unique(known, return_counts=True)[1].max() < TIED * len(known):
        return _normal_scores(values)
    kept = np.clip(values, None, np.quantile(known, UPPER, method="lower"))
    scale = float(np.nanstd(kept))
    return (kept - np.nanmean(kept)) / scale if scale > 1e-12 else _normal_scores(values)


def _normal_scores(values: FloatArray) -> FloatArray:
    """Ranks spread as under a normal curve, with mean 0 and variance 1; NaN stays NaN.

    References
    ----------
    van der Waerden (1952), "Order tests for the two-sample problem and their power".
    """
    known = np.isfinite(values)
    scores = np.full(len(values), np.nan)
    if known.any():
        found = norm.ppf(rankdata(values[known]) / (known.sum() + 1))
        centred = found - found.mean()
        scale = centred.std()
        scores[known] = centred / scale if scale > 1e-12 else 0.0
    return scores


def _role_of(column: Hashable, roles: Mapping[str, Sequence[str]]) -> tuple[str, int, bool] | None:
    """Role, place of the words in its list, and direction; the longest words that occur win."""
    name, best, longest = humanise(column).casefold(), None, 0
    for role, listed in roles.items():
        for place, words in enumerate(listed):
            wanted = _plain(words)
            if len(wanted) > longest and re.search(rf"\b{re.escape(wanted)}\b", name):
                best, longest = (role, place, words.startswith(REVERSED)), len(wanted)
    return best


def _plain(words: str) -> str:
    return humanise(words.lstrip(REVERSED + PART)).casefold()

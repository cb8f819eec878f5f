"""One short rule per segment, read off a shallow decision tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from customer_segmentation.data.levels import is_flag
from customer_segmentation.labels import OUTLIER, FloatArray
from customer_segmentation.naming.traits import indicators
from customer_segmentation.profiles import check_aligned
from customer_segmentation.profiles.conditions import (
    Condition,
    Mask,
    all_hold,
    merged,
    rounder,
    words,
)

# A box between neighbours in two columns has four sides, hence four questions; with more segments
# it takes log2 of their number to reach one, and two more to cut it out. Nobody reads beyond eight.
LEAST_DEPTH, MOST_DEPTH, EXTRA_DEPTH = 4, 8, 2
LEAVES_PER_SEGMENT = 3
SMALLEST_LEAF = 5  # customers; fewer would be told by chance
MOST_CONDITIONS = 4
UNSEEN = 0.002  # of a share: less than shows in whole percent, so a rounder threshold may cost it
WORTH = 0.01  # a condition that raises the F-measure by less is not worth reading
# Thresholds settle long before this many customers, and coverage is measured on all of them.
SAMPLE, SAMPLE_PER_SEGMENT = 5_000, 100
FOLDS = 5
ALL_CUSTOMERS = "all customers"
COLUMNS = ("segment", "rule", "coverage", "precision")


@dataclass(frozen=True)
class Rules:
    """A rule per segment, and how true the tree is that they come from."""

    #: shape (n_segments, 4): ``segment``; ``rule``; ``coverage``, the share of the segment that
    #: meets the rule; ``precision``, the share of those meeting it who are in the segment. Of a
    #: segment that no column tells apart the rule is empty and both are NaN.
    table: pd.DataFrame
    #: Share of customers whom the whole tree puts into their segment, by five-fold cross-
    #: validation; NaN when there is nothing to learn from
    fidelity: float


class _Quality(NamedTuple):
    """F-measure first, so that the better of two is the larger."""

    f: float
    precision: float
    coverage: float


def rules(table: pd.DataFrame, segments: pd.Series[int], *, seed: int = 0) -> Rules:
    """Find one short rule per segment.

    A decision tree learns all segments at once. Each segment takes the node, leaf or inner, whose
    path describes it best by van Rijsbergen's F-measure, the harmonic mean of coverage and
    precision. Of that path, conditions that raise it by less than 0.01 are dropped, and thresholds
    are rounded as far as neither F-measure nor precision falls by more than 0.002. What is reported
    is measured with the rule as it is written, on all customers in segments.

    Rules describe segments that exist already; they are no independent evidence for them.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table in raw units; dates and text are left out. A missing number meets no
        condition on it.
    segments : Series of int, shape (n_customers,)
        1..k; outliers (-1) are left out. Same index as `table`.
    seed : int
        For the sample (above 5,000 customers), the folds and ties between columns.

    Returns
    -------
    Rules

    Raises
    ------
    ValueError
        If `segments` does not have the index of `table`.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), "Classification and Regression Trees";
    van Rijsbergen (1979), "Information Retrieval", chapter 7, for the F-measure;
    Craven and Shavlik (1995), "Extracting tree-structured representations of trained networks",
    for the fidelity of a tree that stands in for another model.

    Examples
    --------
    >>> table = pd.DataFrame({"income": [21.0, 23.0, 22.0, 88.0, 91.0, 86.0]})
    >>> found = rules(table, pd.Series([1, 1, 1, 2, 2, 2]))
    >>> found.table.to_dict("records")[1]
    {'segment': 2, 'rule': 'income > 50', 'coverage': 1.0, 'precision': 1.0}
    >>> found.fidelity
    1.0
    """
    check_aligned(table, segments)
    inside = np.flatnonzero(segments.to_numpy() != OUTLIER)
    numbers = segments.to_numpy()[inside]
    found = np.unique(numbers)
    if len(found) < 2:
        rows = [(int(segment), ALL_CUSTOMERS, 1.0, 1.0) for segment in found]
        return Rules(_table(rows), 1.0 if rows else math.nan)
    sampled = inside[_sample(numbers, seed)]
    part, y = table.iloc[sampled], segments.to_numpy()[sampled]
    features, X = _matrix(part)
    if not features:
        return Rules(_table([(int(s), "", math.nan, math.nan) for s in found]), math.nan)
    tree = _tree(y, seed)
    folds = KFold(min(FOLDS, len(y)), shuffle=True, random_state=seed)
    fidelity = float(np.mean(cross_val_predict(tree, X, y, cv=folds) == y))
    tree.fit(X, y)
    chosen = {int(s): _rule(tree, place, features, part, y) for place, s in enumerate(found)}
    whole = table.iloc[inside]
    return Rules(_table([_row(s, rule, whole, numbers) for s, rule in chosen.items()]), fidelity)


def _table(rows: list[tuple[int, str, float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    kinds = {"segment": "int64", "rule": "str", "coverage": "float64", "precision": "float64"}
    return frame.astype(kinds)


def _row(
    segment: int, rule: list[Condition], table: pd.DataFrame, numbers: npt.NDArray[Any]
) -> tuple[int, str, float, float]:
    if not rule:
        return segment, "", math.nan, math.nan
    measured = _quality(all_hold(rule, table), numbers == segment)
    return segment, words(rule), measured.coverage, measured.precision


def _sample(numbers: npt.NDArray[Any], seed: int) -> npt.NDArray[np.intp]:
    """Places of at most about `SAMPLE` customers; a small segment gives more than its share."""
    if len(numbers) <= SAMPLE:
        return np.arange(len(numbers))
    draw = np.random.default_rng(seed)
    taken = []
    for segment in np.unique(numbers):
        places = np.flatnonzero(numbers == segment)
        share = max(round(len(places) * SAMPLE / len(numbers)), SAMPLE_PER_SEGMENT)
        taken.append(draw.choice(places, min(share, len(places)), replace=False))
    return np.sort(np.concatenate(taken))


def _matrix(table: pd.DataFrame) -> tuple[list[tuple[Any, Any]], FloatArray]:
    """Feature per column of the matrix, (column, None) or (column, level), and the matrix."""
    features: list[tuple[Any, Any]] = []
    columns: list[FloatArray] = []
    for column, level, values in indicators(table):
        known = values[np.isfinite(values)]
        if len(known) and known.min() < known.max():
            # The tree's own gap filler only; rules are measured on the table with its gaps.
            columns.append(np.where(np.isfinite(values), values, np.median(known)))
            features.append((column, level))
    return features, np.column_stack(columns) if columns else np.empty((len(table), 0))


def _tree(y: npt.NDArray[Any], seed: int) -> DecisionTreeClassifier:
    sizes = np.unique(y, return_counts=True)[1]
    depth = math.ceil(math.log2(len(sizes))) + EXTRA_DEPTH
    return DecisionTreeClassifier(
        max_depth=min(max(depth, LEAST_DEPTH), MOST_DEPTH),
        max_leaf_nodes=LEAVES_PER_SEGMENT * len(sizes),
        min_samples_leaf=min(SMALLEST_LEAF, max(int(sizes.min()) // 2, 1)),
        random_state=seed,
    )


def _rule(
    tree: DecisionTreeClassifier,
    place: int,
    features: list[tuple[Any, Any]],
    table: pd.DataFrame,
    y: npt.NDArray[Any],
) -> list[Condition]:
    """The rule of the segment at one place among the tree's classes."""
    path = _path(tree, _best_node(tree, place))
    flags = {column for column, level in features if level is None and is_flag(table[column])}
    asked = [(features[n], above, threshold) for n, above, threshold in path]
    conditions = [_condition(*question, flags) for question in asked]
    excluded = {c.column for c in conditions if c.sign == "is not"}
    levels = {column: _levels(table[column]) for column in excluded}
    members = y == tree.classes_[place]

    def judged(tried: list[Condition]) -> _Quality:
        return _quality(all_hold(tried, table), members)

    short = _shortened(merged(conditions, levels), judged)
    order = list(table.columns)
    return sorted(_rounded(short, judged, table), key=lambda c: order.index(c.column))


def _best_node(tree: DecisionTreeClassifier, place: int) -> int:
    """Node with the highest F-measure for a class, the root aside; of equals the first."""
    sizes = tree.tree_.n_node_samples
    members = tree.tree_.value[:, 0, place] * sizes
    f = 2 * members / (sizes + members[0])
    return int(np.argmax(f[1:])) + 1 if len(f) > 1 else 0


def _path(tree: DecisionTreeClassifier, node: int) -> Iterator[tuple[int, bool, float]]:
    """Questions from a node up to the root: feature, whether it is above, threshold."""
    parts = tree.tree_
    while node:
        above = bool(np.isin(node, parts.children_right))
        children = parts.children_right if above else parts.children_left
        node = int(np.flatnonzero(children == node)[0])
        yield int(parts.feature[node]), above, float(parts.threshold[node])


def _condition(
    asked: tuple[Any, Any], above: bool, threshold: float, flags: Collection[Any]
) -> Condition:
    column, level = asked
    if column in flags:
        return Condition(column, "is", int(above))
    if level is None:
        return Condition(column, ">" if above else "<=", threshold)
    return Condition(column, "is" if above else "is not", level)


def _levels(column: pd.Series[Any]) -> list[Any]:
    return [*column.dropna().unique(), *([None] if column.isna().any() else [])]


def _quality(caught: Mask, members: Mask) -> _Quality:
    both = float(np.count_nonzero(caught & members))
    all_, wanted = np.count_nonzero(caught), np.count_nonzero(members)
    if not both:
        return _Quality(0.0, 0.0, 0.0)
    return _Quality(2 * both / (all_ + wanted), both / all_, both / wanted)


def _shortened(
    conditions: list[Condition], judged: Callable[[list[Condition]], _Quality]
) -> list[Condition]:
    """Drop, the least useful first, what is not worth reading; at least one condition stays."""
    best = judged(conditions).f
    while len(conditions) > 1:
        others = [[c for c in conditions if c is not left] for left in conditions]
        without = max(others, key=lambda tried: judged(tried).f)
        if judged(without).f < best - WORTH and len(conditions) <= MOST_CONDITIONS:
            break
        conditions, best = without, max(best, judged(without).f)
    return conditions


def _rounded(
    conditions: list[Condition], judged: Callable[[list[Condition]], _Quality], table: pd.DataFrame
) -> list[Condition]:
    """Take the roundest thresholds with which neither F-measure nor precision falls visibly."""
    result = list(conditions)
    for place, condition in enumerate(result):
        if condition.sign not in {">", "<="}:
            continue
        before = judged(result)
        known = table[condition.column].dropna().to_numpy(dtype="float64")
        for value in rounder(condition.value, whole=bool((known == np.floor(known)).all())):
            tried = [*result]
            tried[place] = Condition(condition.column, condition.sign, value)
            after = judged(tried)
            if min(after.f - before.f, after.precision - before.precision) >= -UNSEEN:
                result = tried
                break
    return result

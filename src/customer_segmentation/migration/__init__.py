"""Segments keep their identity: which segment of a new model is which of the old one's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray
from customer_segmentation.migration.changes import kinds, sentence, table
from customer_segmentation.style import name_of, percent, plural

# Two segments are the same one when the customers they share are at least a third of all that
# either has (Jaccard 1912), so that the largest of three equal parts is still an heir, and three
# fifths of the smaller one: reshuffling two segments at random gives about a half, and then
# neither is the former. Where the two are as large as each other, both together are a little
# less strict than Hennig (2008, "Dissolution point and isolation robustness"), who calls a cluster
# dissolved up to a Jaccard overlap of a half: the largest heir is worth more than no heir.
SAME_OF_BOTH = 1 / 3
SAME_OF_SMALLER = 0.6
# Overlaps are cubed before they are added up: one clear heir outweighs two doubtful ones.
SHARPNESS = 3


class MigrationError(ValueError):
    """Two segmentations that cannot be compared."""


@dataclass(frozen=True)
class Migration:
    """What becomes of the segments, and of their customers, when a new model takes over."""

    numbers: dict[int, int]  #: Own number of each new segment -> the number it gets
    names: dict[int, str]  #: Name of each new segment by the number it gets
    #: A row per segment, old or new, by number; see :func:`changes.table`. A segment that was split
    #: or merged keeps its number.
    changes: pd.DataFrame
    #: Customers, a row per old segment and a column per new one (by the number it gets); -1 for
    #: outliers, where there are any
    flows: pd.DataFrame
    #: Customers whose segment number changes, indexed by id: ``from_segment``, ``from_name``,
    #: ``to_segment``, ``to_name``
    movers: pd.DataFrame
    moved_share: float  #: Share of the customers compared who are movers, 0 to 1
    basis: str  #: Who was compared: "180 customers known to both"

    @property
    def words(self) -> str:
        """The migration in two sentences: segments first, then customers."""
        return f"{sentence(self.changes)}. {self.moved}."

    @property
    def moved(self) -> str:
        """How many customers change segment, in words."""
        count = len(self.movers)
        if not count:
            return f"None of {self.basis} changes segment"
        change = "changes" if count == 1 else "change"
        return f"{count:,} of {self.basis} {change} segment ({percent(self.moved_share)})"


def match(
    old: pd.Series[Any],
    new: pd.Series[Any],
    old_names: Mapping[int, str],
    new_names: Mapping[int, str],
    *,
    basis: str,
    last_number: int = 0,
    renames: Callable[[str, int, int], bool] | None = None,
) -> Migration:
    """Give the segments of a new model the numbers and names of the old ones they continue.

    The pairs are the assignment (Kuhn 1955, the Hungarian method) with the largest sum of cubed
    Jaccard overlaps, among pairs that share enough customers to be the same segment
    (``SAME_OF_BOTH``, ``SAME_OF_SMALLER``). Of the parts of a segment that splits, and of the
    segments that merge, the largest keeps number and name. Outliers are never matched, but they
    count as customers who come, go and move.

    Parameters
    ----------
    old, new : Series of int, indexed by customer id
        Segment numbers from 1 on, -1 = outlier; customers that only one of them has are left out.
    old_names, new_names : mapping of int to str
        By the segments' own numbers. A segment that is only named here has no customer compared.
    basis : str
        Who is compared, in words for people.
    last_number : int
        The highest number ever given, so that the number of a segment that was dissolved before
        is never given to another one.
    renames : callable(change, old number, own number of the new one) -> bool, optional
        Whether a segment that continues an old one takes its new name; by default none does.

    Returns
    -------
    Migration

    Raises
    ------
    MigrationError
        No customer in common, an id that occurs twice, or numbers that are no segment numbers.

    Examples
    --------
    >>> old = pd.Series([1, 1, 1, 2, 2], index=list("abcde"))
    >>> new = pd.Series([2, 2, 2, 1, 3], index=list("abcde"))
    >>> found = match(old, new, {1: "Young", 2: "Older"}, {3: "Rich"}, basis="5 customers")
    >>> found.numbers, found.names
    ({1: 2, 2: 1, 3: 3}, {2: 'Older', 1: 'Young', 3: 'Rich'})
    >>> found.words
    '2 of 2 segments keep number and name; split: 2 · Older; new: 3 · Rich. 1 of
    5 customers changes segment (20 %).'
    """
    old, new = _overlap(old, new)
    counts = _counts(old, new, old_names, new_names)
    olds, news = _segments(counts.index), _segments(counts.columns)
    shared = counts.loc[olds, news].to_numpy()
    heirs = _same(shared, counts.sum(axis=1)[olds].to_numpy(), counts.sum()[news].to_numpy())
    numbers = _numbers({news[j]: olds[i] for i, j in heirs}, news, max([last_number, *olds]))
    before = {number: name_of(number, old_names) for number in olds}
    flows = counts.rename(columns=numbers)
    flows = flows[[*sorted(numbers.values()), OUTLIER]].rename_axis(columns="new")
    changed = kinds(flows)
    kept = {
        own: before[number]
        for own, number in numbers.items()
        if number in before and not (renames and renames(changed[number], number, own))
    }
    names = _names(numbers, kept, new_names, before)
    movers = _movers(
        old, new.map({**numbers, OUTLIER: OUTLIER}).astype("int64"), before, {**before, **names}
    )
    changes = table(flows, {**before, **names}, before)
    return Migration(
        numbers, names, changes, _present(flows), movers, len(movers) / len(old), basis
    )


def _overlap(old: pd.Series[Any], new: pd.Series[Any]) -> tuple[pd.Series[int], pd.Series[int]]:
    """Restrict two segmentations to the customers that both know, in the order of the new one."""
    old, new = _checked(old, "the old model"), _checked(new, "the new model")
    common = new.index[new.index.isin(old.index)]
    if not len(common):
        examples = [repr(next(iter(s.index.tolist()), "none")) for s in (old, new)]
        raise MigrationError(
            f"got no customer known to both models ({plural(len(old), 'id')} such as "
            f"{examples[0]} in the old one, {plural(len(new), 'id')} such as {examples[1]} in the "
            "new one), expected some. Use the same id column in both, or let both models assign "
            "the same customers."
        )
    return old.loc[common], new.loc[common]


def _checked(segments: pd.Series[Any], whose: str) -> pd.Series[int]:
    """Whole segment numbers, one per customer, or an error."""
    if not segments.index.is_unique:
        twice = segments.index[segments.index.duplicated()].tolist()[0]
        raise MigrationError(
            f"got customer {twice!r} more than once from {whose}, expected every id once. "
            "Remove the duplicates."
        )
    values = pd.to_numeric(segments, errors="coerce").astype("float64").to_numpy()
    good = (values == OUTLIER) | ((values >= 1) & (values % 1 == 0))
    if not good.all():
        first, customer = (part[~good].tolist()[0] for part in (segments, segments.index))
        raise MigrationError(
            f"got segment {first!r} for customer {customer!r} from {whose}, "
            f"expected whole numbers from 1 on, or {OUTLIER} for an outlier. Correct it."
        )
    return pd.Series(values.astype("int64"), index=segments.index, name="segment")


def _counts(
    old: pd.Series[int],
    new: pd.Series[int],
    old_names: Mapping[int, str],
    new_names: Mapping[int, str],
) -> pd.DataFrame:
    """Customers, old segment x new segment, all that are named or met; outliers last."""
    rows, columns = (
        [*sorted({*map(int, names), *segments.unique().tolist()} - {OUTLIER}), OUTLIER]
        for segments, names in ((old, old_names), (new, new_names))
    )
    table = pd.crosstab(old.to_numpy(), new.to_numpy(), rownames=["old"], colnames=["new"])
    return table.reindex(index=rows, columns=columns, fill_value=0)


def _segments(numbers: Iterable[Any]) -> list[int]:
    return [int(number) for number in numbers if number != OUTLIER]


def _same(shared: IntArray, old_sizes: IntArray, new_sizes: IntArray) -> list[tuple[int, int]]:
    """Positions of the old and new segments that are the same one."""
    either = old_sizes[:, None] + new_sizes[None, :] - shared
    jaccard: FloatArray = shared / np.maximum(either, 1)
    smaller = np.maximum(np.minimum.outer(old_sizes, new_sizes), 1)
    # Just below, because a third of 99 must be met by 33 whatever the rounding.
    same = (jaccard >= SAME_OF_BOTH - 1e-9) & (shared / smaller >= SAME_OF_SMALLER - 1e-9)
    # A pair that is not the same must weigh nothing, or it could take the place of one that is.
    rows, columns = linear_sum_assignment(np.where(same, jaccard**SHARPNESS, 0), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if same[i, j]]


def _numbers(kept: dict[int, int], news: list[int], last: int) -> dict[int, int]:
    """Number that each new segment gets: that of its ancestor, or the next that nobody ever had."""
    fresh = iter(range(last + 1, last + 1 + len(news)))
    return {own: kept[own] if own in kept else next(fresh) for own in news}


def _names(
    numbers: Mapping[int, int],
    kept: Mapping[int, str],
    new_names: Mapping[int, str],
    before: Mapping[int, str],
) -> dict[int, str]:
    """Names by the number got: a new one is never that of another old segment, gone or not."""
    names, taken = {}, set(before.values())
    for own, number in numbers.items():
        wanted = kept.get(own) or new_names.get(own) or name_of(number, {})
        name, copy = wanted, 1
        while name in taken and name != before.get(number):
            copy += 1
            name = f"{wanted} {copy}"
        names[number] = name
        taken.add(name)
    return names


def _present(flows: pd.DataFrame) -> pd.DataFrame:
    """The flows without outliers on a side that has none."""
    rows = flows.index[(flows.index != OUTLIER) | (flows.sum(axis=1) > 0)]
    columns = flows.columns[(flows.columns != OUTLIER) | (flows.sum() > 0)]
    return flows.loc[rows, columns]


def _movers(
    old: pd.Series[int], new: pd.Series[int], before: Mapping[int, str], names: Mapping[int, str]
) -> pd.DataFrame:
    moved = old != new
    table = pd.DataFrame({"from_segment": old[moved], "to_segment": new[moved]})
    out = {OUTLIER: name_of(OUTLIER, {})}
    table.insert(1, "from_name", table["from_segment"].map({**before, **out}).astype("str"))
    return table.assign(to_name=table["to_segment"].map({**names, **out}).astype("str"))

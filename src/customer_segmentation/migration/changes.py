"""What happened to every segment between two models, in a word and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from customer_segmentation.labels import OUTLIER, IntArray
from customer_segmentation.style import label, name_of, percent, plural

# A split or a merger is told from mere exchange as in MONIC (Spiliopoulou et al. 2006): parts of
# a quarter make a split, a segment whose larger half ends up in another one is merged into it.
SPLIT_PART = 1 / 4
MERGED_PART = 1 / 2
CHANGES = ("kept", "split", "merged", "new", "dissolved")
COLUMNS = (
    "change", "number", "name", "former_name", "old_customers", "new_customers", "from", "into",
)  # fmt: skip
NAMED = 3  # segments that a sentence names before it counts the rest


def kinds(flows: pd.DataFrame) -> dict[int, str]:
    """One of ``CHANGES`` for every segment, old or new, by number; see :func:`table`.

    Examples
    --------
    >>> kinds(pd.DataFrame({1: [6, 0], 3: [4, 9]}, index=[1, 2]))
    {1: 'split', 2: 'dissolved', 3: 'new'}
    """
    olds, news = ({int(n) for n in side if n != OUTLIER} for side in (flows.index, flows.columns))
    every, square = _square(flows)
    return {
        number: _change(square, place, number in olds, number in news)
        for place, number in enumerate(every[:-1])
    }


def _square(flows: pd.DataFrame) -> tuple[list[int], IntArray]:
    """All segments, outliers last, and the customers between any two."""
    every = sorted({int(n) for side in (flows.index, flows.columns) for n in side} - {OUTLIER})
    every.append(OUTLIER)
    return every, flows.reindex(index=every, columns=every, fill_value=0).to_numpy()


def table(
    flows: pd.DataFrame, names: Mapping[int, str], former: Mapping[int, str] | None = None
) -> pd.DataFrame:
    """Tell for every segment, old or new, what became of it.

    Parameters
    ----------
    flows : DataFrame of int
        Customers, a row per old segment and a column per new one, matched segments under the same
        number, outliers as -1.
    names : mapping of int to str
        By number.
    former : mapping of int to str, optional
        Names of the old segments, where they were others.

    Returns
    -------
    DataFrame
        A row per segment by number: ``change`` (one of ``CHANGES``), ``number``, ``name``,
        ``former_name`` ("" if it is the same, or there was none), ``old_customers``,
        ``new_customers``, ``from`` and ``into`` (who came and who left).

    References
    ----------
    Spiliopoulou, Ntoutsi, Theodoridis, Schult (2006), "MONIC: modeling and monitoring cluster
    transitions", KDD.

    Examples
    --------
    >>> flows = pd.DataFrame({1: [6, 0], 3: [4, 9]}, index=[1, 2])
    >>> table(flows, {1: "Young", 2: "Older", 3: "Rich"})[["change", "number", "into"]]
          change  number                                 into
    0      split       1    3 · Rich (4 customers, 40 %)
    1  dissolved       2   3 · Rich (9 customers, 100 %)
    2        new       3
    """
    (every, square), changed, before = _square(flows), kinds(flows), {**names, **(former or {})}
    rows = []
    for place, number in enumerate(every[:-1]):
        goes, comes = square[place], square[:, place]
        rows.append(
            {
                "change": changed[number],
                "number": number,
                "name": names[number],
                "former_name": "" if before[number] == names[number] else before[number],
                "old_customers": int(goes.sum()),
                "new_customers": int(comes.sum()),
                "from": _others(comes, place, every, before),
                "into": _others(goes, place, every, names),
            }
        )
    return pd.DataFrame(rows, columns=[*COLUMNS])


def sentence(changes: pd.DataFrame) -> str:
    """The table in one sentence.

    Examples
    --------
    >>> changes = table(pd.DataFrame({1: [6], 2: [1]}, index=[1]), {1: "A", 2: "B"})
    >>> sentence(changes)
    '1 of 1 segment keeps number and name; new: 2 · B'
    """
    told = dict.fromkeys(CHANGES, 0) | changes["change"].value_counts().to_dict()
    stay = told["kept"] + told["split"] + told["merged"]
    before = stay + told["dissolved"]
    renamed = changes[changes["former_name"] != ""]
    what = "the number" if len(renamed) else "number and name"
    keep = f"{'keeps' if stay == 1 else 'keep'} {what}"
    parts = [f"{stay:,} of {plural(before, 'segment')} {keep}" if before else "No segments before"]
    for change in CHANGES[1:]:
        parts += _told(change, pd.DataFrame(changes[changes["change"] == change]))
    return "; ".join([*parts, *_told("renamed", pd.DataFrame(renamed))])


def _told(word: str, rows: pd.DataFrame) -> list[str]:
    found = [label(int(n), name) for n, name in zip(rows["number"], rows["name"], strict=True)]
    return [f"{word}: {_listed(found)}"] if found else []


def _change(square: IntArray, place: int, was: bool, is_now: bool) -> str:
    """One of ``CHANGES``; outliers, in the last row and column, are no part of a segment."""
    if not (was and is_now):
        return "new" if is_now else "dissolved"
    sizes = np.maximum(square.sum(axis=1), 1)
    if (square[place, :-1] / sizes[place] >= SPLIT_PART).sum() > 1:
        return "split"
    return "merged" if (square[:-1, place] / sizes[:-1] > MERGED_PART).sum() > 1 else "kept"


def _others(customers: IntArray, own: int, every: list[int], names: Mapping[int, str]) -> str:
    """The other segments of a row or column, the largest first, with their share of it."""
    order = [place for place in np.argsort(-customers, kind="stable") if place != own]
    return _listed(
        f"{label(every[place], name_of(every[place], names))} "
        f"({plural(int(customers[place]), 'customer')}, "
        f"{percent(float(customers[place] / customers.sum()))})"
        for place in order
        if customers[place]
    )


def _listed(texts: Iterable[str]) -> str:
    found = list(texts)
    rest = len(found) - NAMED
    return ", ".join(found[:NAMED]) + (f" and {rest} more" if rest > 0 else "")

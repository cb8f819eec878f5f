"""Words for segments: readable column names, what sets a segment apart, a short unique name."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

# Half an overall standard deviation: Cohen (1988) calls a difference of 0.5 "medium", the
# smallest one that is "visible to the naked eye". Below it a segment is average in that column.
HIGH = 0.5
# Only to tell two segments apart whose names would be equal: Cohen's "small" effect, and a
# distance that about one customer in fifteen exceeds.
SLIGHT = 0.2
VERY = 1.5

LEVEL = " = "
FILLERS = ("annual", "yearly", "score")
LONGEST_WORDING = 24


@dataclass(frozen=True)
class Trait:
    """One column in which a segment differs from the average customer.

    Attributes
    ----------
    order : int
        Position of the column in the customer table.
    contrast : float
        Signed difference from the average customer, in overall standard deviations.
    words : str
        The column as a reader would say it.
    level : str or None
        The category level, None for a number.
    share : float
        Share of the segment's customers with that level; NaN for a number.
    """

    order: int
    contrast: float
    words: str
    level: str | None = None
    share: float = float("nan")


def feature(column: Hashable, level: object) -> str:
    """Label of a category level among the features of a contrast table.

    Examples
    --------
    >>> feature("Gender", "Female")
    'Gender = Female'
    """
    return f"{column}{LEVEL}{level}"


def humanise(column: Hashable) -> str:
    """Turn a column name into words: no units in brackets, no snake_case, no CamelCase.

    Examples
    --------
    >>> [humanise(c) for c in ("Annual Income (k$)", "MntWines", "days_since-visit", "RFMScore")]
    ['annual income', 'mnt wines', 'days since visit', 'rfm score']
    """
    text = re.sub(r"[(\[{][^)\]}]*[)\]}]", " ", str(column))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    words = re.sub(r"[\W_]+", " ", text).strip().lower()
    return words or str(column).strip() or "unnamed"


def names(
    contrasts: pd.DataFrame, table: pd.DataFrame, segments: "pd.Series[int]"
) -> dict[int, str]:
    """Name every segment after what sets it apart; the same input gives the same names.

    A number is high or low from `HIGH` standard deviations on, a category level is named when the
    segment has that much more of it. The two strongest make the name, in the table's column order.
    Equal names get graded words, then a third and fourth feature, and at last a number.

    Parameters
    ----------
    contrasts : DataFrame, shape (n_segments, n_features)
        As `profiles.contrasts` gives it: standard deviations from the average customer.
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table, raw units.
    segments : Series of int, shape (n_customers,)
        Segment of each customer, 1..k, and -1 for outliers.

    Returns
    -------
    dict of int to str
        Unique name per segment of `contrasts`; one segment alone is "All customers".

    Examples
    --------
    >>> contrasts = pd.DataFrame({"Annual Income (k$)": [1.1, -1.1, 0.0]}, index=[1, 2, 3])
    >>> table = pd.DataFrame({"Annual Income (k$)": [90.0, 20.0, 55.0]})
    >>> names(contrasts, table, pd.Series([1, 2, 3]))
    {1: 'High income', 2: 'Low income', 3: 'Average customers'}
    """
    if len(contrasts) == 1:
        return {int(contrasts.index[0]): "All customers"}
    traits = {int(s): segment_traits(int(s), contrasts, table, segments) for s in contrasts.index}
    # Each stage renames only those that still share their name with another segment.
    stages = [(2, HIGH, False), (2, HIGH, True), (3, HIGH, True), (3, SLIGHT, True)]
    stages += [(4, SLIGHT, True)]
    result = dict.fromkeys(traits, "")
    for count, threshold, graded in stages:
        for segment in _tied(result):
            result[segment] = _name(traits[segment], count, threshold, graded)
    return _numbered(result)


def segment_traits(
    segment: int, contrasts: pd.DataFrame, table: pd.DataFrame, segments: "pd.Series[int]"
) -> list[Trait]:
    """List what sets a segment apart, the strongest first.

    Parameters
    ----------
    segment : int
        A segment number in the index of `contrasts`.
    contrasts, table, segments
        As for `names`.

    Returns
    -------
    list of Trait
        One per feature of `contrasts` (levels that a segment has fewer of are left out).

    Examples
    --------
    >>> contrasts = pd.DataFrame({"Age": [1.0, -1.0]}, index=[1, 2])
    >>> table = pd.DataFrame({"Age": [60.0, 20.0]})
    >>> segment_traits(2, contrasts, table, pd.Series([1, 2]))[0].contrast
    -1.0
    """
    columns = list(table.columns)
    wording = _wordings(columns)
    members = table[(segments == segment).to_numpy()]
    found = []
    for label, contrast in contrasts.loc[segment].items():
        trait = _trait(label, float(cast(float, contrast)), columns, wording, members)
        if trait is not None:
            found.append(trait)
    return sorted(found, key=lambda trait: (-abs(trait.contrast), trait.order))


def wording(trait: Trait, graded: bool = False) -> str:
    """Say a trait in two to four words, such as "high income", "young" or "mostly Female".

    Examples
    --------
    >>> wording(Trait(0, -0.9, "age")), wording(Trait(1, 1.8, "income"), graded=True)
    ('young', 'very high income')
    >>> wording(Trait(2, 0.8, "gender", "Female", 0.9))
    'mostly Female'
    """
    if trait.level is not None:
        bare = len(trait.level) <= 3 or trait.level.lower() in {"true", "false"}
        level = f"{trait.words}: {trait.level}" if bare else trait.level
        return f"{'mostly' if trait.share > 0.5 else 'more often'} {_short(level)}"
    grade = _grade(abs(trait.contrast)) if graded else ""
    if trait.words == "age":
        if grade == "very ":
            return "much older" if trait.contrast > 0 else "very young"
        return grade.replace("fairly", "slightly") + (
            "older" if trait.contrast > 0 else "younger" if grade else "young"
        )
    return f"{grade}{'high' if trait.contrast > 0 else 'low'} {_short(trait.words)}"


def _grade(size: float) -> str:
    if size >= VERY:
        return "very "
    return "fairly " if size < HIGH else ""


def _short(words: str) -> str:
    if len(words) <= LONGEST_WORDING:
        return words
    cut = words[:LONGEST_WORDING].rsplit(" ", 1)[0]
    return (cut if len(cut) > LONGEST_WORDING // 2 else words[:LONGEST_WORDING]).rstrip() + "…"


def _wordings(columns: Sequence[Hashable]) -> dict[Hashable, str]:
    """Words per column, without filler words where that leaves them different."""
    full = {column: humanise(column) for column in columns}
    short = {column: _without_fillers(words) for column, words in full.items()}
    uses = Counter(short.values())
    return {column: short[column] if uses[short[column]] == 1 else full[column] for column in full}


def _without_fillers(words: str) -> str:
    parts = words.split()
    kept = [part for part in parts if part not in FILLERS]
    # A credit score is not credit, so "score" only goes after a word of doing (spending score).
    if "score" in parts and not any(part.endswith("ing") for part in kept):
        kept = [part for part in parts if part not in FILLERS or part == "score"]
    return " ".join(kept) or words


def _trait(
    label: Hashable,
    contrast: float,
    columns: Sequence[Hashable],
    words: dict[Hashable, str],
    members: pd.DataFrame,
) -> Trait | None:
    if label in words:
        return Trait(columns.index(label), contrast, words[label])
    column = _column_of(str(label), columns)
    values = members[column]
    level = str(label)[len(f"{column}{LEVEL}") :]
    if contrast < 0:  # "not mostly X" says little, unless there is exactly one other level
        level, contrast = _other_level(values, level), -contrast
    if not level:
        return None
    share = float((values.astype(str) == level).mean())
    return Trait(columns.index(column), contrast, words[column], level, share)


def _column_of(label: str, columns: Iterable[Hashable]) -> Any:
    for column in columns:
        if label.startswith(f"{column}{LEVEL}"):
            return column
    raise ValueError(
        f"got a contrast for {label!r}, expected a column of the table or 'column = level'; "
        "compute the contrasts from the same table"
    )


def _other_level(values: "pd.Series[Any]", level: str) -> str:
    levels = (
        values.cat.categories
        if isinstance(values.dtype, pd.CategoricalDtype)
        else pd.Index(values.dropna().unique())
    )
    others = [str(other) for other in levels if str(other) != level]
    return others[0] if len(others) == 1 else ""


def _name(traits: list[Trait], count: int, threshold: float, graded: bool) -> str:
    strong = [trait for trait in traits if abs(trait.contrast) >= threshold]
    # One column speaks once, by its strongest level, however many levels stand out.
    first = list({trait.order: trait for trait in reversed(strong)}.values())[::-1][:count]
    words = [wording(trait, graded) for trait in sorted(first, key=lambda trait: trait.order)]
    text = ", ".join(words) or "average customers"
    return text[0].upper() + text[1:]


def _tied(result: dict[int, str]) -> list[int]:
    uses = Counter(result.values())
    return [segment for segment, name in result.items() if uses[name] > 1]


def _numbered(result: dict[int, str]) -> dict[int, str]:
    taken: set[str] = set()
    for segment, name in result.items():
        unique, copy = name, 1
        while unique in taken:
            copy += 1
            unique = f"{name} {copy}"
        taken.add(unique)
        result[segment] = unique
    return result

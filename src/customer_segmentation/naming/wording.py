"""How columns and differences read: "annual income", "very high income", "mostly Female"."""

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_segmentation.style import number, percent

Rows = NDArray[np.bool_]  # of a table, those that are looked at

# Half an overall standard deviation: Cohen (1988) calls a difference of 0.5 "medium", the
# smallest one that is "visible to the naked eye". Below it a segment is average in that column.
HIGH = 0.5
# Only to tell two segments apart whose names would be equal: Cohen's "small" effect, and a
# distance that about one customer in fifteen exceeds.
SLIGHT = 0.2
VERY = 1.5

LEVEL = " = "
YES, NO = "yes", "no"  # what ones and zeros say
ALL = 0.95  # share from which on "mostly" would say too little
FILLERS = ("annual", "yearly", "score")  # the last only after a word of doing
LONGEST_WORDING = 32
LONGEST_ACRONYM = 4
BARE = {"true", "false", "none", "nein", "missing", "unknown", "other", "others", "keine", "keiner"}
# What is counted is many or few, not high or low: days since the last purchase, orders.
COUNTED = re.compile(
    r"(?:number|count) of (?P<noun>.+)|(?:days|weeks|months|years|different) .+", re.IGNORECASE
)
# The statements and questions of a survey: "high I like new brands" would be no English.
SENTENCE = re.compile(
    r"\b(i|me|my|we|us|our|you|your|is|are|was|do|does|did|would|should|can|how|what|why|which)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Trait:
    """One column in which a segment differs from the average customer."""

    order: int  #: Position of the column in the customer table
    contrast: float  #: Signed difference from the average customer, in overall standard deviations
    words: str  #: The column as a reader would say it
    level: str | None = None  #: The category level, None for a number
    #: Share of the segment's customers with that level; NaN for a number
    share: float = float("nan")
    #: Whether other columns have that level too, which then says nothing without its column
    shared: bool = False
    answers: bool = False  #: Whether the level is the `YES` or `NO` of ones and zeros


def visible(segments: int) -> float:
    """The contrast from which on a segment is said to be different, by how many there are.

    Of two, what sets one apart sets the other apart the other way round; the larger is only nearer
    to the average, to which it contributes more.

    Examples
    --------
    >>> visible(5), visible(2)
    (0.5, 0.2)
    """
    return HIGH if segments > 2 else SLIGHT


def feature(column: Hashable, level: object) -> Hashable:
    """Label of a number (without a level) or a category level among those of a contrast table.

    Examples
    --------
    >>> feature("Gender", "Female"), feature("Age", None)
    ('Gender = Female', 'Age')
    """
    return column if level is None else f"{column}{LEVEL}{level}"


def humanise(column: Hashable) -> str:
    """Turn a column name into words: no units in brackets, no snake_case, no CamelCase.

    Capitals stay: they are spelling, in German of every noun; but in a name that has nothing else
    they are a database's.

    Examples
    --------
    >>> [humanise(c) for c in ("Annual Income (k$)", "MntWines", "days_since-visit", "RFMScore")]
    ['Annual Income', 'Mnt Wines', 'days since visit', 'RFM Score']
    >>> humanise("CASH_ADVANCE_TRX"), humanise("RFM")
    ('cash advance trx', 'RFM')
    """
    text = re.sub(r"[(\[{][^)\]}]*[)\]}]", " ", str(column))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    words = re.sub(r"[\W_]+", " ", text).strip()
    if words.isupper() and max(map(len, words.split())) > LONGEST_ACRONYM:
        words = words.lower()
    return words or str(column).strip() or "unnamed"


def wording(trait: Trait, graded: bool = False) -> str:
    """Say a trait in two to four words, such as "high income", "young" or "mostly Female".

    Examples
    --------
    >>> wording(Trait(0, -0.9, "age")), wording(Trait(1, 1.8, "income"), graded=True)
    ('young', 'very high income')
    >>> wording(Trait(1, -0.8, "I like to try new brands"))
    'I like to try new brands: low'
    >>> wording(Trait(2, 0.8, "gender", "Female", 0.9))
    'mostly Female'
    >>> wording(Trait(3, 0.8, "Complain", "yes", 0.9, answers=True))
    'mostly Complain: yes'
    """
    if trait.level is not None:
        often = "mostly" if trait.share > 0.5 else "more often"
        said = _named(trait.words, trait.level, shared=trait.shared)
        return said if ":" in said and trait.share >= ALL else f"{often} {said}"
    grade = _grade(abs(trait.contrast)) if graded else ""
    if trait.words.casefold() == "age":
        if grade == "very ":
            return "much older" if trait.contrast > 0 else "very young"
        return grade.replace("fairly", "slightly") + (
            "older" if trait.contrast > 0 else "younger" if grade else "young"
        )
    return _degree(trait.words, trait.contrast > 0, "many few", "high low", grade=grade)


def comparative(words: str, more: bool, level: str | None = None) -> str:
    """Say in which direction one group differs from another: "higher income", "younger".

    Examples
    --------
    >>> comparative("income", more=True), comparative("age", more=False)
    ('higher income', 'younger')
    >>> comparative("gender", more=True, level="Female")
    'more often Female'
    """
    if level is not None:
        return f"{'more' if more else 'less'} often {_named(words, level)}"
    if words.casefold() == "age":
        return "older" if more else "younger"
    return _degree(words, more, "more fewer", "higher lower")


def told(trait: Trait, table: pd.DataFrame, member: Rows, inside: Rows) -> str:
    """Say one difference of a segment with the numbers behind it.

    Parameters
    ----------
    trait : Trait
        One of `traits.traits`.
    table : DataFrame
    member, inside : ndarray of bool, shape (n_customers,)
        Who is in the segment, and who is in any.

    Examples
    --------
    >>> table = pd.DataFrame({"Annual Income (k$)": [90.0, 30.0]})
    >>> first, all_ = np.array([True, False]), np.array([True, True])
    >>> told(Trait(0, 1.0, "income"), table, first, all_)
    'higher Annual Income (90 against 60 for all)'
    >>> table = pd.DataFrame({"Number of purchases": [2.0, 6.0], "Toys (% of spend)": [5.0, 1.0]})
    >>> [told(Trait(n, sign, ""), table, first, all_) for n, sign in enumerate((-1.0, 1.0))]
    ['fewer purchases (2 against 4 for all)', 'more Toys (5 % against 3 % for all)']
    """
    column = table.iloc[:, trait.order]  # alone: a copy of the whole table would be a large one
    mine, all_ = column[member], column[inside]
    words = humanise(column.name)
    if trait.level is None:
        share = "%" in str(column.name)
        unit, pair = (" %", "more less") if share else ("", "higher lower")
        means = " against ".join(f"{number(float(part.mean()))}{unit}" for part in (mine, all_))
        said = _degree(words, trait.contrast > 0, "more fewer", pair, whole=True)
        return f"{said} ({means} for all)"
    if trait.answers:
        shares = " against ".join(percent(float(part.mean())) for part in (mine, all_))
        return f"{'more' if trait.level == YES else 'less'} often {words}: {YES} ({shares} for all)"
    level = trait.level
    shares = " against ".join(percent(share_of(str(level), part)) for part in (mine, all_))
    return f"more often {words}{':' if _bare(level) else ''} {level} ({shares} for all)"


def share_of(level: str, column: "pd.Series[Any]") -> float:
    """Share of the customers whose level reads like this; a category is not turned into text.

    Examples
    --------
    >>> share_of("True", pd.Series([True, False]))
    0.5
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return float((column.astype(str) == level).mean())
    codes = [code for code, name in enumerate(column.cat.categories) if str(name) == level]
    return float(column.cat.codes.isin(codes).mean())


def _degree(
    words: str, up: bool, counted: str, measured: str, *, whole: bool = False, grade: str = ""
) -> str:
    """High or low, many or few: each pair as "up down"; a sentence has it at its end."""
    if SENTENCE.search(words) and len(words.split()) > 2:
        return f"{words if whole else _short(words)}: {grade}{measured.split()[not up]}"
    found = COUNTED.fullmatch(words)
    noun = found["noun"] or words if found else words
    high, low = (counted if found else measured).split()
    return f"{grade}{high if up else low} {noun if whole else _short(noun)}"


def _named(words: str, level: str, *, shared: bool = False) -> str:
    """A level that says nothing alone is told with its column."""
    return f"{_short(words)}: {_short(level)}" if shared or _bare(level) else _short(level)


def _bare(level: str) -> bool:
    return len(level) <= 3 or not level[0].isalpha() or level.casefold() in BARE


def _grade(size: float) -> str:
    if size >= VERY:
        return "very "
    return "fairly " if size < HIGH else ""


def _short(words: str) -> str:
    if len(words) <= LONGEST_WORDING:
        return words
    cut = words[:LONGEST_WORDING].rsplit(" ", 1)[0]
    if len(cut) < LONGEST_WORDING // 2:
        return words[:LONGEST_WORDING].rstrip() + "…"
    whole, _, last = cut.rpartition(" ")  # that ends with "in", "of" or "pro" reads as broken off
    return (whole if len(last) <= 4 and len(whole) >= LONGEST_WORDING // 2 else cut) + "…"


def wordings(columns: Sequence[Hashable]) -> dict[Hashable, str]:
    """Words per column, without filler words where that leaves them different.

    Examples
    --------
    >>> wordings(["Annual Income (k$)", "Credit Score"])
    {'Annual Income (k$)': 'Income', 'Credit Score': 'Credit Score'}
    """
    full = {column: humanise(column) for column in columns}
    short = {column: _without_fillers(words) for column, words in full.items()}
    uses = Counter(short.values())
    return {column: short[column] if uses[short[column]] == 1 else full[column] for column in full}


def _without_fillers(words: str) -> str:
    parts = words.split()
    kept = [part for part in parts if part.casefold() not in FILLERS]
    # A credit score is not credit, so "score" only goes after a word of doing (spending score).
    if not any(part.endswith("ing") for part in kept):
        kept = [part for part in parts if part.casefold() not in FILLERS[:-1]]
    return " ".join(kept) or words

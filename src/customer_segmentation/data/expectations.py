"""What a data config says about the columns, and whether the table keeps to it."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from customer_segmentation.data.findings import DataError, Findings, cells, listed
from customer_segmentation.style import plural

TYPES = ("number", "category", "date", "text")


@dataclass(frozen=True)
class Expectation:
    """A declared column; every part is optional."""

    type: str = ""  #: "number", "category", "date" or "text"; inferred when empty
    #: Allowed range, both ends included
    min: Any = None
    max: Any = None
    values: tuple[Any, ...] = ()  #: Allowed levels of a category
    required: bool = True  #: Whether the table must have the column
    #: Codes that stand for "missing", such as 999; an empty one: none does
    missing: tuple[Any, ...] | None = None

    @property
    def allowed(self) -> dict[str, Any]:
        """What is set of ``min``, ``max`` and ``values``."""
        limits = {"min": self.min, "max": self.max, "values": list(self.values) or None}
        return {key: value for key, value in limits.items() if value is not None}

    def words(self, usual: frozenset[str]) -> frozenset[str]:
        """Words for "missing" in the column, in lower case: never one of its allowed values."""
        own = {str(code).casefold() for code in self.missing or ()}
        return (usual - {str(value).casefold() for value in self.values}) | own


UNDECLARED = Expectation()


def expectations(columns: Mapping[str, Any] | None) -> dict[str, Expectation]:
    """Read the `columns` part of a data config: of each any part of an `Expectation`.

    Raises
    ------
    DataError
        If a key or a type does not exist.

    Examples
    --------
    >>> expectations({"Age": {"type": "number", "min": 0}})["Age"].min
    0
    """
    return {str(name): _expectation(str(name), part) for name, part in (columns or {}).items()}


def _expectation(name: str, part: Mapping[str, Any] | None) -> Expectation:
    keys = [field.name for field in fields(Expectation)]
    given = dict(part or {})
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise DataError(
            f"data.columns.{name}: got {listed(unknown)}, expected {', '.join(keys)}; correct it"
        )
    if given.get("type", TYPES[0]) not in TYPES:
        raise DataError(
            f"data.columns.{name}.type: got {given['type']!r}, expected one of "
            f"{', '.join(TYPES)}; correct it"
        )
    given["values"] = tuple(given.get("values") or ())
    if (codes := given.get("missing")) is not None:
        given["missing"] = tuple(codes) if isinstance(codes, Sequence) else (codes,)
    given["type"] = given.get("type") or ("category" if given["values"] else "")
    return Expectation(**given)


def override(name: str, key: str, value: str) -> str:
    r"""The words on the command line that declare a part of a column.

    Examples
    --------
    >>> print(override("Age", "missing", "[99]"), override("Age (years)", "type", "number"))
    +data.columns.Age.missing=[99] '+data.columns={Age \(years\): {type: number}}'
    """
    if name.isidentifier():
        return f"+data.columns.{name}.{key}={value}"
    escaped = re.sub(r"([\\()\[\]{}:=,])", r"\\\1", name)  # as Hydra's grammar has it
    return f"'+data.columns={{{escaped}: {{{key}: {value}}}}}'"


def closest(name: str, existing: Iterable[str]) -> str:
    """Name the column most like a missing one, and what exists.

    Examples
    --------
    >>> closest("age", ["Age", "Income"])
    "the closest is 'Age'; the table has: 'Age', 'Income'"
    """
    columns = {column.casefold(): column for column in existing}
    near = difflib.get_close_matches(name.casefold(), columns, n=1, cutoff=0.5)
    hint = f"the closest is {columns[near[0]]!r}; " if near else ""
    return f"{hint}the table has: {listed((repr(c) for c in columns.values()), 30)}"


def check_names(
    frame: pd.DataFrame, declared: Mapping[str, Expectation], findings: Findings
) -> None:
    """Refuse a table that lacks declared columns, naming the closest that it has."""
    for name, expected in declared.items():
        if expected.required and name not in frame:
            spare = [column for column in frame.columns if column not in declared]
            near = closest(name, frame.columns if not spare else [*spare, *frame.columns])
            findings.refuse(
                f"got no column {name!r}, expected it; {near}; "
                "correct the name in the file or in data.columns"
            )


def check_values(
    frame: pd.DataFrame, declared: Mapping[str, Expectation], findings: Findings
) -> None:
    """Refuse cells out of the range or the levels of a declared column, indexed by row number.

    Examples
    --------
    >>> found = Findings()
    >>> ages = pd.DataFrame({"Age": [31.0, 310.0]}, index=[2, 3])
    >>> check_values(ages, expectations({"Age": {"type": "number", "max": 120}}), found)
    >>> found.problems
    ["column 'Age': got 1 cell not allowed (row 3 310), expected at most 120; correct ..."]
    """
    for name, expected in declared.items():
        if name in frame and expected.allowed:
            bad = frame.loc[_outside(frame[name], expected), name]
            if len(bad):
                findings.refuse(
                    f"column {name!r}: got {plural(len(bad), 'cell')} not allowed "
                    f"({cells(bad)}), expected {_allowed(expected)}; "
                    "correct or empty these cells, or widen data.columns"
                )


def _outside(column: pd.Series, expected: Expectation) -> pd.Series:
    """Which cells are not allowed; a gap is."""
    outside = pd.Series(False, index=column.index)
    if expected.values:
        outside |= ~column.isin([str(value) for value in expected.values])
    for limit, beyond in ((expected.min, operator.lt), (expected.max, operator.gt)):
        if limit is not None:
            try:
                outside |= beyond(column, pd.Timestamp(limit) if expected.type == "date" else limit)
            except TypeError:  # text, and dates without a declared type, have no place on a scale
                outside |= True
    return outside & column.notna()


def _allowed(expected: Expectation) -> str:
    parts = [f"at least {expected.min}"] if expected.min is not None else []
    parts += [f"at most {expected.max}"] if expected.max is not None else []
    parts += [f"one of {listed(map(repr, expected.values), 20)}"] if expected.values else []
    return " and ".join(parts)

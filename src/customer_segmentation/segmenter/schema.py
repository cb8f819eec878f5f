"""What a model needs of a table: its columns, numbers where numbers are needed, known levels."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.compose import ColumnTransformer

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.conversion import (
    Rule,
    in_words,
    outside,
    shown,
    to_numbers,
    to_text,
)

PROBLEMS = ["row", "column", "got", "expected"]
A_NUMBER = "a finite number"


class SchemaError(ValueError):
    """A table of new customers that the model cannot read."""


class Cell(NamedTuple):
    """A cell that cannot be scored, in words, and the position of its row."""

    position: int
    column: str
    got: str
    expected: str


@dataclass(frozen=True)
class Schema:
    """The columns of a model.

    >>> schema = Schema(["age", "sex"], ["age"], {"sex": ["f", "m"]})
    >>> schema.read(pd.DataFrame({"sex": ["f"], "age": ["30"]}, index=["anna"]))
           age sex
    anna  30.0   f
    """

    columns: list[str]
    numeric: list[str]  #: Those that must be numbers; the others are text
    #: column -> the levels of a text column that the model tells apart, where they are
    #: known
    levels: dict[str, list[str]]
    #: column -> dict: what a column may hold, where it was declared; see :mod:`.allowed`
    allowed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Models saved before there was `allowed` stay of use.
        self.__dict__.update({"allowed": {}} | state)

    def within(self, allowed: Mapping[str, Rule]) -> Schema:
        """The same columns, and what they may hold; what is said of others does not matter."""
        return replace(self, allowed={c: dict(allowed[c]) for c in self.columns if c in allowed})

    def check_columns(self, columns: Iterable[Any]) -> None:
        """Refuse a table without the columns of the model, before any row is read.

        Parameters
        ----------
        columns : iterable
            The table's columns; more of them, in any order, are welcome.

        Raises
        ------
        SchemaError
            Columns are missing, or there twice.
        """
        existing = [str(column) for column in columns]
        missing = [column for column in self.columns if column not in existing]
        if missing:
            raise SchemaError(
                f"got a table without {_in_words(missing)}, expected the columns "
                f"{_in_words(self.columns)}. It has {_in_words(existing)}."
                f"{_hint(missing, existing)} Add or rename them."
            )
        twice = [column for column in self.columns if existing.count(column) > 1]
        if twice:
            raise SchemaError(
                f"got {_in_words(twice)} more than once, expected each column once. Rename one."
            )

    def read(self, table: pd.DataFrame) -> pd.DataFrame:
        """The columns of the model: numbers as float64, text as categories, gaps as NaN.

        Parameters
        ----------
        table : DataFrame
            In raw units, whatever types its columns came with.

        Raises
        ------
        SchemaError
            Missing columns; a cell that is no number where one is needed; a customer without
            any value. Names the column, the row and the value.
        """
        used, cells = self.examine(table)
        if cells:
            raise refusal(listed(table, cells))
        return used

    def problems(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows that cannot be scored: one line per cell, columns row, column, got, expected.

        Raises
        ------
        SchemaError
            Missing columns.

        Examples
        --------
        >>> Schema(["age"], ["age"], {}).problems(pd.DataFrame({"age": [30, "old", None]}))
           row column      got                     expected
        0    1    age    'old'              a finite number
        1    2    age  nothing  a value in at least one of 'age'
        """
        return listed(table, self.examine(table)[1])

    def used_by(self, transformer: Any) -> Schema:
        """Schema of what a fitted transformer reads, with the levels that it knows.

        Examples
        --------
        >>> from sklearn.compose import ColumnTransformer
        >>> keeps = ColumnTransformer([("a", "passthrough", ["age"])])
        >>> fitted = keeps.fit(pd.DataFrame({"id": [1], "age": [30]}))
        >>> Schema(["id", "age"], ["id", "age"], {}).used_by(fitted)
        Schema(columns=['age'], numeric=['age'], levels={}, allowed={})
        """
        parts = getattr(transformer, "transformers_", [("", transformer, self.columns)])
        read = [name for _, step, part in parts if step != "drop" for name in _names(part)]
        used = [column for column in self.columns if column in read] or self.columns
        numeric = [column for column in used if column in self.numeric]
        return Schema(used, numeric, _levels_of(transformer))

    def examine(self, table: pd.DataFrame) -> tuple[pd.DataFrame, list[Cell]]:
        """The columns of the model as :meth:`read` gives them, and the cells it refuses."""
        self.check_columns(table.columns)
        table = with_text_columns(table)
        used: dict[str, FloatArray | pd.Categorical] = {}
        cells: list[Cell] = []
        for column in self.columns:
            values = table[column]
            if column in self.numeric:
                used[column], bad = to_numbers(values)
                expected = A_NUMBER
            else:
                used[column], bad = to_text(values, self.levels.get(column, []))
                expected = "text or a number"
            rule = self.allowed.get(column, {})
            for where, wanted in (bad, expected), (outside(used[column], rule), in_words(rule)):
                rows = np.flatnonzero(where).tolist()
                cells += [Cell(row, column, shown(values.iloc[row]), wanted) for row in rows]
        read = pd.DataFrame(used, index=table.index, columns=self.columns, copy=False)
        return read, cells + self._empty(read, {cell.position for cell in cells})

    def _empty(self, read: pd.DataFrame, malformed: set[int]) -> list[Cell]:
        """A cell for every customer without any value."""
        named = ", ".join(self.columns)
        expected = f"a value in at least one of {_in_words(self.columns)}"
        rows = empty_rows(read).tolist()
        return [Cell(row, named, "nothing", expected) for row in rows if row not in malformed]


def empty_rows(table: pd.DataFrame) -> IntArray:
    """Positions of the rows without any value.

    Examples
    --------
    >>> empty_rows(pd.DataFrame({"age": [None, 30, None], "sex": [None, None, "f"]}))
    array([0])
    """
    gaps = np.flatnonzero(table.iloc[:, 0].isna())  # elsewhere nobody need look
    return gaps[table.iloc[gaps].isna().all(axis=1)]


def listed(table: pd.DataFrame, cells: Iterable[Cell]) -> pd.DataFrame:
    """Cells that cannot be scored as a table, in the order of the rows.

    Examples
    --------
    >>> listed(pd.DataFrame({"age": ["old"]}, index=["anna"]), [Cell(0, "age", "'old'", A_NUMBER)])
        row column    got         expected
    0  anna    age  'old'  a finite number
    """
    ordered = sorted(cells, key=lambda cell: cell.position)
    rows = [(table.index[position], *words) for position, *words in ordered]
    return pd.DataFrame(rows, columns=PROBLEMS)


def refusal(problems: pd.DataFrame) -> SchemaError:
    """The error that names the first of some problems.

    Examples
    --------
    >>> refusal(Schema(["age"], ["age"], {}).problems(pd.DataFrame({"age": ["old"]})))
    SchemaError("got 'old' in column 'age' of row 0, expected a finite number. ...")
    """
    first, more = problems.iloc[0], len(problems) - 1
    others = f" and {more:,} more like it" if more else ""
    return SchemaError(
        f"got {first['got']} in column {first['column']!r} of row {shown(first['row'])}, "
        f"expected {first['expected']}. Correct that{others}, or leave the rows out."
    )


def of_table(table: pd.DataFrame) -> Schema:
    """Schema of a table that a model is about to be fitted on; truth values count as numbers.

    Examples
    --------
    >>> of_table(pd.DataFrame({"age": [30], "sex": ["f"]})).numeric
    ['age']
    """
    if 0 in table.shape:
        raise SchemaError(f"got a table of shape {table.shape}, expected customers and columns.")
    numeric = [str(column) for column in table if types.is_numeric_dtype(table[column])]
    return Schema([str(column) for column in table], numeric, {})


def of_transformer(columns: Sequence[str], transformer: ColumnTransformer) -> Schema:
    """Schema of a fitted feature set: numbers are what went through a median imputer.

    Parameters
    ----------
    columns : sequence of str
    transformer : ColumnTransformer
        As :func:`customer_segmentation.features.build` fits it.
    """
    numeric = [
        column
        for _, pipeline, part in transformer.transformers_
        if hasattr(pipeline, "named_steps") and pipeline.named_steps["impute"].strategy == "median"
        for column in part
    ]
    ordered = [column for column in columns if column in numeric]
    return Schema(list(columns), ordered, _levels_of(transformer))


def _levels_of(transformer: Any) -> dict[str, list[str]]:
    """Levels that the encoders of a fitted ColumnTransformer know, by column of text."""
    levels: dict[str, list[str]] = {}
    for _, step, columns in getattr(transformer, "transformers_", []):
        for encoder in _steps(step):
            categories = getattr(encoder, "categories_", [])
            if len(categories) == len(_names(columns)):
                for column, known in zip(_names(columns), categories, strict=True):
                    levels[str(column)] = [level for level in known if isinstance(level, str)]
                break
    return levels


def _names(columns: Any) -> list[Any]:
    return [columns] if isinstance(columns, str) else list(columns)


def _steps(step: Any) -> list[Any]:
    """The parts of a pipeline, of pipelines within it too."""
    if not hasattr(step, "steps"):
        return [step]
    return [inner for _, part in step.steps for inner in _steps(part)]


def with_text_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its column names as text."""
    if all(isinstance(column, str) for column in table.columns):
        return table
    return table.set_axis([str(column) for column in table.columns], axis=1)


def _in_words(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"


def _hint(missing: Sequence[str], existing: Sequence[str]) -> str:
    lowered = {column.lower(): column for column in existing}
    pairs = [
        f"{lowered[close[0]]!r} for {column!r}"
        for column in missing
        if (close := difflib.get_close_matches(column.lower(), lowered, n=1, cutoff=0.5))
    ]
    return f" Did you mean {', '.join(pairs)}?" if pairs else ""

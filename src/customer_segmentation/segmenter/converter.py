"""Cells as they stand in a file, turned into what a model was fitted on.

The rules are those of the training data: blanks trimmed, words that mean "missing" missing,
numbers as people write them, levels in the spelling of the training. Nothing depends on what else
is in a chunk, so a row means the same in every chunk and alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from customer_segmentation import numerals
from customer_segmentation.numerals import MISSING_TOKENS, folded
from customer_segmentation.segmenter.conversion import to_numbers, to_text

SHOWN = 40  # characters of a cell in a message
# What nobody can mistake for anything but a number, by decimal mark.
PLAIN = {".": r"^-?[0-9]+(\.[0-9]+)?$", ",": r"^-?[0-9]+(,[0-9]+)?$"}


class Converter:
    """Turns the raw columns of a chunk into numbers and levels.

    Parameters
    ----------
    numeric : collection of str
        Columns that the model takes as numbers; it takes the others as levels.
    levels : mapping, column -> levels
        Spelling of the known levels.
    head : DataFrame
        First rows of the file: the cells that can be read in one way only tell the decimal mark.
    tokens : sequence of str
        Words that mean "missing", besides the usual ones.
    mark : "." or ","
        Decimal mark of the training data; decides where the cells of the head do not.
    codes : mapping, column -> numbers, optional
        Those that stand for "missing" in it.

    Examples
    --------
    >>> head = pd.DataFrame({"spend": ["1.200,50", "?", "12 EUR", "much"], "sex": [" male"] * 4})
    >>> convert = Converter(["spend"], {"sex": ["Male"]}, head)
    >>> frame, problems = convert(head)
    >>> frame["spend"].tolist(), frame["sex"].unique().tolist()
    ([1200.5, nan, 12.0, nan], ['Male'])
    >>> problems
    {3: "column 'spend': got 'much', expected a number"}
    """

    def __init__(
        self,
        numeric: Collection[str],
        levels: Mapping[str, Sequence[str]],
        head: pd.DataFrame,
        tokens: Sequence[str] = (),
        *,
        mark: numerals.Mark = ".",
        codes: Mapping[str, Sequence[float]] = MappingProxyType({}),
    ) -> None:
        self._numeric, self._codes = set(numeric), codes
        self._levels = {
            column: {folded(level): level for level in known} for column, known in levels.items()
        }
        self._tokens = MISSING_TOKENS | {str(token).casefold().strip() for token in tokens}
        # Else a word that means "missing" cannot be taken for a number by the quick way.
        self._wordy = pd.to_numeric(pd.Series(list(tokens), dtype=object), errors="coerce").isna()
        self._marks = _marks(head, self._numeric, mark)

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[Any, str]]:
        """Convert a chunk; a cell that is no number is missing in it and a problem of its row.

        Returns
        -------
        frame : DataFrame, same index and columns
        problems : dict, index label -> reason
        """
        columns: dict[Any, pd.Series] = {}
        problems: dict[Any, str] = {}
        for name, cells in frame.items():
            if name in self._numeric:
                numbers, bad = self._numbers(cells)
                gaps = self._codes.get(str(name))
                columns[name] = numbers.mask(numbers.isin(gaps)) if gaps else numbers
                for row, cell in bad.items():
                    reason = f"column {name!r}: got {_shown(cell)}, expected a number"
                    problems[row] = f"{problems[row]}; {reason}" if row in problems else reason
            else:
                columns[name] = self._categories(cells)
        return pd.DataFrame(columns, index=frame.index, copy=False), problems

    def _numbers(self, cells: pd.Series) -> tuple[pd.Series, pd.Series]:
        if pd.api.types.is_numeric_dtype(cells):
            numbers = cells.astype("float64")
            infinite = np.isinf(numbers)
            return numbers, cells[infinite] if infinite.any() else cells.iloc[:0]
        mark = self._marks.get(str(cells.name), ".")
        numbers, odd = _quick(cells, mark) if self._wordy.all() else _unread(cells)
        if odd.any():
            numbers[odd] = self._slow(cells[odd], mark)
        bad = np.isinf(numbers)
        return (numbers.mask(bad), cells[bad]) if bad.any() else (numbers, cells.iloc[:0])

    def _slow(self, cells: pd.Series, mark: numerals.Mark) -> pd.Series:
        """Read every distinct cell once; one that is no number becomes infinite, as no cell is."""
        codes, distinct = pd.factorize(cells)
        values = np.append(self._distinct_numbers(list(distinct), mark), np.nan)
        return pd.Series(values[codes], index=cells.index, name=cells.name)

    def _distinct_numbers(self, cells: list[Any], mark: numerals.Mark) -> np.ndarray:
        native = np.array([not isinstance(cell, str) for cell in cells], dtype=bool)
        texts = np.array([str(cell).strip() for cell in cells], dtype=object)
        missing = ~native & np.isin(np.char.lower(texts.astype(str)), list(self._tokens | {""}))
        values = np.where(missing, np.nan, np.inf)
        values[native] = _native_numbers([c for c, n in zip(cells, native, strict=True) if n])
        rest = np.flatnonzero(~missing & ~native)
        if len(rest):
            values[rest] = numerals.read(texts[rest].tolist(), mark)
        return values

    def _categories(self, cells: pd.Series) -> pd.Series:
        codes, distinct = pd.factorize(cells)
        known = self._levels.get(str(cells.name), {})
        levels: list[object] = [self._level(cell, known) for cell in distinct]
        # 1 and TRUE are the levels "True" and "1" of the training to drift as well as to the model.
        guised, _ = to_text(pd.Series(levels, dtype=object), list(known.values()))
        array = guised.take(codes, allow_fill=True)
        return pd.Series(array, index=cells.index, name=cells.name)

    def _level(self, cell: Any, known: Mapping[str, str]) -> object:
        text = str(int(cell)) if _whole(cell) else str(cell).strip()
        if not text or (text.casefold() in self._tokens and folded(text) not in known):
            return np.nan
        return known.get(folded(text), text)


def _marks(
    head: pd.DataFrame, numeric: Collection[str], trained: numerals.Mark
) -> dict[str, numerals.Mark]:
    """Decimal mark of each text column: by its own cells, those of the others, the training."""
    texts = {column: _texts(head[column]) for column in head}
    usual = numerals.votes(numerals.decimal_mark([*texts.values(), *numerals.votes(trained)]))
    return {str(c): numerals.decimal_mark([t, *usual]) for c, t in texts.items() if c in numeric}


def _texts(cells: pd.Series) -> pd.Series:
    """Cells that are text: numbers among them say nothing about how people write them."""
    if pd.api.types.is_numeric_dtype(cells):
        return pd.Series(dtype="str")
    if cells.dtype == "str":
        return cells.dropna()
    return cells[cells.map(lambda cell: isinstance(cell, str))].astype("str")


def _quick(cells: pd.Series, mark: numerals.Mark) -> tuple[pd.Series, Any]:
    """Numbers as computers write them, or with a decimal comma; and which cells are none."""
    if not pd.api.types.is_string_dtype(cells) or cells.dtype == object:
        return _unread(cells)
    array = pa.array(cells, from_pandas=True)
    odd = np.zeros(len(cells), dtype=bool)
    numbers = _cast(array, mark)
    if numbers is None:
        plain = pc.match_substring_regex(array, PLAIN[mark])
        odd = pc.fill_null(pc.invert(plain), fill_value=False).to_numpy(zero_copy_only=False)
        numbers = _cast(pc.if_else(plain, array, pa.scalar(None, array.type)), mark)
    values = numbers.to_numpy(zero_copy_only=False)
    return pd.Series(values, index=cells.index, name=cells.name), odd


def _cast(array: Any, mark: numerals.Mark) -> Any:
    """Numbers of texts; None where any is not written as a number."""
    try:
        if mark == ",":
            if pc.any(pc.match_substring(array, ".")).as_py():
                return None
            array = pc.replace_substring(array, ",", ".")
        return pc.cast(array, pa.float64())
    except pa.ArrowInvalid:
        return None


def _unread(cells: pd.Series) -> tuple[pd.Series, Any]:
    return pd.Series(np.nan, index=cells.index, name=cells.name), cells.notna().to_numpy()


def _native_numbers(cells: list[Any]) -> np.ndarray:
    numbers, bad = to_numbers(pd.Series(cells, dtype=object))
    return np.where(bad, np.inf, numbers)


def _whole(cell: Any) -> bool:
    return isinstance(cell, float | np.floating) and float(cell).is_integer()


def _shown(cell: Any) -> str:
    return repr(cell if isinstance(cell, float | int) else str(cell)[:SHOWN])

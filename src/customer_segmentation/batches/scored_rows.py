"""Rows as they are written: scored, and which ids came before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from customer_segmentation.labels import OUTLIER, FloatArray, IntArray

MOST_IDS = 10_000_000  # ids that are compared: eight bytes each
# The same columns whatever happens, so that what loads the file need not look first.
COLUMNS = ("id", "segment", "segment_name", "confidence", "outlier", "problem")


class Repeats:
    """Counts the rows that have the id of an earlier one.

    Examples
    --------
    >>> repeats = Repeats()
    >>> repeats.update(pa.array(["007", "7", None]))
    >>> repeats.update(pa.array(["8", "007", None]))
    >>> repeats.count()
    1
    """

    def __init__(self) -> None:
        self._seen: list[np.ndarray] = []
        self._rows = 0

    def update(self, ids: pa.Array) -> None:
        """Add the ids of a chunk, whole numbers or text; rows without one do not count."""
        if self._rows < MOST_IDS:
            self._seen.append(_as_numbers(ids.drop_null()))
            self._rows += len(self._seen[-1])

    def count(self) -> int:
        """Rows whose id an earlier row has, among the first ten million."""
        seen = np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *self._seen]))
        return int((seen[1:] == seen[:-1]).sum())


def _as_numbers(ids: pa.Array) -> np.ndarray:
    """One number for each id: two of 64 bits are the same by chance in no file."""
    cells = ids.to_numpy(zero_copy_only=False)
    if pa.types.is_integer(ids.type):
        return np.asarray(cells.view(np.uint64))
    return pd.util.hash_array(cells, categorize=False)


class ScoredRows:
    """Makes the rows of a chunk.

    Parameters
    ----------
    names : mapping, segment -> name
        Of every segment, and of the outliers (-1).
    numbered : bool
        Whether ids are whole numbers; else they are text.

    Attributes
    ----------
    schema : pyarrow.Schema

    Examples
    --------
    >>> ids = pd.Series([1001.0, 1002.0], index=[1, 2])
    >>> rows = ScoredRows({1: "Young", -1: "Outliers"}, numbered=False)
    >>> made = rows(ids, np.array([2]), np.array([1]), np.array([0.9]), {1: "got no value"})
    >>> made.to_pandas()[["id", "segment_name", "problem"]].to_numpy().tolist()
    [['1001', nan, 'got no value'], ['1002', 'Young', nan]]
    """

    def __init__(self, names: Mapping[int, str], *, numbered: bool) -> None:
        self._names = pa.array(list(names.values()), pa.string())
        self._places = np.zeros(max(names) + 2, dtype=np.int32)  # of the names; -1 is the last one
        self._places[list(names)] = np.arange(len(names))
        self._id = pa.int64() if numbered else pa.string()
        named = pa.dictionary(pa.int32(), pa.string())
        kinds = (self._id, pa.int64(), named, pa.float64(), pa.bool_(), pa.string())
        self.schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))

    def __call__(
        self,
        ids: pd.Series,
        scored: Any,
        segments: IntArray,
        confidence: FloatArray,
        problems: Mapping[Any, str],
    ) -> pa.RecordBatch:
        """Rows in the order of the ids.

        Parameters
        ----------
        ids : Series
            Indexed by row number.
        scored : sequence of int
            Row numbers of those who were assigned, in order.
        segments, confidence : ndarray, one for each of them
        problems : mapping, row number -> reason
        """
        known = ids.index.isin(scored) if problems else None

        def filled(values: Any, kind: Any) -> pa.Array:
            if known is None:
                return pa.array(values, kind)
            whole = np.zeros(len(ids), dtype=values.dtype)
            whole[known] = values
            return pa.array(whole, kind, mask=~known)

        places = filled(self._places[segments], pa.int32())
        columns = [
            self._ids(ids),
            filled(segments, pa.int64()),
            pa.DictionaryArray.from_arrays(places, self._names),
            filled(confidence, pa.float64()),
            filled(segments == OUTLIER, pa.bool_()),
            _reasons(ids.index, problems),
        ]
        return pa.record_batch(columns, self.schema)

    def _ids(self, ids: pd.Series) -> pa.Array:
        text = pd.api.types.is_string_dtype(ids) and ids.dtype != object
        cells = ids if text or self._id == pa.int64() else ids.map(_as_id)
        array = pa.array(cells, self._id, from_pandas=True)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _reasons(index: pd.Index, problems: Mapping[Any, str]) -> pa.Array:
    if not problems:
        return pa.nulls(len(index), pa.string())
    return pa.array([problems.get(row) for row in index], pa.string())


def _as_id(cell: Any) -> str | None:
    """Write an id as a person sees it: 1001, not 1001.0."""
    if cell is None or cell is pd.NA or cell != cell:  # noqa: PLR0124  (NaN of any type)
        return None
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell).strip() or None

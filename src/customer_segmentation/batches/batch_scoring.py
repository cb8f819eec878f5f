"""Score a file of any size: read, convert, assign and write a chunk at a time.

A row that cannot be scored does not lose the batch: it is written with empty cells and the reason.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from customer_segmentation.batches import (
    Chunk,
    Source,
    check_target,
    open_source,
    open_target,
)
from customer_segmentation.batches.scored_rows import Repeats, ScoredRows
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, in_brackets
from customer_segmentation.data.formats import adds_up
from customer_segmentation.data.identity import found_id
from customer_segmentation.drift import Monitor
from customer_segmentation.labels import OUTLIER, IntArray
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.segmenter.converter import Converter
from customer_segmentation.segmenter.schema import SchemaError, empty_rows
from customer_segmentation.style import OUTLIER_NAME, name_of

WORKERS = 2  # threads that assign; more wait for each other, and hold more chunks
EXAMPLES = 5  # rows with problems that are named
Progress = Callable[[float | None, int], None]


class Result(NamedTuple):
    """What is written, the rows with problems, the customers who were assigned, and where to."""

    rows: pa.RecordBatch
    problems: dict[Any, str]
    good: pd.DataFrame
    segments: IntArray


Done = tuple[Chunk, Result]


@dataclass
class Scored:
    """What scoring a file came to."""

    input: Path
    output: Path
    ids: str  #: Where the ids come from
    notes: list[str]  #: What was read otherwise than the extension says
    monitor: Monitor  #: Drift of the scored rows
    names: dict[int, str]  #: segment -> name
    #: The last: rows with the id of an earlier one
    rows: int = 0
    failed: int = 0
    without_id: int = 0
    repeated: int = 0
    #: row number -> reason: the first few of the rows that could not be scored, as rows of the file
    problems: dict[Any, str] = field(default_factory=dict)
    seconds: float = 0.0

    def counts(self) -> pd.DataFrame:
        """Customers per segment: segment, name, customers, share, share in training."""
        shares = self.monitor.shares()
        return pd.DataFrame(
            {
                "segment": shares["segment"],
                "name": [name_of(int(s), self.names) for s in shares["segment"]],
                "customers": shares["customers"],
                "share": shares["found"],
                "share in training": shares["expected"],
            }
        )


def score(
    path: Path,
    output: Path,
    segmenter: Segmenter,
    reference: Mapping[str, Any],
    *,
    id_column: str | None = None,
    sheet: str | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Assign every row of a file to a segment and write id, segment, name and confidence.

    Parameters
    ----------
    path, output : Path
        CSV, TSV, Parquet or Excel by their extension. The output appears, or is replaced, when
        all of it is written.
    segmenter : Segmenter
    reference : dict
        Of its training customers, as :func:`customer_segmentation.drift.reference` made it.
    id_column : str, optional
        By default that of the training data, else one named like an id, else row numbers.
    sheet : str, optional
        Excel sheet; the first one by default.
    progress : callable(share read or None, rows so far), optional

    Returns
    -------
    Scored

    Raises
    ------
    DataError
        When the file cannot be read or the output not written.
    SchemaError
        When columns are missing that the model needs.
    """
    start = time.monotonic()
    source = open_source(path, sheet=sheet)
    check_target(output, path)
    _check_columns(source, segmenter)
    if output.suffix.lower() == ".xlsx":
        check_target(output, path, source.rows())
    found, words = _id_column(source, id_column, reference)
    batch = _Batch(source, segmenter, reference, found)
    monitor, repeats = Monitor(reference), Repeats()
    scored = Scored(path, output, words, source.notes, monitor, _names(segmenter))
    with (
        threadpool_limits(limits=1),  # of a matrix product: chunks take the others
        open_target(output, batch.rows.schema) as target,
        closing(source.chunks(batch.wanted)) as chunks,
        closing(_ahead(batch.score, chunks)) as results,
    ):
        for chunk, result in results:
            target.write(result.rows)
            _count(scored, result, source.above)
            repeats.update(result.rows.column("id"))
            if len(result.good):  # here and not in the other threads, which have more to do
                monitor.update(result.good, result.segments)
            if progress is not None:
                progress(chunk.done, scored.rows)
        # Before the output is in place: an interrupt is to find it there or not.
        scored.repeated = repeats.count()
    scored.seconds = time.monotonic() - start
    return scored


def _ahead(work: Callable[[Chunk], Result], chunks: Iterable[Chunk]) -> Generator[Done]:
    """Work on chunks in other threads while the next is read and the last one written."""
    with ThreadPoolExecutor(WORKERS) as threads:
        waiting: deque[tuple[Chunk, Future[Result]]] = deque()
        for chunk in chunks:
            waiting.append((chunk, threads.submit(work, chunk)))
            if len(waiting) > WORKERS:
                done, result = waiting.popleft()
                yield done, result.result()
        for done, result in waiting:
            yield done, result.result()


def _check_columns(source: Source, segmenter: Segmenter) -> None:
    try:
        segmenter.check_columns(source.columns)
    except SchemaError as error:
        raise SchemaError(f"{source.path}: {error}{in_brackets(source.notes)}") from error


class _Batch:
    """Turns chunks of the input into chunks of the output."""

    def __init__(
        self,
        source: Source,
        segmenter: Segmenter,
        reference: Mapping[str, Any],
        id_column: str | None,
    ) -> None:
        self.segmenter, self.id_column = segmenter, id_column
        numbered = id_column is None or source.integer(id_column)
        self.rows = ScoredRows(_names(segmenter), numbered=numbered)
        self.columns = list(segmenter.columns)
        extra = [id_column] if id_column is not None and id_column not in self.columns else []
        self.wanted = [*self.columns, *extra]
        described = reference["columns"]
        levels = {c: described[c]["levels"] for c in self.columns if "levels" in described[c]}
        self._convert = Converter(
            segmenter.numeric,
            levels,
            source.head[self.columns],
            reference.get("missing_tokens", []),
            mark=reference.get("decimal_mark", "."),
            codes=reference.get("missing_codes", {}),
        )

    def score(self, chunk: Chunk) -> Result:
        """Assign the rows of a chunk."""
        frame, problems = self._convert(chunk.frame[self.columns])
        problems |= chunk.problems
        if self._ids(chunk.frame).iloc[-1:].map(adds_up).any():
            problems[chunk.frame.index[-1]] = "got a total of the others, expected a customer"
        for row in frame.index[empty_rows(frame)]:
            problems.setdefault(row, "got no value, expected one in at least one column")
        good = frame.drop(index=list(problems)) if problems else frame
        try:
            segments, confidence = self.segmenter.predict_with_confidence(good)
        except SchemaError:  # something that only the model itself can tell
            problems |= _reasons(self.segmenter.problems(good))
            good = good.drop(index=[row for row in problems if row in good.index])
            segments, confidence = self.segmenter.predict_with_confidence(good)
        rows = self.rows(self._ids(chunk.frame), good.index, segments, confidence, problems)
        return Result(rows, dict(sorted(problems.items())), good, segments)

    def _ids(self, frame: pd.DataFrame) -> pd.Series:
        if self.id_column is None:
            return pd.Series(frame.index, index=frame.index)
        return frame[self.id_column]


def _names(segmenter: Segmenter) -> dict[int, str]:
    return {**segmenter.names, OUTLIER: OUTLIER_NAME}


def _reasons(problems: pd.DataFrame) -> dict[Any, str]:
    return {
        p.row: f"column {p.column!r}: got {p.got}, expected {p.expected}"
        for p in problems[::-1].itertuples()
    }


def _count(scored: Scored, result: Result, above: int) -> None:
    scored.rows += len(result.rows)
    scored.failed += len(result.problems)
    scored.without_id += result.rows.column("id").null_count
    for row, reason in result.problems.items():
        if len(scored.problems) < EXAMPLES:
            scored.problems[row + above] = reason


def _id_column(
    source: Source, asked: str | None, reference: Mapping[str, Any]
) -> tuple[str | None, str]:
    """Find the id column, and say where the ids come from."""
    if asked is not None:
        if asked not in source.columns:
            raise DataError(
                f"{source.path}: got no id column {asked!r}, expected it; "
                f"{closest(asked, source.columns)}; set id_column to one of them"
            )
        return asked, f"ids from {asked}"
    trained = reference.get("id_column")
    if trained in source.columns:
        return str(trained), f"ids from {trained}, as in training"
    named = found_id(source.head)
    if named is not None:
        return named, f"ids from {named}, by its name"
    return None, "no id column: the id is the number of the row under the header"

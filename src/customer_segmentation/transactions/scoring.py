"""New purchase lines for a model that was trained on purchase lines."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customer_segmentation.batches import batch_scoring, check_target, open_source
from customer_segmentation.batches.batch_scoring import Progress, Scored
from customer_segmentation.data.findings import DataError, listed
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.transactions import read_again


def score(
    path: Path,
    output: Path,
    segmenter: Segmenter,
    reference: Mapping[str, Any],
    *,
    as_of: str | None = None,
    id_column: str | None = None,
    sheet: str | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Score a file of customers, or the customers of a file of purchase lines.

    Parameters
    ----------
    path, output, segmenter, reference, id_column, sheet, progress
        See :func:`customer_segmentation.batches.batch_scoring.score`.
    as_of : "yyyy-mm-dd", optional
        Only purchases before this day count; by default the day after the last one.

    Raises
    ------
    DataError, SchemaError
    """
    start = time.monotonic()
    history = reference.get("history")
    for source in (path, *_files(history)):
        check_target(output, source)
    with customer_file(
        path, segmenter.columns, history, as_of=as_of, id_column=id_column, sheet=sheet
    ) as (customers, notes):
        made = customers != path
        scored = batch_scoring.score(
            customers,
            output,
            segmenter,
            reference,
            id_column=None if made else id_column,
            sheet=None if made else sheet,
            progress=progress,
        )
    scored.input, scored.notes = path, [*notes, *scored.notes]
    scored.seconds = time.monotonic() - start
    return scored


def _files(history: Mapping[str, Any] | None) -> list[Path]:
    """Files of items and of customers that purchase lines are read with."""
    if history is None:
        return []
    joining = history["joining"] or {"reading": {"path": None}}
    named = (history["reading"]["items"], joining["reading"]["path"])
    return [Path(file) for file in named if file is not None]


@contextmanager
def customer_file(
    path: Path,
    columns: Sequence[str],
    history: Mapping[str, Any] | None,
    *,
    as_of: str | dt.date | None = None,
    id_column: str | None = None,
    sheet: str | None = None,
) -> Iterator[tuple[Path, list[str]]]:
    """Give a file with a row per customer: the file itself, or one made of its purchase lines.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Of the model; a file that has them all is a file of customers.
    history : mapping or None
        Of the model's training data; None for a model that was not trained on purchases.
    as_of, sheet
        See :func:`customer_segmentation.transactions.read_again`.
    id_column : str, optional
        Of the customers, where it is called otherwise than in training.

    Yields
    ------
    path : Path
        Gone after the ``with``, where it was made.
    notes : list of str
        What was done with the lines; empty for a file of customers.

    Raises
    ------
    DataError
        When the file cannot be read; when `as_of` is given and no purchases are.
    """
    there = open_source(path, sheet=sheet).columns
    lacking = [column for column in columns if column not in there]
    if history is None or not lacking:
        if as_of is not None:
            raise DataError(
                f"{path}: got as_of={as_of}, expected it only with purchase lines, and a model "
                "trained on such; leave it out"
            )
        yield path, []
        return
    try:
        table, notes = read_again(
            path, history, columns, as_of=as_of, id_column=id_column, sheet=sheet
        )
    except DataError as error:
        raise DataError(
            f"{error}\n(It was read as purchase lines, because a file of customers would have the "
            f"columns {listed(lacking)} too.)"
        ) from error
    with tempfile.TemporaryDirectory(prefix="customers-") as folder:
        made = Path(folder) / "customers.parquet"
        table.reset_index().to_parquet(made, index=False)
        yield made, notes


def with_files(
    reference: Mapping[str, Any], *, items: str | None = None, customers: str | None = None
) -> dict[str, Any]:
    """The reference of a model with other files of items and customers than at its training.

    Raises
    ------
    DataError
        When a file is given that the model has no use for.

    Examples
    --------
    >>> history = {"reading": {"items": "old.csv"}, "joining": None}
    >>> with_files({"history": history}, items="new.csv")["history"]["reading"]
    {'items': 'new.csv'}
    """
    history = reference.get("history")
    if history is None:
        _refuse(items=items, customers=customers)
        return dict(reference)
    reading, joining = dict(history["reading"]), history["joining"]
    if reading["items"] is None:
        _refuse(items=items)
    elif items is not None:
        reading["items"] = items
    if joining is None:
        _refuse(customers=customers)
    elif customers is not None:
        joining = {**joining, "reading": {**joining["reading"], "path": customers}}
    return {**reference, "history": {**history, "reading": reading, "joining": joining}}


def _refuse(**files: str | None) -> None:
    """Say that the model was trained without such a file, where one is given."""
    for key, file in files.items():
        if file is not None:
            raise DataError(
                f"got {key}={file}, expected none: the model was trained without such a file; "
                "leave it out"
            )

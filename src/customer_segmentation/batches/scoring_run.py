"""A scoring as an MLflow run, logged when its output is in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from customer_segmentation import tracking
from customer_segmentation.batches.batch_scoring import Scored
from customer_segmentation.drift import SEGMENTS
from customer_segmentation.items import Item, Metric, Param, Picture, Table, Tag
from customer_segmentation.labels import OUTLIER
from customer_segmentation.plots import canvas
from customer_segmentation.plots.drift import drift as drift_picture
from customer_segmentation.registry import Served
from customer_segmentation.style import listed, plural
from customer_segmentation.tracking.store import said


def log(scored: Scored, name: str, served: Served) -> str:
    """Log a scoring to the active experiment.

    Parameters
    ----------
    scored : Scored
    name : str
        Of the registered model.
    served : Served
        The version that was used.

    Returns
    -------
    str
        The run id.

    Raises
    ------
    StoreError
        When the store fails by now; the output is in place all the same.
    """
    settings = {
        "input": str(scored.input),
        "output": str(scored.output),
        "model": name,
        "model_version": served.version,
        "model_run": served.run_name,
        "ids": scored.ids,
    }
    tags = {"kind": "scoring", "model_version": str(served.version)}
    failed = f"{scored.output} is complete, but the scoring could not be logged"
    with said(failed), tracking.run(f"scoring-{scored.input.stem}", tags=tags) as run_id:
        tracking.log(run_id, _items(scored, settings))
    return run_id


def _items(scored: Scored, settings: Mapping[str, object]) -> Iterator[Item]:
    """What a scoring run keeps: counts per segment, drift as a table, a picture and one line."""
    drifted = scored.monitor.table()
    yield from (Param(name, value) for name, value in settings.items())
    yield Tag("drift", scored.monitor.words())
    yield Tag("mlflow.note.content", f"**{scored.monitor.words()}**\n\n{summary(scored)}")
    yield Metric("rows", scored.rows)
    yield Metric("rows_failed", scored.failed)
    yield Metric("rows_repeated", scored.repeated)
    yield Metric("seconds", scored.seconds)
    shares = scored.monitor.shares()
    for number, customers in zip(shares["segment"], shares["customers"], strict=True):
        label = "outliers" if number == OUTLIER else number
        yield Metric(f"segment/{label}", int(customers))
    yield Table("tables/segments.csv", scored.counts().round(4), compare=True)
    yield Table("tables/drift.csv", drifted.round(4), compare=True)
    if scored.problems:
        listed = pd.DataFrame(scored.problems.items(), columns=["row", "problem"])
        yield Table("tables/problems.csv", listed)
    if len(drifted):
        yield Metric("psi_segments", float(drifted.loc[drifted["what"] == SEGMENTS, "psi"].iloc[0]))
        yield Metric("psi_largest", float(drifted["psi"].max()))
        picture = drift_picture(drifted, shares, scored.names)
        yield Picture("plots/drift.png", lambda: canvas.png(picture), grid=True)


def summary(scored: Scored) -> str:
    """Say in one line what was done."""
    speed = f"{scored.seconds:.1f} s" if scored.seconds >= 0.05 else "no time"
    return (
        f"{plural(scored.rows, 'row')} of {scored.input.name} scored into {scored.output.name} "
        f"in {speed}; {scored.ids}."
    )


def complaints(scored: Scored) -> list[str]:
    """Say what went wrong with single rows; nothing if nothing did."""
    lines = []
    if scored.failed:
        lines.append(
            f"{scored.failed:,} of {scored.rows:,} rows could not be scored: their segment is "
            "empty, and the column problem says why. The first of them, as rows of the file:"
        )
        lines += [f"  row {row}: {reason}" for row, reason in scored.problems.items()]
    if scored.without_id:
        rows = plural(scored.without_id, "row")
        lines.append(f"{rows} without an id: nobody can tell whose segment that is.")
    if scored.repeated:
        rows = plural(scored.repeated, "row")
        lines.append(
            f"{rows} with the id of an earlier one: each is scored, and an id may be in several "
            "segments."
        )
    for column, levels in scored.monitor.new_levels().items():
        rows, named = plural(sum(levels.values()), "row"), listed([*map(repr, levels)])
        lines.append(
            f"{rows} with a level of {column!r} that training did not have: {named}. It counts as "
            "none of the known ones."
        )
    return lines

"""What marketing reads of a promoted run, under the numbers and names that its segments keep.

A run numbers its segments by their size. Where they continue those of the champion they take over
number, colour and name, so all that people read of the run is written anew; its own tables and
pictures stay as the record that the promotion was made from.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from customer_segmentation import deliverables, page, report, validity
from customer_segmentation.items import Item, Picture, Tag, Text
from customer_segmentation.labels import FloatArray, tidy
from customer_segmentation.plots import drawing, path
from customer_segmentation.plots.drawing import Drawn
from customer_segmentation.profiles import borderline, cards
from customer_segmentation.profiles.cards import Card
from customer_segmentation.promotion.proposal import Proposal, customers
from customer_segmentation.results import About, Tables
from customer_segmentation.segmenter.preparation import prepare
from customer_segmentation.tracking.artifacts import (
    PROMOTED,
    assignments,
    read,
    read_table,
    read_text,
)

UNCHANGED = ("elbow", "path", "bic", "k_distance")  # pictures that show no segment
NOTE = "mlflow.note.content"


def items(proposal: Proposal) -> Iterator[Item]:
    """Page, workbook, tables and pictures of a promoted run, below `PROMOTED`.

    What the run offers at its top, the page, the workbook and two tables, is replaced by the same.

    Parameters
    ----------
    proposal : Proposal
    """
    run = proposal.run
    known = assignments(run.id)
    segments = known["segment"].replace(proposal.numbers)
    table = customers(run.id).loc[known.index]
    tables = Tables(table, segments, proposal.names, known["confidence"], _cards(proposal))
    about = _words(proposal)
    matrix = prepare(proposal.segmenter.transformer_, proposal.segmenter.schema_.read(table))
    widths = validity.score(matrix, [tidy(segments)], seed=0).widths(0, len(matrix))
    pictures = _pictures(proposal, tables, matrix, widths)
    write = partial(_page, proposal, tables, about, pictures)
    yield from deliverables.files(tables, ("", PROMOTED), about=about)
    yield from deliverables.records(tables, PROMOTED)
    for name, png in pictures.items():
        yield Picture(f"{PROMOTED}plots/{name}.png", png)
    for folder in ("", PROMOTED):
        yield Text(f"{folder}report.html", write)
    first, *_, last = run.tags.get(NOTE, "").splitlines() or [""]
    yield Tag(NOTE, report.description(first, tables, f"{about.note}\n\n{last}"))


def _pictures(
    proposal: Proposal, tables: Tables, matrix: FloatArray, widths: FloatArray
) -> dict[str, Drawn]:
    """Those with segments drawn anew, the others as the run has them."""
    segmenter, run_id = proposal.segmenter, proposal.run.id
    names = segmenter.transformer_.get_feature_names_out().tolist()
    portraits = deliverables.portraits(tables, segmenter.columns, matrix, names, widths)
    found = {name: drawing.begin(*how) for name, how in portraits}
    merges = read(run_id, report.LINKAGE)
    if merges is not None:
        linkage = np.load(io.BytesIO(merges))
        numbers = tables.segments.to_numpy()
        found["dendrogram"] = drawing.begin(path.dendrogram, linkage, len(tables.names), numbers)
    kept = {name: read(run_id, f"plots/{name}.png") for name in UNCHANGED}
    return found | {name: partial(bytes, png) for name, png in kept.items() if png is not None}


def _page(proposal: Proposal, tables: Tables, about: About, pictures: dict[str, Drawn]) -> str:
    run_id = proposal.run.id
    doubtful = read_table(run_id, "tables/borderline.csv", index=True)
    quality = read_table(run_id, "tables/quality.csv")
    return page.run(
        tables,
        about,
        pictures={name: png() for name, png in pictures.items()},
        borderline=borderline.renumbered(doubtful, proposal.numbers, proposal.names),
        quality=None if quality is None else _quality(quality, proposal),
    )


def _quality(found: pd.DataFrame, proposal: Proposal) -> pd.DataFrame:
    lasting = found.assign(segment=found["segment"].map(proposal.numbers))
    lasting["name"] = lasting["segment"].map(proposal.names)
    return lasting.sort_values("segment", ignore_index=True)


def _cards(proposal: Proposal) -> list[Card]:
    """The run's cards under the lasting numbers and names."""
    lasting = []
    for card in cards.loads(read_text(proposal.run.id, cards.PATH)):
        number = proposal.numbers[card.number]
        lasting.append(replace(card, number=number, name=proposal.names[number]))
    return sorted(lasting, key=lambda card: card.number)


def _words(proposal: Proposal) -> About:
    """What the run says of itself, and whose numbers its segments have now."""
    run_id = proposal.run.id
    about = About.loads(read_text(run_id, About.PATH))
    cleaning = read_table(run_id, "tables/cleaning.csv")
    told = [_note(proposal), proposal.migration.words if proposal.migration else ""]
    cleaned = pd.DataFrame() if cleaning is None else cleaning
    return replace(about, note=" ".join(filter(None, told)), cleaning=cleaned)


def _note(proposal: Proposal) -> str:
    pairs = sorted((number, own) for own, number in proposal.numbers.items())
    other = ", ".join(f"{number} is {own}" for number, own in pairs if number != own)
    if not other:
        return ""
    return (
        f"The segments have the numbers and colours that they keep from model to model. The "
        f"folders plots and tables of this run are from before its promotion: there, {other}."
    )

"""From a chosen run to the champion: its gate, its segments' identity, its registration."""

from __future__ import annotations

import difflib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from customer_segmentation import deliverables, page, registry, report, tracking, validity
from customer_segmentation.items import Item, Metric, Model, Picture, Table, Tag, Text
from customer_segmentation.labels import FloatArray, tidy
from customer_segmentation.plots import drawing
from customer_segmentation.plots import migration as migration_plot
from customer_segmentation.plots.drawing import Drawn
from customer_segmentation.plots.path import dendrogram
from customer_segmentation.profiles import borderline, cards
from customer_segmentation.profiles.cards import Card
from customer_segmentation.promotion.proposal import PromotionError, Proposal, customers, model_uri
from customer_segmentation.registry import Served
from customer_segmentation.results import About, Tables
from customer_segmentation.segmenter.preparation import prepare
from customer_segmentation.tracking import runs
from customer_segmentation.tracking.artifacts import (
    PROMOTED,
    assignments,
    read,
    read_table,
    read_text,
)
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store, said

UNCHANGED = ("elbow", "path", "bic", "k_distance")  # pictures that show no segment
NOTE = "mlflow.note.content"


def _lasting(proposal: Proposal) -> Iterator[Item]:
    """Page, workbook, tables and pictures of a promoted run, below `PROMOTED`.

    What the run offers at its top, the page, the workbook and two tables, is replaced by the same.
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
        found["dendrogram"] = drawing.begin(dendrogram, linkage, len(tables.names), numbers)
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


def find_run(opened: Store, wanted: str | None) -> Run:
    """Find the run to promote.

    Parameters
    ----------
    opened : Store
    wanted : str or None
        Id or name of a run; of several with one name, the latest finished one. None takes what
        the latest sweep recommends, with the verdict of the sweep: it may have found that there
        are no segments, in which case it recommends the best that there is.

    Raises
    ------
    PromotionError
        When there is none, or it has not finished.
    """
    run = runs.get(wanted) if wanted else _recommended(opened)
    if run is None:
        run = _by_name(opened, str(wanted))
    if run.tags.get("kind") != "model" or run.status != "FINISHED":
        kind = run.tags.get("kind", "other")
        raise PromotionError(
            f"got run {wanted or run.name}, a {run.status} run of kind {kind!r}, expected a "
            f"FINISHED one of kind 'model'. Choose another: run=ID_OR_NAME."
        )
    return run


def _recommended(opened: Store) -> Run:
    ended = "tags.kind = 'sweep' AND attributes.status != 'RUNNING'"
    sweeps = runs.search(opened, ended, most=1)
    if not sweeps:
        raise PromotionError(
            "got no finished sweep in this store, expected one. Make one: python train.py -m, or "
            "name a run: run=ID_OR_NAME."
        )
    told = sweeps[0].tags
    run = runs.get(told.get("recommended_run_id", ""))
    if run is None:
        raise PromotionError(
            f"got sweep {sweeps[0].name} ({sweeps[0].id}), which recommends no run that is there. "
            f"See its page for why, or name a run: run=ID_OR_NAME."
        )
    verdict = told.get("recommended_verdict", run.tags.get("verdict", ""))
    return replace(run, tags={**run.tags, "verdict": verdict})


def _by_name(opened: Store, name: str) -> Run:
    models = runs.search(opened, "tags.kind = 'model' AND attributes.status = 'FINISHED'")
    for run in models:
        if run.name == name:
            return run
    names = sorted({run.name for run in models})
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:5]
    raise PromotionError(
        f"got no finished run with the id or name {name!r}. "
        + (f"Did you mean one of {close}?" if close else "There is none yet: python train.py -m")
    )


def keep(proposal: Proposal, checks: pd.DataFrame, outcome: str, reason: str | None) -> None:
    """Log the comparison and the gate with the run."""
    with said(f"got a store that cannot keep the promotion of {proposal.run.name}"):
        tracking.log(proposal.run.id, _items(proposal, checks, outcome, reason))


def _items(
    proposal: Proposal, checks: pd.DataFrame, outcome: str, reason: str | None
) -> Iterator[Item]:
    yield Tag("gate", outcome)
    for row in checks.to_dict("records"):
        word = "passed" if row["passed"] else "failed"
        yield Tag(f"gate.{row['check']}", f"{word}: {row['got']} ({row['expected']})")
    if reason or "gate.reason" in proposal.run.tags:  # which is that of an earlier time
        yield Tag("gate.reason", reason or "")
    yield Table("promotion/gate.csv", checks, compare=True)
    found, champion = proposal.migration, proposal.champion
    if found is not None and champion is not None:
        yield Metric("moved_share", found.moved_share)
        yield Tag("migration", found.words)
        yield Table("promotion/migration.csv", found.changes, compare=True)
        yield Table("promotion/flows.csv", found.flows, index=True)
        yield Table("promotion/movers.csv", found.movers, index=True)
        heads = f"Version {champion.version}", proposal.run.name
        drawn = drawing.begin(migration_plot.flows, found, *heads)
        yield Picture("promotion/migration.png", drawn, grid=True)


def promote(
    opened: Store, name: str, proposal: Proposal, outcome: str, reason: str | None
) -> Served:
    """Register the run's model under its segments' lasting numbers, and make it the champion.

    Parameters
    ----------
    opened : Store
    name : str
        Of the registered model.
    proposal : Proposal
    outcome : str
        What the gate said: passed or forced.
    reason : str or None
        Why it was forced.

    Returns
    -------
    Served
        The new champion.
    """
    run = proposal.run
    with said(f"got a store that cannot keep the promotion of {run.name}"):
        served = registry.of_run(opened, name, run.id)
        wanted, tags = (proposal.numbers, proposal.names), _tags(proposal, outcome, reason)
        if served is None or (served.numbers, served.segmenter.names) != wanted:
            uri = _renumbered(proposal) if proposal.renumbered else model_uri(run)
            served = registry.register(opened, name, uri, run.id, tags)
        else:
            registry.note(opened, name, served, tags)
        registry.crown(opened, name, served)
    return served


def _tags(proposal: Proposal, outcome: str, reason: str | None) -> dict[str, str]:
    run = proposal.run
    return {
        "run": run.name,
        "segments": str(len(proposal.names)),
        "verdict": run.tags.get("verdict", ""),
        "gate": outcome,
        "numbers": json.dumps({str(own): new for own, new in proposal.numbers.items()}),
        **({"named": json.dumps(sorted(proposal.named))} if proposal.named else {}),
        **({"reason": reason} if reason else {}),
        **({"matched_to": str(proposal.champion.version)} if proposal.champion else {}),
    }


def _renumbered(proposal: Proposal) -> str:
    """Log model and deliverables under the lasting numbers; return the model's address."""
    run = proposal.run
    segmenter = proposal.segmenter.renumbered(proposal.numbers, proposal.names)
    trained = registry.read_reference(model_uri(run))
    described = {**trained, "segments": _renamed(trained["segments"], proposal.numbers)}
    tracking.log(run.id, _lasting(proposal))
    return tracking.log_model(run.id, Model(run.name, segmenter, described))


def _renamed(counts: Mapping[str, int], numbers: Mapping[int, int]) -> dict[str, int]:
    return {str(numbers.get(int(own), int(own))): count for own, count in counts.items()}

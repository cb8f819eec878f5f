"""From a chosen run to the champion: its gate, its segments' identity, its registration."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping

import pandas as pd

from customer_segmentation import registry, tracking
from customer_segmentation.items import Item, Metric, Model, Picture, Table, Tag
from customer_segmentation.plots import drawing
from customer_segmentation.plots import migration as migration_plot
from customer_segmentation.promotion import lasting
from customer_segmentation.promotion.proposal import PromotionError, Proposal, model_uri
from customer_segmentation.registry import Served
from customer_segmentation.tracking import runs
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import Store, said


def find_run(opened: Store, wanted: str | None) -> Run:
    """Find the run to promote.

    Parameters
    ----------
    opened : Store
    wanted : str or None
        Id or name of a run; of several with one name, the latest finished one. None takes what
        the latest sweep recommends.

    Raises
    ------
    PromotionError
        When there is none, or it has not finished.
    """
    run = runs.get(wanted or _recommended(opened))
    if run is None:
        run = _by_name(opened, str(wanted))
    if run.tags.get("kind") != "model" or run.status != "FINISHED":
        kind = run.tags.get("kind", "other")
        raise PromotionError(
            f"got run {wanted}, a {run.status} run of kind {kind!r}, expected a FINISHED one "
            f"of kind 'model'. Choose another: run=ID_OR_NAME."
        )
    return run


def _recommended(opened: Store) -> str:
    ended = "tags.kind = 'sweep' AND attributes.status != 'RUNNING'"
    sweeps = runs.search(opened, ended, most=1)
    if not sweeps:
        raise PromotionError(
            "got no finished sweep in this store, expected one. Make one: python train.py -m, or "
            "name a run: run=ID_OR_NAME."
        )
    found = sweeps[0].tags.get("recommended_run_id")
    if found is None:
        raise PromotionError(
            f"got sweep {sweeps[0].name} ({sweeps[0].id}), which recommends no "
            f"run. See its page for why, or name a run: run=ID_OR_NAME."
        )
    return str(found)


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
    if reason:
        yield Tag("gate.reason", reason)
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
        wanted = (proposal.numbers, proposal.names)
        if served is None or (served.numbers, served.segmenter.names) != wanted:
            uri = _renumbered(proposal) if proposal.renumbered else model_uri(run)
            tags = _tags(proposal, outcome, reason)
            served = registry.register(opened, name, uri, run.id, tags)
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
    tracking.log(run.id, lasting.items(proposal))
    return tracking.log_model(run.id, Model(run.name, segmenter, described))


def _renamed(counts: Mapping[str, int], numbers: Mapping[int, int]) -> dict[str, int]:
    return {str(numbers.get(int(own), int(own))): count for own, count in counts.items()}

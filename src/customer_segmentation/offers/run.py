"""Offers as an MLflow run, from the champion and the purchases that it was trained on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from customer_segmentation import interrupts, tracking, workbook
from customer_segmentation.batches.part import ENDING, left_behind
from customer_segmentation.items import File, Item, Metric, Param, Picture, Table, Tag
from customer_segmentation.offers.campaign import Campaign
from customer_segmentation.offers.evaluation import MEASURES
from customer_segmentation.offers.preferences import FALSE_DISCOVERIES
from customer_segmentation.offers.purchases import OffersError
from customer_segmentation.offers.trial import WITHOUT, Trial
from customer_segmentation.plots import canvas
from customer_segmentation.plots import offers as pictures
from customer_segmentation.profiles import cards
from customer_segmentation.profiles.cards import Card
from customer_segmentation.registry import Served
from customer_segmentation.results import About
from customer_segmentation.style import markdown
from customer_segmentation.tracking import runs
from customer_segmentation.tracking.artifacts import read_latest, read_setting
from customer_segmentation.tracking.store import said

HIDDEN = ".offers-"  # start of the name of what is being made
KIND = "recommendation"
SEGMENTS, CUSTOMERS = "segment_offers.csv", workbook.OFFERS_BESIDE
VERSION = "model_version"  # tag: whose segments these are


@dataclass(frozen=True)
class Origin:
    """Where a model comes from."""

    path: Path  #: The purchases that it was trained on
    history: Mapping[str, Any]  #: How its training table came out of them
    options: dict[str, Any]  #: As-of day and Excel sheet of that time


def origin(served: Served) -> Origin:
    """Find out what a model was trained on.

    Raises
    ------
    OffersError
        When that were no purchases.
    """
    history = served.reference.get("history")
    if history is None:
        raise OffersError(
            f"got version {served.version} ({served.run_name}), which was not trained on purchase "
            "lines, expected one that was: only they say what was bought. Train and promote one: "
            "python train.py -m data=transactions data.path=FILE"
        )
    run = runs.get(served.run_id)
    options = {key: read_setting(served.run_id, f"data.{key}") for key in ("as_of", "sheet")}
    return Origin(Path(run.source if run else ""), history, options)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, before minutes go into what it should hold.

    Raises
    ------
    OffersError
    """
    with _written(folder), _hidden(folder):
        for left in left_behind(folder, HIDDEN):
            shutil.rmtree(left, ignore_errors=True)


def _hidden(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder for what is being made; its name says by which process."""
    suffix = f".{os.getpid()}{ENDING}"
    return tempfile.TemporaryDirectory(dir=folder, prefix=HIDDEN, suffix=suffix)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OffersError(
            f"got {error.strerror or error} while writing to {folder}, expected a folder with room "
            "and permission to write. Choose another: output=FOLDER."
        ) from error


def write(campaign: Campaign, served: Served, folder: Path) -> list[Path]:
    """Write tables and workbook into a folder, all of them or none.

    Parameters
    ----------
    campaign : Campaign
    served : Served
        The version whose segments these are.
    folder : Path
        Made if need be; files of these names in it are replaced when all new ones are complete.

    Returns
    -------
    list of Path

    Raises
    ------
    OffersError
        When the disk refuses.
    """
    about = About(
        title=f"What to offer, by the segments of {served.run_name}",
        sentence=campaign.words,
        facts={"Model": f"version {served.version}", "Run id": served.run_id},
        cleaning=campaign.cleaning,
    )
    with _written(folder), _hidden(folder) as hidden:
        part = Path(hidden)
        _rounded(campaign.segments).to_csv(part / SEGMENTS, index=False)
        campaign.customers.to_csv(part / CUSTOMERS, index=False)
        tables = campaign.tables(_cards(served.run_id))
        workbook.write(part / workbook.NAME, tables, about, offered=campaign.offered)
        with interrupts.complete(folder), interrupts.held():
            return [file.replace(folder / file.name) for file in sorted(part.iterdir())]


def _cards(run_id: str) -> list[Card]:
    """The cards of a run's segments, under the numbers that its promotion gave them."""
    content = read_latest(run_id, cards.PATH)
    return [] if content is None else cards.loads(content.decode("utf-8"))


def log(
    campaign: Campaign, served: Served, settings: Mapping[str, object], files: Sequence[Path]
) -> str:
    """Log offers, and the files that were written, to the active experiment; return the run id.

    Raises
    ------
    StoreError
        When the store fails by now; the files are in place all the same.
    """
    tags = {"kind": KIND, VERSION: str(served.version)}
    failed = f"{files[0].parent} is complete, but the offers could not be logged"
    with said(failed), tracking.run(f"offers-{served.run_name}", tags=tags) as run_id:
        try:
            tracking.log(run_id, _items(campaign, settings, files))
        except KeyboardInterrupt as error:
            raise OSError("interrupted") from error
    return run_id


def _items(
    campaign: Campaign, settings: Mapping[str, object], files: Sequence[Path]
) -> Iterator[Item]:
    """What a run of offers keeps."""
    yield from (Param(key, value) for key, value in settings.items())
    yield from _tried(campaign.trial)
    yield Table("tables/preferences.csv", _significant(campaign.preferences))
    for file in files:
        yield File(file.name, partial(shutil.copyfile, file))
    shown = campaign.segments[campaign.segments["kind"] == "item"], campaign.names
    yield Picture("plots/segment_offers.png", lambda: canvas.png(pictures.preferences(*shown)))


def _tried(trial: Trial) -> Iterator[Item]:
    """Params, metrics, tables and picture of the trial."""
    yield Param("split", f"{trial.split:%Y-%m-%d}")
    for method, mix in trial.mixes.items():
        yield Param(f"weights.{method.replace(' ', '_')}", mix)
    yield Tag("segments_help", trial.helps)
    shown = trial.methods[["method", *MEASURES]].round(4)
    yield Tag("mlflow.note.content", f"**{trial.words}**\n\n{markdown(shown)}")
    gained = dict(trial.ahead.set_index("method").loc[WITHOUT])
    for measure in MEASURES:
        yield Metric(f"{measure}_gain", float(gained[measure]))
        for method, value in zip(trial.methods["method"], trial.methods[measure], strict=True):
            yield Metric(f"{measure}/{method.replace(' ', '_')}", float(value))
    yield Metric("customers_judged", trial.customers)
    yield Metric("customers_without_history", trial.unknown)
    yield Metric("items_offered", trial.n_items)
    yield Table("tables/methods.csv", trial.methods.round(4), compare=True)
    yield Table("tables/ahead.csv", trial.ahead.round(4), compare=True)
    title = trial.words.split(".")[0]
    yield Picture(
        "plots/trial.png", lambda: canvas.png(pictures.trial(trial.methods, title)), grid=True
    )


def _significant(found: pd.DataFrame) -> pd.DataFrame:
    """All preferences that are no chance, the surest first."""
    kept = found[found["q_value"] <= FALSE_DISCOVERIES]
    return _rounded(kept.sort_values(["kind", "segment", "q_value"], kind="stable"))


def _rounded(offers: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are read; q-values to three significant digits."""
    few = {name: offers[name].map("{:.3g}".format).astype(float) for name in ("q_value", "q_alike")}
    return offers.round(4).assign(**few)

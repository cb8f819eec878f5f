"""What is worth keeping of a run, as typed items that any tracker can take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation import (
    deliverables,
    drift,
    environment,
    explanations,
    exploration,
    page,
    profiles,
)
from customer_segmentation.analysis import Analysis
from customer_segmentation.data import CustomerData
from customer_segmentation.environment import requirements
from customer_segmentation.evidence import scoring
from customer_segmentation.items import File, Item, Metric, Model, Param, Picture, Table, Tag, Text
from customer_segmentation.paths import grids
from customer_segmentation.plots import drawing
from customer_segmentation.plots import path as path_plots
from customer_segmentation.plots.drawing import Drawn
from customer_segmentation.profiles import borderline, cards, effects, rules
from customer_segmentation.results import About, Tables
from customer_segmentation.search import STABILITY
from customer_segmentation.style import OUTLIER, markdown, percent

# Of the candidate taken: metrics of the run. All numeric columns of the path are `path/...` too.
RUN_METRICS = (
    "score", "n_segments", "stability", "jaccard_mean", "jaccard_min", "unstable", "likelihood",
    "unexplained", "absorbed", "overlap", "no_valley", "inner_gap", "purity", "silhouette", "wcss",
    "calinski_harabasz", "davies_bouldin", "bic", "coverage", "outlier_share", "smallest_share",
    "largest_share",
)  # fmt: skip
CUSTOMERS = "tables/customers.parquet"
ROW_GROUP = 65_536  # rows of a file that are encoded at once
LINKAGE = "tables/linkage.npy"  # of the dendrogram
MAX_PARAM = 250  # characters; longer settings belong in the config artifact


def items(
    analysis: Analysis,
    settings: Mapping[str, object],
    *,
    seed: int = 0,
    run_id: str = "",
    command: str = "",
) -> Iterator[Item]:
    """Everything a run keeps.

    Parameters
    ----------
    analysis : Analysis
    settings : mapping
        What was chosen, for the params: few and readable.
    seed : int
        Of the run.
    run_id, command : str
        Told on the page, so that the run can be found and made again.

    Yields
    ------
    Item
        In no order that matters.
    """
    profile = _Profile(analysis, seed)
    tables = profile.tables
    environment.release_memory()
    about = explanations.about(analysis, settings, run_id=run_id, command=command)
    # First, because they take longest, and another process may draw them.
    pictures = {name: drawing.begin(*how) for name, how in _pictures(analysis, tables)}
    yield Tag("mlflow.runName", analysis.name)
    yield Tag("verdict", analysis.verdict)
    yield Tag("finding", analysis.finding)
    yield Tag("versions", ", ".join(requirements()))
    yield Tag("id_column", analysis.data.id_column or "")
    yield Tag("assigner", analysis.segmenter.assigner)
    yield Tag("objection", str(analysis.chosen.row["objection"]))
    for what, how in analysis.approximations.items():
        yield Tag(f"approximation.{what}", how)
    yield Tag("mlflow.note.content", _note(analysis, tables))
    for name, value in settings.items():
        yield Param(name, str(value)[:MAX_PARAM])
    yield from _metrics(analysis)
    yield from deliverables.files(tables, about=about)  # the UI shows the first table first
    yield from deliverables.records(tables)
    yield from profile.items()
    yield from _tables(analysis)
    for title, shown in about.tables.items():
        yield Table(f"tables/{title.lower().replace(' ', '_')}.csv", shown, compare=True)
    for name, png in pictures.items():
        yield Picture(f"plots/{name}.png", png, grid=name in GRID)
    yield Text("report.html", lambda: profile.page(about, pictures))
    yield Text(About.PATH, about.dumps)
    yield Model(analysis.name, analysis.segmenter, _described(analysis))


def _described(analysis: Analysis) -> dict[str, Any]:
    """What scoring has to know of the customers of the training."""
    data = analysis.data
    found = drift.reference(
        data.table,
        analysis.segmenter.columns,
        analysis.segments,
        imputed=data.imputed,
        decimal_mark=data.decimal_mark,
        missing_tokens=data.missing_tokens,
        missing_codes=data.missing_codes,
    )
    return found if data.history is None else found | {"history": data.history}


class _Profile:
    """What is told of the segments: made once, used by tables, workbook and page."""

    def __init__(self, analysis: Analysis, seed: int) -> None:
        table, segments, names = analysis.data.table, analysis.segments, analysis.names
        self.tested = effects.profile(table, segments, names, used=analysis.features.columns)
        self.rules = rules.rules(table, segments, seed=seed)
        told = cards.cards(
            table,
            segments,
            names,
            analysis.plays,
            X=analysis.features.matrix,
            found=self.rules,
            tested=self.tested,
        )
        confidence = pd.Series(analysis.segmenter.confidence_, index=segments.index)
        self.tables = Tables(table, segments, names, confidence, told)
        self.borderline = _borderline(analysis)
        self.quality = _quality(analysis) if analysis.chosen.jaccard else None

    def items(self) -> Iterator[Item]:
        if not math.isnan(self.rules.fidelity):
            yield Metric("rule_fidelity", self.rules.fidelity)
        yield Table("tables/rules.csv", self.rules.table.round(3), compare=True)
        yield Table("tables/segment_profile.csv", self.tested)
        yield Table("tables/borderline.csv", self.borderline, index=True, compare=True)
        contrasts = self.tables.contrasts.round(3)
        yield Table("tables/profile.csv", contrasts, index=True, compare=True)
        if self.quality is not None:
            yield Table("tables/quality.csv", self.quality, compare=True)

    def page(self, about: About, pictures: Mapping[str, Drawn]) -> str:
        return page.run(
            self.tables,
            about,
            pictures={name: png() for name, png in pictures.items()},
            borderline=self.borderline,
            quality=self.quality,
        )


def explore(data: CustomerData, folder: str) -> Iterator[Item]:
    """Exploration of a data set, below `folder`: logged once per data set, not per run."""
    yield Table(f"{folder}/cleaning.csv", data.report, compare=True)
    yield Table(
        f"{folder}/summary.csv", exploration.summary(data.table, data.imputed), compare=True
    )
    for draw in (exploration.distributions, exploration.relations, exploration.by_demographic):
        png = drawing.begin(draw, data.table)
        yield Picture(f"{folder}/{draw.__name__}.png", png, grid=True)


GRID = ("scatter", "profiles")  # the UI draws the elbow itself, from the metrics of the path


def _metrics(analysis: Analysis) -> Iterator[Item]:
    chosen = analysis.chosen.row
    for name in RUN_METRICS:
        if not math.isnan(chosen[name]):
            yield Metric(name, float(chosen[name]))
        else:
            yield Tag(f"absent.{name}", _why_absent(analysis, name))
    if analysis.chosen.path.end:
        yield Tag("absent.path", analysis.chosen.path.end)
    if math.isfinite(chosen.get("silhouette_se", math.nan)):
        yield Metric("silhouette_se", float(chosen["silhouette_se"]))
    yield Metric("assigner_fidelity", analysis.segmenter.fidelity_)
    yield Metric("seconds", float(analysis.chosen.scores["seconds"].sum()))
    values = analysis.chosen.scores["value"]
    whole = bool((values == values.round()).all())
    for place, row in enumerate(analysis.chosen.scores.to_dict("records"), start=1):
        step = int(row["value"]) if whole else place
        for column, value in row.items():
            if isinstance(value, int | float) and math.isfinite(value):
                label = analysis.chosen.path.parameter if column == "value" else str(column)
                yield Metric(f"path/{label}", float(value), step)


def _why_absent(analysis: Analysis, name: str) -> str:
    if name == "bic" and not analysis.chosen.candidate.scores:
        return f"{analysis.algorithm.name} has no likelihood"
    if name in STABILITY:
        return "fewer than two segments: nothing to come back"
    return str(analysis.chosen.row["absent"]) or "no spread inside the segments"


def _tables(analysis: Analysis) -> Iterator[Item]:
    data = analysis.data
    # As cleaned, for a promotion to compare with; by parts, so that it is not in memory twice.
    yield File(CUSTOMERS, partial(data.table.to_parquet, row_group_size=ROW_GROUP))
    yield Table("tables/path.csv", analysis.chosen.scores)
    merges = analysis.chosen.path.linkage
    if merges is not None:
        yield File(LINKAGE, lambda path: np.save(path, merges))
    yield Table("tables/cleaning.csv", data.report)
    if analysis.features.left_out:
        left_out = pd.DataFrame(analysis.features.left_out.items(), columns=["column", "reason"])
        yield Table("tables/left_out.csv", left_out)


def _quality(analysis: Analysis) -> pd.DataFrame:
    """How clear each segment is, how surely it comes back, how truly the model assigns it."""
    numbers = pd.Series(analysis.segmenter.numbers_).astype(int)
    jaccard = pd.Series(analysis.chosen.jaccard)
    widths = pd.Series(analysis.chosen.silhouettes).groupby(analysis.segments.to_numpy()).mean()
    found = {
        "segment": numbers,
        "name": numbers.map(analysis.names),
        "silhouette": numbers.map(widths),
        "jaccard": jaccard,
        "stability": jaccard.map(scoring.band),
        "assigner_fidelity": numbers.map(analysis.segmenter.fidelity_per_segment_),
    }
    return pd.DataFrame(found).round(3).sort_values("segment", ignore_index=True)


def _borderline(analysis: Analysis) -> pd.DataFrame:
    found = borderline.table(
        analysis.segments,
        analysis.names,
        X=analysis.features.matrix,
        confidence=analysis.segmenter.confidence_,
        resamples=analysis.chosen.resamples,
    )
    return found.round({"confidence": 3, "steadiness": 3})


def _pictures(analysis: Analysis, tables: Tables) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Name of every picture that applies, with the function that draws it and what it draws."""
    scores, path = analysis.chosen.scores, analysis.chosen.path
    chosen = analysis.chosen.candidate.value
    if path.parameter in grids.COUNT_PARAMETERS:
        yield "elbow", (path_plots.elbow, scores, chosen, path.parameter)
    else:
        yield "path", (path_plots.density_path, scores, chosen, path.parameter)
    if (curve := path.k_distance) is not None:
        yield "k_distance", (path_plots.k_distance, curve, scores["value"].to_numpy(), chosen)
    if path.linkage is not None:
        numbers = analysis.segments.to_numpy()
        fitted = numbers if analysis.chosen.rows is None else numbers[analysis.chosen.rows]
        yield "dendrogram", (path_plots.dendrogram, path.linkage, analysis.n_segments, fitted)
    if np.isfinite(scores["bic"]).any():
        yield "bic", (path_plots.bic, scores, chosen)
    f, silhouettes = analysis.features, analysis.chosen.silhouettes
    yield from deliverables.portraits(tables, f.columns, f.matrix, f.feature_names, silhouettes)


def headline(analysis: Analysis) -> str:
    """The run in one line: what was found, how well, and why this candidate."""
    chosen = analysis.chosen.row
    facts = [analysis.finding]
    if not math.isnan(chosen["score"]) and analysis.n_segments > 1:
        facts.append(f"score {chosen['score']:.2f}, stability {chosen['stability']:.2f}")
    if not math.isnan(chosen["silhouette"]):
        facts.append(f"silhouette {chosen['silhouette']:.3f}")
    if out := int((analysis.segments.to_numpy() == OUTLIER).sum()):
        facts.append(f"{out} outliers ({percent(chosen['outlier_share'])})")
    return f"{', '.join(facts)}: {analysis.chosen.choice.reason}"


def _note(analysis: Analysis, tables: Tables) -> str:
    end = [explanations.approximations(analysis)] if analysis.approximations else []
    end.append(f"Data: {analysis.data.summary}")
    return description(f"**{headline(analysis)}**", tables, "\n\n".join(end))


def description(head: str, tables: Tables, end: str) -> str:
    """The run in words, for the top of its page: verdict first, then sizes and profile."""
    sentences = profiles.describe(tables.contrasts, tables.table, tables.segments)
    lines = [head, ""]
    for number, name in sorted(tables.names.items()):
        lines.append(f"{number}. **{name}**: {sentences.get(number, '')}")
    summary = ["", markdown(tables.summary)] if len(tables.summary) else []
    return "\n".join([*lines, *summary, "", end])

"""A run in plain words: verdict, stability, doubts, method, data, and how to make it again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from customer_segmentation import rfm
from customer_segmentation.doubts import doubts
from customer_segmentation.environment import requirements
from customer_segmentation.paths.grids import COUNT_PARAMETERS
from customer_segmentation.results import About
from customer_segmentation.style import OUTLIER, listed, number, percent, plural

if TYPE_CHECKING:
    from customer_segmentation.analysis import Analysis

FOUND = {
    "natural": "{found}: the groups are clearly apart, and they come back when the analysis is "
    "repeated.",
    "reproducible": "{found}: on the whole they come back when the analysis is repeated, but not "
    "all of them are clearly apart, or come back whole.",
    "constructed": "{found}: a working division that the data allow but do not ask for; repeated, "
    "the analysis divides partly elsewhere.",
}
MEANING = {
    "natural": "Natural means that there are gaps between the groups, so that most customers "
    "clearly belong to one. You can treat the segments as different kinds of customers.",
    "reproducible": "Reproducible means that you can rely on the segments on the whole, but not "
    "on their borders: customers near a border can be much like those on the other side. Address "
    "the typical customers of a segment first, and see below what speaks against single segments.",
    "constructed": "Constructed means that the customers form no clear groups; the segments divide "
    "them into manageable parts. They can help to organise offers. Do not "
    "expect that customers of two neighbouring segments behave differently, and test it.",
    "weak": "The segments divide the customers into manageable parts. They can help to organise "
    "offers. Do not expect that customers of two neighbouring segments behave differently, and "
    "test it.",
    "none": "There is nothing to divide: treat the customers as one group, or try other columns.",
}
WEAK = " But one single group describes the customers as well."
# Hennig (2007), in the words of scoring.band.
COMES_BACK = {
    "highly stable": "comes back almost unchanged",
    "stable": "comes back with small changes",
    "pattern, doubtful members": "the pattern comes back; who exactly belongs to it is in doubt",
    "dissolved": "does not come back: do not rely on it",
}
ALGORITHMS = {
    "KMeans": "k-means, which puts every customer to the nearest of a number of centres",
    "AgglomerativeClustering": "hierarchical clustering, which merges the most similar groups of "
    "customers step by step",
    "DBSCAN": "DBSCAN, which joins customers in places where many are close together",
    "HDBSCAN": "HDBSCAN, which joins customers in places that are denser than what surrounds them",
    "GaussianMixture": "a Gaussian mixture, which describes the customers as overlapping clouds",
    "LatentClasses": "latent classes, which describe the customers by the numbers and answers that "
    "are typical of each group",
    "RFMScores": "the classical scores of recency, frequency and money: quintiles of each, and "
    "the group that a customer's scores belong to",
    "Genie": "Genie, which merges groups of customers step by step and avoids tiny ones",
}


def sentence(verdict: str, n_segments: int, customers: int, outliers: int = 0) -> str:
    """The verdict in one sentence.

    Examples
    --------
    >>> sentence("natural", 5, 200)
    'The 200 customers fall into 5 natural segments: the groups are clearly apart, and they come
    back when the analysis is repeated.'
    >>> sentence("none", 0, 30, 30)
    'No segments were found: none of the 30 customers is close enough to others to form a group.'
    """
    who = f"The {plural(customers, 'customer')}"
    if n_segments == 0:
        return (
            f"No segments were found: none of the {plural(customers, 'customer')} is close enough "
            "to others to form a group."
        )
    apart = f" ({plural(outliers, 'outlier')} belong to none)" if outliers > 1 else ""
    apart = " (1 outlier belongs to none)" if outliers == 1 else apart
    if n_segments == 1 or verdict not in FOUND:
        return f"{who} form one single group{apart}: nothing divides them into segments."
    return FOUND[verdict].format(found=f"{who} fall into {n_segments} {verdict} segments{apart}")


def about(
    analysis: Analysis,
    settings: Mapping[str, object] | None = None,
    *,
    run_id: str = "",
    command: str = "",
) -> About:
    """Say all that page and workbook say of a run beside its segments.

    Parameters
    ----------
    analysis : Analysis
    settings : mapping, optional
        What was chosen; ``seed`` and ``selection`` are told.
    run_id : str
        Of the tracking store.
    command : str
        The command line that made the run.

    Returns
    -------
    About
    """
    kind = "weak" if _weak(analysis) else analysis.verdict if analysis.n_segments > 1 else "none"
    return About(
        title=f"Customer segments: {analysis.data.name}",
        sentence=finding(analysis),
        meaning=MEANING.get(kind, ""),
        doubts=[*doubts(analysis.chosen.row.to_dict(), analysis.segmenter.fidelity_)],
        method=_method(analysis),
        inexact=[how[0].upper() + how[1:] + "." for how in analysis.approximations.values()],
        tables=_score_tables(analysis),
        data=_data(analysis),
        facts=_facts(analysis, settings or {}, run_id=run_id, command=command),
        cleaning=analysis.data.report,
    )


def finding(analysis: Analysis) -> str:
    """What a run came to in a sentence, and whether one single group would do."""
    outliers = int((analysis.segments == OUTLIER).sum())
    said = sentence(analysis.verdict, analysis.n_segments, len(analysis.segments), outliers)
    return said + WEAK * _weak(analysis)


def _weak(analysis: Analysis) -> bool:
    return analysis.n_segments > 1 and bool(analysis.chosen.row["score"] <= 0)


def _method(analysis: Analysis) -> str:
    """How the segments were found, in a paragraph."""
    kind = type(analysis.algorithm.estimator).__name__
    columns = analysis.features.columns
    text = [
        f"Customers were compared by {listed(columns)}, put on a common scale so that no column "
        f"counts more because of its unit. They were grouped with "
        f"{ALGORITHMS.get(kind, f'the algorithm {kind}')}.",
        _tried(analysis),
    ]
    repeats = len(analysis.chosen.resamples)
    if repeats:
        share = len(analysis.chosen.resamples[0].rows) / max(len(analysis.segments), 1)
        text.append(
            f"To see whether the segments come back, the grouping was repeated {repeats} times, "
            f"each time with another random {percent(share)} of the customers."
        )
    text.append(
        "All other columns were not used to form the segments; they describe them."
        if set(analysis.data.table.columns) - set(columns)
        else "All columns were used."
    )
    return " ".join(text)


def approximations(analysis: Analysis) -> str:
    """What was not computed exactly, in a sentence."""
    parts = "; ".join(analysis.approximations.values())
    return f"With so many customers not all is exact: {parts}."


def _score_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """The thresholds of the classical scores in days, purchases and money; else nothing."""
    model = analysis.chosen.candidate.estimator
    if not isinstance(model, rfm.RFMScores):
        return {}
    table = analysis.data.table[list(analysis.algorithm.first_features)]
    bounds = rfm.bounds(model, analysis.features.matrix, table)
    return {"RFM scores": bounds, "RFM groups": rfm.groups()}


def _tried(analysis: Analysis) -> str:
    parameter, values = analysis.chosen.path.parameter, analysis.chosen.scores["value"]
    ends = f"from {_plain(values.min())} to {_plain(values.max())}"
    taken, why = _plain(analysis.chosen.row["value"]), analysis.chosen.choice.reason
    asked = f"n_segments={analysis.n_segments} was asked for"
    why = why.replace(asked, "it was asked for").replace(" of the path", " of all tried")
    if parameter in COUNT_PARAMETERS:
        return (
            f"{plural(len(values), 'number')} of segments {ends} were tried, and {taken} taken: "
            f"{why}."
        )
    if len(values) == 1:
        return f"One setting was tried, {parameter} = {taken}."
    return (
        f"{plural(len(values), 'setting')} of {parameter} {ends} were tried, and {parameter} = "
        f"{taken} taken: {why}."
    )


def _data(analysis: Analysis) -> str:
    """Where the customers came from and what cleaning did, in a paragraph."""
    found = analysis.data
    text = [f"From the file {Path(found.source).name}: {found.summary}."]
    if analysis.features.left_out:
        chosen = f"not part of features={analysis.features.name}"
        left_out = analysis.features.left_out
        reasons = [c if why == chosen else f"{c} ({why})" for c, why in left_out.items()]
        text.append(f"Not used to form the segments: {listed(reasons)}.")
    return " ".join(text)


def _facts(
    analysis: Analysis, settings: Mapping[str, object], *, run_id: str, command: str
) -> dict[str, str]:
    """What one must know to make a run again: label and text."""
    found = {
        "Run": analysis.name,
        "Run id": run_id,
        "Command": command,
        "Make it again and compare": f"python train.py rebuild={run_id}" if run_id else "",
        "Algorithm": analysis.algorithm.name,
        "Columns used": ", ".join(analysis.features.columns),
        "Selection": str(settings.get("selection", "")),
        "Seed": str(settings.get("seed", "")),
        "Data file": analysis.data.source,
        "Data SHA-256": analysis.data.sha256,
        "Versions": ", ".join([f"python=={platform.python_version()}", *requirements()]),
    }
    return {label: text for label, text in found.items() if text}


def _plain(value: Any) -> str:
    return number(float(value))

"""The page of a run, ``report.html``: for someone who acts on the segments and reads no code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from customer_segmentation.explanations import COMES_BACK
from customer_segmentation.page import alternatives
from customer_segmentation.page.document import Section, bullets, document, made, pictures
from customer_segmentation.page.html import Html, element, facts, join, table
from customer_segmentation.page.segment_cards import cards, narrow, strip
from customer_segmentation.results import About, Tables
from customer_segmentation.style import OUTLIER, percent, plural

if TYPE_CHECKING:
    from customer_segmentation.analysis import Analysis

DOUBTFUL = 10  # borderline customers and outliers shown
# Name of a picture -> heading, how to read it; in the order of the page.
CAPTIONS = {
    "scatter": (
        "Where the customers are",
        "Each point is a customer; the numbers mark the middle of a segment. Points that are close "
        "together are alike.",
    ),
    "sizes": ("How many they are", "Customers per segment, and their share of all."),
    "profiles": (
        "How the segments differ",
        "Red is above the average customer, blue below; the number in a cell is the segment's "
        "average or share.",
    ),
    "silhouette": (
        "How clearly each customer belongs",
        "The longer a bar, the more clearly the customer belongs to the segment; bars to the left "
        "of zero are closer to another segment.",
    ),
    "elbow": (
        "Why this many segments",
        "With each further segment the customers in one are more alike; where that gain levels "
        "off, further segments add little.",
    ),
    "path": (
        "Why this setting",
        "What was found at each setting of the algorithm, and the setting that was taken.",
    ),
    "bic": (
        "Fit against complexity",
        "The lower, the better the balance between a close description and a simple one.",
    ),
    "dendrogram": (
        "How groups merge",
        "Read from bottom to top: the higher two groups are joined, the more they differ.",
    ),
    "k_distance": (
        "How far neighbours are",
        "Customers sorted by the distance to their neighbours; the steep end are outliers.",
    ),
}


def run(
    analysis: Analysis,
    tables: Tables,
    about: About,
    *,
    pictures: Mapping[str, bytes],
    borderline: pd.DataFrame,
    quality: pd.DataFrame | None = None,
) -> str:
    """Write the page of a run as one self-contained HTML file.

    Parameters
    ----------
    analysis : Analysis
    tables : Tables
        With the cards.
    about : About
        As :func:`customer_segmentation.explanations.about` makes it.
    pictures : mapping, name -> PNG
        By the names of ``CAPTIONS``; others are left out.
    borderline : DataFrame
        As :func:`customer_segmentation.profiles.borderline.table` gives it.
    quality : DataFrame, optional
        A row per segment: ``segment``, ``name``, ``silhouette``, ``jaccard``, ``stability``,
        ``assigner_fidelity``; None with fewer than two segments.

    Returns
    -------
    str
        HTML in which every text is escaped and nothing refers to another file or host.
    """
    return story(
        tables,
        about,
        pictures=pictures,
        texts=texts(analysis, tables),
        borderline=borderline,
        quality=quality,
    )


def texts(analysis: Analysis, tables: Tables) -> dict[str, str]:
    """Text alternative of every picture of a run, by the picture's name."""
    chosen = analysis.chosen
    return {
        **alternatives.of_segments(tables, analysis.features.columns, chosen.silhouettes),
        **alternatives.of_path(
            chosen.scores, chosen.row.to_dict(), chosen.path.parameter, chosen.path.k_distance
        ),
    }


def story(
    tables: Tables,
    about: About,
    *,
    pictures: Mapping[str, bytes],
    texts: Mapping[str, str],
    borderline: pd.DataFrame,
    quality: pd.DataFrame | None = None,
) -> str:
    """Write the page from its parts; see :func:`run`.

    Parameters
    ----------
    tables, about, pictures, borderline, quality
        As for :func:`run`.
    texts : mapping, name -> text alternative of the picture
    """
    sections: list[Section] = [
        ("segments", "The segments", _segments(tables)),
        ("pictures", "The pictures", _pictures(pictures, texts)),
        ("certainty", "How sure we are", _certainty(about, quality)),
        ("borderline", "Customers in doubt", _borderline(borderline, tables)),
        ("outliers", "Outliers", _outliers(tables)),
    ]
    if about.method:
        sections.append(("method", "How it was done", _method(about)))
    if about.data:
        sections.append(("data", "The data", _data(about)))
    if about.facts:
        sections.append(("again", "How to make it again", made(about.facts)))
    lead = join([_tiles(tables, borderline), strip(tables.counts)])
    subtitle = f"Run {about.facts['Run']}" if "Run" in about.facts else ""
    return document(about.title, subtitle, about.sentence, lead, sections, note=about.note)


def _method(about: About) -> Html:
    shown = [
        join([element("h3", title), table(found, title)]) for title, found in about.tables.items()
    ]
    inexact = [element("h3", "What is not exact"), bullets(about.inexact)] if about.inexact else []
    return join([element("p", about.method), *inexact, *shown])


def _tiles(tables: Tables, borderline: pd.DataFrame) -> Html:
    inside = tables.counts[tables.counts["segment"] != OUTLIER]
    outliers = int((tables.segments == OUTLIER).sum())
    rows: list[tuple[str, object]] = [
        ("Customers", len(tables.segments)),
        ("Segments", len(inside)),
        ("In doubt", len(borderline)),
        ("Outliers", outliers),
    ]
    if len(inside) > 1:
        low, high = inside["customers"].min(), inside["customers"].max()
        sizes = f"{low:,} to {high:,}" if low < high else f"{low:,} each"
        rows.insert(2, ("Segment sizes", sizes))
    return facts(rows, "tiles")


def _segments(tables: Tables) -> Html:
    if not len(tables.summary):
        return element("p", "There are no segments to describe.")
    if tables.cards:
        return cards(tables.cards, tables.contrasts.columns)
    return table(tables.summary, "Segments with the averages of their customers")


def _pictures(found: Mapping[str, bytes], texts: Mapping[str, str]) -> Html:
    return pictures(found, CAPTIONS, texts) if found else element("p", "None were drawn.")


def _certainty(about: About, quality: pd.DataFrame | None) -> Html:
    against = bullets(about.doubts) if about.doubts else element("p", "Nothing that was measured.")
    return join(
        [
            element("p", about.meaning) if about.meaning else None,
            element("h3", "What speaks against it"),
            against,
            *(_stability(quality) if quality is not None and len(quality) else []),
        ]
    )


def _stability(quality: pd.DataFrame) -> list[Html]:
    shown = pd.DataFrame(
        {
            "segment": quality["segment"],
            "name": quality["name"],
            "comes back (share)": quality["jaccard"],
            "stability": quality["stability"],
            "in plain words": quality["stability"].map(COMES_BACK).fillna(""),
            "silhouette": quality["silhouette"],
        }
    )
    text = (
        "The analysis was repeated without some of the customers, and each segment compared with "
        "what came out. The words for stability are those of Hennig (2007). The silhouette says "
        "how clearly customers belong to their segment: 1 is clear, 0 is on a border."
    )
    return [
        element("h3", "Does each segment come back?"),
        element("p", text),
        table(shown, "Stability of each segment"),
    ]


def _borderline(found: pd.DataFrame, tables: Tables) -> Html:
    everyone = len(tables.segments)
    if found.empty:
        return element("p", "None: no customer is between two segments.")
    share = percent(len(found) / max(everyone, 1))
    told = (
        f"{plural(len(found), 'customer')} ({share}) could as well be in another segment: their "
        "nearest neighbours are mostly elsewhere, or they change segment when the analysis is "
        "repeated. Give them an offer that suits both segments, leave them out of costly or "
        "one-off actions, and look again when there are new data."
    )
    shown = found.head(DOUBTFUL)
    rows = pd.DataFrame(
        {
            str(found.index.name or "customer"): [str(label) for label in shown.index],
            "segment": shown["segment"].to_list(),
            "name": shown["name"].to_list(),
            "could also be": shown["next_best_name"].replace("", "-").to_list(),
            "why": shown["reason"].to_list(),
        }
    )
    rest = "The most doubtful ones; all are in the file tables/borderline.csv."
    return join(
        [
            element("p", told),
            table(rows, "The most doubtful customers"),
            element("p", rest, class_="note") if len(found) > DOUBTFUL else None,
        ]
    )


def _outliers(tables: Tables) -> Html:
    found = tables.table[(tables.segments == OUTLIER).to_numpy()]
    if found.empty:
        return element("p", "None: every customer is in a segment.")
    share = percent(len(found) / max(len(tables.table), 1))
    told = (
        f"{plural(len(found), 'customer')} ({share}) are unlike all others and belong to no "
        "segment. Look at them one by one: they may be errors in the data, or customers who need "
        "a person instead of a campaign."
    )
    shown = narrow(found.head(DOUBTFUL), [], most=12)
    note = f"{DOUBTFUL} of them; all are in the workbook." if len(found) > DOUBTFUL else ""
    return join(
        [
            element("p", told),
            table(shown, "Outliers"),
            element("p", note, class_="note") if note else None,
        ]
    )


def _data(about: About) -> Html:
    text = element("p", about.data)
    if about.cleaning.empty:
        return text
    told = about.cleaning.replace("", None).dropna(axis="columns", how="all")
    return join([text, element("h3", "Cleaning report"), table(told, "Cleaning report")])

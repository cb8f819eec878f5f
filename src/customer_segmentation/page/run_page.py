"""The page of a run, ``report.html``: for someone who acts on the segments and reads no code."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_segmentation.explanations import COMES_BACK
from customer_segmentation.page.html import (
    Html,
    Section,
    bullets,
    document,
    element,
    facts,
    gallery,
    join,
    made,
    paragraph,
    table,
)
from customer_segmentation.page.segment_cards import cards, narrow, strip
from customer_segmentation.results import About, Tables
from customer_segmentation.style import OUTLIER, percent, plural

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

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0]})
    >>> segments = pd.Series([1])
    >>> tables = Tables(table, segments, {1: "<b>"}, segments * 1.0)
    >>> "&lt;b&gt;" in run(tables, About(), pictures={}, borderline=table.iloc[:0])
    True
    """
    sections: list[Section] = [
        ("segments", "The segments", _segments(tables)),
        ("pictures", "The pictures", gallery(pictures, CAPTIONS)),
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
    lead = join(_tiles(tables, borderline), strip(tables.counts))
    subtitle = f"Run {about.facts['Run']}" if "Run" in about.facts else ""
    return document(about.title, subtitle, about.sentence, lead, sections, note=about.note)


def _method(about: About) -> Html:
    shown = [
        join(element("h3", title), table(found, title)) for title, found in about.tables.items()
    ]
    inexact = [element("h3", "What is not exact"), bullets(about.inexact)] if about.inexact else []
    return join(paragraph(about.method), *inexact, *shown)


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
        return cards(tables.cards)
    return table(tables.summary, "Segments with the averages of their customers")


def _certainty(about: About, quality: pd.DataFrame | None) -> Html:
    return join(
        paragraph(about.meaning),
        element("h3", "What speaks against it"),
        bullets(about.doubts) if about.doubts else paragraph("Nothing that was measured."),
        _stability(quality) if quality is not None and len(quality) else None,
    )


def _stability(quality: pd.DataFrame) -> Html:
    plain = quality["stability"].map(COMES_BACK).fillna("")
    shown = quality.assign(**{"comes back (share)": quality["jaccard"], "in plain words": plain})
    columns = ["segment", "name", "comes back (share)", "stability", "in plain words", "silhouette"]
    text = (
        "The analysis was repeated without some of the customers, and each segment compared with "
        "what came out. The words for stability are those of Hennig (2007). The silhouette says "
        "how clearly customers belong to their segment: 1 is clear, 0 is on a border."
    )
    return join(
        element("h3", "Does each segment come back?"),
        paragraph(text),
        table(shown[columns], "Stability of each segment"),
    )


def _borderline(found: pd.DataFrame, tables: Tables) -> Html | None:
    if found.empty:
        return paragraph("None: no customer is between two segments.")
    told = (
        f"{_count(found, tables)} could as well be in another segment: their nearest neighbours "
        "are mostly elsewhere, or they change segment when the analysis is repeated. Give them an "
        "offer that suits both segments, leave them out of costly or one-off actions, and look "
        "again when there are new data."
    )
    rest = "The most doubtful ones; all are in the file tables/borderline.csv."
    return join(
        paragraph(told),
        table(doubtful(found.head(DOUBTFUL)), "The most doubtful customers"),
        paragraph(rest if len(found) > DOUBTFUL else "", "note"),
    )


def doubtful(found: pd.DataFrame) -> pd.DataFrame:
    """Customers in doubt as they are shown: id, segment, what it could also be, and why.

    Parameters
    ----------
    found : DataFrame
        As :func:`customer_segmentation.profiles.borderline.table` gives it.

    Examples
    --------
    >>> found = pd.DataFrame({"segment": [1], "name": ["Young"], "next_best_name": ["Steady"],
    ...                       "reason": ["x"]}, index=pd.Index([7], name="id"))
    >>> doubtful(found).to_dict("list")
    {'id': ['7'], 'segment': [1], 'name': ['Young'], 'could also be': ['Steady'], 'why': ['x']}
    """
    ids = found.index.astype(str).rename(found.index.name or "customer")
    shown = found[["segment", "name", "next_best_name", "reason"]].set_index(ids)
    titles = {"next_best_name": "could also be", "reason": "why"}
    return shown.replace({"next_best_name": {"": "-"}}).rename(columns=titles).reset_index()


def _outliers(tables: Tables) -> Html | None:
    found = tables.table[(tables.segments == OUTLIER).to_numpy()]
    if found.empty:
        return paragraph("None: every customer is in a segment.")
    told = (
        f"{_count(found, tables)} are unlike all others and belong to no segment. Look at them one "
        "by one: they may be errors in the data, or customers who need a person instead of a "
        "campaign."
    )
    note = f"{DOUBTFUL} of them; all are in the workbook." if len(found) > DOUBTFUL else ""
    shown = table(narrow(found.head(DOUBTFUL), [], most=12), "Outliers")
    return join(paragraph(told), shown, paragraph(note, "note"))


def _count(found: pd.DataFrame, tables: Tables) -> str:
    return f"{plural(len(found), 'customer')} ({percent(len(found) / len(tables.table))})"


def _data(about: About) -> Html:
    if about.cleaning.empty:
        return element("p", about.data)
    note = "Every column by itself: see the sheet Data quality of the workbook."
    shown = table(_by_rule(about.cleaning), "Cleaning report")
    title = element("h3", "Cleaning report")
    return join(paragraph(about.data), title, shown, paragraph(note, "note"))


def _by_rule(cleaning: pd.DataFrame) -> pd.DataFrame:
    """Put the columns to which the same was done into one row."""
    rules = cleaning.replace("", None).groupby("rule", sort=False, as_index=False)
    found = rules.agg(
        columns=("column", lambda names: ", ".join(names.dropna()) or None),
        count=("count", "sum"),
        examples=("examples", lambda texts: texts.iloc[0] if len(texts) == 1 else None),
    )
    return found.dropna(axis="columns", how="all")

"""The sheets in words: data quality, and how the segments were found."""

from __future__ import annotations

from typing import Any

import pandas as pd

from customer_segmentation.results import About
from customer_segmentation.workbook import looks

WIDTHS = (30.0, 100.0)
QUALITY_WIDTHS = (34.0, 30.0, 12.0, 80.0)
READING = {
    "segment": "Number of the segment; it stays the same over refreshes. -1 are outliers, who "
    "belong to no segment.",
    "confidence": "Share of the most similar customers who are in the same segment: 100 % is "
    "clear, 50 % and less is in doubt.",
    "rule of thumb": "A short rule that finds most of a segment. 'Rule catches' is the share of "
    "the segment that it finds; 'rule is right' the share of those found who belong to it.",
    "standard deviations": "How far a segment's mean is from that of all customers, on a scale "
    "that is the same for every column: from about 0.8 on the difference is large.",
}


def quality(sheet: Any, cleaning: pd.DataFrame) -> None:
    """Write the cleaning report: what was found in the data, and what was done about it."""
    if cleaning.empty:
        looks.put(sheet, 1, 1, "No cleaning report was kept with this run.")
        looks.widen(sheet, [60.0])
        return
    looks.head(sheet, cleaning.columns)
    widths = list(QUALITY_WIDTHS[: cleaning.shape[1]])
    looks.widen(sheet, widths)
    for row, record in enumerate(cleaning.itertuples(index=False), 2):
        for column, value in enumerate(record, 1):
            cell = looks.put(sheet, row, column, value)
            cell.alignment = looks.WRAPPED if isinstance(value, str) else looks.TOP
        looks.raise_row(sheet, row, zip(record, widths, strict=False))
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    looks.on_paper(sheet)


def method(sheet: Any, about: About) -> None:
    """Write how the segments were found, how sure they are, how to make them again."""
    looks.widen(sheet, WIDTHS)
    sheet.sheet_view.showGridLines = False
    looks.on_paper(sheet, high=1, upright=True)
    looks.put(sheet, 1, 1, "Method").font = looks.TITLE_FONT
    against = "\n".join(about.doubts) or "Nothing that was measured."
    told = {
        "Verdict": about.sentence,
        "What it means": about.meaning,
        "Segment numbers": about.note,
        "What speaks against it": against if about.sentence else "",
        "How it was done": about.method,
        "What is not exact": "\n".join(about.inexact),
        "The data": about.data,
    }
    row = _pairs(sheet, told, 3)
    row = _part(sheet, "How to read the columns", READING, row)
    _part(sheet, "How to make it again", about.facts, row)


def _part(sheet: Any, title: str, rows: dict[str, str], row: int) -> int:
    if not rows:
        return row
    looks.put(sheet, row + 1, 1, title).font = looks.PART_FONT
    return _pairs(sheet, rows, row + 2)


def _pairs(sheet: Any, rows: dict[str, str], row: int) -> int:
    for label, text in rows.items():
        if not text:
            continue
        cell = looks.put(sheet, row, 1, label)
        cell.font, cell.alignment = looks.BOLD, looks.TOP
        looks.put(sheet, row, 2, text).alignment = looks.WRAPPED
        looks.raise_row(sheet, row, [(text, WIDTHS[1])])
        row += 1
    return row

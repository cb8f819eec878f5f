"""The sheet of what to offer to each segment."""

from __future__ import annotations

from typing import Any

import pandas as pd

from customer_segmentation.workbook import looks

# Column of the table -> title, width in characters, number format.
COLUMNS = {
    "segment": ("segment", 9.0, "General"),
    "segment_name": ("segment name", 38.0, "General"),
    "kind": ("kind", 10.0, "General"),
    "rank": ("rank", 6.0, "General"),
    "offer": ("offer", 44.0, "General"),
    "basis": ("why", 42.0, "General"),
    "buyers": ("customers who bought it", 15.0, "#,##0"),
    "share": ("share of the segment", 14.0, "0%"),
    "share_all": ("share of all", 9.0, "0%"),
    "lift": ("lift", 7.0, "0.00"),
    "q_value": ("chance", 9.0, "0.0E+00"),
    "expected_alike": ("buyers among as many alike", 13.0, "#,##0.0"),
    "q_alike": ("chance among those alike", 13.0, "0.0E+00"),
}
READING = (
    "Lift: the share of the segment who bought it, by that of all customers; each customer counts "
    "once. Alike: customers who buy as many different things. Chance: of the rows up to a value, "
    "at most this share is expected to be chance (Benjamini and Hochberg's q-value)."
)


def write(sheet: Any, offers: pd.DataFrame) -> None:
    """Write the sheet: a row per segment and offer, and how to read it below."""
    titles, widths, formats = zip(*COLUMNS.values(), strict=True)
    looks.head(sheet, titles)
    looks.raise_row(sheet, 1, zip(titles, widths, strict=True))
    looks.widen(sheet, widths)
    for row, record in enumerate(offers[list(COLUMNS)].itertuples(index=False), 2):
        for place, (value, number_format) in enumerate(zip(record, formats, strict=True), 1):
            looks.put(sheet, row, place, value).number_format = number_format
        sheet.cell(row, 4).alignment = looks.MIDDLE
        looks.tint(sheet.cell(row, 1), int(record[0]))
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = sheet.dimensions
    looks.on_paper(sheet)
    below = looks.put(sheet, len(offers) + 3, 2, READING)
    below.alignment = looks.WRAPPED
    sheet.merge_cells(start_row=below.row, end_row=below.row, start_column=2, end_column=6)
    looks.raise_row(sheet, below.row, [(READING, sum(widths[1:6]))])

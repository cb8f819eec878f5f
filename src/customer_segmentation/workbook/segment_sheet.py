"""The sheet of the segments: a card per row, then mean and median of every column."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from customer_segmentation.profiles import RESERVED
from customer_segmentation.profiles.indicators import is_numeric
from customer_segmentation.results import Tables
from customer_segmentation.workbook import looks

WIDTHS = {
    "number": 9.0, "name": 28.0, "customers": 11.0, "share": 8.0, "who they are": 44.0,
    "what to do": 44.0, "where": 24.0, "rule of thumb": 36.0, "rule catches": 10.0,
    "rule is right": 10.0, "what sets them apart": 48.0, "why this name": 44.0,
}  # fmt: skip
FORMATS = {
    "customers": "#,##0", "share": "0.0%", "rule catches": "0.0%", "rule is right": "0.0%",
}  # fmt: skip
MEASURE_WIDTH = 13.0
MOST_PROFILED = 200  # columns of the table: more are in cluster_summary.csv


def write(sheet: Any, tables: Tables) -> None:
    """Write the sheet."""
    found = frame(tables)
    widths = [WIDTHS.get(str(column), MEASURE_WIDTH) for column in found.columns]
    looks.head(sheet, found.columns)
    looks.raise_row(sheet, 1, zip(found.columns, widths, strict=True))
    looks.widen(sheet, widths)
    for row, record in enumerate(found.itertuples(index=False), 2):
        for place, (title, value) in enumerate(zip(found.columns, record, strict=True), 1):
            cell = looks.put(sheet, row, place, value)
            cell.alignment = looks.WRAPPED if isinstance(value, str) else looks.TOP
            cell.border = looks.RULE
            cell.number_format = FORMATS.get(str(title)) or _format(title, value)
        looks.tint(sheet.cell(row, 1), int(record[0]))
        looks.raise_row(sheet, row, zip(record, widths, strict=True))
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = sheet.dimensions
    looks.on_paper(sheet, wide=2)


def _format(title: object, value: Any) -> str:
    if str(title).endswith(" (share)"):
        return "0.0%"
    broken = isinstance(value, float) and math.isfinite(value) and not value.is_integer()
    return "#,##0.00" if broken else "General"


def frame(tables: Tables) -> pd.DataFrame:
    """A row per segment: the card, then mean and median, or most frequent level, of each column.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 30.0]})
    >>> segments = pd.Series([1, 1])
    >>> print(frame(Tables(table, segments, {1: "All"}, segments * 1.0)).to_string(index=False))
     number name  customers  share  Age (mean)  Age (median)
          1  All          2    1.0        25.0          25.0
    """
    sizes = tables.summary[list(RESERVED)].rename(columns={"segment": "number"})
    return pd.concat([sizes, *_cards(tables), _measures(tables)], axis=1)


def _cards(tables: Tables) -> list[pd.DataFrame]:
    if not tables.cards:
        return []
    rows = {
        card.number: (
            card.description,
            card.action,
            card.channel,
            card.rule,
            card.coverage if card.rule else math.nan,
            card.precision if card.rule else math.nan,
            "\n".join(card.differentiators),
            card.why,
        )
        for card in tables.cards
    }
    blank = ("", "", "", "", math.nan, math.nan, "", "")
    ordered = [rows.get(int(number), blank) for number in tables.summary["segment"]]
    return [pd.DataFrame(ordered, columns=list(WIDTHS)[4:], index=tables.summary.index)]


def _measures(tables: Tables) -> pd.DataFrame:
    """Mean and median of numbers; most frequent level and its share of categories."""
    summary, numbers = tables.summary, tables.segments.to_numpy()
    columns: dict[str, Any] = {}
    for column in tables.table.columns[:MOST_PROFILED]:
        title = f"{column} (data)" if column in RESERVED else column
        if title not in summary:
            continue
        if is_numeric(tables.table[column]):
            values = tables.table[column].astype("float64")
            medians = values.groupby(numbers).median().reindex(summary["segment"])
            columns[f"{title} (mean)"] = summary[title].to_numpy()
            columns[f"{title} (median)"] = medians.to_numpy()
        else:
            columns[f"{title} (most frequent)"] = summary[title].to_numpy()
            columns[f"{column} (share)"] = summary[f"{column} (share)"].to_numpy()
    return pd.DataFrame(columns, index=summary.index)

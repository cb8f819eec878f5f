"""The first sheet: verdict, key figures, how many and how they differ; the last: the method."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from openpyxl.chart import BarChart, Reference
from openpyxl.chart.marker import DataPoint
from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.utils import get_column_letter

from customer_segmentation.naming.wording import humanise
from customer_segmentation.results import About, Tables
from customer_segmentation.style import OUTLIER, colour, label, name_of
from customer_segmentation.workbook import cells

MEASURE = 15.0
WIDTHS = (9, 40, MEASURE, MEASURE)
CHART_WIDTH = 24.0  # cm
ROW = 0.53  # cm
MOST_SERIES = 8  # segments in the profile chart: more cannot be told apart; the table has all
MOST_FEATURES = 6
FORMATS = {"customers": "#,##0", "share": "0.0%"}
# Blue below, white at, red above the average, as in the pictures.
SCALE = ColorScaleRule(  # type: ignore[no-untyped-call]
    start_type="num", start_value=-2, start_color="4393C3",
    mid_type="num", mid_value=0, mid_color="FFFFFF",
    end_type="num", end_value=2, end_color="D6604D",
)  # fmt: skip

METHOD_WIDTHS = (30.0, 100.0)
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


def write(sheet: Any, tables: Tables, about: About) -> None:
    """Write the first sheet."""
    cells.widen(sheet, [*WIDTHS, *[MEASURE] * MOST_FEATURES])
    sheet.sheet_view.showGridLines = False
    cells.on_paper(sheet, high=1, upright=True)
    cells.put(sheet, 1, 1, about.title).font = cells.TITLE_FONT
    sheet.row_dimensions[1].height = 24
    sheet.merge_cells("A2:H2")
    cell = cells.put(sheet, 2, 1, about.sentence)
    cell.alignment, cell.font = cells.WRAPPED, cells.LEAD_FONT
    cells.raise_row(sheet, 2, [(about.sentence, 90.0)])
    row = _figures(sheet, tables, 4)
    row = _sizes(sheet, tables.counts, row + 1)
    if len(tables.contrasts) > 1 and tables.contrasts.shape[1]:
        _profiles(sheet, tables, row + 1)


def _figures(sheet: Any, tables: Tables, row: int) -> int:
    cells.put(sheet, row, 1, "Key figures").font = cells.PART_FONT
    known = tables.assignments["confidence"].dropna()
    figures = {
        "Customers": len(tables.segments),
        "Segments": len(tables.summary),
        "Outliers": int((tables.segments == OUTLIER).sum()),
        "Mean confidence": float(known.mean()) if len(known) else None,
    }
    for line, (name, value) in enumerate(figures.items(), row + 1):
        cells.put(sheet, line, 2, name)
        cell = cells.put(sheet, line, 3, value)
        cell.font = cells.BOLD
        cell.number_format = "0.0%" if isinstance(value, float) else "#,##0"
    return row + len(figures) + 1


def _sizes(sheet: Any, counts: pd.DataFrame, row: int) -> int:
    """Table and chart of the customers per segment; return the row after both."""
    cells.put(sheet, row, 1, "Customers per segment").font = cells.PART_FONT
    first = row + 1
    cells.head(sheet, ["number", "segment", "customers", "share"], WIDTHS, first)
    for line, record in enumerate(counts.to_dict("records"), first + 1):
        segment = int(record["segment"])
        _name(sheet, line, segment, str(record["name"]))
        for column, (key, shown) in enumerate(FORMATS.items(), 3):
            cell = cells.put(sheet, line, column, record[key])
            cell.number_format, cell.alignment = shown, cells.TOP
    last = first + len(counts)
    if counts.empty:
        return last + 1
    height = max(5.0, 0.75 * len(counts) + 2)
    chart = _bars("Customers per segment", height)
    chart.add_data(Reference(sheet, min_col=3, min_row=first + 1, max_row=last))
    chart.set_categories(Reference(sheet, min_col=2, min_row=first + 1, max_row=last))
    chart.gapWidth = 40
    chart.x_axis.tickLblSkip = 1  # every name, however many
    for place, segment in enumerate(counts["segment"]):
        point = DataPoint(idx=place)
        point.graphicalProperties.solidFill = colour(int(segment))[1:]
        chart.series[0].dPt.append(point)
    sheet.add_chart(chart, f"A{last + 2}")
    return last + 3 + math.ceil(height / ROW)


def _profiles(sheet: Any, tables: Tables, row: int) -> None:
    """Table of how far each segment is from the average customer, and chart if it is readable."""
    text = "How each segment differs from the average customer, in standard deviations"
    cells.put(sheet, row, 1, text).font = cells.PART_FONT
    shown = tables.contrasts.iloc[:, :MOST_FEATURES]
    titles = ["number", "segment", *(humanise(str(title)) for title in shown.columns)]
    cells.head(sheet, titles, [*WIDTHS[:2], *[MEASURE] * shown.shape[1]], row + 1)
    numbers = [int(str(segment)) for segment in shown.index]
    for line, (segment, values) in enumerate(zip(numbers, shown.to_numpy(), strict=True), row + 2):
        _name(sheet, line, segment, name_of(segment, tables.names))
        for column, value in enumerate(values.tolist(), 3):
            cell = cells.put(sheet, line, column, round(value, 1) + 0.0)  # no -0.0
            cell.number_format, cell.alignment = "+0.0;-0.0;0.0", cells.TOP
    area = (row + 2, row + 1 + len(numbers), 2 + shown.shape[1])
    sheet.conditional_formatting.add(f"C{area[0]}:{get_column_letter(area[2])}{area[1]}", SCALE)
    if len(numbers) <= MOST_SERIES:
        _profile_chart(sheet, numbers, area)


def _profile_chart(sheet: Any, numbers: list[int], area: tuple[int, int, int]) -> None:
    first, last, right = area
    bars = len(numbers) * (right - 2)
    chart = _bars("Above (+) or below (-) the average customer", 4 + 0.3 * bars)
    data = Reference(sheet, min_col=2, max_col=right, min_row=first, max_row=last)
    chart.add_data(data, from_rows=True, titles_from_data=True)
    names = Reference(sheet, min_col=3, max_col=right, min_row=first - 1, max_row=first - 1)
    chart.set_categories(names)
    chart.gapWidth = 60
    chart.x_axis.tickLblPos = "low"  # beside the bars, not on those that go to the left
    for series, segment in zip(chart.series, numbers, strict=True):
        series.graphicalProperties.solidFill = colour(segment)[1:]
        series.invertIfNegative = False
    chart.legend = BarChart().legend
    chart.legend.position = "r"
    sheet.add_chart(chart, f"A{last + 2}")


def _name(sheet: Any, row: int, segment: int, name: str) -> None:
    """Write number, in its colour, and name of a segment."""
    outlier = segment == OUTLIER
    cells.tint(cells.put(sheet, row, 1, "–" if outlier else segment), segment)
    text = label(segment, name)
    cells.put(sheet, row, 2, text).alignment = cells.WRAPPED
    cells.raise_row(sheet, row, [(text, WIDTHS[1])])


def _bars(title: str, height: float) -> Any:
    """Horizontal bars, the first on top."""
    chart: Any = BarChart()
    chart.type, chart.title, chart.legend, chart.style = "bar", title, None, 10
    chart.width, chart.height = CHART_WIDTH, height
    chart.x_axis.scaling.orientation = "maxMin"
    # Without these Excel hides the axes that openpyxl writes.
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.majorGridlines = None
    chart.title.overlay = False
    chart.y_axis.crosses = "max"  # the first bar on top would take the numbers there too
    return chart


def method(sheet: Any, about: About) -> None:
    """Write how the segments were found, how sure they are, how to make them again."""
    cells.widen(sheet, METHOD_WIDTHS)
    sheet.sheet_view.showGridLines = False
    cells.on_paper(sheet, high=1, upright=True)
    cells.put(sheet, 1, 1, "Method").font = cells.TITLE_FONT
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
    cells.put(sheet, row + 1, 1, title).font = cells.PART_FONT
    return _pairs(sheet, rows, row + 2)


def _pairs(sheet: Any, rows: dict[str, str], row: int) -> int:
    for title, text in rows.items():
        if not text:
            continue
        cell = cells.put(sheet, row, 1, title)
        cell.font, cell.alignment = cells.BOLD, cells.TOP
        cells.put(sheet, row, 2, text).alignment = cells.WRAPPED
        cells.raise_row(sheet, row, [(text, METHOD_WIDTHS[1])])
        row += 1
    return row

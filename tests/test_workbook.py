import datetime as dt
import shutil
import subprocess
import time
import tracemalloc
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest

from customer_segmentation import deliverables, workbook
from customer_segmentation.items import File
from customer_segmentation.plots import drawing
from customer_segmentation.profiles.cards import Card
from customer_segmentation.results import About, Tables
from customer_segmentation.style import OUTLIER_COLOUR, colour

OFFICE = shutil.which("soffice")
ABOUT = About(
    "Customer segments: mall", "The 3 customers fall into 2 natural segments.", "Natural means.",
    ["One is small."], "K-means.", "3 rows were read.", {"Run id": "abc"},
    pd.DataFrame({"rule": ["rows read"], "column": [""], "count": [3], "examples": ["=1"]}),
    inexact=["Silhouettes are those of some."],
)  # fmt: skip


def made(table, segments=None, names=None, confidence=None, cards=()):
    segments = segments if segments is not None else pd.Series(1, index=table.index)
    confidence = confidence if confidence is not None else pd.Series(0.5, index=table.index)
    return Tables(table, segments, names if names is not None else {1: "All"}, confidence, cards)


def saved(path, table, segments=None, names=None, confidence=None, cards=(), **options):
    found = made(table, segments, names, confidence, cards)
    workbook.write(path / "r.xlsx", found, ABOUT, **options)
    return openpyxl.load_workbook(path / "r.xlsx")


def small(n_segments=2, text="Young"):
    table = pd.DataFrame(
        {"Age": [20.0, 30.5, 60.0, 61.0], "Gender": pd.Categorical(["F", None, "M", "M"])},
        index=pd.Index([7, 8, 9, 10], name="CustomerID"),
    )
    segments = pd.Series([1, -1, 2, 2] if n_segments > 1 else [1, 1, 1, 1], index=table.index)
    names = {number: f"{text} {number}" for number in range(1, n_segments + 1)}
    cards = [
        Card(number, name, 1, 0.25, text, text, text, text, (text, text), text, 0.9, 0.8, table)
        for number, name in names.items()
    ]
    return {"table": table, "segments": segments, "names": names, "cards": cards}


def test_customers_come_with_segment_name_and_confidence(tmp_path):
    parts = small()
    book = saved(tmp_path, **parts, confidence=pd.Series([0.9, np.nan, 1, 1], parts["table"].index))
    assert book.sheetnames == list(workbook.SHEETS)
    sheet = book["Customers"]
    rows = list(sheet.values)
    assert rows[0] == ("CustomerID", "segment", "segment name", "confidence", "Age", "Gender")
    assert rows[1] == (7, 1, "Young 1", 0.9, 20, "F")
    assert rows[2] == (8, -1, "Outliers", None, 30.5, None)
    assert sheet["D2"].number_format == "0%"
    assert sheet.freeze_panes == "C2"
    assert sheet["A1"].font.bold
    assert sheet.auto_filter.ref == "A1:F5"
    assert sheet.calculate_dimension() == "A1:F5"


def test_programs_that_trust_the_stated_size_read_every_row(tmp_path):
    saved(tmp_path, **small())
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", read_only=True)
    assert (book["Customers"].max_row, book["Customers"].max_column) == (5, 6)


def test_segments_have_the_colours_of_the_pictures(tmp_path):
    book = saved(tmp_path, **small())
    cells = [book["Customers"]["B2"], book["Customers"]["B3"], book["Segments"]["A3"]]
    found = ["#" + cell.fill.fgColor.rgb[2:] for cell in cells]
    assert found == [colour(1), OUTLIER_COLOUR, colour(2)]
    sizes, profiles = book["Summary"]._charts
    points = [p.graphicalProperties.solidFill.srgbClr for p in sizes.series[0].dPt]
    assert ["#" + point for point in points] == [colour(1), colour(2), OUTLIER_COLOUR]
    series = [s.graphicalProperties.solidFill.srgbClr for s in profiles.series]
    assert ["#" + one for one in series] == [colour(1), colour(2)]


def test_the_summary_says_the_verdict_and_counts(tmp_path):
    sheet = saved(tmp_path, **small())["Summary"]
    cells = [value for row in sheet.values for value in row if value is not None]
    assert cells[:2] == [ABOUT.title, ABOUT.sentence]
    for value in ("Customers", 4, "1 · Young 1", 0.25, "Outliers", "Age"):
        assert value in cells


def test_a_segment_is_a_row_with_its_card_means_and_medians(tmp_path):
    rows = list(saved(tmp_path, **small())["Segments"].values)
    second = dict(zip(rows[0], rows[2], strict=True))
    assert second == {
        "number": 2, "name": "Young 2", "customers": 2, "share": 0.5, "who they are": "Young",
        "what to do": "Young", "where": "Young", "rule of thumb": "Young", "rule catches": 0.9,
        "rule is right": 0.8, "what sets them apart": "Young\nYoung", "why this name": "Young",
        "Age (mean)": 60.5, "Age (median)": 60.5, "Gender (most frequent)": "M",
        "Gender (share)": 1,
    }  # fmt: skip


def test_data_quality_and_method_are_told(tmp_path):
    book = saved(tmp_path, **small())
    assert list(book["Data quality"].values)[1] == ("rows read", None, 3, "=1") or list(
        book["Data quality"].values
    )[1] == ("rows read", "", 3, "=1")
    cells = [value for row in book["Method"].values for value in row]
    for text in (ABOUT.method, ABOUT.data, *ABOUT.inexact, "One is small.", "abc", "confidence"):
        assert text in cells


def test_without_words_and_cards_there_is_still_a_workbook(tmp_path):
    parts = small()
    workbook.write(tmp_path / "r.xlsx", made(parts["table"], parts["segments"], parts["names"]))
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert "No cleaning report" in book["Data quality"]["A1"].value
    assert [cell.value for cell in book["Segments"][1]][:4] == [
        "number", "name", "customers", "share",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "#N/A", "=HYPERLINK()"])
def test_text_never_becomes_a_formula(tmp_path, text):
    table = pd.DataFrame({text: [text], "level": pd.Categorical([text])}, index=[text])
    sheet = saved(tmp_path, table, names={1: text})["Customers"]
    for cell in [sheet[2][0], sheet[2][2], sheet[2][4], sheet[2][5], sheet[1][4]]:
        assert (cell.value, cell.data_type) == (text, "s")
    assert sheet[2][4].quotePrefix


@pytest.mark.parametrize("text", ["=1+1", "+1", "@SUM(A1)", "#N/A"])
def test_no_sheet_holds_a_formula(tmp_path, text):
    parts = small(text=text)
    parts["table"] = parts["table"].rename(columns={"Age": text})
    kinds = {
        cell.data_type
        for sheet in saved(tmp_path, **parts)
        for row in sheet.iter_rows()
        for cell in row
    }
    assert kinds <= {"s", "n", "inlineStr"}


def test_values_that_excel_lacks_are_written_readably(tmp_path):
    zone = pd.Timestamp("2026-03-01 12:30", tz="Europe/Berlin")
    odd = [
        zone, pd.NaT, dt.date(1850, 1, 2), dt.time(9, 30), pd.Timedelta("1D"), Decimal("2.5"),
        [1, 2], "a\x00b\x0bc", float("inf"), 10**30, True, "x" * 40_000, pd.Period("2026-01"),
    ]  # fmt: skip
    table = pd.DataFrame({"odd": pd.Series(odd, dtype=object)})
    table["zoned"] = pd.Series([zone] * len(odd))
    found = table.assign(number=[np.nan, np.inf, -np.inf, *range(len(odd) - 3)])
    with np.errstate(invalid="ignore"):
        rows = list(saved(tmp_path, found)["Customers"].values)[1:]
    values = [row[4] for row in rows]
    assert values[:4] == [dt.datetime(2026, 3, 1, 12, 30), None, "1850-01-02", dt.time(9, 30)]
    assert values[4:8] == ["1 days 00:00:00", 2.5, "[1, 2]", "abc"]
    assert values[8:11] == ["inf", str(10**30), True]
    assert len(values[11]) == 32_767
    assert values[12] == "2026-01"
    assert rows[0][5] == dt.datetime(2026, 3, 1, 12, 30)
    assert [row[6] for row in rows[:4]] == [None, "inf", "-inf", 0]


@pytest.mark.parametrize("n", [0, 1, 4])
def test_as_many_customers_as_a_sheet_holds_are_on_it(tmp_path, monkeypatch, n):
    monkeypatch.setattr(workbook, "MOST_ROWS", 5)
    table = pd.DataFrame({"x": np.arange(n, dtype=float)})
    rows = list(saved(tmp_path, table)["Customers"].values)
    assert rows[0][0] == "customer_id"
    assert [row[4] for row in rows[1:]] == table["x"].tolist()


def test_more_customers_than_a_sheet_holds_are_in_a_file_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    monkeypatch.setattr(drawing, "started", lambda: False)  # another process has its own limit
    made_of = deliverables.files(made(**small()))
    items = {item.path: item for item in made_of if isinstance(item, File)}
    assert list(items) == ["Customer_Segmentation_Results.xlsx", workbook.BESIDE]
    for name, item in items.items():
        item.write(tmp_path / name)
    said = openpyxl.load_workbook(tmp_path / "Customer_Segmentation_Results.xlsx")["Customers"]
    assert said["A1"].value.startswith("The 4 customers are more than the 3 that an Excel sheet")
    beside = pd.read_parquet(tmp_path / workbook.BESIDE)
    assert beside["segment"].tolist() == [1, -1, 2, 2]
    assert beside["CustomerID"].tolist() == [7, 8, 9, 10]


def test_columns_called_like_ours_keep_their_values(tmp_path):
    table = pd.DataFrame({"segment": ["gold"], "confidence": [7.0]})
    rows = list(saved(tmp_path, table)["Customers"].values)
    assert rows[0][1:] == (
        "segment", "segment name", "confidence", "segment (data)", "confidence (data)",
    )  # fmt: skip
    assert rows[1][1:] == (1, "All", 0.5, "gold", 7)


@pytest.mark.parametrize("case", ["none", "one", "outliers", "fifteen"])
def test_any_number_of_segments_makes_a_workbook(tmp_path, case):
    n = {"none": 0, "one": 10, "outliers": 10, "fifteen": 45}[case]
    table = pd.DataFrame({f"A long column name {i}": np.arange(n) % (i + 2.0) for i in range(30)})
    numbers = {"one": [1] * n, "outliers": [-1] * n}.get(case, [i % 15 + 1 for i in range(n)])
    names = {i: f"A very long segment name with the number {i}" for i in numbers if i > 0}
    book = saved(tmp_path, table, pd.Series(numbers, table.index, dtype="int64"), names)
    assert book["Segments"].max_row == len(names) + 1
    # Fifteen segments in one chart could not be told apart; the table has them.
    assert len(book["Summary"]._charts) == (1 if n else 0)


def test_other_customers_are_refused_before_a_file_is_made(tmp_path):
    table = pd.DataFrame({"x": [1.0]})
    with pytest.raises(ValueError, match="expected one per customer"):
        saved(tmp_path, table, pd.Series([1, 2]))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_hundred_thousand_customers_take_bounded_time_and_memory(tmp_path):
    n = 200_000
    table = pd.DataFrame({f"x{i}": np.arange(n) / (i + 1) for i in range(11)})
    table["city"] = pd.Categorical.from_codes(np.arange(n) % 3, pd.Index(["a", "b", "c"]))
    found = made(table)
    begun = time.perf_counter()
    workbook.write(tmp_path / "r.xlsx", found)
    assert time.perf_counter() - begun < 60
    tracemalloc.start()
    workbook.write(tmp_path / "r.xlsx", made(table.head(20_000)))
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_it(tmp_path):
    saved(tmp_path, **small())
    command = [OFFICE, "--headless", "--convert-to", "pdf", "--outdir", tmp_path]
    subprocess.run([*map(str, command), tmp_path / "r.xlsx"], check=True, timeout=120)
    assert (tmp_path / "r.pdf").stat().st_size > 10_000

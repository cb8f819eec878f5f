import datetime as dt
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest

from customer_segmentation import workbook


def saved(path, table, segments=None, names=None, confidence=None, **options):
    segments = segments if segments is not None else pd.Series(1, index=table.index)
    confidence = confidence if confidence is not None else pd.Series(0.5, index=table.index)
    counts = pd.DataFrame(
        {"segment": [1], "name": ["All"], "customers": [len(table)], "share": 1.0}
    )
    workbook.write(
        path / "r.xlsx", table, segments, names or {1: "All"}, confidence, counts, counts, **options
    )
    return openpyxl.load_workbook(path / "r.xlsx")


def test_customers_come_with_segment_name_and_confidence(tmp_path):
    table = pd.DataFrame(
        {"Age": [20.0, 30.5], "Gender": pd.Categorical(["F", None])},
        index=pd.Index([7, 8], name="CustomerID"),
    )
    segments = pd.Series([1, -1], index=table.index)
    book = saved(tmp_path, table, segments, {1: "Young"}, pd.Series([0.9, np.nan], table.index))
    assert book.sheetnames == ["Customers", "Segments", "Counts"]
    rows = list(book["Customers"].values)
    assert rows[0] == ("CustomerID", "Age", "Gender", "segment", "segment name", "confidence")
    assert rows[1] == (7, 20, "F", 1, "Young", 0.9)
    assert rows[2] == (8, 30.5, None, -1, "Outliers", None)
    sheet = book["Customers"]
    assert sheet["F2"].number_format == "0%"
    assert sheet.freeze_panes == "B2"
    assert sheet["A1"].font.bold
    assert sheet.auto_filter.ref == "A1:F3"
    assert book["Counts"]["D2"].number_format == "0%"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "#N/A", "=HYPERLINK()"])
def test_text_never_becomes_a_formula(tmp_path, text):
    table = pd.DataFrame({text: [text], "level": pd.Categorical([text])}, index=[text])
    sheet = saved(tmp_path, table, names={1: text})["Customers"]
    for cell in [*sheet[2][:3], sheet[2][4], sheet[1][1]]:
        assert (cell.value, cell.data_type) == (text, "s")
    assert sheet[2][1].quotePrefix


def test_values_that_excel_lacks_are_written_readably(tmp_path):
    zone = pd.Timestamp("2026-03-01 12:30", tz="Europe/Berlin")
    odd = [
        zone, pd.NaT, dt.date(1850, 1, 2), dt.time(9, 30), pd.Timedelta("1D"), Decimal("2.5"),
        [1, 2], "a\x00b\x0bc", float("inf"), 10**30, True, "x" * 40_000, pd.Period("2026-01"),
    ]  # fmt: skip
    table = pd.DataFrame({"odd": pd.Series(odd, dtype=object)})
    table["zoned"] = pd.Series([zone] * len(odd))
    table["number"] = [np.nan, np.inf, -np.inf, *range(len(odd) - 3)]
    rows = list(saved(tmp_path, table)["Customers"].values)[1:]
    values = [row[1] for row in rows]
    assert values[:4] == [dt.datetime(2026, 3, 1, 12, 30), None, "1850-01-02", dt.time(9, 30)]
    assert values[4:8] == ["1 days 00:00:00", 2.5, "[1, 2]", "abc"]
    assert values[8:11] == ["inf", str(10**30), True]
    assert len(values[11]) == 32_767
    assert values[12] == "2026-01"
    assert rows[0][2] == dt.datetime(2026, 3, 1, 12, 30)
    assert [row[3] for row in rows[:4]] == [None, "inf", "-inf", 0]


@pytest.mark.parametrize(("n", "sheets"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_more_rows_than_a_sheet_holds_go_on_to_the_next(tmp_path, n, sheets):
    table = pd.DataFrame({"x": np.arange(n, dtype=float)})
    book = saved(tmp_path, table, most_rows=5)
    names = [name for name in book.sheetnames if name.startswith("Customers")]
    assert names == ["Customers", "Customers 2", "Customers 3"][:sheets]
    found = [row[1] for name in names for row in list(book[name].values)[1:]]
    assert found == table["x"].tolist()
    assert all(book[name]["A1"].value == "customer_id" for name in names)


def test_columns_called_like_ours_keep_their_values(tmp_path):
    table = pd.DataFrame({"segment": ["gold"], "confidence": [7.0]})
    rows = list(saved(tmp_path, table)["Customers"].values)
    assert rows[0][1:] == (
        "segment (data)", "confidence (data)", "segment", "segment name", "confidence",
    )  # fmt: skip
    assert rows[1][1:] == ("gold", 7, 1, "All", 0.5)


def test_other_customers_are_refused_before_a_file_is_made(tmp_path):
    table = pd.DataFrame({"x": [1.0]})
    with pytest.raises(ValueError, match="expected one per customer"):
        saved(tmp_path, table, pd.Series([1, 2]))
    assert not list(tmp_path.iterdir())

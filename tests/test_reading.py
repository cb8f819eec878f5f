"""A large clean file is read at once, and comes out as if it had been read cell by cell."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from customer_segmentation import data, features, numerals
from customer_segmentation.data import formats, large_text

CELLS = st.sampled_from(
    ["", "1", "2.5", "-3", "1e3", "007", "1,5", "n/a", "abc", " x", "x ", "é", "nan", "inf", "+4",
     "2024-01-31", "12 %", "$5", "NULL", ".", "1_0", "0x1", '"a"', '"1,5"', '" x"', '"a ""b"""',
     '"x\ny"', '"x"y', 'a"b', ' "a"', '""', "-$1.234,50", "€ 1.234", "1,234 EUR", "+5", "-007"]
)  # fmt: skip
NAMES = st.sampled_from(["CustomerID", "age", "Spend (k$)", " b", "c", "", "age", "größe"])


@st.composite
def files(draw):
    """Files of all kinds, mostly clean ones."""
    width = draw(st.integers(1, 4))
    names = draw(st.lists(NAMES, min_size=width, max_size=width))
    clean = draw(st.booleans())
    cell = st.integers(-99, 999).map(str) if clean else CELLS
    row = st.lists(cell, min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=1, max_size=8))
    separator = draw(st.sampled_from(";,\t"))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(separator.join(line) for line in [names, *rows])
    above = ["\ufeff", "Sales" + separator * (width - 1) + end]
    extra = draw(st.sampled_from(["", "", "", end, end + end, '"', separator, *above]))
    return extra + text if extra in above else text + extra


def outcome(file):
    try:
        return data.load(file)
    except data.DataError as error:
        return str(error)


@given(files())
def test_at_once_equals_cell_by_cell(text):
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        file = Path(folder) / "shop.csv"
        file.write_bytes(text.encode())
        slow = outcome(file)
        patch.setattr(large_text, "LARGE", 0)
        patch.setattr(numerals, "LONG", 0)
        fast = outcome(file)
    if isinstance(slow, str) or isinstance(fast, str):
        assert fast == slow
        return
    assert_frame_equal(fast.table, slow.table, check_freq=False)
    assert_frame_equal(fast.report, slow.report)
    assert fast.summary == slow.summary


def test_a_large_clean_file_is_read_many_times_as_fast(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(100, 20, (60_000, 6)).round(2), columns=list("abcdef"))
    table.to_csv(tmp_path / "shop.csv", index_label="customer_id")
    data.load(tmp_path / "shop.csv")  # pays for imports

    def seconds():
        start = time.process_time()
        found = data.load(tmp_path / "shop.csv")
        return time.process_time() - start, found

    at_once, fast = seconds()
    monkeypatch.setattr(large_text, "LARGE", 10**12)
    monkeypatch.setattr(numerals, "LONG", 10**12)
    cell_by_cell, slow = seconds()
    assert_frame_equal(fast.table, slow.table)
    assert at_once < cell_by_cell / 2.5


def customers(rows: int = 40_000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:06}" for number in range(rows)],
            "spend": [f"${amount:,.2f}" for amount in rng.gamma(2, 900, rows)],
            "city": rng.choice(["Köln ", "köln", "Ulm", "n/a"], rows),
            "visits": rng.integers(0, 60, rows),
            "broken": np.where(np.arange(rows) % 100, "12", "twelve"),
        }
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_only_the_wanted_columns_are_read(tmp_path, suffix):
    path = tmp_path / f"shop.{suffix}"
    write = customers().to_csv if suffix == "csv" else customers().to_parquet
    write(path, index=False)
    with pytest.raises(data.DataError, match="'broken': got other text in 400 cells"):
        data.load(path)
    whole = data.load(path, columns={"broken": {"type": "text"}})
    part = data.load(path, only=["city", "spend"], columns={"visits": {"min": 0}})
    assert_frame_equal(part.table, whole.table[["spend", "city"]])
    assert part.unread == ["visits", "broken"]
    assert part.sha256 == whole.sha256
    about = whole.report[~whole.report["column"].isin(["visits", "broken"])]
    assert_frame_equal(part.report, about.reset_index(drop=True))


def test_without_ids_equal_rows_of_the_wanted_columns_stay_different_customers(tmp_path):
    path = tmp_path / "shop.csv"
    pd.DataFrame({"age": [31, 31, 40, 40], "city": list("abcc")}).to_csv(path, index=False)
    assert data.load(path).table["age"].tolist() == [31, 31, 40]
    part = data.load(path, only=["age"])
    assert part.table["age"].tolist() == [31, 31, 40, 40]
    assert "duplicate row kept: 2" in part.summary


def test_only_names_columns_of_the_file(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("age,city\n31,a\n40,b\n")
    with pytest.raises(data.DataError, match=r"no column 'aeg'.*data\.only.*closest is 'age'"):
        data.load(path, only=["aeg"])
    with pytest.raises(data.DataError, match=r"data\.only: got 'age', expected a list"):
        data.load(path, only="age")
    transforms = [{"columns": ["city"], "transform": "passthrough"}]
    found = data.load(path, only=["age"])
    with pytest.raises(features.FeatureError, match=r"\['city'\] left unread by data\.only"):
        features.build(found.table, transforms, name="places", unread=found.unread)


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8", ","), ("cp1252", ";")])
def test_dirt_in_a_large_file_does_not_make_it_slow(tmp_path, monkeypatch, encoding, separator):
    path = tmp_path / "shop.csv"
    table = customers(50_000).drop(columns="broken")  # quotes around what has the separator in it
    table.to_csv(path, index=False, sep=separator, encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(formats, "text_rows", lambda *_: pytest.fail("read cell by cell"))
        at_once = data.load(path)
    monkeypatch.setattr(large_text, "LARGE", 10**12)
    monkeypatch.setattr(numerals, "LONG", 10**12)
    cell_by_cell = data.load(path)
    assert_frame_equal(at_once.report, cell_by_cell.report)
    assert_frame_equal(at_once.table, cell_by_cell.table)

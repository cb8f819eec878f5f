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

from customer_segmentation import data
from customer_segmentation.data import large_text, numerals

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
    extra = draw(st.sampled_from(["", "", "", end, end + end, '"', separator, "\ufeff"]))
    return extra + text if extra == "\ufeff" else text + extra


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

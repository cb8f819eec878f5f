"""Files of any size and shape are read in chunks as training reads them, and written whole."""

import csv
import errno
import gc
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from conftest import ROOT, environment
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_segmentation import batches, data
from customer_segmentation.batches import source as sources
from customer_segmentation.batches import target as targets
from customer_segmentation.batches import text as texts
from customer_segmentation.data.findings import DataError, Findings
from customer_segmentation.data.identity import found_id
from customer_segmentation.data.reading import read
from customer_segmentation.segmenter.converter import Converter

SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64()), ("share", pa.float64())])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks from small files."""
    monkeypatch.setattr(sources, "ROWS", 7)
    monkeypatch.setattr(texts, "ROWS", 7)
    monkeypatch.setattr(texts, "BLOCK", 256)


def whole(path, columns=None, **options):
    source = batches.open_source(path, **options)
    chunks = list(source.chunks(columns or source.columns))
    return pd.concat([chunk.frame for chunk in chunks]), chunks


def text_file(tmp_path, content, name="shop.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = "".join(f"{i:05d},{i / 2},town {i % 3}\n" for i in range(60))
TEXTS = {
    "plain": "id,spend,town\n" + ROWS,
    "semicolons": ("id,spend,town\n" + ROWS).replace(".", "#").replace(",", ";").replace("#", ","),
    "sep line": "sep=;\n" + ("id,spend,town\n" + ROWS).replace(",", ";"),
    "windows line ends": ("id,spend,town\n" + ROWS).replace("\n", "\r\n"),
    "old mac line ends": ("id,spend,town\n" + ROWS).replace("\n", "\r"),
    "quotes": "id,spend,town\n" + ROWS.replace("town 1", '"town, with a ""comma"" 1"'),
    "line end in quotes": "id,spend,town\n" + ROWS.replace("town 1", '"town\n1"'),
    "blank before quote": "id,spend,town\n" + ROWS.replace("town 1", ' "town, 1"'),
    "blanks around": "id , spend,town\n" + ROWS.replace(",", " , "),
    "blank lines": "\n\nid,spend,town\n" + ROWS.replace("00030", "\n00030") + "\n\n",
    "short rows": "id,spend,town\n" + ROWS.replace(",town 2", ""),
    "trailing separators": ("id,spend,town\n" + ROWS).replace("\n", ",\n"),
    "quoted header": '"id","spend\n(EUR)","town"\n' + ROWS,
    "no last line end": "id,spend,town\n" + ROWS.rstrip(),
    "title": "Customers 2026,,\n,,\nid,spend,town\n" + ROWS,
    "byte order mark": "\ufeffid,spend,town\n" + ROWS,
    "type changes halfway": "id,spend,town\n" + ROWS.replace("00050,25.0", "A-50,many"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_cells_are_those_that_training_reads(kind, tmp_path):
    path = text_file(tmp_path, TEXTS[kind])
    expected = read(path, Findings()).frame.fillna("")
    found, chunks = whole(path)
    assert len(chunks) > 3
    pd.testing.assert_frame_equal(
        found[expected.columns].fillna("").reset_index(drop=True),
        expected.reset_index(drop=True),
    )
    assert found["id"].iloc[7] == "00007"


def test_a_bad_byte_in_a_file_leaves_the_others_what_they_are(tmp_path):
    content = ("id,größe\n" + "1,Köln\n" * 20).encode() + "2,Köln\n".encode("cp1252")
    path = text_file(tmp_path, content)
    found, _ = whole(path)
    assert found["größe"].unique().tolist() == ["Köln"]
    findings = Findings()
    assert read(path, findings).frame["größe"].unique().tolist() == ["Köln"]
    assert findings.entries[0].detail.endswith("the first in line 22")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "utf-16"])
def test_the_encoding_is_that_of_the_whole_file(encoding, tmp_path):
    last = "é\x81" if encoding == "latin-1" else "é€" if encoding != "utf-8" else "é€漢"
    content = "id,town\n" + "".join(f"{i},Bonn\n" for i in range(5000)) + f"x,{last}"
    source = batches.open_source(text_file(tmp_path, content.encode(encoding)))
    *_, chunk = source.chunks(["town"])
    assert chunk.frame["town"].iloc[-1] == last
    assert ("encoding" in " ".join(source.notes)) == (encoding != "utf-8")


def test_a_row_with_too_many_cells_is_a_problem_and_the_rest_is_read(tmp_path):
    rows = [f"{i},{i}" for i in range(40)]
    rows[20] = "20,20,oops"
    found, chunks = whole(text_file(tmp_path, "id,n\n" + "\n".join(rows)))
    assert len(found) == 40
    assert found.index.tolist() == list(range(1, 41))
    problems = {row: why for chunk in chunks for row, why in chunk.problems.items()}
    assert problems == {21: "got 3 cells, expected 2"}


def test_row_numbers_go_on_over_chunks_in_every_format(tmp_path):
    frame = pd.DataFrame({"id": range(30), "n": np.arange(30) / 2})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    for name in ("a.csv", "a.parquet", "a.xlsx"):
        found, chunks = whole(tmp_path / name, ["n"])
        assert len(chunks) == 5 or name == "a.csv"
        assert found.index.tolist() == list(range(1, 31))
        assert list(found) == ["n"]
        assert batches.open_source(tmp_path / name).rows() == 30


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_source_knows_which_row_of_the_file_its_first_is(suffix, tmp_path):
    title = [["Customers of 2026", None, None], [None, None, None]]
    rows = [*title, ["id", "n", "m"], ["a", 1, 7], ["b", 2, 8], ["c", 3, 9]]
    frame, path = pd.DataFrame(rows), tmp_path / f"a.{suffix}"
    written = frame.to_csv if suffix == "csv" else frame.to_excel
    written(path, index=False, header=False)
    source = batches.open_source(path)
    chunk = next(source.chunks(["id"])).frame
    assert chunk["id"].to_dict() == {1: "a", 2: "b", 3: "c"}
    assert source.above + chunk.index[0] == 4


def test_long_whole_numbers_with_gaps_keep_their_digits(tmp_path):
    ids = pd.Series([9007199254740993, None], dtype="Int64")
    pd.DataFrame({"id": ids}).to_parquet(tmp_path / "a.parquet")
    found, _ = whole(tmp_path / "a.parquet")
    assert found["id"].iloc[0] == 9007199254740993


def test_text_in_a_parquet_file_is_trimmed_as_in_training(tmp_path):
    path = tmp_path / "shop.parquet"
    pd.DataFrame({"id": [" a ", " ", "b"], "n": [1, 2, 3]}).to_parquet(path)
    found = next(batches.open_source(path).chunks(["id"])).frame["id"]
    assert found.fillna("missing").tolist() == ["a", "missing", "b"]


def test_lists_in_a_parquet_file_are_no_numbers_and_break_nothing(tmp_path):
    path = tmp_path / "shop.parquet"
    frame = pd.DataFrame({"customer_id": ["a", "a"], "n": [[1, 2], None], "tags": [["x"], ["y"]]})
    frame.to_parquet(path)
    source = batches.open_source(path)
    assert found_id(source.head) == "customer_id"
    cells = next(source.chunks(["n"])).frame
    _, problems = Converter(["n"], {}, cells)(cells)
    assert problems == {1: "column 'n': got '[1 2]', expected a number"}


def test_a_sheet_is_chosen_and_its_blank_rows_are_not_customers(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["other"])
    sheet = book.create_sheet("Data")
    for row in [[None], ["id", "n"], ["007", 1], [None, None], [8, "x"]]:
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    found, _ = whole(tmp_path / "a.xlsx", sheet="Data")
    assert found.to_numpy().tolist() == [["007", 1], [8, "x"]]
    assert found.index.tolist() == [1, 3]
    with pytest.raises(DataError, match="expected one of Sheet, Data"):
        batches.open_source(tmp_path / "a.xlsx", sheet="Dat")
    with pytest.raises(DataError, match=r"no rows \(read sheet 'Sheet', left Data\)"):
        batches.open_source(tmp_path / "a.xlsx")
    (tmp_path / "a.csv").write_text("id,n\n007,1\n")
    with pytest.raises(DataError, match="only with an Excel file"):
        batches.open_source(tmp_path / "a.csv", sheet="Data")


def test_a_very_wide_table_opens_in_no_time(tmp_path):
    names = [f"c{place}" for place in range(8000)]
    (tmp_path / "a.csv").write_text(f"{','.join(names)}\n{','.join('1' * 8000)}\n")
    start = time.process_time()
    assert len(batches.open_source(tmp_path / "a.csv").columns) == 8000
    assert time.process_time() - start < 5


BAD = {
    "nothing": (b"", "a.csv", "empty file"),
    "blanks": (b" \n\n", "a.csv", "empty file"),
    "header only": (b"id,n\n", "a.csv", "a header and no rows"),
    "extension": (b"id", "a.doc", "expected one of .csv"),
    "parquet as csv": (b"PAR1....", "a.csv", "a Parquet file"),
    "zip as csv": (b"PK\x03\x04\0\0", "a.csv", "an Excel workbook"),
    "csv as parquet": (b"id,n\n1,2\n", "a.parquet", "no Parquet file"),
    "csv as excel": (b"id,n\n1,2\n", "a.xlsx", "no Excel workbook"),
    "column twice": (b"id,n,n\n1,2,3\n", "a.csv", "each column name once"),
    "stray quote": (b'id,n\n1,2\n"3,4\n5,6\n', "a.csv", "broken quoting"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_is_said(kind, tmp_path):
    content, name, words = BAD[kind]
    with pytest.raises(DataError, match=words):
        list(batches.open_source(text_file(tmp_path, content, name)).chunks(["id"]))


def test_a_missing_file_names_its_neighbours(tmp_path):
    text_file(tmp_path, "id\n1\n", "customers.csv")
    with pytest.raises(DataError, match=r"customers\.csv"):
        batches.open_source(tmp_path / "customer.csv")
    with pytest.raises(DataError, match="does not exist either"):
        batches.open_source(tmp_path / "no" / "customer.csv")
    with pytest.raises(DataError, match="got a folder"):
        batches.open_source(tmp_path)


NUMBERS = {
    "plain": (["1", "2.5", " 3 ", "-4e1"], [1, 2.5, 3, -40]),
    "gaps": (["1", "", "?", "N/A", None], [1, np.nan, np.nan, np.nan, np.nan]),
    "money": (["$1,234.50", "(7)", "12 %", "1.5"], [1234.5, -7, 12, 1.5]),
    "comma": (["1.234,50", "7,5", "1.000", "3"], [1234.5, 7.5, 1000, 3]),
    "plain comma": (["7,5", "3", "0,25"], [7.5, 3, 0.25]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_read_as_in_training(kind):
    cells, expected = NUMBERS[kind]
    frame = pd.DataFrame({"n": pd.Series(cells, dtype="str")})
    found, problems = Converter(["n"], {}, frame)(frame)
    assert found["n"].to_numpy() == pytest.approx(expected, nan_ok=True)
    assert not problems


@settings(deadline=None)
@given(st.lists(st.sampled_from(["1.234", "7,5", "12", "x", "?", "2.000,5"]), min_size=1))
def test_a_cell_means_the_same_alone_and_in_any_chunk(cells):
    head = pd.DataFrame({"n": pd.Series(["7,5", "1,25"], dtype="str")})
    convert = Converter(["n"], {}, head)
    frame = pd.DataFrame({"n": pd.Series(cells, dtype="str")})
    found, problems = convert(frame)
    for row in frame.index:
        alone, problem = convert(frame.loc[[row]])
        pd.testing.assert_frame_equal(alone, found.loc[[row]])
        assert problem == {r: why for r, why in problems.items() if r == row}


def test_cells_that_are_no_numbers_are_named_with_their_rows():
    frame = pd.DataFrame({"age": ["31", "abc", "inf"], "n": [1.0, np.inf, 2.0]})
    found, problems = Converter(["age", "n"], {}, frame)(frame)
    assert found["age"].tolist()[0] == 31
    assert problems == {
        1: "column 'age': got 'abc', expected a number; column 'n': got inf, expected a number",
        2: "column 'age': got 'inf', expected a number",
    }


def test_cells_of_a_workbook_may_be_numbers_and_text_mixed():
    frame = pd.DataFrame({"n": [1, "2,5", 3.5, None, "x", True, 10**400]}, dtype=object)
    found, problems = Converter(["n"], {}, frame)(frame)
    assert found["n"].tolist()[:3] == [1, 2.5, 3.5]
    assert list(problems) == [4, 6]


def test_levels_get_the_spelling_of_training_and_new_ones_stay():
    cells = ["male ", "MALE", "Martian", "unknown", None, "1.0"]
    frame = pd.DataFrame({"sex": pd.Series(cells, dtype="str")})
    found, problems = Converter([], {"sex": ["Male"]}, frame)(frame)
    levels = found["sex"].astype("str").fillna("").tolist()
    assert levels == ["Male", "Male", "Martian", "", "", "1.0"]
    assert not problems
    numbers = pd.DataFrame({"k": [1.0, 2.0, np.nan]})
    assert Converter([], {}, numbers)(numbers)[0]["k"].tolist()[:2] == ["1", "2"]


@pytest.mark.parametrize("cells", [[1, 0], [True, False], ["TRUE", "false"], ["1", "0"]])
def test_yes_and_no_are_the_levels_of_training_in_every_guise(cells):
    frame = pd.DataFrame({"club": cells})
    convert = Converter([], {"club": ["True", "False"]}, frame)
    assert convert(frame)[0]["club"].tolist() == ["True", "False"]


def test_a_word_declared_as_missing_is_missing_even_if_it_is_a_number():
    frame = pd.DataFrame({"n": pd.Series(["1", "999"], dtype="str")})
    found, _ = Converter(["n"], {}, frame, ["999"])(frame)
    assert found["n"].fillna(-1).tolist() == [1, -1]


def test_training_and_scoring_agree_on_a_messy_file(tmp_path):
    rows = ["1;1.200,50;male", "2;?;MALE", "3;12 EUR;female", "4;7,5;Female"] * 5
    lines = [f"{i}{row[1:]}" for i, row in enumerate(rows)]
    path = text_file(tmp_path, "id;spend;sex\n" + "\n".join(lines))
    trained = data.load(path).table
    levels = {"sex": [str(level) for level in trained["sex"].cat.categories]}
    found, _ = whole(path, ["spend", "sex"])
    read_again, problems = Converter(["spend"], levels, found)(found)
    assert not problems
    known = read_again["spend"].notna().to_numpy()
    assert (read_again["spend"].to_numpy()[known] == trained["spend"].to_numpy()[known]).all()
    assert read_again["sex"].tolist() == trained["sex"].astype(str).tolist()


def rows_of(n, start=0):
    ids = pd.Series([f"{i:04d}" for i in range(start, start + n)], dtype="str")
    numbers = pd.array([None, *range(1, n)][:n], dtype="Int64")
    frame = pd.DataFrame({"id": ids, "n": numbers, "share": 0.5})
    return pa.RecordBatch.from_pandas(frame, SCHEMA, preserve_index=False)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_chunks_come_back_as_one_table(suffix, tmp_path):
    path = tmp_path / f"out{suffix}"
    with batches.open_target(path, SCHEMA) as writer:
        writer.write(rows_of(5))
        writer.write(rows_of(0))
        writer.write(rows_of(4, 5))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    found, _ = whole(path)
    assert found["id"].tolist() == [f"{i:04d}" for i in range(9)]
    assert pd.to_numeric(found["n"]).fillna(0).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3]


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)))
def test_any_text_survives_in_csv(ids):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        with batches.open_target(path, pa.schema([("id", pa.string())])) as writer:
            writer.write(pa.record_batch({"id": pa.array(ids, pa.string())}))
        content = path.read_bytes().decode()
    assert list(csv.reader(io.StringIO(content, newline="")))[1:] == [[text] for text in ids]


def test_excel_gets_no_formula_and_ids_as_numbers_where_nothing_is_lost(tmp_path):
    path = tmp_path / "out.xlsx"
    ids = ["=1+1", "#N/A", "007", "12", "1234567890123456", "a\x01b"]
    with batches.open_target(path, pa.schema([("id", pa.string())])) as writer:
        writer.write(pa.record_batch({"id": ids}))
    cells = [row[0] for row in openpyxl.load_workbook(path).active.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == ["=1+1", "#N/A", "007", 12, "1234567890123456", "ab"]
    assert [cell.data_type for cell in cells] == ["s", "s", "s", "n", "s", "s"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_output_and_nothing_else(suffix, error, tmp_path):
    path = text_file(tmp_path, "old", f"out{suffix}")

    def fail():
        with batches.open_target(path, SCHEMA) as writer:
            writer.write(rows_of(5))
            raise error

    with pytest.raises(error):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


def test_a_disk_that_fills_up_is_said_and_no_workbook_stays_open(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def write():
        with batches.open_target(tmp_path / "out.xlsx", SCHEMA) as writer:
            writer.write(rows_of(5))
            monkeypatch.setattr(zipfile.ZipFile, "_writecheck", full)

    with pytest.raises(DataError, match="got No space left on device while writing"):
        write()
    gc.collect()  # an archive that is still open would complain
    assert not list(tmp_path.iterdir())


def test_more_rows_than_a_sheet_holds_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(targets, "MOST_ROWS", 5)
    with (
        pytest.raises(DataError, match="holds no more"),
        batches.open_target(tmp_path / "out.xlsx", SCHEMA) as writer,
    ):
        writer.write(rows_of(5))
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="expected at most 4"):
        batches.check_target(tmp_path / "out.xlsx", tmp_path / "in.csv", 5)


def test_outputs_that_cannot_be_are_refused_before_any_work(tmp_path):
    given_file = text_file(tmp_path, "id\n1\n", "in.csv")
    (tmp_path / "link.csv").symlink_to(given_file)
    (tmp_path / "folder.csv").mkdir()
    for name, words in {
        "in.csv": "the input as output",
        "link.csv": "the input as output",
        "folder.csv": "a folder as output",
        "no/out.csv": "does not exist",
        "out.doc": "expected one of",
    }.items():
        with pytest.raises(DataError, match=words):
            batches.check_target(tmp_path / name, given_file)


def test_the_output_goes_through_a_link(tmp_path):
    real = text_file(tmp_path, "old", "real.csv")
    real.chmod(0o600)
    link = tmp_path / "link.csv"
    link.symlink_to(real)
    with batches.open_target(link, SCHEMA) as writer:
        writer.write(rows_of(2))
        [part] = tmp_path.glob(".real.csv.*")
        assert part.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()
    assert real.read_text().startswith("id,n,share\n")
    assert real.stat().st_mode & 0o777 == 0o600  # nobody else may read the new one either


def test_a_write_protected_output_is_not_replaced(tmp_path, monkeypatch):
    path = text_file(tmp_path, "kept", "out.csv")
    path.chmod(0o400)
    # As for everybody but root.
    monkeypatch.setattr(os, "access", lambda file, _: bool(os.stat(file).st_mode & 0o200))
    with pytest.raises(DataError, match="write-protected"):
        batches.check_target(path, tmp_path / "in.csv")


WRITE = """
import sys; sys.path.insert(0, {src!r})
from pathlib import Path
import pyarrow as pa
from customer_segmentation import batches
with batches.open_target(Path({path!r}), pa.schema([("id", pa.string())])) as writer:
    while True:
        writer.write(pa.record_batch({{"id": ["x"] * 1000}}))
        print("written", flush=True)
"""


def test_a_killed_process_leaves_no_output(tmp_path):
    path = tmp_path / "out.csv"
    code = WRITE.format(src=str(ROOT / "src"), path=str(path))
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE
    )
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not path.exists()
    assert all(file.name.startswith(".out.csv.") for file in tmp_path.iterdir())
    with batches.open_target(path, SCHEMA), batches.open_target(path, SCHEMA):  # a living one stays
        assert len(list(tmp_path.iterdir())) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_memory_stays_bounded_by_the_chunk(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("id,n,text\n")
        for i in range(400_000):
            file.write(f"{i},{i / 7:.6f},some longer text that is not needed {i}\n")
    code = f"""
import sys; sys.path.insert(0, {str(ROOT / "src")!r})
from pathlib import Path
import resource
from customer_segmentation import batches
source = batches.open_source(Path({str(path)!r}))
chunks = source.chunks(["id", "n"]); next(chunks)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(len(chunk.frame) for chunk in chunks)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(rows, (after - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    rows, megabytes = map(int, done.stdout.split())
    assert rows > 300_000
    assert megabytes < 60


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_title_that_is_left_out_is_said(name, tmp_path):
    rows = pd.DataFrame([["Sales 2026", None, None], ["id", "spend", "town"], [1, 2, "York"]])
    path = tmp_path / name
    write = rows.to_csv if name.endswith("csv") else rows.to_excel
    write(path, index=False, header=False)
    source = batches.open_source(path)
    assert source.columns == ["id", "spend", "town"]
    assert source.notes == ["rows above the header left out: 'Sales 2026'"]

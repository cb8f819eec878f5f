"""The customer table: read from dirty files, cleaned, every row accounted for, errors that help."""

import datetime as dt
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer_segmentation.data import CustomerData, DataError, load

ROOT = Path(__file__).parents[1]
MALL = ROOT / "data" / "mall_customers.csv"


@pytest.fixture
def write(tmp_path):
    def written(content, name="shop.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def lines(data: CustomerData, rule: str) -> pd.DataFrame:
    return data.report[data.report["rule"] == rule]


def refused(path, **options) -> str:
    with pytest.raises(DataError) as error:
        load(path, **options)
    return str(error.value)


# The data that come with the project


def config_of(name: str) -> dict:
    config = yaml.safe_load((ROOT / f"conf/data/{name}.yaml").read_text()) | {"path": MALL}
    assert config.pop("_target_") == f"{load.__module__}.load"
    return config


def test_mall_config_loads_the_mall_table():
    config = config_of("mall")
    data = load(**config)
    assert data.name == "mall"
    assert data.summary == "200 customers read, 200 kept; nothing to clean"
    assert data.table.shape == (200, 4)
    assert data.table.index.name == "CustomerID"
    assert data.table.index.tolist() == list(range(1, 201))
    assert data.table["Gender"].cat.categories.tolist() == ["Male", "Female"]
    assert (data.table.dtypes.iloc[1:] == "float64").all()
    assert data.sha256 == hashlib.sha256(MALL.read_bytes()).hexdigest()
    assert data.sha256.startswith("194975e1")


def test_every_key_of_csv_config_is_read_by_load():
    assert load(**config_of("csv")).name == "mall_customers"


# Formats


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": ["007", "012", "100"], "Age": [31, 40, 52], "City": ["Ulm", "Rom", "Ulm"]}
    )


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "parquet", "pq", "xlsx"])
def test_formats_give_the_same_table(tmp_path, suffix):
    path = tmp_path / f"shop.{suffix}"
    writers = {
        "csv": lambda: table().to_csv(path, index=False),
        "tsv": lambda: table().to_csv(path, index=False, sep="\t"),
        "txt": lambda: table().to_csv(path, index=False, sep="|"),
        "parquet": lambda: table().to_parquet(path),
        "pq": lambda: table().set_index("customer_id").to_parquet(path),
        "xlsx": lambda: table().to_excel(path, index=False),
    }
    writers[suffix]()
    data = load(path)
    assert data.table.index.tolist() == ["007", "012", "100"]
    assert data.table["Age"].tolist() == [31.0, 40.0, 52.0]
    assert isinstance(data.table["City"].dtype, pd.CategoricalDtype)
    assert lines(data, "id column found")["column"].tolist() == ["customer_id"]


@pytest.mark.parametrize(
    ("content", "separator"),
    [("a\tb\n1\t2\n", "tab"), ("a;b\n1,5;2\n", "semicolon"), ("a|b\n1|2\n", "bar")],
)
def test_separator_that_does_not_match_the_extension(write, content, separator):
    data = load(write(content))
    assert data.table.columns.tolist() == ["a", "b"]
    assert f"separator: {separator} instead of comma" in data.summary


def test_separators_inside_quotes_and_excels_own_line(write):
    assert load(write('sep=;\nid;"a;b"\n1;"x;y"\n2;"x;y"\n')).table.columns.tolist() == ["a;b"]


def test_encodings(write):
    plain = "id,Straße\n1,Köln\n2,Köln\n"
    for content in (plain.encode(), plain.encode("utf-8-sig"), plain.encode("utf-16")):
        assert load(write(content)).table["Straße"].tolist() == ["Köln", "Köln"]
    assert "utf-16 instead of utf-8" in load(write(plain.encode("utf-16"))).summary
    data = load(write(plain.encode("cp1252")))
    assert data.table["Straße"].tolist() == ["Köln", "Köln"]
    assert "cp1252 instead of utf-8" in data.summary


def test_a_title_above_the_table_and_a_total_below_it_are_left_out(tmp_path, write):
    rows = [["Report", None, None], [None] * 3, ["id", "spend", "town"], ["01", 5, "York"]]
    rows += [["02", 7, "Hull"], ["Total", 12, None]]
    path = tmp_path / "report.xlsx"
    pd.DataFrame(rows).to_excel(path, index=False, header=False)
    text = "\n".join(";".join("" if c is None else str(c) for c in row) for row in rows)
    for file in (path, write(text), write(text.replace("Report;;", "Report"))):
        data = load(file)
        assert data.table["spend"].to_dict() == {"01": 5, "02": 7}
        assert "rows above the header left out: 'Report'" in data.summary
        assert lines(data, "total row removed")["examples"].tolist() == ["row 6 of the file"]


def test_a_file_that_seems_to_have_no_header_is_said(write):
    told = load(write("7,31,5.5,f\n8,40,7.5,m\n9,20,3.5,m\n")).summary
    assert "columns named by numbers: '7', '31', '5.5'; if these are a customer's" in told
    assert "named by numbers" not in load(write("id,2024,spend\n1,2,3\n2,3,4\n")).summary


def test_excel_cells_sheets_and_float_ids(tmp_path):
    path = tmp_path / "shop.xlsx"
    cells = pd.DataFrame(
        {
            "CustomerID": [1001.0, 1002.0, 1003.0],
            "Spend": ["1", "2", None],
            "When": [dt.datetime(2024, 1, 5), None, dt.datetime(2024, 3, 5)],
            "Member": [True, False, True],
        }
    )
    with pd.ExcelWriter(path) as book:
        cells.to_excel(book, sheet_name="Customers", index=False)
        table().to_excel(book, sheet_name="Old", index=False)
    data = load(path)
    assert data.table.index.tolist() == [1001, 1002, 1003]
    assert data.table["Spend"].tolist() == [1.0, 2.0, 1.5]
    assert pd.api.types.is_datetime64_any_dtype(data.table["When"])
    assert data.table["Member"].cat.categories.tolist() == ["False", "True"]
    assert lines(data, "text read as number")["count"].tolist() == [2]
    assert "left Old" in data.summary
    assert load(path, sheet="Old").rows_out == 3
    assert "expected one of Customers, Old" in refused(path, sheet="Nope")
    with pd.ExcelWriter(path, mode="a") as book:
        pd.DataFrame({"a note": []}).to_excel(book, sheet_name="Notes", index=False)
    assert "(read 'Notes', left Customers, Old)" in refused(path, sheet="Notes")
    assert "only with an Excel file" in refused(MALL, sheet="Old")


def test_parquet_types(tmp_path):
    path = tmp_path / "shop.parquet"
    pd.DataFrame(
        {
            "level": pd.Categorical(["a", "b", "a"]),
            "flag": [True, False, None],
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", None]).tz_localize("Europe/Rome"),
            "count": pd.array([1, None, 3], dtype="Int64"),
        }
    ).to_parquet(path)
    data = load(path).table
    assert data["count"].tolist() == [1.0, 2.0, 3.0]
    assert data["level"].tolist() == ["a", "b", "a"]
    assert data["day"].dt.day.tolist() == [1, 2, 1]
    assert set(data["flag"].cat.categories) == {"True", "False"}


# Cells


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$1,234.50", "7", "-3.5"], [1234.5, 7, -3.5]),
        (["1.234,50 €", "1.000", "7,5"], [1234.5, 1000, 7.5]),
        (["1 234,50", "12,5", "3"], [1234.5, 12.5, 3]),
        (["1\u00a0234", "2\u202f000", "5"], [1234, 2000, 5]),
        (["1'234.5", "(12)", "−4"], [1234.5, -12, -4]),
        (["45 %", "12.5%", "0"], [45, 12.5, 0]),
        (["1,234", "12,345,678", "5"], [1234, 12345678, 5]),
        (["1e3", ".5", "5."], [1000, 0.5, 5]),
    ],
)
def test_numbers_as_people_write_them(write, cells, numbers):
    rows = "".join(f'{i}\t"{cell}"\n' for i, cell in enumerate(cells))
    assert load(write("id\tx\n" + rows)).table["x"].tolist() == numbers


def test_several_currencies_in_a_column_are_said(write):
    data = load(write("id,spend\n1,$5\n2,EUR 7\n3,€ 9\n"))
    assert data.table["spend"].tolist() == [5, 7, 9]
    assert "units mixed: $, EUR, € in 'spend'" in data.summary
    assert "mixed" not in load(write("id,spend\n1,$5\n2,7\n")).summary


def test_decimal_mark_of_the_file_decides_where_a_column_does_not(write):
    data = load(write("id;a;b\n1;1,5;1.234\n2;2,25;5.000\n")).table
    assert data["b"].tolist() == [1234.0, 5000.0]
    assert load(write("id;a;b\n1;1.5;1.234\n2;2.2;5.001\n")).table["b"].tolist() == [1.234, 5.001]


def test_mixed_decimal_marks_are_refused(write):
    rows = "".join(f'{i},"{i},5"\n' for i in range(20))
    assert "row 22 '1.25'" in refused(write(f"id,x\n{rows}20,1.25\n"))


def test_blanks_missing_words_and_spellings(write):
    data = load(
        write(
            " id , Gender,Income\n1,Male , 10\n2,male,?\n3,FEMALE,30\n4,Female,N/A\n5,Female,50\n"
        )
    )
    assert data.table["Gender"].tolist() == ["Male", "Male", "Female", "Female", "Female"]
    assert data.table["Income"].tolist() == [10, 30, 30, 30, 50]
    assert "'male' -> 'Male'" in lines(data, "spelling unified")["examples"].iloc[0]
    assert lines(data, "missing-value word read")["count"].sum() == 2
    assert lines(data, "missing value imputed")["examples"].iloc[0] == "2, 4: -> 30"
    assert "missing value imputed: 2" in data.summary


def test_declared_levels_beat_missing_words_and_commonest_spelling(write):
    columns = {"kids": {"values": ["None", "Some"]}, "code": {"type": "category", "values": [1, 2]}}
    data = load(write("id,kids,code\n1,none,1\n2,none,2.0\n3,SOME,1\n"), columns=columns)
    assert data.table["kids"].tolist() == ["None", "None", "Some"]


def test_extra_missing_words(write):
    path = write("id,x\n" + "".join(f"{i},{i}\n" for i in range(10)) + "10,refused\n")
    assert "row 12 'refused'" in refused(path)
    assert load(path, missing_tokens=["Refused"]).table["x"].loc[10] == 4.5


# Codes that stand for "missing", numbers that are names


def column_of(write, cells, **options):
    rows = "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))
    return load(write(f"id,x\n{rows}"), **options)


AGES = [*range(18, 75)]


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        ([*AGES, 999, 999, 999], [999.0]),
        ([*AGES, -1, -1, -1], [-1.0]),
        ([*AGES, 99, 99, 99], []),  # somebody may be that old
        ([*range(6)] * 9 + [98, 99] * 5, [98.0, 99.0]),
        ([*range(10)] * 9, []),  # a scale that ends with 9
        ([-2, -1, 0, 1, 2, 3] * 9, []),
        ([9, 19, 29, 999] * 9, []),  # prices
        ([round(1.5**n) for n in range(30)] * 2, []),  # a tail
        ([*AGES, 999], []),  # once is no pattern
    ],
)
def test_numbers_that_can_only_be_codes_are_read_as_missing(write, cells, codes):
    data = column_of(write, cells)
    assert data.missing_codes.get("x", []) == codes
    assert sum(lines(data, "code read as missing")["count"]) == sum(c in codes for c in cells)
    assert not data.table["x"].isin(codes).any()


def test_what_may_be_a_code_is_said_and_becomes_one_when_declared(write):
    cells = [*AGES, 99, 99, 99]
    said = column_of(write, cells)
    assert "99 in 'x' (3 customers, 5 %; all others 18 to 74)" in said.summary
    assert "+data.columns.x.missing=[99]" in said.summary
    told = column_of(write, cells, columns={"x": {"missing": [99]}})
    assert told.missing_codes == {"x": [99.0]}
    assert told.table["x"].max() == 74
    kept = column_of(write, [*AGES, 999, 999, 999], columns={"x": {"missing": []}})
    assert kept.table["x"].max() == 999
    assert kept.missing_codes == {}


def test_a_code_that_questions_share_is_taken(write):
    cells = "".join(f"{i},{i % 5 + 1},{9 if i % 7 == 0 else 3},{9 - i % 2}\n" for i in range(70))
    answers = "".join(f"{i}" + f",{9 if i % 7 == 0 else i % 5 + 1}" * 3 + "\n" for i in range(70))
    assert load(write(f"id,a,b,c\n{cells}")).missing_codes == {}
    assert list(load(write(f"id,a,b,c\n{answers}")).missing_codes) == ["a", "b", "c"]


@pytest.mark.parametrize("none", ["0000-00-00", "1900-01-01", "9999-12-31"])
def test_dates_that_stand_for_none_are_missing(write, none):
    data = column_of(write, ["2021-05-01", "2022-06-01", "2023-07-01", none, none], missing="drop")
    assert data.table["x"].dt.year.tolist() == [2021, 2022, 2023]
    assert f"{none} in 'x'" in data.summary


def test_dates_are_no_numbers(tmp_path):
    path = tmp_path / "shop.parquet"
    pd.DataFrame({"id": [1, 2], "x": pd.to_datetime(["2021-05-01", "2022-06-01"])}).to_parquet(path)
    said = refused(path, columns={"x": {"type": "number"}})
    assert "got dates (row 2 2021-05-01, row 3 2022-06-01), expected numbers" in said


def test_numbers_that_are_names_have_no_mean(write):
    data = load(write("id,sales_region,Zip,visits\n1,3,10115,3\n2,1,10117,1\n3,3,80331,3\n"))
    assert data.table["sales_region"].cat.categories.tolist() == ["1", "3"]
    assert data.table["visits"].dtype == "float64"
    far = load(write("id,km_to_city,orders per channel\n1,3,4\n2,12,9\n3,40,4\n"))
    assert far.table.dtypes.eq("float64").all()
    declared = {"sales_region": {"type": "number"}}
    kept = load(write("id,sales_region\n1,3\n2,1\n"), columns=declared)
    assert kept.table["sales_region"].tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["04-09-2012", "21-08-2013"], "dd-mm-yyyy"),
        (["2012-09-04", "2013-08-21"], "yyyy-mm-dd"),
        (["09/04/2012", "08/21/2013"], "mm-dd-yyyy"),
        (["2012-09-04T10:30:00", "2013-08-21T00:00:00"], "yyyy-mm-dd hh:mm:ss"),
        (["4 Sep 2012", "21 Aug 2013"], "dd-mon-yyyy"),
    ],
)
def test_dates(write, cells, form):
    data = load(write("id,d\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))))
    assert data.table["d"].dt.strftime("%Y-%m-%d").tolist() == ["2012-09-04", "2013-08-21"]
    assert lines(data, "text read as date")["examples"].tolist() == [f"read as {form}"]


def test_ambiguous_dates_are_said_to_be(write):
    report = load(write("id,d\n1,04/09/2012\n2,05/08/2013\n")).report
    assert report["examples"].str.contains("could be swapped").any()


def test_types(write):
    text = "id,n,c,t,zip,z\n" + "".join(
        f"{i},{i}.5,{'ab'[i % 2]},note {i},0{i}234,\n" for i in range(9)
    )
    data = load(write(text))
    types = data.table.dtypes.astype(str).to_dict()
    assert types == {"n": "float64", "c": "category", "t": "str", "zip": "str", "z": "float64"}
    assert lines(data, "column without any value")["column"].tolist() == ["z"]


# Ids, duplicates, missing values


@pytest.mark.parametrize(
    "name",
    [
        "ID",
        "CustomerID",
        "CUST_ID",
        "customer id",
        "uuid",
        "user_id",
        "Kunden-Nr.",
        "Kundennummer",
        "Policy No.",
        "Loyalty#",
        "respondent",
    ],
)
def test_obvious_id_columns_are_found(write, name):
    data = load(write(f"x,{name}\n1,C10\n2,C11\n"))
    assert (data.table.index.name, data.table.columns.tolist()) == (name, ["x"])
    assert f"ids from {name}" in data.summary


@pytest.mark.parametrize("name", ["paid", "Age", "Recency", "grid", "store_id"])
def test_other_columns_are_no_ids(write, name):
    data = load(write(f"x,{name}\n7,3\n8,3\n9,4\n"))
    assert data.table.index.tolist() == [1, 2, 3]
    assert data.table.index.name == "customer"


def test_left_over_row_numbers_are_set_aside(write):
    data = load(write(",ID,x\n0,5,1\n1,6,2\n2,6,2\n"))
    assert data.table.columns.tolist() == ["x"]
    assert data.table.index.tolist() == [5, 6]
    assert load(write(",x\n0,1\n1,1\n")).table.index.name == "Unnamed: 0"


def test_ids_keep_leading_zeros_and_lose_decimal_zeros(write):
    assert load(write("id,x\n00123,1\n00124,2\n")).table.index.tolist() == ["00123", "00124"]
    assert load(write("id,x\n1001.0,1\n1002.0,2\n")).table.index.tolist() == [1001, 1002]


def test_duplicate_rows_and_ids(write):
    path = write("id,a,b\n1,2,x\n1,3,x\n2,5,y\n2,5, Y\n3,1,y\n")
    assert "row 2 1, row 3 1" in refused(path)
    for how, kept in {"keep_first": 2.0, "keep_last": 3.0}.items():
        data = load(path, duplicate_ids=how)
        assert data.table.loc[1, "a"] == kept
        assert (data.rows_in, data.rows_out) == (5, 3)
        assert lines(data, "duplicate row removed")["examples"].tolist() == ["2"]
        assert lines(data, "repeated id row removed")["examples"].tolist() == [f"1: {how}"]


def test_without_ids_rows_keep_the_number_they_have_in_the_file(write):
    data = load(write("a,b\n1,2\n1,2\n,\n3,4\n"))
    assert data.table.index.tolist() == [1, 4]
    assert (data.rows_in, data.rows_out) == (4, 2)
    assert load(write("a,b\n1,2\n1,2\n"), duplicate_rows="keep").rows_out == 2


def test_a_column_of_which_much_is_made_up_is_named(write):
    cells = "".join(f"{i},{i % 3 or ''},{i or ''}\n" for i in range(30))
    assert "missing value imputed: 11 (a 33 %)" in load(write(f"id,a,b\n{cells}")).summary


def test_customers_are_numbered_from_the_first_row_under_the_header(write):
    data = load(write("Customers of 2026,,\nall shops,,\na,b,c\n1,2,x\n3,4,y\n5,6,x\n"))
    assert data.table.index.tolist() == [1, 2, 3]
    assert "row 4 is customer 1" in data.summary


def test_missing_values_as_configured(write):
    path = write("id,n,c,t\n1,,a,one\n2,4,,two\n3,6,a,\n4,9,b,four\n")
    data = load(path)
    assert data.table["n"].tolist() == [6, 4, 6, 9]
    assert data.table["c"].tolist() == ["a", "a", "a", "b"]
    assert data.table["t"].isna().sum() == 1
    mostly = load(write("id,n\n1,\n2,\n3,6\n4,\n", "mostly.csv"))
    assert mostly.table["n"].isna().sum() == 3
    assert lines(mostly, "missing value left")["examples"].tolist() == [
        "1, 2, 4: no value for 75 % of the customers"
    ]
    dropped = load(path, missing="drop")
    assert dropped.table.index.tolist() == [3, 4]
    assert lines(dropped, "incomplete row removed")["examples"].tolist() == ["1, 2"]
    message = refused(path, missing="error")
    assert "'n': got 1 missing value (id 1)" in message
    assert "'c': got 1 missing value (id 2)" in message
    assert "each of the 2 rows" in refused(write("id,n,c\n1,,5\n2,4,\n"), missing="drop")


dirt = st.sampled_from(["", "?", "1", "2.5", "31", " 31", "7", "N/A"])
words = st.sampled_from(["a", "A ", "b", "", "unknown"])
ids = st.sampled_from(["", "1", "2", "3", "04", "x"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(ids, dirt, words), min_size=1, max_size=12),
    missing=st.sampled_from(["impute", "drop"]),
    duplicate_ids=st.sampled_from(["keep_first", "keep_last"]),
    with_ids=st.booleans(),
)
def test_every_row_is_accounted_for(tmp_path_factory, rows, missing, duplicate_ids, with_ids):
    path = tmp_path_factory.mktemp("rows") / "shop.csv"
    cells = [row if with_ids else row[1:] for row in rows]
    header = ["id", "n", "w"] if with_ids else ["n", "w"]
    path.write_text("\n".join(",".join(row) for row in [header, *cells]) + "\n")
    before = path.read_bytes()
    try:
        data = load(path, missing=missing, duplicate_ids=duplicate_ids)
    except DataError:
        return
    finally:
        assert path.read_bytes() == before
    removed = data.report.loc[data.report["rule"].str.endswith("row removed"), "count"].sum()
    assert data.rows_in == len(rows)
    assert data.rows_in - removed == data.rows_out == len(data.table)
    assert data.table.index.is_unique
    ends = data.report.iloc[[0, -1]]
    assert ends["rule"].tolist() == ["rows read", "rows kept"]
    assert ends["count"].tolist() == [data.rows_in, data.rows_out]
    gaps = data.table.select_dtypes("number").isna().mean()
    assert ((gaps == 0) | (gaps > 0.5)).all()  # mostly empty columns are left as they are


# What cannot be used


def test_missing_file_names_similar_ones(tmp_path, write):
    write("a\n1\n", "mall_customers.csv")
    assert "mall_customers.csv; correct the path" in refused(tmp_path / "mall_custmers.csv")
    assert "does not exist either" in refused(tmp_path / "nowhere" / "a.csv")
    assert "got a folder" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{}", [".json", ".csv .tsv .txt .parquet .pq .xlsx .xlsm"]),
        ("a.xls", "x", ["'.xls'", ".xlsx"]),
        ("a", "x", ["(none)"]),
        ("a.csv", "", ["empty file"]),
        ("a.csv", "\n \n", ["empty file"]),
        ("a.csv", "a,b\n", ["no rows"]),
        ("a.csv", "a,b\n,\n,\n", ["no rows"]),
        ("a.csv", "x,b,x \n1,2,3\n", ["'x' in columns 1, 3", "rename"]),
        ("a.csv", b"PK\x03\x04\0\0", ["Excel workbook", ".xlsx"]),
        ("a.csv", b"ab\0\0\1", ["binary"]),
        ("a.xlsx", "a,b\n1,2\n", ["no Excel workbook"]),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\0\0", ["old .xls or password"]),
        ("a.parquet", "a,b\n1,2\n", ["no Parquet file"]),
        ("a.csv", 'a,b\n1,2\n3,"x\n', ["quotes", "after row 2"]),
        ("a.csv", "a,b\n1,2\n1,2,3\n", ["row 3 has 3", "expected 2"]),
    ],
)
def test_files_that_cannot_be_read(write, name, content, words):
    message = refused(write(content, name))
    assert all(word in message for word in words), message


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read everything")
def test_file_without_permission(write):
    path = write("a\n1\n")
    path.chmod(0)
    assert "check its permissions" in refused(path)


def test_misspelt_columns_are_named_with_the_closest(write):
    message = refused(
        write("CustomerID,Age,Income\n1,2,3\n"),
        id_column="CustomerId",
        columns={"age": {}, "Incom": {"type": "number"}, "Nope": {"required": False}},
    )
    assert "3 problems" in message
    assert message.count("the closest is") == 3
    assert "the table has: 'CustomerID', 'Age', 'Income'" in message


def test_all_bad_cells_are_shown_at_once(write):
    rows = "".join(f"{i},{20 + i},Male\n" for i in range(12))
    message = refused(
        write(f"id,Age,Gender\n{rows}12,old,Male\n13,inf,Femle\n14,-5,Female\n"),
        columns={
            "Age": {"type": "number", "min": 0, "max": 120},
            "Gender": {"values": ["Male", "Female"]},
        },
    )
    assert "column 'Age': got other text in 1 cell (row 14 'old'), expected numbers" in message
    assert "column 'Age': got 1 infinite value (row 15 inf)" in message
    assert "(row 16 -5), expected at least 0 and at most 120" in message
    assert "(row 15 'Femle'), expected one of 'Male', 'Female'" in message


def test_nearly_numeric_column_is_an_error_unless_declared_otherwise(write):
    path = write("id,n\n" + "".join(f"{i},{i % 3}\n" for i in range(19)) + "19,3+\n")
    assert "row 21 '3+'" in refused(path)
    levels = load(path, columns={"n": {"type": "category"}}).table["n"].cat.categories
    assert levels.tolist() == ["0", "1", "2", "3+"]


def test_other_problems(write):
    path = write("id,a,d\n1,,2020-01-01\n,,1890-01-01\n")
    message = refused(path, columns={"a": {"type": "number"}, "d": {"type": "date", "min": "1900"}})
    assert "column 'a': got no value at all" in message
    assert "got 1 row without id (row 3)" in message
    assert "row 3 1890-01-01" in message
    assert "(row 2 2020-01-01, row 3 1890-01-01), expected at least 0" in refused(
        path, columns={"d": {"min": 0}}
    )
    assert "expected one of impute, drop, error" in refused(path, missing="fill")
    assert "got typ, expected type" in refused(path, columns={"a": {"typ": "number"}})
    assert "got 'float'" in refused(path, columns={"a": {"type": "float"}})


# Real shapes


def test_marketing_campaign_shape(write):
    rng = np.random.default_rng(0)
    size = 2240
    days = pd.Timestamp("2012-07-30") + pd.to_timedelta(rng.integers(0, 700, size), "D")
    raw = pd.DataFrame(
        {
            "ID": rng.permutation(11191)[:size],
            "Education": rng.choice(["Graduation", "PhD", "Master"], size),
            "Income": pd.Series(rng.normal(52000, 15000, size).round()).astype("Int64"),
            "Dt_Customer": days.strftime("%d-%m-%Y"),
            "Z_CostContact": 3,
        }
    )
    raw.loc[rng.choice(size, 24, replace=False), "Income"] = pd.NA
    data = load(write(raw.to_csv(sep="\t", index=False), "marketing_campaign.csv"))
    assert lines(data, "missing value imputed")["count"].tolist() == [24]
    assert data.table["Dt_Customer"].notna().all()
    assert (data.name, data.rows_out) == ("marketing_campaign", size)


@pytest.mark.slow
def test_long_tables_load_in_seconds(tmp_path):
    rng = np.random.default_rng(0)
    size = 100_000
    raw = pd.DataFrame(rng.normal(100, 10, (size, 13)).round(2)).add_prefix("amount_")
    raw.insert(0, "customer_id", [f"C{i:06d}" for i in range(size)])
    raw["gender"] = rng.choice(["male", "Male", "female"], size)
    raw.to_csv(tmp_path / "long.csv", index=False)
    start = time.process_time()
    assert load(tmp_path / "long.csv").rows_out == size
    assert time.process_time() - start < 12  # about 3 s on a quiet machine

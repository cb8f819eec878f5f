"""Purchase lines become a customer table; nothing is lost on the way without a word."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from purchases import AS_OF, CATEGORIES, sample
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import PowerTransformer

from customer_segmentation.data import DataError
from customer_segmentation.data.findings import Findings
from customer_segmentation.transactions import load, raw
from customer_segmentation.transactions.lines import PURCHASES, RETURNS, open_lines
from customer_segmentation.transactions.raw import ROLES, recognised

RFM = ["Days since last purchase", "Number of purchases", "Total spend"]

MESSY = """\
invoice,customer id,invoice date,stock code,quantity,price
1,17,2025-03-01 10:00,A,2,5.00
1,17,2025-03-01 10:00,B,1,1.50
1,17,2025-03-01 10:00,B,1,1.50
2,,2025-03-02 09:00,A,1,5.00
3,18,soon,A,1,7.00
4,18,,A,1,7.00
5,18,2025-03-05 12:00,C,1,ten
6,18,2025-03-05 12:00,C,,
7,18,2025-03-06 12:00,D,1,0
C8,17,2025-03-09 10:00,A,1,5.00
9,17,2025-03-10 10:00,A,-1,5.00
10,18,2025-04-20 10:00,A,1,9.00
,,,,,
11,18,2025-03-12 10:00,A,3,4.00
"""


@pytest.fixture
def write(tmp_path: Path):
    """Write a text file and give its path."""

    def make(content: str, name: str = "sales.csv", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.write_text(content, encoding=encoding)
        return file

    return make


def fetched(lines) -> list[tuple]:
    return lines.connection.execute(
        'SELECT customer, "time", amount, "order", item, category, is_return FROM lines '
        'ORDER BY "time", amount DESC'
    ).fetchall()


def rule(data, name: str) -> pd.Series:
    return data.report[data.report["rule"] == name].iloc[0]


def test_each_line_falls_under_one_rule(write):
    with open_lines(write(MESSY), as_of="2025-04-01", cancellation_mark="C") as lines:
        found = lines.account.set_index("rule")
        kept = fetched(lines)
    assert found["lines"].to_dict() == {
        "empty line removed": 1,
        "duplicate line removed": 1,
        "no customer: line removed": 1,
        "no date: line removed": 1,
        "unreadable date: line removed": 1,
        "no amount: line removed": 1,
        "unreadable amount: line removed": 1,
        "after as_of: line removed": 1,
        "zero amount: line removed": 1,
        RETURNS: 2,
        PURCHASES: 3,
    }
    assert found["amount"].map(float).sum() == 5 + 7 + 7 + 1.5 + 9 - 5 - 5 + 10 + 1.5 + 12
    assert kept[0] == (17, dt.datetime(2025, 3, 1, 10), Decimal("10.0000"), "1", "A", None, False)
    assert [row[2] for row in kept if row[6]] == [Decimal("-5.0000")] * 2  # C8 and the -1


HEADERS = {
    "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country": (
        "Customer ID,InvoiceDate,-,Quantity,Price,Invoice,StockCode,-"
    ),
    "household_key,basket_id,date,product_id,quantity,sales_value,store_id": (
        "household_key,date,sales_value,quantity,-,basket_id,product_id,-"
    ),
    "Order ID,Order Date,Ship Date,Customer ID,Product ID,Category,Sub-Category,Sales": (
        "Customer ID,Order Date,Sales,-,-,Order ID,Product ID,Category"
    ),
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id": (
        "user_id,event_time,-,-,price,-,product_id,category_code"
    ),
    "customer_id,trans_date,tran_amount": "customer_id,trans_date,tran_amount,-,-,-,-,-",
    "Transaction ID,Date,Customer ID,Age,Product Category,Quantity,Price per Unit,Total Amount": (
        "Customer ID,Date,Total Amount,Quantity,-,Transaction ID,-,Product Category"
    ),
    "order_id,customer_unique_id,order_purchase_timestamp,payment_value,product_category_name": (
        "customer_unique_id,order_purchase_timestamp,payment_value,-,-,order_id,-,"
        "product_category_name"
    ),
    "Email,Created at,Subtotal,Birth date,Discount Amount,Order No": (
        "Email,Created at,Subtotal,-,-,Order No,-,-"
    ),
}


@pytest.mark.parametrize("header", HEADERS)
def test_columns_are_known_by_the_names_that_shops_give_them(header):
    findings = Findings()
    found = recognised(header.split(","), {}, findings)
    assert findings.problems == []
    assert ",".join(found.get(role, "-") for role in ROLES) == HEADERS[header]


def test_the_report_names_the_rows(write):
    report = load(write(MESSY), as_of="2025-04-01", cancellation_mark="C").report
    told = report.set_index("rule")["examples"]
    assert told["unreadable date: line removed"] == "worth 7.00; row 6 'soon'"
    assert told["unreadable amount: line removed"] == "row 8 '1 x ten'"
    assert told["after as_of: line removed"] == "worth 9.00; row 13 '2025-04-20'"
    assert told["duplicate line removed"] == "worth 1.50; row 4"
    assert "stock code" in told["columns recognised by name"]


def test_the_features_of_a_customer(write):
    content = (
        "client,when,sum,bill,article,group\n"
        "ann,2025-01-10 09:00,10,1,tea,drinks\n"
        "ann,2025-01-10 09:05,20,1,bread,food\n"
        "ann,2025-01-20 12:00,30,2,tea,drinks\n"
        "ann,2025-02-09 12:00,60,3,cake,food\n"
        "ann,2025-02-10 12:00,-6,4,cake,food\n"
        "bob,2025-02-28 23:59,5,5,tea,drinks\n"
    )
    names = {"customer": "client", "time": "when", "amount": "sum", "order": "bill"}
    names |= {"item": "article", "category": "group"}
    data = load(write(content), columns=names)
    assert rule(data, "as_of")["examples"] == "2025-03-01, the day after the last purchase"
    assert data.table.loc["ann"].to_dict() == pytest.approx(
        {
            "Days since last purchase": 20.0,
            "Number of purchases": 3.0,
            "Total spend": 114.0,
            "Days since first purchase": 50.0,
            "Days between purchases": 15.0,
            "Average basket value": 40.0,
            "Items per purchase": 4 / 3,
            "Different items": 3.0,
            "Different categories": 2.0,
            "Returns (% of purchases)": 5.0,
            "food (% of spend)": 200 / 3,
            "drinks (% of spend)": 100 / 3,
        }
    )
    assert data.table.loc["bob", RFM].tolist() == [1.0, 1.0, 5.0]
    assert np.isnan(data.table.loc["bob", "Days between purchases"])
    assert (data.rows_in, data.rows_out, data.id_column) == (6, 2, "client")


def test_without_an_order_id_a_day_is_one_purchase(write):
    content = "customer,date,amount\n1,2025-01-10 09:00,1\n1,2025-01-10 18:00,2\n2,2025-01-11,3\n"
    assert load(write(content)).table["Number of purchases"].tolist() == [1.0, 1.0]


DATES = {
    "2025-03-04T10:30:00": "2025-03-04 10:30:00",
    "04.03.2025 10:30": "2025-03-04 10:30:00",
    "04/03/2025": "2025-03-04 00:00:00",
    "4-Mar-2025": "2025-03-04 00:00:00",
    "Mar 4, 2025": "2025-03-04 00:00:00",
    "20250304": "2025-03-04 00:00:00",
    "1741084200": "2025-03-04 10:30:00",
    "1741084200000": "2025-03-04 10:30:00",
    "2025-03-04T12:30:00+02:00": "2025-03-04 10:30:00",
    "2025-03-04 10:30:00Z": "2025-03-04 10:30:00",
    "4/3/2025 10:30:05 AM": "2025-03-04 10:30:05",
}


@pytest.mark.parametrize("text", DATES)
def test_dates_as_people_and_programs_write_them(write, text):
    with open_lines(write(f'customer,date,amount\n1,"{text}",2\n')) as lines:
        assert str(fetched(lines)[0][1]) == DATES[text]


def test_the_days_beyond_twelve_tell_the_order(write):
    content = (
        "customer,date,amount\n1,03/04/2025,1\n1,03/25/2025,1\n1,25/03/2025,1\n1,04/01/2025,1\n"
    )
    data_file = write(content + "1,12/31/2024,1\n")
    with open_lines(data_file) as lines:
        days = [str(row[1].date()) for row in fetched(lines)]
        accounted = lines.account.set_index("rule")["lines"]
    assert days == ["2024-12-31", "2025-03-04", "2025-03-25", "2025-04-01"]
    assert accounted["unreadable date: line removed"] == 1  # there is no month 25


def test_an_unclear_order_of_day_and_month_is_said(write):
    data = load(write("customer,date,amount\n1,03/04/2025,1\n2,05/04/2025,1\n"))
    assert "could be swapped" in rule(data, "dates of unclear order")["examples"]


def test_a_file_may_mix_forms_of_dates(write):
    content = "customer,date,amount\n1,2025-03-04,1\n2,25.03.2025,1\n3,26.03.2025 10:00,1\n"
    data = load(write(content))
    assert rule(data, "dates in several forms")["count"] == 3
    assert data.rows_out == 3


def test_times_are_told_by_one_clock(write):
    content = "customer,date,amount\n1,2025-03-04T23:30:00Z,1\n2,2025-03-04 23:30:00,1\n"
    with open_lines(write(content), timezone="Europe/Berlin") as lines:
        assert [str(row[1]) for row in fetched(lines)] == [
            "2025-03-04 23:30:00",
            "2025-03-05 00:30:00",
        ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["€ 1.234,50", "7,00"], ["1234.5000", "7.0000"]),
        (["$1,234.50", "(7)"], ["1234.5000", "-7.0000"]),
        (["12 EUR", "3"], ["12.0000", "3.0000"]),
        (["0.1", "0.2"], ["0.1000", "0.2000"]),
    ],
)
def test_amounts_as_people_write_them(write, texts, expected):
    rows = "".join(f"1;2025-03-0{day};{text}\n" for day, text in enumerate(texts, start=1))
    with open_lines(write("customer;date;amount\n" + rows)) as lines:
        found = {str(row[2]) for row in fetched(lines)}
    assert found == set(expected)


def test_several_currencies_are_said(write):
    data = load(write("customer,date,amount\n1,2025-01-01,€ 5\n2,2025-01-02,$7\n"))
    assert rule(data, "several currencies")["examples"].startswith("$, €")


def test_sums_are_exact(write):
    content = "customer,date,amount,order\n" + "".join(f"1,2025-01-01,0.1,{n}\n" for n in range(10))
    data = load(write(content + "2,2025-01-02,1,x\n"))
    assert data.table["Total spend"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".tsv", ".csv"])
def test_every_format_gives_the_same_table(tmp_path, suffix):
    lines, _ = sample(per_kind=3)
    reference, file = tmp_path / "reference.csv", tmp_path / f"sales{suffix}"
    lines.to_csv(reference, index=False)
    if suffix == ".xlsx":
        lines.to_excel(file, index=False)
    elif suffix == ".parquet":
        lines.to_parquet(file, index=False)
    elif suffix == ".tsv":
        lines.to_csv(file, index=False, sep="\t")
    else:  # as an old program on Windows would write it
        renamed = lines.assign(category=lines["category"].replace("toys", "jouéts"))
        renamed.to_csv(file, index=False, sep=";", decimal=",", encoding="cp1252")
    expected, found = load(reference).table, load(file).table
    found = found.rename(columns=lambda name: name.replace("jouéts", "toys"))
    pd.testing.assert_frame_equal(found[expected.columns], expected)


def test_rows_of_another_width_are_counted(write):
    content = "customer,date,amount\n1,2025-01-01,5\n1,2025-01-02,5,extra\n2,2025-01-03,6\n"
    data = load(write(content))
    assert rule(data, "unreadable line removed")["examples"].endswith("got 4 cells, expected 3'")
    assert data.table["Total spend"].tolist() == [5.0, 6.0]


def test_a_name_is_no_pattern(tmp_path):
    frame = pd.DataFrame({"client id": [1, 2], "amount": [1.5, 2.0]})
    frame["date"] = pd.to_datetime(["2025-01-01 00:00", "2025-01-03 10:00"])
    frame.to_parquet(tmp_path / "it's [all]*.parquet")
    frame.to_parquet(tmp_path / "it's.parquet")
    expected = load(tmp_path / "it's.parquet").table
    pd.testing.assert_frame_equal(load(tmp_path / "it's [all]*.parquet").table, expected)


def test_short_rows_lack_their_last_cells(write):
    data = load(write("customer,date,amount,item\n1,2025-01-01,5\n2,2025-01-02,6,b\n"))
    assert data.table["Total spend"].tolist() == [5.0, 6.0]


def test_ids_are_as_a_person_sees_them(tmp_path):
    """A missing id makes the others decimals, in many an export."""
    frame = pd.DataFrame({"customer id": [17850.0, np.nan, 12.0], "amount": [1.0, 2.0, 3.0]})
    frame.assign(date=pd.Timestamp("2025-01-01")).to_parquet(tmp_path / "sales.parquet")
    assert load(tmp_path / "sales.parquet").table.index.tolist() == [12, 17850]


def test_planted_kinds_of_customers_are_found(tmp_path):
    lines, kinds = sample()
    lines.to_csv(tmp_path / "sales.csv", index=False)
    data = load(tmp_path / "sales.csv", as_of=AS_OF)
    X = PowerTransformer().fit_transform(data.table[RFM])
    labels = KMeans(3, n_init=10, random_state=0).fit_predict(X)
    assert adjusted_rand_score(kinds[data.table.index], labels) == 1.0
    shares = data.table[[f"{category} (% of spend)" for category in CATEGORIES]]
    likes = shares.groupby(kinds[data.table.index]).mean().idxmax(axis=1)
    assert likes["regular"] == "bread (% of spend)"
    assert likes["lapsed"] == "toys (% of spend)"
    assert likes["big and rare"] == "phones (% of spend)"


# Lines that a rule may set aside, and good ones.
LINE = st.tuples(
    st.sampled_from(["1", "2", "3", "", "?"]),
    st.sampled_from(["2025-01-01", "2025-01-05 10:00", "2025-02-01", "never", ""]),
    st.sampled_from(["1.25", "-3", "0", "1000000.01", "free", ""]),
    st.sampled_from(["a", "b", ""]),
)
FILES = st.lists(LINE, min_size=1, max_size=25).map(
    lambda rows: [("9", "2025-01-03", "5", "a"), ("8", "2025-01-03", "5", "b"), *rows]
)
ONE_FOLDER = settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def text(rows: list[tuple[str, ...]]) -> str:
    return "customer,date,amount,item\n" + "".join(",".join(row) + "\n" for row in rows)


@ONE_FOLDER
@given(rows=FILES, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(tmp_path, rows, seed):
    shuffled = list(rows)
    seed.shuffle(shuffled)
    tables = []
    for name, content in (("a.csv", rows), ("b.csv", shuffled)):
        (tmp_path / name).write_text(text(content))
        tables.append(load(tmp_path / name, as_of="2025-01-20", duplicate_lines="keep").table)
    pd.testing.assert_frame_equal(*tables)


@ONE_FOLDER
@given(rows=FILES)
def test_the_rules_add_up_to_the_file(tmp_path, rows):
    file = tmp_path / "sales.csv"
    file.write_text(text(rows))
    with open_lines(file, as_of="2025-01-20") as lines:
        account = lines.account
        kept = lines.connection.execute("SELECT count(*), sum(amount) FROM lines").fetchall()[0]
    assert lines.rows_in == len(rows)
    readable = [Decimal(row[2]) for row in rows if row[2] not in {"free", ""}]
    assert account["amount"].sum() == sum(readable)
    inside = account[account["rule"].isin([PURCHASES, RETURNS])]
    assert (inside["lines"].sum(), inside["amount"].sum()) == kept


@pytest.mark.slow
@ONE_FOLDER
@given(rows=FILES, place=st.integers(0, 27))
def test_files_put_together_give_the_sums_of_their_parts(tmp_path, rows, place):
    """Two files that share customers: spend adds up, the last purchase is the later one."""
    parts = [rows[:2] + rows[2:][:place], rows[:2] + rows[2:][place:]]
    whole = [*parts[0], *parts[1]]
    tables = []
    for content in (*parts, whole):
        (tmp_path / "sales.csv").write_text(text(content))
        tables.append(
            load(tmp_path / "sales.csv", as_of="2025-01-20", duplicate_lines="keep").table[RFM]
        )
    first, second, both = tables
    spend = first["Total spend"].add(second["Total spend"], fill_value=0)
    days = pd.concat([first, second])["Days since last purchase"].groupby(level=0).min()
    only_back = set(both.index) - set(first.index) - set(second.index)
    assert not only_back
    returned = {"1", "2", "3"} & {row[0] for row in whole if row[2] == "-3"}
    same = [customer for customer in both.index if str(customer) not in returned]
    assert both.loc[same, "Total spend"].tolist() == pytest.approx(spend[same].tolist())
    pd.testing.assert_series_equal(both["Days since last purchase"], days)


@pytest.mark.slow
def test_more_lines_than_memory(tmp_path, monkeypatch):
    """Four million lines, of 250 MB as text, with 100 MB to work in."""
    import duckdb  # noqa: PLC0415

    file = tmp_path / "sales.parquet"
    duckdb.execute(
        "COPY (SELECT hash(i) % 200000 AS customer_id, TIMESTAMP '2024-01-01' + "
        "INTERVAL (hash(i + 1) % 31000000) SECOND AS date, (hash(i + 2) % 10000) / 100.0 + 0.01 "
        "AS amount, 'order-' || hash(i + 3) AS order_id, 'item-' || hash(i + 4) % 5000 AS item "
        f"FROM range(4000000) t(i)) TO '{file}' (FORMAT parquet)"
    )
    monkeypatch.setattr(raw, "MEMORY", "100MB")
    with open_lines(file) as lines:
        assert lines.rows_out == 4_000_000
        found = lines.connection.execute(
            "SELECT count(DISTINCT customer), sum(amount) FROM lines"
        ).fetchall()
    expected = duckdb.execute(
        f"SELECT count(DISTINCT customer_id), sum(amount::DECIMAL(18, 4)) FROM '{file}'"
    ).fetchall()
    assert found == expected


def test_a_customer_file_is_joined_by_id(write):
    lines = write("customer_id,date,amount\n1,2025-01-01,5\n2,2025-01-02,6\n3,2025-01-03,7\n")
    people = write(
        "customer_id,age,city\n2,31,Ulm\n3,44,Bonn\n9,60,Bonn\n10,20,Ulm\n", "people.csv"
    )
    data = load(lines, customers=people)
    assert data.table["city"].astype(str).tolist() == ["not known", "Ulm", "Bonn"]
    assert data.table["age"].isna().tolist() == [True, False, False]
    assert rule(data, "customer not in people.csv")["count"] == 1
    assert rule(data, "customer of people.csv without a purchase")["examples"] == "9, 10"
    only = load(lines, customers={"path": str(people)}, unmatched_customers="drop")
    assert only.table.index.tolist() == [2, 3]
    assert data.sha256 != load(lines).sha256


def test_a_file_of_items_has_the_categories(write):
    lines = write(
        "customer_id,date,amount,sku\n1,2025-01-01,5,a\n2,2025-01-02,6,b\n2,2025-01-02,3,c\n"
    )
    items = write("sku,department\na,food\nb,toys\nd,food\n", "items.csv")
    data = load(lines, items=items)
    assert data.table["toys (% of spend)"].tolist() == pytest.approx([0.0, 200 / 3])
    assert rule(data, "item without a category")["count"] == 1
    assert rule(data, "item never bought")["count"] == 1


GOOD = "customer,date,amount\n1,2025-01-01,5\n2,2025-01-02,6\n"
BAD = {
    "no date column": ("customer,amount\n1,5\n", {}, ["date or time", "data.columns.time=COLUMN"]),
    "no customer column": ("date,amount\n2025-01-01,5\n", {}, ["'date', 'amount'", "customer=COL"]),
    "no amount": ("customer,date\n1,2025-01-01\n", {}, ["amount", "quantity and price"]),
    "no such column": (GOOD, {"columns": {"time": "dat"}}, ["'dat'", "closest is 'date'"]),
    "no such role": (GOOD, {"columns": {"tme": "date"}}, ["'tme'", "customer, time, amount"]),
    "nobody": (
        "customer,date,amount\n,2025-01-01,5\n",
        {},
        ["no purchase", "no customer", "1 line"],
    ),
    "one customer": ("customer,date,amount\n7,2025-01-01,5\n", {}, ["1 customer", "7"]),
    "no dates": ("customer,date,amount\n1,soon,5\n", {}, ["no purchase", "unreadable date"]),
    "future": (GOOD.replace("2025", "2999"), {}, ["2999-01-02", "data.as_of="]),
    "before all": (GOOD, {"as_of": "2024-01-01"}, ["no purchase", "2024-01-01", "after as_of"]),
    "no day": (GOOD, {"as_of": "yesterday"}, ["'yesterday'", "2025-12-31"]),
    "no zone": (GOOD, {"timezone": "Mars/Olympus"}, ["Mars/Olympus", "Europe/Berlin"]),
    "no choice": (GOOD, {"duplicate_lines": "maybe"}, ["'maybe'", "drop or keep"]),
    "empty": ("customer,date,amount\n", {}, ["no rows"]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_said(write, case):
    content, options, expected = BAD[case]
    with pytest.raises(DataError) as error:
        load(write(content), **options)
    for words in expected:
        assert words in str(error.value)


def test_another_customer_file_is_refused(write):
    strangers = write("customer_id,age\nx1,31\nx2,44\n", "people.csv")
    with pytest.raises(DataError, match="got none of the 2 customers"):
        load(write(GOOD), customers=strangers)

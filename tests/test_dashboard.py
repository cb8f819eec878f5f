"""The dashboard: what its pages show, without a browser; then as its users get it, in one."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import contextmanager

import dashboard
import numpy as np
import pandas as pd
import promote
import pytest
import score
from conftest import (
    INCOME,
    MALL,
    ROOT,
    SPENDING,
    environment,
    finish,
    free_port,
    start,
    wait_for,
)
from sklearn.cluster import KMeans
from streamlit.testing.v1 import AppTest

from customer_segmentation import drift, options, registry
from customer_segmentation.dashboard import (
    app,
    cache,
    champion,
    files,
    history,
    person,
    portrait,
)
from customer_segmentation.dashboard.place import block, plain
from customer_segmentation.data.findings import DataError
from customer_segmentation.page.html import badge
from customer_segmentation.plots import scatter
from customer_segmentation.registry import Served
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.segmenter.schema import SchemaError
from customer_segmentation.style import colour, percent
from customer_segmentation.tracking import artifacts, store

LIMITS = files.Limits(upload_mb=1, unpacked_mb=5, rows=1000)
USED = [INCOME, SPENDING]
EXTERNAL = "https://example.org/a.png"


def mall() -> pd.DataFrame:
    table = pd.read_csv(MALL, dtype={0: str}).set_index("CustomerID")
    return table.astype({"Gender": "category", INCOME: float, SPENDING: float})


@pytest.fixture(scope="module")
def shown():
    """A champion that was never in a store."""
    table = mall()
    model = Segmenter(KMeans(5, random_state=0)).fit(table[USED])
    model.name_segments({n: f"Group {n}" for n in range(1, 6)})
    segments = pd.Series(model.labels_, index=table.index)
    served = Served(3, "run", "models:/m", {"verdict": "reproducible", "run": "kmeans"})
    reference = drift.reference(table, USED, segments)
    served.__dict__.update(segmenter=model, reference=reference)
    confidence = pd.Series(model.confidence_, index=table.index)
    return champion.Champion(served, table, segments, confidence, {}, pd.DataFrame())


def scored(shown, name: str, content: bytes, limits: files.Limits = LIMITS) -> files.Labelled:
    return files.score(name, content, shown.segmenter, shown.served.reference, limits)


def written(table: pd.DataFrame, suffix: str) -> bytes:
    target = io.BytesIO()
    if suffix == ".parquet":
        table.to_parquet(target, index=False)
    elif suffix == ".xlsx":
        table.to_excel(target, index=False)
    else:
        target.write(table.to_csv(index=False, sep="\t" if suffix == ".tsv" else ",").encode())
    return target.getvalue()


# The champion and its segments


def test_every_customer_is_handed_out_once_with_the_segment_of_the_model(shown):
    parts = pd.concat([shown.customers(number) for number in shown.names])
    assert sorted(parts["CustomerID"]) == sorted(shown.table.index)
    asked = shown.segmenter.assign(parts[USED])
    assert (asked["segment"].to_numpy() == parts["segment"].to_numpy()).all()
    assert (asked["segment_name"].to_numpy() == parts["segment_name"].to_numpy()).all()


def test_cards_counts_and_sentence_agree(shown):
    assert [card.number for card in shown.cards] == [1, 2, 3, 4, 5]
    assert [card.customers for card in shown.cards] == shown.counts["customers"].tolist()
    assert sum(card.customers for card in shown.cards) == 200
    assert shown.label(2) == "2 · Group 2"
    assert shown.label(-1) == "Outliers"


def test_the_map_takes_two_columns_of_the_model_as_they_are(shown):
    plane = portrait.plane(shown, None, 1000)
    assert plane.axes == (INCOME, SPENDING)
    drawn = plane.points.set_index("customer").loc[shown.table.index]
    np.testing.assert_array_equal(drawn[["x", "y"]], shown.table[USED])


def test_the_map_draws_part_of_many_customers_and_says_so(shown):
    plane = portrait.plane(shown, ("Age", INCOME), 50)
    assert plane.axes == ("Age", INCOME)
    assert len(plane.points) == 50
    assert "50 of 200 customers" in plane.note
    assert plane.points["segment"].nunique() == 5


def test_components_keep_the_most_variance():
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1, 5, 2]
    points, loadings, labels = scatter.directions(X)
    assert np.abs(loadings[:, 0]).argmax() == 1
    share = points[:, 0].var() / X.var(axis=0).sum()
    assert f"({percent(share)} of" in labels[0]
    assert scatter.directions(X[:, :1])[0].shape == (50, 2)


def test_a_segment_has_the_colour_of_all_pictures_on_map_badge_and_bars(shown):
    drawn = portrait.customer_map(portrait.plane(shown, None, 100)).to_dict()
    scale = drawn["layer"][0]["encoding"]["color"]["scale"]
    assert scale["range"] == [colour(n) for n in range(1, 6)]
    assert scale["domain"] == [shown.label(n) for n in range(1, 6)]
    assert colour(3) in badge(3)
    rows = portrait.strongest(cache.profile(shown), 3)
    assert colour(3) in portrait.differences(rows, 3)


def test_ones_and_zeros_are_told_as_shares():
    row = {"column": "Complain", "level": "", "mean": 0.45, "overall": 0.02, "effect": 1.0}
    rows = pd.DataFrame([row | {"share": np.nan}])
    assert "Complain: yes" in portrait.differences(rows, 1, ["Complain"])
    assert "<b>45 %</b> against 2 % for all" in portrait.differences(rows, 1, ["Complain"])
    assert "<b>0.45</b> against 0.02 for all" in portrait.differences(rows, 1)


def test_the_profile_compares_means_with_everyone(shown):
    rows = portrait.strongest(cache.profile(shown), 2).set_index("column")
    inside = (shown.segments == 2).to_numpy()
    assert rows.loc[INCOME, "mean"] == pytest.approx(shown.table.loc[inside, INCOME].mean())
    assert rows.loc[INCOME, "overall"] == pytest.approx(shown.table[INCOME].mean())
    assert rows["effect"].abs().is_monotonic_decreasing
    assert (rows.index == "Gender").sum() == 1  # the other of two levels mirrors it


# Uploads


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx", ".parquet"])
def test_an_upload_comes_back_as_it_was_with_what_the_model_says(shown, suffix):
    table = mall().reset_index().head(60)[["CustomerID", *USED, "Gender"]].iloc[:, [3, 1, 0, 2]]
    found = scored(shown, f"new{suffix}", written(table, suffix))
    asked = shown.segmenter.assign(table)
    assert found.table.columns.tolist() == [
        *table.columns, "segment", "segment_name", "confidence", "problem",
    ]  # fmt: skip
    assert found.table["CustomerID"].astype(str).tolist() == table["CustomerID"].tolist()
    assert found.table["segment"].tolist() == asked["segment"].tolist()
    assert found.table["segment_name"].tolist() == asked["segment_name"].tolist()
    assert found.counts["customers"].sum() == 60
    assert found.failed.empty
    assert found.ids == "ids from CustomerID, as in training"


def test_rows_that_cannot_be_scored_are_named_and_lose_nobody_else(shown):
    text = f"{INCOME},{SPENDING},segment\n15,39,mine\nmuch,4,\n,,\n88,90,x\n"
    found = scored(shown, "new.csv", text.encode())
    assert found.failed["row"].tolist() == [3, 4]
    assert "'much'" in found.failed["problem"].iloc[0]
    assert found.table["segment"].isna().tolist() == [False, True, True, False]
    assert found.table["segment (data)"].iloc[0] == "mine"
    assert b"\n15,39,mine," in files.csv(found.table)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("big.csv", b"x" * 1_100_000, "got 1.1 MB, expected at most 1 MB"),
        ("new.csv", b"age,income\n1,2\n", INCOME),
        ("new.doc", b"age", "new.doc: got the extension '.doc'"),
        ("new.xlsx", b"no workbook at all", "new.xlsx: got"),
        ("new.parquet", b"PAR1 broken", "new.parquet: got"),
        ("new.csv", b"", "new.csv: got an empty file"),
        ("new.csv", f"{INCOME},{SPENDING}\n".encode(), "new.csv: got a header and no rows"),
        ("new.csv", f"{INCOME},{SPENDING}\n".encode() + b"1,2\n" * 1001, "got 1,001 rows"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_its_own_name(shown, name, content, said):
    with pytest.raises((DataError, SchemaError)) as error:
        scored(shown, name, content)
    assert said in str(error.value)
    assert "upload" not in str(error.value).replace("Upload", "")


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(shown):
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 6_000_000)
    with pytest.raises(DataError, match="unpacks to 6 MB, expected at most 5 MB"):
        scored(shown, "bomb.xlsx", book.getvalue())
    same = pd.DataFrame({INCOME: np.arange(900_000.0), SPENDING: 1.0})
    limits = files.Limits(upload_mb=100, unpacked_mb=5, rows=1000)
    with pytest.raises(DataError, match="unpacks to"):
        scored(shown, "bomb.parquet", written(same, ".parquet"), limits)


@pytest.mark.parametrize("memory", [True, False])
def test_nothing_of_an_upload_is_left_behind(shown, tmp_path, monkeypatch, memory):
    folder = tmp_path / "somewhere"
    folder.mkdir()
    monkeypatch.setattr(files, "MEMORY", folder if memory else tmp_path / "absent")
    monkeypatch.setattr(files.tempfile, "tempdir", str(folder))
    scored(shown, "new.csv", written(mall().head(5), ".csv"))
    with pytest.raises(SchemaError):
        scored(shown, "new.csv", b"a,b\n1,2\n")
    assert list(folder.iterdir()) == []


# Exports

FORMULAS = ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t=1", " =1", '=HYPERLINK("http://a")', "＝1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_of_a_customer_is_a_formula_in_an_export(text):
    table = pd.DataFrame({text: [text], "n": [-1.5]}, index=[text])
    read = pd.read_csv(io.BytesIO(files.csv(table)), keep_default_na=False)
    assert read.iloc[0, 0] == f"'{text}"
    assert read.columns[0] == f"'{text}"
    assert read["n"].iloc[0] == -1.5
    book = files.excel(table)
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert str(pd.read_excel(io.BytesIO(book)).iloc[0, 0]).strip() == text.strip()


def test_exports_keep_codes_gaps_dates_and_text_that_is_not_a_formula():
    table = pd.DataFrame(
        {
            "code": ["007", "12"],
            "number": ["-12", "3.5"],
            "text": ["#1, “best”", None],
            "day": pd.to_datetime(["2026-01-02", None]),
            "long": [2**60, 1],
            "bad": ["a\x00b", "x" * 40_000],
        }
    )
    text = files.csv(table)
    assert text.startswith("﻿code,number,text".encode())
    read = pd.read_csv(io.BytesIO(text), dtype=str)
    assert read["code"].tolist() == ["007", "12"]
    assert read["number"].tolist() == ["-12", "3.5"]
    assert read["text"].tolist()[0] == "#1, “best”"
    book = pd.read_excel(io.BytesIO(files.excel(table)), dtype={"code": str, "long": str})
    assert book["code"].tolist() == ["007", "12"]
    assert book["number"].tolist() == [-12, 3.5]
    assert book["day"].iloc[0] == pd.Timestamp("2026-01-02")
    assert book["long"].iloc[0] == str(2**60)
    assert book["bad"].str.len().tolist() == [2, 32_767]


def test_text_is_never_read_as_markdown():
    assert plain("a ![x](http://b) $c$ :red[d]") == (r"a \!\[x\]\(http\://b\) \$c\$ \:red\[d\]")
    assert "<script" not in block("<script>alert(1)</script>")


# One customer


def test_the_form_is_made_of_the_models_own_columns(shown):
    fields = person.fields(shown.segmenter, shown.served.reference)
    assert [field.column for field in fields] == USED
    income = fields[0]
    assert (income.low, income.high, income.whole) == (15, 137, True)
    assert income.middle == pytest.approx(shown.table[INCOME].median(), abs=1)
    assert income.hint == "15 to 137 in training, middle 61"


@pytest.mark.parametrize(
    ("values", "step", "whole"), [([1, 100], 1, True), ([0, 0.5], 0.01, False), ([3, 3], 1, True)]
)
def test_a_click_changes_a_field_by_a_small_part_of_its_range(values, step, whole):
    described = drift.reference(pd.DataFrame({"x": values}), ["x"], pd.Series([1, 1]))
    field = person.field_of("x", described["columns"]["x"], True)
    assert field.step == pytest.approx(step)
    assert field.whole == whole


def test_a_customer_gets_the_models_answer_and_why(shown):
    found = person.answer(shown, {INCOME: 87, SPENDING: 82})
    asked = shown.segmenter.assign(pd.DataFrame({INCOME: [87], SPENDING: [82]})).iloc[0]
    assert found.segment == asked["segment"]
    assert found.name == asked["segment_name"]
    assert found.confidence == asked["confidence"]
    inside = (shown.segments == found.segment).to_numpy()
    income = next(reason for reason in found.why if reason.column == INCOME)
    assert income.value == "87"
    assert float(income.segment) == pytest.approx(shown.table.loc[inside, INCOME].median())
    assert found.segment in income.usual
    assert len(income.usual) < 4


def test_what_few_segments_have_is_told_first_and_the_unusual_last():
    table = pd.DataFrame({"a": [1.0, 1, 9, 9], "b": [5.0, 5, 5, 5], "c": [2.0, 2, 7, 7]})
    found = person.explain(table, pd.Series([1, 1, 2, 2]), 1, {"c": 7, "b": 5, "a": 1})
    assert [reason.column for reason in found] == ["a", "b", "c"]
    assert [reason.usual for reason in found] == [(1,), (1, 2), (2,)]


def test_a_category_is_chosen_from_its_levels_and_a_gap_is_filled():
    table = mall()[["Gender", "Age"]]
    model = Segmenter(KMeans(3, random_state=0)).fit(table)
    segments = pd.Series(model.labels_, index=table.index)
    served = Served(1, "run", "models:/m", {})
    reference = drift.reference(table, ["Gender", "Age"], segments)
    served.__dict__.update(segmenter=model, reference=reference)
    confidence = pd.Series(model.confidence_, index=table.index)
    shown = champion.Champion(served, table, segments, confidence, {}, pd.DataFrame())
    gender, age = person.fields(model, reference)
    assert gender.levels == ("Female", "Male")
    assert not age.levels
    found = person.answer(shown, {"Gender": "Male", "Age": None})
    assert found.segment in (1, 2, 3)
    assert [reason.column for reason in found.why] == ["Gender"]
    assert found.why[0].everyone == "44 %"
    with pytest.raises(SchemaError, match="nothing"):
        person.answer(shown, {"Gender": None, "Age": None})


# The store


def test_the_store_is_read_as_it_was_written(cli, folder, tmp_path, opened):
    done = cli("-m", "algorithm=kmeans", "features=income_spending,age_income_spending")
    assert done.returncode == 0, done.stderr
    (sweep,) = history.sweeps(opened)
    runs = history.runs_of(opened, sweep.run_id)
    board = artifacts.read_table(sweep.run_id, "leaderboard.csv")
    assert sorted(runs) == sorted(board["run"])
    assert sweep.recommended == runs[board["run"].iloc[0]].id
    one, two = (runs[name] for name in board["run"])
    crossed = history.compare(one, two)
    assert crossed.customers.to_numpy().sum() == crossed.common == 200
    matrix = artifacts.read_table(sweep.run_id, "tables/agreement.csv", index=True)
    assert crossed.agreement == pytest.approx(matrix.iloc[0, 1], abs=1e-3)
    assert history.facts(one)["Verdict"] == one.tags["verdict"]

    place = f"tracking.folder={folder}"
    assert promote.main([place]) == 0
    first = champion.load(registry.load(opened, "customer-segments"))
    assert history.move(first.served) is None
    assert history.scorings(opened).empty
    forced = ["force=true", "reason=test", "new_schema=true"]
    assert promote.main([place, f"run={two.id}", *forced]) == 0
    output = tmp_path / "out.csv"
    assert score.main([place, f"input={MALL}", f"output={output}"]) == 0

    second = champion.load(registry.load(opened, "customer-segments"))
    asked = second.segmenter.assign(second.table)["segment"]
    assert (asked == second.segments).mean() > 0.97
    assert set(second.segments) == set(second.names)
    assert set(second.borderline["segment"].dropna()) <= set(second.names)
    moved = history.move(second.served)
    assert moved.former == "1"
    assert "200 customers" in moved.words
    assert moved.picture[1:4] == b"PNG"
    assert set(moved.changes["number"]) >= set(second.names)
    (row,) = history.scorings(opened).to_dict("records")
    assert (row["file"], row["rows"], row["failed"], row["version"]) == (MALL.name, 200, 0, "2")
    assert row["drift"].startswith("No refresh is due")


# The application, without a browser


def settings(folder, **limits: int) -> dict:
    chosen = options.read([f"tracking.folder={folder}"], dashboard.CONF, ROOT)
    chosen["limits"].update(limits)
    return chosen


def run_app(monkeypatch, chosen: dict) -> AppTest:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(sys, "argv", ["app.py", json.dumps(chosen)])
    return AppTest.from_file(str(dashboard.APP), default_timeout=30).run()


def test_without_a_champion_it_says_how_to_get_one(monkeypatch, opened, folder):
    ran = run_app(monkeypatch, settings(folder))
    assert not ran.exception
    text = " ".join(html.proto.body for html in ran.get("html"))
    assert "python train.py -m" in text
    assert "python promote.py" in text


def test_without_a_store_it_says_so_and_makes_none(monkeypatch, tmp_path):
    ran = run_app(monkeypatch, settings(tmp_path / "absent"))
    assert not ran.exception
    assert "python train" in ran.error[0].value.replace("\\", "")
    assert not (tmp_path / "absent").exists()


def test_every_page_is_in_the_navigation():
    assert list(app.PAGES) == [
        "Segments", "One segment", "Compare runs", "Score customers", "Changes",
    ]  # fmt: skip
    assert app.ALWAYS in app.PAGES


def test_it_is_bound_to_this_computer_and_sends_nothing(tmp_path):
    flags = dashboard.flags(settings(tmp_path))
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    assert given["--server.address"] == "127.0.0.1"
    assert given["--browser.gatherUsageStats"] == "false"
    assert given["--client.showErrorDetails"] == "none"
    assert given["--server.maxUploadSize"] == "50"


def test_a_port_in_use_and_an_unknown_option_are_said_before_anything_starts(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert dashboard.main([f"port={port}"]) == 1
    assert f"got port {port}" in capsys.readouterr().err
    assert dashboard.main(["prot=1"]) == 1
    assert "Did you mean port=?" in capsys.readouterr().err


# As its users get it


def command(name: str, folder, *args: object) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / name), f"tracking.folder={folder}", *map(str, args)],
        cwd=folder.parent,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def swept(tmp_path_factory, migrated):
    """A store after a sweep, a promotion and a scoring."""
    cwd = tmp_path_factory.mktemp("dashboard")
    folder = shutil.copytree(migrated, cwd / "mlruns")
    chosen = ["algorithm=kmeans,dbscan", "features=income_spending,age_income_spending"]
    done = finish(start(folder, cwd, "-m", *chosen))
    assert done.returncode == 0, done.stderr
    command("promote.py", folder)
    command("score.py", folder, f"input={MALL}", f"output={cwd / 'out.csv'}")
    return folder


@pytest.fixture(scope="module")
def address(swept):
    """Where the dashboard of that store is served."""
    with served(swept) as found:
        yield found


@contextmanager
def served(folder):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "dashboard.py"), f"port={port}", f"tracking.folder={folder}"],
        env=environment(),
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def page(request, browser):
    """A page as wide as a laptop's, then as a phone's; it may neither complain nor go elsewhere."""
    width, height = request.param
    opened = browser.new_page(viewport={"width": width, "height": height})
    opened.set_default_timeout(60_000)
    wrong: list[str] = []
    opened.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda r: None if is_local(r.url) else wrong.append(r.url))
    yield opened
    opened.close()
    assert wrong == []


def is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


def visit(page, address: str, title: str = "Segments") -> None:
    page.goto(f"{address}/?page={title.replace(' ', '+')}")
    page.get_by_role("heading", level=1).wait_for()
    settle(page)


def settle(page) -> None:
    """Wait until the server has answered, and nothing of an earlier answer is left."""
    page.wait_for_timeout(400)  # until the question has been sent
    page.wait_for_function(
        "document.querySelector('.stApp').dataset.testScriptState == 'notRunning'"
        " && !document.querySelector('[data-stale=true]')"
    )


def the_champion(folder):
    opened = store.open_store(store.local_uri(folder), "customer-segmentation", folder)
    return champion.load(registry.load(opened, "customer-segments"))


def choose(page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=label, exact=True)
    box.scroll_into_view_if_needed()
    settle(page)
    box.click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("title", list(app.PAGES))
def test_every_page_fits_its_window(page, address, title):
    visit(page, address, title)
    headings = page.get_by_role("heading", level=1)
    assert headings.inner_text() == title
    page.wait_for_timeout(500)
    width = page.evaluate("document.querySelector('.stMain').scrollWidth")
    assert width <= page.viewport_size["width"]
    for picture in page.locator(".seg img").all():
        assert picture.get_attribute("alt")
        assert picture.evaluate("image => image.naturalWidth") > 300


@pytest.mark.slow
@pytest.mark.browser
def test_the_overview_shows_every_segment_with_its_size_colour_and_action(page, address, swept):
    found = the_champion(swept)
    visit(page, address)
    cards = page.locator("article.card")
    cards.first.wait_for()
    assert cards.count() == len(found.cards)
    for place, card in enumerate(found.cards):
        text = cards.nth(place).inner_text()
        assert card.name in text
        assert f"{card.customers} customers" in text
        assert card.action in text
        badge = cards.nth(place).locator(".badge")
        red, green, blue = (int(colour(card.number)[i : i + 2], 16) for i in (1, 3, 5))
        look = badge.evaluate("badge => getComputedStyle(badge).backgroundColor")
        assert look == f"rgb({red}, {green}, {blue})"
    assert page.get_by_text(found.about.sentence).is_visible()
    chart = "[data-testid=stVegaLiteChart][aria-label^='Map of 200 customers by {}']"
    page.locator(chart.format("Direction 1")).wait_for()
    choose(page, "Across", "Age")
    choose(page, "Up", INCOME)
    drawn = page.locator(chart.format(f"Age and {INCOME}"))
    drawn.wait_for()
    marks = drawn.locator("[aria-roledescription=point]")
    assert marks.count() == 200
    inside = int((found.segments == 3).sum())
    assert drawn.locator(f"[aria-roledescription=point][fill='{colour(3)}']").count() == inside


@pytest.mark.slow
@pytest.mark.browser
def test_the_customers_of_a_segment_are_downloaded(page, address, swept):
    found = the_champion(swept)
    visit(page, address, "One segment")
    choose(page, "Segment", found.label(2))
    page.locator("article.card h3").get_by_text(found.names[2]).wait_for()
    wanted = found.customers(2)
    with page.expect_download() as download:
        page.get_by_role("button", name="as CSV").click()
    read = pd.read_csv(download.value.path(), dtype={0: str})
    assert read["CustomerID"].tolist() == wanted["CustomerID"].tolist()
    assert set(read["segment"]) == {2}
    with page.expect_download() as download:
        page.get_by_role("button", name="as Excel").click()
    book = pd.read_excel(download.value.path())
    assert download.value.suggested_filename == "segment-2.xlsx"
    assert book[SPENDING].tolist() == wanted[SPENDING].tolist()


@pytest.mark.slow
@pytest.mark.browser
def test_two_runs_of_a_sweep_stand_side_by_side(page, address):
    visit(page, address, "Compare runs")
    board = page.locator("table").first
    page.get_by_text("Recommended: kmeans").wait_for()
    board.wait_for()
    assert board.locator("tbody tr").count() == 4
    page.get_by_text("Agreement of the two:").wait_for()
    crossed = page.get_by_role("table", name="Customers by the segments of both runs")
    crossed.wait_for()
    counts = [int(cell) for cell in crossed.locator("td").all_inner_texts()]
    assert sum(counts) == 200
    one = page.get_by_role("combobox", name="First run").input_value()
    other = next(
        name for name in board.locator("tbody th").all_inner_texts() if name.strip() != one.strip()
    )
    choose(page, "First run", other.strip())
    page.locator(".seg h3").first.get_by_text(other.strip()).wait_for()


@pytest.mark.slow
@pytest.mark.browser
def test_an_upload_is_labelled_as_the_model_does_and_stays_text(page, address, swept, tmp_path):
    found = the_champion(swept)
    table = mall().reset_index().head(50)
    table["note"] = f"![x]({EXTERNAL})"
    table.loc[0, "note"] = "=1+1"
    table[INCOME] = table[INCOME].astype(object)
    table.loc[3, INCOME] = "much"
    file = tmp_path / "new.csv"
    table.to_csv(file, index=False)
    visit(page, address, "Score customers")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("49 rows scored, 1 row not").wait_for()
    settle(page)
    failed = page.get_by_role("table", name="Rows that could not be scored")
    failed.wait_for()
    assert failed.locator("tbody th").all_inner_texts() == ["5"]
    with page.expect_download() as download:
        page.get_by_role("button", name="as CSV").click()
    read = pd.read_csv(download.value.path())
    assert download.value.suggested_filename == "new-segments.csv"
    good = table.drop(index=3)
    asked = found.segmenter.assign(good)["segment"]
    assert read["segment"].drop(index=3).tolist() == asked.tolist()
    assert pd.isna(read.loc[3, "segment"])
    assert read.loc[0, "note"] == "'=1+1"
    with page.expect_download() as download:
        page.get_by_role("button", name="as Excel").click()
    assert pd.read_excel(download.value.path())["note"].iloc[0] == "=1+1"


@pytest.mark.slow
@pytest.mark.browser
def test_a_file_that_cannot_be_read_is_refused_in_words(page, address, tmp_path):
    file = tmp_path / "other.csv"
    file.write_text("age,income\n1,2\n")
    visit(page, address, "Score customers")
    page.locator("input[type=file]").set_input_files(file)
    said = page.get_by_role("alert")
    said.wait_for()
    assert INCOME in said.inner_text()
    assert "Traceback" not in page.content()


@pytest.mark.slow
@pytest.mark.browser
def test_the_form_gives_the_models_answer_and_why(page, address, swept):
    found = the_champion(swept)
    visit(page, address, "Score customers")
    page.get_by_role("tab", name="One customer").click()
    values = dict(zip(found.segmenter.columns, (30, 88, 80), strict=False))
    for column, value in values.items():
        page.get_by_label(column, exact=True).fill(str(value))
    page.get_by_role("button", name="Which segment?").click()
    asked = person.answer(found, values)
    page.get_by_text("of the most similar customers are in this segment").wait_for()
    assert page.locator(".verdict b").last.inner_text() == asked.name
    page.locator(".why li b").first.wait_for()
    reasons = page.locator(".why li b").all_inner_texts()
    assert reasons == [f"{reason.column}: {reason.value}" for reason in asked.why]


@pytest.mark.slow
@pytest.mark.browser
def test_changes_show_the_scored_file_and_its_drift(page, address):
    visit(page, address, "Changes")
    page.get_by_text("it is the first").wait_for()
    files = page.get_by_role("table", name="Scored files")
    files.wait_for()
    assert MALL.name in files.inner_text()
    page.get_by_text("No refresh is due").first.wait_for()


@pytest.mark.slow
@pytest.mark.browser
def test_a_promotion_shows_up_without_a_restart(page, swept, tmp_path):
    folder = shutil.copytree(swept, tmp_path / "mlruns")
    former = "kmeans-income_spending-k5"
    with served(folder) as address:
        visit(page, address)
        page.get_by_text("Version 1 of customer-segments").wait_for()
        command("promote.py", folder, f"run={former}", "force=true", "reason=x", "new_schema=true")
        page.get_by_role("radio", name="Changes").click()
        page.get_by_text("Version 2 against version 1.").wait_for()
        settle(page)
        page.get_by_role("radio", name="Segments").click()
        page.get_by_text(f"Version 2 of customer-segments, from {former}.").wait_for()
        page.goto("about:blank")  # it would complain that the server has gone


@pytest.mark.slow
@pytest.mark.browser
def test_before_the_first_promotion_every_page_says_what_to_do(page, migrated, tmp_path):
    folder = shutil.copytree(migrated, tmp_path / "mlruns")
    with served(folder) as address:
        for title in app.PAGES:
            visit(page, address, title)
            page.get_by_text("python train.py -m").first.wait_for()
        page.goto("about:blank")

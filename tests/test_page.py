import base64
import dataclasses
import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.preprocessing import StandardScaler

from customer_segmentation import analysis, data, explanations, features, page, search, selection
from customer_segmentation.page import html
from customer_segmentation.page.html import STYLE
from customer_segmentation.page.run_page import CAPTIONS
from customer_segmentation.plots import canvas, segments
from customer_segmentation.profiles.cards import Card
from customer_segmentation.recommendation import Recommendation
from customer_segmentation.results import About, Tables
from customer_segmentation.style import colour

NASTY = "<script>alert('x')</script> & \"q\" {braces} https://example.com/a.png"
VOID = {"meta", "img", "br", "link"}
PICTURE = canvas.png(canvas.blank(16, 3, "Title"))
DOUBTFUL = pd.DataFrame(columns=["segment", "name", "next_best_name", "reason"])


class Outline(HTMLParser):
    """Start tags with their attributes; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags(text: str, tag: str) -> list[dict[str, str | None]]:
    return [attrs for found, attrs in Outline(text).found if found == tag]


def made_cards(table, segments, names, **changes):
    return [
        dataclasses.replace(
            Card(
                number, name, int((segments == number).sum()), float((segments == number).mean()),
                "Who.", "Do this.", "By post.", "Age 20", ("younger",), "Age <= 30", 0.9, 0.8,
                table[(segments == number).to_numpy()].head(5),
            ),
            **changes,
        )
        for number, name in names.items()
    ]  # fmt: skip


def tables(n_segments=2, outliers=0, columns=3, name="Group {}", **changes):
    """Tables of a made-up run; every segment has ten customers."""
    numbers = [*np.repeat(np.arange(1, n_segments + 1), 10), *[-1] * outliers]
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {f"Column {i}": rng.normal(size=len(numbers)) + numbers for i in range(columns)},
        index=pd.Index([f"c{i}" for i in range(len(numbers))], name="Customer"),
    )
    segments = pd.Series(numbers, index=table.index, name="segment")
    names = {i: name.format(i) for i in range(1, n_segments + 1)}
    cards = made_cards(table, segments, names, **changes)
    return Tables(table, segments, names, segments * 0 + 0.5, cards)


def told(found, about=None, pictures=None, **more):
    return page.run(
        found,
        about or About(sentence="Yes."),
        pictures=pictures or {},
        **{"borderline": DOUBTFUL, **more},
    )


def test_everything_a_user_supplies_is_escaped():
    found = tables(name=NASTY.replace("{braces}", "{{}}"), description=NASTY, rule=NASTY, why=NASTY)
    found.table.columns = [NASTY, "b", "c"]
    about = About(NASTY, NASTY, NASTY, [NASTY], NASTY, NASTY, {NASTY: NASTY, "Command": NASTY})
    doubtful = pd.DataFrame(
        {"segment": [1], "name": NASTY, "next_best_name": NASTY, "reason": NASTY}, index=[NASTY]
    )
    text = told(found, about, {"sizes": canvas.png(canvas.blank(9, 3, NASTY))}, borderline=doubtful)
    assert "<script" not in text
    assert tags(text, "script") == []
    assert tags(text, "img")[0]["alt"] == NASTY


def test_nothing_is_loaded_from_anywhere():
    text = told(tables(), pictures={"sizes": PICTURE, "elbow": PICTURE})
    sources = [
        value
        for _, attrs in Outline(text).found
        for name, value in attrs.items()
        if name in {"src", "href", "srcset", "action"} and not value.startswith("#")
    ]
    assert sources == [f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"] * 2
    assert not re.search(r"url\(|@import|https?:", STYLE)
    policies = [attrs.get("content") or "" for attrs in tags(text, "meta")]
    assert any(policy.startswith("default-src 'none'") for policy in policies)


def test_a_page_has_what_screen_readers_look_for():
    text = told(tables(), pictures={"sizes": PICTURE})
    assert tags(text, "html") == [{"lang": "en"}]
    assert [len(tags(text, name)) for name in ("main", "nav", "h1")] == [1, 1, 1]
    anchors = {attrs["href"][1:] for attrs in tags(text, "a")}
    ids = [attrs["id"] for _, attrs in Outline(text).found if "id" in attrs]
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in Outline(text).found if re.fullmatch(r"h\d", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all(attrs["alt"] for attrs in tags(text, "img"))
    assert all(attrs.get("scope") for attrs in tags(text, "th"))


def test_cards_say_who_what_and_how_to_recognise():
    text = told(tables())
    for words in (
        "Group 1", "10 customers, 50 % of all", "Who.", "Do this.", "By post.", "younger",
        "Age ≤ 30", "It catches 90 % of the segment", "80 % belong to it", "Why this name: Age 20",
    ):  # fmt: skip
        assert words in text
    assert len(tags(text, "article")) == 2
    assert colour(2) in text


def test_a_card_without_play_rule_or_differences_leaves_them_out():
    bare = {"action": "", "channel": "", "rule": "", "differentiators": (), "why": ""}
    text = told(tables(**bare))
    assert "No ready-made action" in text
    assert "Rule of thumb" not in text
    assert "What sets them apart" not in text


def test_of_many_columns_the_most_telling_are_shown():
    text = told(tables(columns=30))
    assert "The other 24 columns are in the workbook." in text
    typical = pd.DataFrame([range(9)], columns=[f"Vertragsabschlussdatum{i}" for i in range(9)])
    assert "The other 7 columns are in the workbook." in told(tables(typical=typical))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (tables(1), "10 customers, 100 % of all"),
        (tables(0, outliers=4), "There are no segments to describe."),
        (tables(2, outliers=12), "10 of them; all are in the workbook."),
        (tables(15, name="A name that goes on and on and on, number {}"), "Segment sizes"),
    ],
    ids=["one", "only outliers", "outliers", "fifteen"],
)
def test_any_number_of_segments_makes_a_page(found, words):
    text = told(found)
    assert words in text
    assert len(tags(text, "article")) == len(found.names)


def test_no_customers_make_a_page():
    assert "There are no segments" in told(tables(0))


def test_doubtful_customers_are_counted_and_the_worst_ten_shown():
    rows = pd.DataFrame(
        {"segment": 1, "name": "Group 1", "next_best_name": ["", *["Group 2"] * 11], "reason": "x"},
        index=pd.Index(range(12), name="Customer"),
    )
    text = told(tables(), borderline=rows)
    assert "12 customers (60 %)" in text
    assert "tables/borderline.csv" in text
    assert text.count("<td>Group 2</td>") == 9


def test_stability_is_told_in_the_words_of_hennig_and_in_plain_ones():
    quality = pd.DataFrame(
        {"segment": [1, 2], "name": ["a", "b"], "silhouette": 0.5, "jaccard": [0.9, 0.4],
         "stability": ["highly stable", "dissolved"], "assigner_fidelity": 1.0}
    )  # fmt: skip
    text = told(tables(), quality=quality)
    for words in ("highly stable", "dissolved", "do not rely on it", "40 %", "Hennig (2007)"):
        assert words in text


def test_tables_read_well():
    table = pd.DataFrame(
        {
            "segment": [1, -1],
            "share": [0.4, np.nan],
            "customers": [12_345, 3],
            "Income": [86.538, np.inf],
            "ok": [True, False],
            "since": pd.to_datetime(["2026-01-02", None]),
        }
    )
    text = html.table(table, "Segments")
    for words in ("40 %", "12,345", "86.5", "∞", "yes", "2026-01-02"):
        assert f">{words}<" in text
    assert colour(1) in text
    assert len(tags(text, "tr")) == 3


def test_long_tables_are_cut_and_say_so():
    text = html.table(pd.DataFrame({"x": range(500)}), "Customers")
    assert "200 of 500 rows" in text
    assert len(tags(text, "tr")) == html.MOST_ROWS + 1


def test_an_empty_table_still_has_its_header():
    assert len(tags(html.table(pd.DataFrame({"id": []}), "Outliers"), "th")) == 1


def test_the_thirteenth_segment_is_told_from_the_first_by_shape_and_number():
    assert html.badge(1) != html.badge(13).replace(">13<", ">1<")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    rng = np.random.default_rng(0)
    places = rng.integers(0, 3, 120)
    table = pd.DataFrame(
        {
            "CustomerID": range(120),
            "Age": (rng.normal(size=120) + places * 9).round(2),
            "Spend": (rng.normal(size=120) - places * 9).round(2),
            "City": rng.choice(["Berlin", "Paris"], 120),
        }
    )
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    table.to_csv(path, index=False)
    return data.load(path)


def analysed(shop, estimator, parameter, grid, n_segments=None):
    scaled = [{"columns": ["Age", "Spend"], "transform": StandardScaler()}]
    return analysis.analyse(
        shop,
        features.build(shop.table, scaled, name="both"),
        search.Algorithm("any", estimator, parameter, grid),
        search.Selection(selection.by_evidence, n_segments=n_segments),
    )


def page_of(result):
    segments = result.segments
    confidence = pd.Series(result.segmenter.confidence_, index=segments.index)
    cards = made_cards(result.data.table, segments, result.names)
    found = Tables(result.data.table, segments, result.names, confidence, cards)
    about = explanations.about(result, {"seed": 7}, run_id="abc", command="python train.py")
    return page.run(found, about, pictures={}, borderline=DOUBTFUL), about


@pytest.mark.parametrize(
    ("estimator", "parameter", "grid", "n", "words"),
    [
        (KMeans(n_init=2), "n_clusters", [1, 2, 3, 4], 3, "3 natural segments"),
        (KMeans(n_init=2), "n_clusters", [1], 1, "one single group"),
        (DBSCAN(), "eps", [1e-6, 1e-5], None, "No segments were found"),
    ],
    ids=["three", "one", "none"],
)
def test_the_page_of_a_run_says_what_was_found(shop, estimator, parameter, grid, n, words):
    result = analysed(shop, estimator, parameter, grid, n)
    text, about = page_of(result)
    assert words in about.sentence
    for fact in ("python train.py rebuild=abc", shop.sha256, "scikit-learn=="):
        assert fact in text


def test_pictures_are_described_by_their_headline():
    counts = tables(3).counts
    png = canvas.png(segments.sizes(counts))
    text = told(tables(3), pictures={"sizes": png})
    assert [attrs["alt"] for attrs in tags(text, "img")] == [
        "3 segments: from 10 (33 %) to 10 (33 %) customers"
    ]


def test_where_one_single_group_describes_the_customers_as_well_the_page_says_so(tmp_path):
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 2)), columns=["Age", "Spend"])
    table.round(2).to_csv(tmp_path / "blob.csv", index=False)
    result = analysed(
        data.load(tmp_path / "blob.csv"), KMeans(n_init=2), "n_clusters", [1, 2, 3], 3
    )
    text, about = page_of(result)
    assert about.sentence.endswith("But one single group describes the customers as well.")
    assert "You can treat the segments as different kinds" not in text


def swept(n_runs=2, verdict="natural"):
    runs = [f"run-{i}" for i in range(n_runs)]
    board = pd.DataFrame(
        {"rank": range(1, n_runs + 1), "run": runs, "verdict": "natural", "n_segments": 2,
         "score": 0.5, "algorithm": "kmeans", "features": "x", "objection": ""}
    )  # fmt: skip
    case = pd.DataFrame({"question": ["Why it won"], "answer": [NASTY]})
    found = Recommendation("run-0", verdict, "Recommended: run-0.", case)
    matrix = pd.DataFrame(np.eye(n_runs) * 0.5 + 0.5, index=runs, columns=runs)
    failures = pd.DataFrame({"job": [NASTY], "error": [NASTY]})
    return page.sweep(
        "Comparison", {"mall": found}, board, failures, cards={"mall": tables().cards},
        agreement=matrix, pictures={"agreement": PICTURE}, facts={"Sweep id": "abc"},
    )  # fmt: skip


def test_the_page_of_a_sweep_recommends_compares_and_admits_failures():
    text = swept()
    assert "<script" not in text
    assert "1. run-0 (recommended)" in text
    assert "follow the champion" in text
    assert "Runs that failed" in text
    assert len(tags(text, "article")) == 2
    assert "run-0 and run-1 (0.5)" in text


def test_no_run_is_called_recommended_where_there_are_no_segments():
    assert "(recommended)" not in swept(verdict="no natural segments")


def test_a_sweep_without_a_finished_run_says_so():
    nothing = pd.DataFrame(columns=["rank", "run", "data"])
    text = page.sweep(
        "Comparison", {}, nothing, pd.DataFrame(columns=["job", "error"]), cards={},
        agreement=pd.DataFrame(), pictures={}, facts={}, note="Interrupted: 0 of 2 runs finished.",
    )  # fmt: skip
    assert "nothing to recommend" in text
    assert "Interrupted" in text


WIDE = tables(15, outliers=3, columns=30, name="<script>alert(1)</script> and a very long name {}")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "text",
    [
        told(WIDE, pictures=dict.fromkeys(CAPTIONS, PICTURE)),
        told(tables(0, outliers=3)),
        swept(),
    ],
    ids=["many", "none", "sweep"],
)
def test_a_page_fits_desktop_phone_and_paper(browser, tmp_path, text, width):
    file = tmp_path / "report.html"
    file.write_text(text, encoding="utf-8")
    shown, said, asked = browser.new_page(viewport={"width": width, "height": 800}), [], []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri())
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert shown.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
    shown.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert (tmp_path / "report.pdf").stat().st_size > 10_000
    shown.emulate_media(media="print")
    assert shown.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    for card in shown.query_selector_all(".card, figure"):
        assert card.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    shown.close()

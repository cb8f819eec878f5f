"""Drift is told from chance, named, and does not depend on order or chunks."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from customer_segmentation import drift
from customer_segmentation.drift import divergence
from customer_segmentation.drift.columns import column_of, describe_column
from customer_segmentation.plots import canvas
from customer_segmentation.plots.drift import drift as picture

SHARES = {1: 0.5, 2: 0.3, 3: 0.17, -1: 0.03}


def draw(rng: np.random.Generator, n: int, shift: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers as companies have them: a bell, mostly zeros, small counts, levels, gaps."""
    spend = np.where(rng.random(n) < 0.4, 0.0, rng.exponential(20, n))
    visits = rng.poisson(2, n).astype(float)
    visits[rng.random(n) < 0.05] = np.nan
    table = pd.DataFrame(
        {
            "income": rng.normal(50, 10, n) + 10 * shift,
            "spend": spend,
            "visits": visits,
            "always": 1.0,
            "city": rng.choice(["Bonn", "Ulm", "Kiel"], n, p=[0.6, 0.35, 0.05]),
        }
    )
    return table, rng.choice(list(SHARES), n, p=list(SHARES.values()))


def compared(trained, table, segments) -> drift.Monitor:
    described = drift.reference(trained[0], list(trained[0]), pd.Series(trained[1]))
    monitor = drift.Monitor(json.loads(json.dumps(described)))
    monitor.update(table, segments)
    return monitor


@pytest.mark.parametrize("trained", [200, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scored", [1, 50, 500, pytest.param(5000, marks=pytest.mark.slow)])
def test_without_drift_at_least_95_of_100_batches_are_stable_in_every_row(trained, scored):
    stable = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        table = compared(draw(rng, trained), *draw(rng, scored)).table()
        stable += (table["level"] == "stable").all()
    assert stable >= 38


@pytest.mark.parametrize("scored", [50, 500, 5000])
def test_a_shift_of_one_standard_deviation_is_named_and_nothing_else(scored):
    rng = np.random.default_rng(1)
    monitor = compared(draw(rng, 5000), *draw(rng, scored, shift=1))
    levels = monitor.table().set_index("what")["level"]
    assert levels["income"] == "large"
    assert (levels.drop("income") == "stable").all()
    assert monitor.words().startswith("A refresh is due: income (")


def test_psi_of_a_normal_shift_is_its_square():
    rng = np.random.default_rng(2)
    old, new = rng.normal(size=200_000), rng.normal(0.5, 1, 200_000)
    monitor = compared(
        (pd.DataFrame({"x": old}), np.ones(len(old), int)), pd.DataFrame({"x": new}), [1] * len(new)
    )
    row = monitor.table().set_index("what").loc["x"]
    assert row["psi"] == pytest.approx(0.25, abs=0.02)  # deciles lose a little
    assert row["ks"] == pytest.approx(divergence.ks_of(0.25), abs=0.01)


@pytest.mark.parametrize("n", [30, 1000, 20_000])
def test_ks_is_that_of_all_values_within_the_stated_error(n):
    rng = np.random.default_rng(n)
    old, new = rng.exponential(size=n).round(3), rng.exponential(1.3, size=n // 2).round(3)
    column = column_of(describe_column(pd.Series(old)))
    column.update(pd.Series(new))
    exact = ks_2samp(old, new).statistic
    assert column.ks_error <= 1 / 200
    assert exact - column.ks_error - 1e-12 <= column.ks() <= exact + 1e-12


def test_a_new_category_is_named():
    rng = np.random.default_rng(3)
    trained, (table, segments) = draw(rng, 2000), draw(rng, 1000)
    table.loc[table.index[:200], "city"] = "Mars"
    words = compared(trained, table, segments).words()
    assert "city" in words
    assert "of the new level 'Mars', 20 % instead of 0 %" in words


def test_new_gaps_and_a_constant_that_varies_are_named():
    rng = np.random.default_rng(4)
    trained, (table, segments) = draw(rng, 2000), draw(rng, 1000)
    table.loc[:299, "income"] = np.nan
    table.loc[:499, "always"] = 2.0
    rows = compared(trained, table, segments).table().set_index("what")
    assert rows.loc["income", "change"] == "more missing, 30 % instead of 0 %"
    assert rows.loc["income", "missing_found"] == pytest.approx(0.3)
    assert rows.loc["always", "level"] == "large"


def test_a_few_gaps_that_are_gone_call_for_no_refresh_however_many_are_scored():
    rng = np.random.default_rng(4)
    trained = pd.DataFrame({"age": rng.normal(size=5000)})
    trained.loc[:149, "age"] = np.nan
    table = pd.DataFrame({"age": rng.normal(size=200_000)})
    words = compared((trained, np.ones(5000, int)), table, np.ones(200_000, int)).words()
    assert words.startswith("No refresh is due")


def test_gaps_that_training_filled_are_expected_again():
    rng = np.random.default_rng(5)
    trained, segments = draw(rng, 2000)
    gaps = int(trained["visits"].isna().sum())
    filled = trained.fillna({"visits": trained["visits"].median()})
    described = drift.reference(filled, ["visits"], pd.Series(segments), imputed={"visits": gaps})
    monitor = drift.Monitor(described)
    monitor.update(*draw(rng, 2000))
    row = monitor.table().set_index("what").loc["visits"]
    assert row["missing_expected"] == pytest.approx(gaps / 2000)
    assert row["level"] == "stable"


def test_moved_segments_are_named_with_their_shares():
    rng = np.random.default_rng(6)
    trained, (table, _) = draw(rng, 2000), draw(rng, 1000)
    monitor = compared(trained, table, [2] * 1000)
    assert "segment shares (Segment 1: 0 % instead of " in monitor.words()
    shares = monitor.shares().set_index("segment")
    assert shares["found"].to_dict() == {1: 0.0, 2: 1.0, 3: 0.0, -1: 0.0}
    assert list(shares.index) == [1, 2, 3, -1]


def test_a_segment_that_training_did_not_have_counts():
    rng = np.random.default_rng(6)
    monitor = compared(draw(rng, 500), draw(rng, 300)[0], [9] * 300)
    assert 9 in monitor.shares()["segment"].tolist()
    assert monitor.table()["level"].iloc[0] == "large"


def test_no_customer_is_no_drift():
    monitor = drift.Monitor(drift.reference(*_tiny()))
    assert monitor.table().empty
    assert "cannot be told" in monitor.words()


def test_few_customers_say_what_they_can_show():
    rng = np.random.default_rng(7)
    words = compared(draw(rng, 2000), *draw(rng, 50)).words()
    assert words.startswith("No refresh is due")
    assert "among 50 customers only a very large one would show" in words


def _tiny():
    return pd.DataFrame({"x": [1.0, 2.0]}), ["x"], pd.Series([1, 2])


counts = st.lists(st.integers(0, 500), min_size=1, max_size=12)


@given(counts, st.randoms())
def test_psi_is_never_negative_zero_for_equal_shares_and_blind_to_the_order_of_bins(old, random):
    new = [random.randint(0, 500) for _ in old]
    expected, found = np.array(old) + 1, np.array(new)
    assert divergence.psi(expected, found) >= 0
    assert divergence.psi(expected, expected) == 0
    order = list(range(len(old)))
    random.shuffle(order)
    assert divergence.psi(expected[order], found[order]) == pytest.approx(
        divergence.psi(expected, found)
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 300), max_size=4))
def test_order_and_chunks_do_not_matter(seed, cuts):
    rng = np.random.default_rng(seed)
    trained, (table, segments) = draw(rng, 300), draw(rng, 300, shift=0.5)
    whole = compared(trained, table, segments)
    order = rng.permutation(300)
    parts = drift.Monitor(drift.reference(trained[0], list(table), pd.Series(trained[1])))
    edges = [0, *sorted(cuts), 300]
    for start, end in itertools.pairwise(edges):
        rows = order[start:end]
        parts.update(table.iloc[rows], segments[rows])
    pd.testing.assert_frame_equal(whole.table(), parts.table())
    assert whole.words() == parts.words()


@given(st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), max_size=300))
def test_every_training_value_is_in_exactly_one_bin(values):
    described = describe_column(pd.Series(values, dtype=float))
    column = column_of(described)
    column.update(pd.Series(values, dtype=float))
    expected, found, labels = column.bins()
    assert expected.tolist() == found.tolist()
    assert expected.sum() == len(values)
    assert len(labels) == len(set(labels)) == len(expected)


@pytest.mark.parametrize("segments", [1, 30])
@pytest.mark.parametrize("columns", [1, 25])
def test_the_picture_shows_every_row_inside_its_edges(segments, columns, tmp_path):
    rng = np.random.default_rng(8)
    table = pd.DataFrame({f"A long name of a column {i}": rng.random(200) for i in range(columns)})
    numbers = rng.integers(1, segments + 1, 200)
    monitor = compared((table, numbers), table + 0.3, numbers)
    names = {1: "High income, low spending, and more words than there is room for"}
    figure = picture(monitor.table(), monitor.shares(), names)
    assert canvas.png(figure)[1:4] == b"PNG"
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes:
        for label in [*axes.get_yticklabels(), *axes.texts, axes.xaxis.label]:
            box = label.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= width
            assert 0 <= box.y0 <= box.y1 <= height
    assert len(figure.axes[0].get_yticklabels()) == min(segments, 24)
    assert len(figure.axes[1].get_yticklabels()) == min(columns + 1, 20)

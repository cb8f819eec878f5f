import time

import numpy as np
import pandas as pd
import pytest
from conftest import INCOME, MALL, SPENDING
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from customer_segmentation.profiles.conditions import Condition, all_hold, merged, rounder, words
from customer_segmentation.profiles.rules import ALL_CUSTOMERS, rules
from customer_segmentation.style import OUTLIER


def mall() -> tuple[pd.DataFrame, "pd.Series[int]"]:
    table = pd.read_csv(MALL, index_col="CustomerID")
    table["Gender"] = table["Gender"].astype("category")
    labels = KMeans(5, n_init=10, random_state=0).fit_predict(
        StandardScaler().fit_transform(table[[INCOME, SPENDING]])
    )
    return table, pd.Series(labels + 1, index=table.index)


def test_mall_rules_are_short_round_and_true():
    table, segments = mall()
    found = rules(table, segments)
    assert found.fidelity > 0.9
    assert (found.table["coverage"] > 0.9).all()
    assert (found.table["precision"] > 0.9).all()
    assert found.table["rule"].str.count(" and ").max() <= 1
    assert f"{INCOME} > 69 and {SPENDING} > 50" in set(found.table["rule"])


def test_what_is_reported_is_measured_with_the_rule_as_written():
    table, segments = mall()
    for row in rules(table, segments).table.itertuples():
        if "<" in row.rule.split(" and ")[0].split(INCOME)[0]:
            continue  # two bounds on a column; the others can be asked of pandas
        query = row.rule.replace(INCOME, "`" + INCOME + "`").replace(SPENDING, "`" + SPENDING + "`")
        caught = table.query(query).index
        inside = segments[caught] == row.segment
        assert inside.mean() == pytest.approx(row.precision)
        assert inside.sum() / (segments == row.segment).sum() == pytest.approx(row.coverage)


def test_categories_are_told_by_level_and_gaps_meet_no_level():
    draw = np.random.default_rng(0)
    gender = np.repeat(["Female", "Male"], 50).astype(object)
    gender[:5] = None
    table = pd.DataFrame({"Gender": pd.Categorical(gender), "noise": draw.normal(size=100)})
    found = rules(table, pd.Series(np.repeat([1, 2], 50))).table
    assert found["rule"].tolist() == ["Gender is not Male", "Gender is Male"]
    full = table.assign(Gender=pd.Categorical(np.repeat(["Female", "Male"], 50)))
    found = rules(full, pd.Series(np.repeat([1, 2], 50))).table
    assert found["rule"].tolist() == ["Gender is Female", "Gender is Male"]


def test_many_levels_and_a_bool():
    draw = np.random.default_rng(0)
    city = draw.choice([f"c{i:02d}" for i in range(60)], 3000)
    segments = pd.Series(np.where(city == "c07", 2, 1))
    table = pd.DataFrame({"city": pd.Categorical(city), "member": segments.to_numpy() == 2})
    found = rules(table[["member"]], segments).table
    assert found["rule"].tolist() == ["member is False", "member is True"]
    assert len(rules(table[["city"]], segments).table) == 2


def test_one_segment_is_all_customers_and_outliers_have_no_rule():
    table = pd.DataFrame({"x": np.arange(10.0)})
    one = rules(table, pd.Series([1] * 9 + [OUTLIER]))
    assert one.table["rule"].tolist() == [ALL_CUSTOMERS]
    assert one.fidelity == 1
    none = rules(table, pd.Series([OUTLIER] * 10))
    assert len(none.table) == 0
    assert np.isnan(none.fidelity)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"x": [1.0] * 6}),
        pd.DataFrame({"x": [np.nan] * 6}),
        pd.DataFrame({"note": list("abcdef")}),
        pd.DataFrame(index=range(6)),
    ],
)
def test_no_column_that_tells_apart_no_rule(table):
    found = rules(table, pd.Series([1, 1, 1, 2, 2, 2]))
    assert found.table["rule"].tolist() == ["", ""]
    assert np.isnan(found.fidelity)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([-1, 1, 2, 3]), min_size=30, max_size=30), st.integers(0, 3))
def test_any_partition_has_rules_whose_shares_are_shares(numbers, seed):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "a": draw.normal(size=30).round(1),
            "b": np.where(draw.random(30) < 0.2, np.nan, draw.integers(0, 5, 30)),
            "c": pd.Categorical(draw.choice(list("xyz"), 30)),
        }
    )
    segments = pd.Series(numbers)
    first, again = rules(table, segments), rules(table, segments)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert set(first.table["segment"]) == set(numbers) - {OUTLIER}
    assert first.table["coverage"].between(0, 1).all()
    assert first.table["precision"].between(0, 1).all()


def test_two_hundred_thousand_customers_take_seconds():
    draw = np.random.default_rng(0)
    segments = pd.Series(draw.integers(1, 9, 200_000))
    table = pd.DataFrame(draw.normal(size=(200_000, 10))).rename(columns="f{}".format)
    table["f0"] += segments * 3
    table["city"] = pd.Categorical(draw.choice(list("abcdefghijkl"), 200_000))
    start = time.process_time()
    found = rules(table, segments)
    assert time.process_time() - start < 6
    assert found.fidelity > 0.8


def test_bounds_are_merged():
    path = [Condition("x", "<=", 9), Condition("x", "<=", 7), Condition("x", ">", 2)]
    assert words(merged(path, {})) == "2 < x <= 7"
    path = [Condition("c", "is not", "a"), Condition("c", "is", "b")]
    assert words(merged(path, {"c": ["a", "b", "d"]})) == "c is b"
    gap = [Condition("c", "is not", "a")]
    assert words(merged(gap, {"c": ["a", None]})) == "c is not a"


def test_missing_values_meet_no_bound():
    table = pd.DataFrame({"x": [1.0, np.nan], "c": pd.Categorical(["a", None])})
    assert all_hold([Condition("x", "<=", 5)], table).tolist() == [True, False]
    assert all_hold([Condition("c", "is not", "b")], table).tolist() == [True, True]


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
@example(5e-324, False)
@example(1.7e308, False)
def test_rounding_ends_with_the_threshold_itself(value, whole):
    tried = list(rounder(value, whole))
    assert tried[-1] == (np.floor(value) if whole else value)
    assert all(np.isfinite(tried))

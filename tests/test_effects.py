import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, fisher_exact, mannwhitneyu
from scipy.stats.contingency import chi2_contingency

from customer_segmentation.profiles import effects
from customer_segmentation.style import OUTLIER


def customers(n: int = 300) -> tuple[pd.DataFrame, "pd.Series[int]"]:
    draw = np.random.default_rng(0)
    segments = pd.Series(draw.integers(1, 4, n), index=pd.RangeIndex(1, n + 1, name="id"))
    table = pd.DataFrame(
        {
            "spend": draw.normal(size=n) + segments.to_numpy() * 2,
            "noise": draw.normal(size=n),
            "gender": pd.Categorical(draw.choice(["Female", "Male"], n)),
            "plan": pd.Categorical(np.where(segments == 3, "gold", draw.choice(["a", "b"], n))),
            "note": "text",
        },
        index=segments.index,
    )
    return table, segments


def test_profile_has_every_number_and_every_level_of_every_segment():
    table, segments = customers()
    found = effects.profile(table, segments, {1: "One"})
    assert list(found.columns) == list(effects.COLUMNS)
    assert len(found) == 3 * (2 + 2 + 3)
    row = found[(found["segment"] == 2) & (found["column"] == "spend")].iloc[0]
    mine = table.loc[segments == 2, "spend"]
    assert row[["mean", "median", "spread", "q25", "q75"]].tolist() == pytest.approx(
        [mine.mean(), mine.median(), mine.std(ddof=0), mine.quantile(0.25), mine.quantile(0.75)]
    )
    assert row["effect"] == pytest.approx(
        (mine.mean() - table["spend"].mean()) / table["spend"].std(ddof=0)
    )
    shares = found[found["column"] == "plan"].groupby("segment")["share"].sum()
    assert np.allclose(shares, 1)
    gold = found[(found["segment"] == 3) & (found["level"] == "gold")].iloc[0]
    assert gold["lift"] == pytest.approx(1 / (table["plan"] == "gold").mean())


def test_used_columns_are_marked_and_not_tested():
    table, segments = customers()
    found = effects.profile(table, segments, {}, used=["spend"])
    spend = found[found["column"] == "spend"]
    assert spend["used_to_cluster"].all()
    assert spend["p_value"].isna().all()
    assert not spend["significant"].any()
    rest = found[found["column"] != "spend"]
    assert rest["q_value"].to_numpy() == pytest.approx(
        false_discovery_control(rest["p_value"].to_numpy())
    )
    assert rest[rest["column"] == "plan"]["significant"].all()
    assert not rest[rest["column"].isin(["noise", "gender"])]["significant"].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=12, max_size=60), st.integers(0, 5))
def test_rank_tests_are_scipys(values, seed):
    codes = np.random.default_rng(seed).integers(0, 3, len(values))
    column = np.array(values, dtype=float)
    found = effects.rank_tests(column, codes, 3)
    for s in range(3):
        one, other = column[codes == s], column[codes != s]
        if len(one) and len(other) and len(set(values)) > 1:
            expected = mannwhitneyu(one, other, method="asymptotic").pvalue
            assert found[s] == pytest.approx(expected)
        else:
            assert np.isnan(found[s])


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_share_tests_are_scipys(share):
    draw = np.random.default_rng(1)
    level, codes = draw.random(150) < share, draw.integers(0, 3, 150)
    found = effects.share_tests(level, codes, 3)
    for s in range(3):
        sides = codes == s, codes != s
        table = np.array([[np.sum(level & side), np.sum(~level & side)] for side in sides])
        test = fisher_exact(table) if share < 0.1 else chi2_contingency(table, correction=False)
        assert found[s] == pytest.approx(test.pvalue)


def test_false_discoveries_are_held_down_where_there_is_nothing():
    draw = np.random.default_rng(0)
    segments = pd.Series(draw.integers(1, 6, 400))
    table = pd.DataFrame(draw.normal(size=(400, 40))).rename(columns=str)
    found = effects.profile(table, segments, {})
    assert (found["p_value"] < 0.05).sum() > 3  # one by one, chance would be taken for something
    assert found["significant"].sum() == 0


def test_differentiators_are_the_strongest_with_numbers():
    table, segments = customers()
    found = effects.differentiators(table, segments)
    assert found[3][0].startswith("more often plan gold (100 % against")
    assert any(text.startswith("higher spend (") for text in found[3])
    assert not any(
        "noise" in text or "gender" in text for texts in found.values() for text in texts
    )


def test_at_most_three_and_one_per_column():
    draw = np.random.default_rng(0)
    segments = pd.Series(np.repeat([1, 2], 50))
    table = pd.DataFrame({f"c{i}": draw.normal(size=100) + segments * 2**i for i in range(5)})
    assert [len(texts) for texts in effects.differentiators(table, segments).values()] == [3, 3]
    assert effects.differentiators(table, segments)[2][0].startswith("higher c4")


@pytest.mark.parametrize("numbers", [[1] * 6, [OUTLIER] * 6, [1, 1, 1, 1, 1, OUTLIER]])
def test_nothing_to_compare_nothing_told(numbers):
    table = pd.DataFrame({"x": np.arange(6.0), "c": pd.Categorical(list("aabbcc"))})
    segments = pd.Series(numbers)
    profiled = effects.profile(table, segments, {})
    assert profiled["significant"].sum() == 0
    assert list(profiled.columns) == list(effects.COLUMNS)
    assert all(texts == () for texts in effects.differentiators(table, segments).values())


def test_gaps_and_empty_columns_are_no_obstacle():
    table = pd.DataFrame(
        {
            "gaps": [1.0, np.nan, 3.0, np.nan],
            "empty": [np.nan] * 4,
            "c": pd.Categorical(["a", None, None, None]),
        }
    )
    found = effects.profile(table, pd.Series([1, 1, 2, 2]), {})
    assert found.set_index(["segment", "column"]).loc[(1, "gaps"), "customers"] == 1
    assert found.set_index(["segment", "column"]).loc[(2, "c"), "customers"] == 0

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_segmentation import naming, profiles
from customer_segmentation.naming.playbook import Play
from customer_segmentation.style import OUTLIER


def customers(n: int = 60, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "Annual Income (k$)": draw.normal(60, 20, n),
            "Spending Score (1-100)": draw.uniform(1, 100, n),
            "Gender": pd.Categorical(draw.choice(["Female", "Male"], n)),
            "Channel": pd.Categorical(draw.choice(["shop", "web", "phone"], n)),
            "note": [f"free text {i}" for i in range(n)],
        },
        index=pd.Index([f"C{i}" for i in range(n)], name="id"),
    )


def labelled(table: pd.DataFrame, *numbers: int) -> "pd.Series[int]":
    return pd.Series(np.resize(np.array(numbers), len(table)), index=table.index)


partitions = st.lists(st.sampled_from([-1, 1, 2, 3, 4, 5, 6, 7, 8]), min_size=60, max_size=60)


def test_summary_gives_means_levels_and_shares_of_all_customers():
    table = pd.DataFrame(
        {"Age": [20.0, 30.0, 60.0, 99.0], "Gender": pd.Categorical(["F", "F", "M", "M"])}
    )
    summary = profiles.summary(table, pd.Series([1, 1, 2, -1]), {1: "Young", 2: "Older"})
    assert summary["name"].tolist() == ["Young", "Older"]
    assert summary["share"].tolist() == [0.5, 0.25]
    assert summary["Age"].tolist() == [25.0, 60.0]
    assert summary["Gender"].tolist() == ["F", "M"]
    assert summary["Gender (share)"].tolist() == [1.0, 1.0]


def test_summary_keeps_a_column_that_is_called_like_ours():
    table = pd.DataFrame({"share": [1.0, 3.0]})
    summary = profiles.summary(table, pd.Series([1, 1]), {1: "All"})
    assert summary["share (data)"].tolist() == [2.0]
    assert summary["share"].tolist() == [1.0]


def test_outliers_are_counted_last_and_never_profiled():
    table = customers()
    segments = labelled(table, 1, 2, OUTLIER)
    counts = profiles.counts(segments, {1: "a", 2: "b"})
    assert counts["segment"].tolist() == [1, 2, OUTLIER]
    assert counts["name"].iloc[-1] == "Outliers"
    assert profiles.summary(table, segments, {})["segment"].tolist() == [1, 2]
    assert profiles.contrasts(table, segments).index.tolist() == [1, 2]


def test_extreme_outliers_do_not_hide_the_contrasts():
    table = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0, 1e9]})
    contrasts = profiles.contrasts(table, pd.Series([1, 1, 2, 2, OUTLIER]))
    assert contrasts["x"].tolist() == [-1.0, 1.0]


def test_all_outliers_give_empty_tables():
    table = customers()
    segments = labelled(table, OUTLIER)
    assert len(profiles.summary(table, segments, {})) == 0
    assert len(profiles.contrasts(table, segments)) == 0
    assert naming.names(profiles.contrasts(table, segments), table, segments) == {}


@settings(max_examples=25, deadline=None)
@given(partitions)
def test_counts_sum_to_the_customers_and_names_are_unique(numbers):
    table = customers()
    segments = pd.Series(numbers, index=table.index)
    contrasts = profiles.contrasts(table, segments)
    names = naming.names(contrasts, table, segments)
    counts = profiles.counts(segments, names)
    assert counts["customers"].sum() == len(table)
    assert counts["share"].sum() == pytest.approx(1)
    assert set(names) == set(numbers) - {OUTLIER}
    assert len(set(names.values())) == len(names)
    assert naming.names(contrasts, table, segments) == names
    assert set(profiles.describe(contrasts, table, segments)) == set(names)


@settings(max_examples=25, deadline=None)
@given(partitions)
def test_contrasts_average_to_zero_over_the_customers_in_segments(numbers):
    table = customers()
    segments = pd.Series(numbers, index=table.index)
    contrasts = profiles.contrasts(table, segments)
    sizes = segments[segments != OUTLIER].value_counts().reindex(contrasts.index)
    assert np.allclose(contrasts.mul(sizes, axis=0).sum(), 0, atol=1e-9)


def test_constant_columns_have_no_contrast():
    table = pd.DataFrame({"x": [1e9 + 0.1] * 4, "y": [0.0, 0.0, 1.0, 1.0]})
    contrasts = profiles.contrasts(table, pd.Series([1, 1, 2, 2]))
    assert contrasts["x"].tolist() == [0.0, 0.0]
    assert contrasts.columns[0] == "y"


def test_at_most_fifteen_features_are_kept():
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(40, 30))).rename(columns=str)
    table["7"] += np.repeat([0, 50], 20)
    contrasts = profiles.contrasts(table, pd.Series(np.repeat([1, 2], 20)))
    assert contrasts.shape == (2, profiles.MOST_FEATURES)
    assert contrasts.columns[0] == "7"


def test_values_are_the_raw_means_of_the_contrasts():
    table = customers()
    segments = labelled(table, 1, 2, 3)
    contrasts = profiles.contrasts(table, segments)
    values = profiles.values(table, segments, contrasts.columns)
    assert values.shape == contrasts.shape
    income = table.groupby(segments)["Annual Income (k$)"].mean()
    assert np.allclose(values["Annual Income (k$)"], income)
    assert values["Channel = web"].between(0, 1).all()


def test_segments_of_other_customers_are_refused():
    table = customers()
    with pytest.raises(ValueError, match="expected one per customer in the same order"):
        profiles.contrasts(table, pd.Series([1, 2]))


def named(table: pd.DataFrame, *numbers: int) -> dict[int, str]:
    segments = labelled(table, *numbers)
    return naming.names(profiles.contrasts(table, segments), table, segments)


def test_names_say_high_low_young_and_mostly():
    table = pd.DataFrame(
        {
            "Age": [20.0, 60.0, 40.0, 40.0],
            "AnnualIncome": [50.0, 50.0, 90.0, 10.0],
            "Gender": pd.Categorical(["Female", "Male", "Male", "Male"]),
        }
    )
    assert named(table, 1, 2, 3, 4) == {
        1: "Young, mostly Female",
        2: "Older, mostly Male",
        3: "High Income, mostly Male",
        4: "Low Income, mostly Male",
    }


def test_one_segment_is_all_customers():
    assert named(customers(), 1) == {1: "All customers"}


def test_equal_names_get_graded_words_then_a_number():
    table = pd.DataFrame({"income": [0.0] * 6 + [15.0, 40.0]})
    found = set(named(table, *range(1, 9)).values())
    assert found >= {"High income", "Very high income", "Low income", "Low income 6"}
    same = pd.DataFrame({"income": [0.0, 0.0]})
    assert named(same, 1, 2) == {1: "Average customers", 2: "Average customers 2"}


def test_filler_words_stay_where_two_columns_would_sound_alike():
    table = pd.DataFrame({"annual income": [1.0, 9.0], "income": [1.0, 9.0]})
    assert named(table, 1, 2)[2] == "High annual income, high income"


def test_a_level_of_several_columns_is_told_with_its_column():
    answers = {"a": ["agree", "agree", "disagree"], "b": ["disagree", "agree", "disagree"]}
    table = pd.DataFrame({c: pd.Categorical(v) for c, v in answers.items()})
    assert named(table, 1, 1, 2)[2] == "A: disagree, b: disagree"


def test_ones_and_zeros_say_yes_and_no():
    table = pd.DataFrame({"Complain": [1.0] * 9 + [0.0] * 12, "HasCard": [1.0, 0.0, 1.0] * 7})
    numbers = [1] * 10 + [2] * 11
    assert named(table, *numbers) == {1: "Mostly Complain: yes", 2: "Complain: no"}
    segments = labelled(table, *numbers)
    said = profiles.describe(profiles.contrasts(table, segments), table, segments)
    assert "more often Complain: yes (90 % against 43 % for all)" in said[1]
    assert "less often Complain: yes (0 % against 43 % for all)" in said[2]


def test_a_level_of_every_service_is_told_once():
    none, offers = "No internet service", ("Backup", "Security", "Movies")
    table = pd.DataFrame(
        {
            "Internet": pd.Categorical(["DSL", "Fibre", "No"] * 4),
            **{c: pd.Categorical(["Yes", "No", none] * 4) for c in offers},
        }
    )
    assert named(table, *[1, 1, 2] * 4)[2] == "Internet: No"


def test_the_larger_of_two_segments_is_named_like_the_smaller():
    table = pd.DataFrame({"visits": [1.0, 2.0] * 10 + [8.0, 9.0]})
    assert named(table, *[1] * 20, 2, 2) == {1: "Low visits", 2: "High visits"}


def test_the_users_own_names_come_first_and_stay_as_they_are():
    table = pd.DataFrame({"income": [10.0, 50.0, 90.0]})
    segments = labelled(table, 1, 2, 3)
    contrasts = profiles.contrasts(table, segments)
    found = naming.names(contrasts, table, segments, overrides={2: "High income", 1: " Students "})
    assert found[1] == "Students"
    assert found[2] == "High income"
    assert found[3].startswith("High income, ")


def test_every_wrong_override_is_said_at_once():
    table = pd.DataFrame({"income": [10.0, 90.0]})
    segments = labelled(table, 1, 2)
    with pytest.raises(naming.NamingError) as error:
        naming.names(
            profiles.contrasts(table, segments), table, segments, overrides={7: "A", 1: "", 2: "a"}
        )
    for part in ("7: got no such segment, expected one of 1, 2", "segment 1: got ''", "'a', which"):
        assert part in str(error.value)


def test_segments_of_one_play_are_told_apart():
    play = Play("Middle", "d", "a", "c", {})
    table = pd.DataFrame(
        {
            "Age": [20.0, 20.0, 60.0, 60.0],
            "Gender": pd.Categorical(["Female", "Male", "Female", "Male"]),
        }
    )
    segments = labelled(table, 1, 1, 2, 2)
    contrasts = profiles.contrasts(table, segments)
    assert naming.names(contrasts, table, segments, {1: play, 2: play}) == {
        1: "Middle, younger",
        2: "Middle, older",
    }
    same = pd.DataFrame({"x": [1.0, 1.0]})
    found = naming.names(
        profiles.contrasts(same, labelled(same, 1, 2)),
        same,
        labelled(same, 1, 2),
        {1: play, 2: play},
    )
    assert found == {1: "Middle", 2: "Middle 2"}


def test_a_category_tells_segments_of_one_play_apart():
    play = Play("Middle", "d", "a", "c", {})
    table = pd.DataFrame({"Gender": pd.Categorical(["Female", "Female", "Male", "Male"])})
    segments = labelled(table, 1, 1, 2, 2)
    found = naming.names(profiles.contrasts(table, segments), table, segments, {1: play, 2: play})
    assert found == {1: "Middle, more often Female", 2: "Middle, more often Male"}


def test_a_level_that_says_nothing_alone_is_never_cut_off_from_its_column():
    """Long columns are shortened before the level, and not within a word such as "in"."""
    table = pd.DataFrame(
        {
            "Zusatzoption Sicherheitspaket gebucht": pd.Categorical(["ja", "ja", "nein", "nein"]),
            "Vertragslaufzeit in Monaten gesamt": [60.0, 60.0, 2.0, 2.0],
        }
    )
    segments = labelled(table, 1, 1, 2, 2)
    found = naming.names(profiles.contrasts(table, segments), table, segments)
    assert found[1] == "Zusatzoption Sicherheitspaket…: ja, high Vertragslaufzeit in Monaten…"
    assert found[2] == "Zusatzoption Sicherheitspaket…: nein, low Vertragslaufzeit in Monaten…"

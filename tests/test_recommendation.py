"""The answer of a sweep, in numbers and in words."""

import numpy as np
import pandas as pd
import pytest

from customer_segmentation.recommendation import NO_SEGMENTS, agreement, rank, recommend

GOOD = {
    "features": "x", "score": 0.5, "n_segments": 3, "objection": "", "silhouette": 0.5,
    "verdict": "natural", "stability": 0.9, "jaccard_mean": 0.9, "jaccard_min": 0.85,
    "likelihood": 0.5, "overlap": 0.0, "no_valley": 0.0, "inner_gap": 0.0, "outlier_share": 0.0,
    "smallest_share": 0.2,
}  # fmt: skip


def board(*rows):
    return rank(pd.DataFrame([GOOD | row for row in rows]))


LABELS = {"a": pd.Series([1, 1, 2, 2]), "b": pd.Series([2, 2, 1, 1]), "c": pd.Series([1, 2, 1, 2])}


def case(found):
    return dict(zip(found.case["question"], found.case["answer"], strict=True))


def test_the_best_score_wins_across_features_and_silhouettes_are_ranked_within():
    ranked = board(
        {"run": "a", "score": 0.2, "silhouette": 0.9, "features": "few"},
        {"run": "b", "score": 0.6, "silhouette": 0.4, "features": "many"},
        {"run": "c", "score": 0.3, "silhouette": 0.3, "features": "many"},
    )
    assert list(ranked["run"]) == ["b", "c", "a"]
    assert list(ranked["silhouette_rank"]) == [1, 2, 1]
    assert recommend(ranked, LABELS).run == "b"


def test_a_run_with_an_objection_comes_last_however_good_its_score():
    ranked = board(
        {"run": "a", "score": 0.9, "objection": "smallest segment has 2 customers"},
        {"run": "b", "score": 0.1},
    )
    assert list(ranked["run"]) == ["b", "a"]
    assert recommend(ranked, LABELS).run == "b"


def test_among_scores_that_are_no_clear_difference_segments_that_come_back_go_first():
    shaky = {"run": "shaky", "score": 0.41, "jaccard_min": 0.55}
    firm, far = {"run": "firm", "score": 0.39}, {"run": "far", "score": 0.30}
    assert list(board(shaky, firm, far)["run"]) == ["firm", "shaky", "far"]
    assert list(board(shaky, far)["run"]) == ["shaky", "far"]
    answer = case(recommend(board(shaky, firm, far), {}))
    assert answer["Why it won"].startswith("score 0.39, no clear difference from the highest (sh")
    assert answer["Runner-up"].startswith("shaky (3 natural segments), 0.02 ahead")


@pytest.mark.parametrize(
    ("second", "words"), [("b", "tell the same story"), ("c", "the two differ")]
)
def test_the_runner_up_is_named_with_its_distance_and_agreement(second, words):
    found = recommend(board({"run": "a", "score": 0.52}, {"run": second, "score": 0.5}), LABELS)
    answer = case(found)["Runner-up"]
    assert answer.startswith(f"{second} (3 natural segments), 0.02 behind, no clear difference")
    assert words in answer


def test_without_structure_it_says_so_first_and_offers_a_constructed_partition():
    found = recommend(board({"run": "a", "score": -0.3, "verdict": "constructed"}), LABELS)
    assert found.headline.startswith("No natural segments")
    assert "best partition is a: 3 segments, constructed" in found.headline
    assert found.verdict == NO_SEGMENTS
    assert found.run == "a"


def test_segments_that_dissolve_on_resamples_are_not_there_however_well_they_fit():
    dissolving = {"run": "a", "score": 0.5, "verdict": "constructed", "jaccard_mean": 0.35}
    found = recommend(board(dissolving), LABELS)
    assert found.verdict == NO_SEGMENTS
    assert found.headline.endswith("3 segments, constructed.")


def test_what_speaks_against_it_is_said():
    doubtful = {
        "run": "a",
        "overlap": 0.6,
        "jaccard_min": 0.4,
        "outlier_share": 0.1,
        "smallest_share": 0.02,
        "inner_gap": 0.3,
        "unexplained": 0.2,
    }
    answer = case(recommend(board(doubtful), LABELS))["What speaks against it"]
    for words in (
        "60 % of the customers are in a segment that runs into another one",
        "comes back only in part: 40 % overlap",
        "30 % of the customers",
        "A further split of the segments would explain another 20 %",
        "10 % of the customers belong to no segment",
        "only 2 %",
    ):
        assert words in answer
    assert case(recommend(board({"run": "a"}), LABELS))["What speaks against it"] == (
        "Nothing that was measured."
    )


def test_with_no_eligible_run_nothing_is_recommended():
    found = recommend(board({"run": "a", "objection": "40% outliers (limit 15%)"}), LABELS)
    assert found.run == ""
    assert found.headline.startswith("No natural segments")
    assert case(found) == {"1 of 1 runs": "40% outliers (limit 15%)"}


def test_agreement_is_one_with_itself_and_compares_common_customers():
    a = pd.Series([1, 1, 2, 2, 3], index=list("abcde"))
    matrix = agreement({"a": a, "renamed": a.map({1: 2, 2: 1, 3: 3}), "part": a.iloc[:4]})
    assert (np.diag(matrix) == 1).all()
    assert matrix.loc["a", "renamed"] == matrix.loc["part", "a"] == 1

import pytest

from customer_segmentation import explanations
from customer_segmentation.evidence.scoring import BANDS, band


@pytest.mark.parametrize("verdict", ["natural", "reproducible", "constructed"])
def test_every_verdict_is_one_sentence_with_a_meaning(verdict):
    words = explanations.sentence(verdict, 3, 100, 4)
    assert f"3 {verdict} segments (4 outliers belong to none)" in words
    assert words.count(".") == 1
    assert verdict.capitalize() in explanations.MEANING[verdict]


@pytest.mark.parametrize(
    ("n", "outliers", "words"),
    [(1, 0, "one single group: "), (1, 1, "(1 outlier belongs to none)"), (0, 9, "none of the 9")],
)
def test_fewer_than_two_segments_are_no_division(n, outliers, words):
    assert words in explanations.sentence("none", n, 9, outliers)


def test_every_band_of_stability_has_plain_words():
    bands = {band(limit) for limit, _ in BANDS} | {band(0.0)}
    assert bands == set(explanations.COMES_BACK)


def test_doubts_are_those_that_hold():
    fine = {
        "n_segments": 3, "overlap": 0.0, "jaccard_min": 0.9, "inner_gap": 0.0, "score": 0.5,
        "outlier_share": 0.0, "smallest_share": 0.2, "objection": "",
    }  # fmt: skip
    assert [*explanations.doubts(fine, 1.0)] == []
    worst = fine | {
        "overlap": 0.5, "jaccard_min": 0.4, "inner_gap": 0.1, "score": -0.1, "outlier_share": 0.3,
        "smallest_share": 0.01, "objection": "30% outliers (limit 15%)",
    }  # fmt: skip
    assert len([*explanations.doubts(worst, 0.8)]) == 8
    assert [*explanations.doubts({"n_segments": 1})] == []


def test_what_could_not_be_measured_is_no_doubt():
    assert [*explanations.doubts({"n_segments": 2, "overlap": None})] == []

"""Segments keep their identity across a refresh, and everybody who moves is counted."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from test_plots import LONG, cut_off

from customer_segmentation.migration import MigrationError, changes, match
from customer_segmentation.plots import migration as plot
from customer_segmentation.style import OUTLIER, OUTLIER_COLOUR, colour

numbers = st.integers(1, 6) | st.just(OUTLIER)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=80)
quick = settings(deadline=None, derandomize=True)


def customers(flows):
    """Old and new segments of customers c0, c1, ... from {(old, new): how many}."""
    both = [pair for pair, count in flows.items() for _ in range(count)]
    index = [f"c{i}" for i in range(len(both))]
    return [pd.Series([pair[side] for pair in both], index=index) for side in (0, 1)]


def migrate(flows, old_names=None, new_names=None, last_number=0):
    old, new = customers(flows)
    basis = f"{len(old)} customers known to both"
    return match(old, new, old_names or {}, new_names or {}, basis=basis, last_number=last_number)


def change(found):
    return dict(zip(found.changes["number"], found.changes["change"], strict=True))


def row(found, number):
    return found.changes.set_index("number").loc[number]


@quick
@given(st.lists(numbers, min_size=1, max_size=80), st.permutations(range(1, 7)))
def test_the_same_partition_under_other_numbers_is_the_same(segments, renumbering):
    old = pd.Series(segments)
    new = old.map({OUTLIER: OUTLIER, **{i + 1: renumbering[i] for i in range(6)}})
    found = match(old, new, {}, {}, basis="all")
    assert found.numbers == {renumbering[i - 1]: i for i in sorted(set(segments) - {OUTLIER})}
    assert found.moved_share == len(found.movers) == 0
    assert set(found.changes["change"]) <= {"kept"}


@quick
@given(pairs, st.integers(0, 20))
def test_numbers_are_unique_and_none_comes_back(found_pairs, last_number):
    old, new = (pd.Series(side) for side in zip(*found_pairs, strict=True))
    found = match(old, new, {6: "Old"}, {6: "New"}, basis="all", last_number=last_number)
    given_numbers = list(found.numbers.values())
    assert len(set(given_numbers)) == len(given_numbers)
    assert min(given_numbers, default=1) >= 1
    olds = {*old} - {OUTLIER} | {6}
    fresh = set(given_numbers) - olds
    assert all(number > max(last_number, *olds) for number in fresh)
    assert set(found.numbers) == {*new} - {OUTLIER} | {6}
    gone = {n for n, what in change(found).items() if what == "dissolved"}
    assert gone == olds - set(given_numbers)


@quick
@given(pairs)
def test_every_customer_is_counted_once(found_pairs):
    old, new = (pd.Series(side) for side in zip(*found_pairs, strict=True))
    found = match(old, new, {}, {}, basis="all")
    assert found.flows.to_numpy().sum() == len(old)
    segments = [number for number in found.flows.index if number in found.flows.columns]
    stay = sum(found.flows.loc[number, number] for number in segments)
    assert stay + len(found.movers) == len(old)
    assert found.moved_share == pytest.approx(len(found.movers) / len(old))
    assert (found.movers["from_segment"] == old[found.movers.index]).all()
    assert (found.changes["old_customers"].sum()) == (old != OUTLIER).sum()
    assert (found.changes["new_customers"].sum()) == (new != OUTLIER).sum()


@quick
@given(pairs, st.randoms())
def test_the_order_of_rows_does_not_matter(found_pairs, random):
    old, new = (pd.Series(side) for side in zip(*found_pairs, strict=True))
    orders = [random.sample(range(len(old)), len(old)) for _ in range(2)]
    first = match(old, new, {}, {}, basis="all")
    second = match(old.iloc[orders[0]], new.iloc[orders[1]], {}, {}, basis="all")
    assert first.numbers == second.numbers
    pd.testing.assert_frame_equal(first.changes, second.changes)
    pd.testing.assert_frame_equal(first.flows, second.flows)
    pd.testing.assert_frame_equal(first.movers, second.movers.sort_index())


@quick
@given(pairs)
def test_names_are_unique(found_pairs):
    old, new = (pd.Series(side) for side in zip(*found_pairs, strict=True))
    names = {number: f"Name {number}" for number in range(1, 7)}
    found = match(old, new, names, names, basis="all")
    assert len(set(found.names.values())) == len(found.names) == len(found.numbers)
    kept = {n for n, what in change(found).items() if what in ("kept", "split", "merged")}
    assert all(found.names[number] == names[number] for number in kept)


def test_the_larger_part_of_a_split_is_the_heir():
    found = migrate({(1, 1): 40, (1, 2): 60, (2, 3): 50}, {1: "Young"}, {1: "Older"})
    assert found.numbers == {1: 3, 2: 1, 3: 2}
    assert found.names == {3: "Older", 1: "Young", 2: "Segment 2"}
    assert change(found) == {1: "split", 2: "kept", 3: "new"}
    assert row(found, 1)["into"] == "3 · Older (40 customers, 40 %)"
    assert row(found, 3)["from"] == "1 · Young (40 customers, 100 %)"
    assert found.moved_share == pytest.approx(40 / 150)


def test_a_chip_is_no_split():
    found = migrate({(1, 1): 90, (1, 2): 10})
    assert change(found) == {1: "kept", 2: "new"}


def test_the_largest_of_three_equal_parts_is_the_heir_of_four_none():
    assert change(migrate({(1, 1): 33, (1, 2): 33, (1, 3): 33}))[1] == "split"
    four = migrate({(1, part): 25 for part in range(1, 5)})
    assert change(four) == {1: "dissolved", 2: "new", 3: "new", 4: "new", 5: "new"}
    assert row(four, 1)["into"].endswith("25 %) and 1 more")


def test_the_larger_of_two_merged_segments_lives_on():
    found = migrate({(1, 1): 40, (2, 1): 60, (3, 2): 10}, {1: "Young", 2: "Older"})
    assert found.numbers == {1: 2, 2: 3}
    assert change(found) == {1: "dissolved", 2: "merged", 3: "kept"}
    assert row(found, 1)["into"] == "2 · Older (40 customers, 100 %)"


def test_one_clear_heir_outweighs_two_doubtful_ones():
    found = migrate({(1, 1): 65, (1, 2): 35, (2, 1): 35})
    assert found.numbers[1] == 1
    assert change(found)[2] == "dissolved"


def test_a_reshuffle_keeps_nothing():
    found = migrate({(1, 1): 50, (1, 2): 50, (2, 1): 50, (2, 2): 50})
    assert found.numbers == {1: 3, 2: 4}
    assert found.moved_share == 1


def test_a_poor_pair_does_not_take_the_place_of_a_good_one():
    found = migrate({(1, 1): 50, (1, 2): 1, (2, 1): 30, (3, 2): 2})
    assert found.numbers == {1: 1, 2: 3}


def test_a_number_that_was_dissolved_before_stays_unused():
    assert migrate({(1, 1): 9, (1, 2): 3}, last_number=7).numbers == {1: 1, 2: 8}


def test_a_new_segment_never_takes_the_name_of_an_old_one():
    names = {1: "Young", 2: "Older"}
    found = migrate({(1, 1): 9, (1, 2): 1, (2, OUTLIER): 9}, names, {1: "A", 2: "Older"})
    assert found.names == {1: "Young", 3: "Older 2"}


def test_a_segment_that_is_named_anew_may_be_named_as_before():
    old, new = pd.Series([1] * 40 + [2] * 60), pd.Series([1] * 100)
    names = {1: "Young", 2: "Older"}
    found = match(old, new, names, {1: "Older"}, basis="100 customers", renames=lambda *_: True)
    assert found.names == {2: "Older"}


def test_a_segment_that_changed_may_take_its_new_name_and_the_old_one_is_told():
    """The picture has the old name on the left and the new one on the right."""
    asked = []

    def renames(change, number, own):
        asked.append((change, number, own))
        return change == "merged"

    old = pd.Series([1] * 40 + [2] * 60 + [3] * 10)
    new = pd.Series([1] * 100 + [2] * 10)
    names = {1: "Young", 2: "Older", 3: "Rich"}
    own = {1: "Everyone", 2: "Wealthy"}
    found = match(old, new, names, own, basis="110 customers", renames=renames)
    assert sorted(asked) == [("kept", 3, 2), ("merged", 2, 1)]
    assert found.names == {2: "Everyone", 3: "Rich"}
    assert row(found, 2)["former_name"] == "Older"
    assert found.words.startswith(
        "2 of 3 segments keep the number; merged: 2 · Everyone; dissolved: 1 · Young; renamed: 2"
    )
    assert set(found.movers["from_name"]) == {"Young"}
    assert set(found.movers["to_name"]) == {"Everyone"}
    told = {text.get_text() for text in plot.flows(found).axes[0].texts}
    assert {"1 · Young", "2 · Older", "2 · Everyone", "3 · Rich"} <= told


def test_a_changed_segment_that_would_be_called_as_before_keeps_its_name():
    old, new = pd.Series([1] * 40 + [2] * 60), pd.Series([1] * 100)
    found = match(
        old, new, {1: "Young", 2: "Older"}, {1: "Older"}, basis="100", renames=lambda *_: True
    )
    assert found.names == {2: "Older"}
    assert set(found.changes["former_name"]) == {""}


def test_outliers_are_never_matched_and_always_counted():
    found = migrate({(OUTLIER, 1): 50, (1, OUTLIER): 30, (OUTLIER, OUTLIER): 5}, {1: "Young"})
    assert change(found) == {1: "dissolved", 2: "new"}
    assert found.flows.loc[OUTLIER].tolist() == [50, 5]
    assert found.movers[["from_name", "to_name"]].drop_duplicates().to_numpy().tolist() == [
        ["Outliers", "Segment 2"],
        ["Young", "Outliers"],
    ]


def test_no_segments_on_either_side():
    nothing = migrate({(OUTLIER, OUTLIER): 3})
    assert nothing.numbers == nothing.names == {}
    assert nothing.moved_share == 0
    assert nothing.words.startswith("No segments before. None of 3 customers")


def test_a_segment_without_customers_compared_is_listed():
    found = migrate({(1, 1): 5}, {1: "Young", 2: "Older"}, {1: "Young", 2: "Nobody yet"})
    assert change(found) == {1: "kept", 2: "dissolved", 3: "new"}
    assert found.names[3] == "Nobody yet"


def test_only_customers_that_both_know_count():
    old = pd.Series([1, 1, 2], index=[10, 11, 12])
    new = pd.Series([7, 5, 5], index=[12, 11, 99])
    found = match(old, new, {}, {}, basis="2 customers")
    assert found.numbers == {5: 1, 7: 2}
    assert found.flows.to_numpy().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (pd.Series([1], index=["1"]), pd.Series([1], index=[1]), "such as '1' in the old one"),
        (pd.Series([], dtype=int), pd.Series([1]), "no customer known to both"),
        (pd.Series([1, 2], index=[4, 4]), pd.Series([1]), "customer 4 more than once from the old"),
        (pd.Series([1.0, np.nan]), pd.Series([1, 1]), "got segment nan for customer 1"),
        (pd.Series([1, 1]), pd.Series([1, 0]), "got segment 0 for customer 1 from the new model"),
    ],
)
def test_what_cannot_be_compared_is_refused(old, new, message):
    with pytest.raises(MigrationError, match=message) as caught:
        match(old, new, {}, {}, basis="")
    assert "expected" in str(caught.value)


def test_a_million_customers_take_a_moment():
    rng = np.random.default_rng(0)
    old = pd.Series(rng.integers(1, 40, 1_000_000), index=np.arange(1_000_000) * 7)
    new = old.sample(frac=0.9, random_state=0)
    found = match(old, new, {}, {}, basis="900,000 customers")
    assert found.moved_share == 0


def test_a_sentence_names_three_and_counts_the_rest():
    found = migrate({(1, part): 10 for part in range(1, 9)})
    told = changes.sentence(found.changes)
    assert told.endswith(
        "new: 2 · Segment 2, 3 · Segment 3, 4 · Segment 4 and 5 more; dissolved: 1 · Segment 1"
    )


CASES = {
    "identical": {(i, i): 10 * i for i in range(1, 6)},
    "split": {(1, 1): 60, (1, 2): 40, (2, 3): 50},
    "merged": {(1, 1): 60, (2, 1): 40},
    "dissolved": {(1, 1): 60, (2, 1): 30, (2, OUTLIER): 30, (OUTLIER, 1): 5, (3, 2): 9},
    "tiny": {(1, 1): 90_000, (1, 2): 1, (2, 2): 2, (3, 3): 1, (2, OUTLIER): 1},
    "twenty": {(i, (i + s) % 20 + 1): 30 - 14 * s for i in range(1, 21) for s in (0, 1)},
    "outliers only": {(OUTLIER, OUTLIER): 4},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("long", [False, True])
def test_the_picture_holds_every_segment_and_ribbon(case, long):
    names = {number: f"{LONG} {number}" if long else f"S{number}" for number in range(1, 22)}
    found = migrate(CASES[case], names if long else {}, names)
    figure = plot.flows(found, before="Version 3", after="Version 4")
    ax = figure.axes[0]
    assert cut_off(figure) == []
    bars = sum(found.flows.shape)
    assert len(ax.patches) == bars + (found.flows.to_numpy() > 0).sum()
    notes = [text.get_text() for text in ax.texts if " customer" in text.get_text()]
    assert len([note for note in notes if note[0].isdigit()]) >= bars
    assert {"Version 3", "Version 4"} <= {text.get_text() for text in ax.texts}
    assert figure.texts[0].get_text().startswith(("None of", f"{len(found.movers):,} of"))


def test_labels_of_one_side_do_not_overlap():
    figure = plot.flows(migrate(CASES["twenty"], {}, dict.fromkeys(range(1, 21), LONG)))
    ax = figure.axes[0]
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    for side in (True, False):
        spans = sorted((-b.y1, -b.y0) for b in boxes if (b.x0 < figure.bbox.width / 2) == side)
        assert all(low >= high - 2 for (_, high), (low, _) in pairwise(spans))


def test_ribbons_have_the_colour_of_the_old_segment_and_outliers_are_grey():
    figure = plot.flows(migrate({(1, 1): 5, (OUTLIER, OUTLIER): 2, (2, 2): 9}))
    used = [to_hex(patch.get_facecolor()).upper() for patch in figure.axes[0].patches]
    assert set(used[:3]) == set(used[3:]) == {colour(1), colour(2), OUTLIER_COLOUR}

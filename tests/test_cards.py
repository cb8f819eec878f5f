import numpy as np
import pandas as pd
import pytest
from conftest import INCOME, MALL, SPENDING
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from customer_segmentation.naming.playbook import Play
from customer_segmentation.profiles import cards, effects, rules
from customer_segmentation.style import OUTLIER

PLAY = Play(
    "High income, low spending",
    "They could spend more.",
    "Win them back.",
    "Letter",
    {"income": "high", "spending": "low"},
    {"income": INCOME, "spending": SPENDING},
)


def mall() -> tuple[pd.DataFrame, "pd.Series[int]", np.ndarray]:
    table = pd.read_csv(MALL, index_col="CustomerID")
    X = StandardScaler().fit_transform(table[[INCOME, SPENDING]])
    labels = KMeans(5, n_init=10, random_state=0).fit_predict(X) + 1
    return table, pd.Series(labels, index=table.index), X


def test_a_card_says_who_what_to_do_and_why():
    table, segments, X = mall()
    rich = int(segments[(table[INCOME] > 80) & (table[SPENDING] < 20)].mode()[0])
    found = {
        card.number: card for card in cards.cards(table, segments, {rich: "R"}, {rich: PLAY}, X=X)
    }
    card = found[rich]
    assert (card.name, card.action, card.channel) == ("R", "Win them back.", "Letter")
    assert card.customers == 35
    assert card.share == pytest.approx(0.175)
    assert card.why.startswith("Annual Income (k$) 88.2 against 60.6 for all; Spending")
    assert len(card.differentiators) == 2
    assert card.coverage > 0.9 < card.precision
    other = next(card for number, card in found.items() if number != rich)
    assert other.action == other.channel == ""
    assert "customers (" in other.description


def test_typical_customers_are_real_and_nearest_to_the_middle():
    table, segments, X = mall()
    for card in cards.cards(table, segments, {}, {}, X=X):
        inside = (segments == card.number).to_numpy()
        distance = np.linalg.norm(X[inside] - X[inside].mean(axis=0), axis=1)
        assert card.typical.index.isin(table.index[inside]).all()
        assert card.typical.index[0] == table.index[inside][distance.argmin()]
        pd.testing.assert_frame_equal(card.typical, table.loc[card.typical.index])


def test_known_results_are_taken_over():
    table, segments, X = mall()
    found = rules.rules(table, segments)
    tested = effects.profile(table, segments, {}, used=[INCOME, SPENDING])
    again = cards.cards(table, segments, {}, {}, X=X, found=found, tested=tested)
    assert [card.rule for card in again] == found.table["rule"].tolist()
    # The columns clustered on are told without a test.
    assert all(card.differentiators for card in again if card.customers < 50)


def test_the_name_is_explained_by_the_columns_that_it_speaks_of():
    table, segments, X = mall()
    card = cards.cards(table, segments, {1: "Steady middle, older"}, {}, X=X)[0]
    assert card.why.startswith("Age ")


def test_opposite_mean_and_median_are_told_by_the_median():
    table = pd.DataFrame({"spend": [1.0, 1.0, 1.0, 1e6, 5.0, 5.0, 5.0]})
    text = cards.why(table, pd.Series([1, 1, 1, 1, 2, 2, 2]), 1, ["spend"])
    assert text == "spend typically 1 against 5 for all"


@pytest.mark.parametrize(
    "numbers", [[1] * 6, [OUTLIER] * 6, [1, 1, 2, 2, OUTLIER, OUTLIER], [1, 2, 3, 4, 5, 6]]
)
def test_any_partition_gets_a_card_per_segment(numbers):
    table = pd.DataFrame({"x": np.arange(6.0), "c": pd.Categorical(list("aabbcc")), "t": "text"})
    found = cards.cards(table, pd.Series(numbers), {}, {}, X=table[["x"]].to_numpy())
    assert [card.number for card in found] == sorted(set(numbers) - {OUTLIER})


def test_a_mean_that_a_few_amounts_lift_is_not_told():
    """Nobody would call 210 against a mean of 550 an average revenue; against the median it is."""
    revenue = [200.0, 205, 210, 215, 220, 190, 215, 230, 900, 3000]
    table = pd.DataFrame({"revenue": revenue})
    text = cards.why(table, pd.Series([1] * 5 + [2] * 5), 1, ["revenue"])
    assert text == "revenue typically 210 against 215 for all"


def test_the_columns_that_tell_segments_apart_are_known_without_the_customers():
    table = pd.DataFrame({"noise": [1.0, 2.0] * 2, "spend": [1.0, 1.0, 9.0, 9.0]})
    found = cards.cards(table, pd.Series([1, 1, 2, 2]), {}, {}, X=np.zeros((4, 1)))
    assert cards.loads(cards.dumps(found))[0].telling[0] == "spend"


def test_dates_stay_dates_in_the_file_of_cards_and_figures_figures():
    dates = pd.to_datetime(["2025-09-22", "2025-01-03"])
    table = pd.DataFrame({"last visit": dates, "delivery_time": [1e9, 2e9]})
    card = cards.cards(table, pd.Series([1, 1]), {}, {}, X=np.zeros((2, 1)))[0]
    again = cards.loads(cards.dumps([card]))[0].typical
    assert sorted(again["last visit"]) == sorted(dates)
    assert sorted(again["delivery_time"]) == [1e9, 2e9]

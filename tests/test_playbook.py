from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import INCOME, MALL, SPENDING
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from customer_segmentation import naming, profiles
from customer_segmentation.naming import playbook, positions
from customer_segmentation.naming.playbook import LEVELS, PlaybookError
from customer_segmentation.style import OUTLIER

FILES = sorted((Path(__file__).resolve().parents[1] / "conf/playbook").glob("*.yaml"))
WITH_AGE, WITHOUT = ["Age", INCOME, SPENDING], [INCOME, SPENDING]
# A position that has the level, and no stronger one.
TYPICAL = {
    "very low": -2, "low": -1, "below average": -0.4, "average": 0, "above average": 0.4,
    "high": 1, "very high": 2, "not low": 0, "not high": 0,
}  # fmt: skip


def shop(name: str = "retail") -> playbook.Playbook:
    file = next(file for file in FILES if file.stem == name)
    return playbook.read(yaml.safe_load(file.read_text()))


def named(k: int, columns: list[str], table: pd.DataFrame | None = None) -> dict[str, pd.Series]:
    """Name of every k-means segment of the Mall customers, with the means that it stands for."""
    mall = pd.read_csv(MALL, index_col="CustomerID")
    labels = KMeans(k, n_init=10, random_state=0).fit_predict(
        StandardScaler().fit_transform(mall[columns])
    )
    table = mall if table is None else table
    segments = pd.Series(labels + 1, index=mall.index)
    plays = playbook.assign(shop(), table, segments)
    names = naming.names(profiles.contrasts(table, segments), table, segments, plays)
    means = mall[WITH_AGE].groupby(segments).mean()
    return {name: means.loc[segment] for segment, name in names.items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_playbook_is_read_and_every_play_can_be_taken(file):
    book = playbook.read(yaml.safe_load(file.read_text()))
    assert book.name == file.stem
    assert {role for play in book.plays for role in play.conditions} <= set(book.roles)
    for play in book.plays:
        place = {role: TYPICAL[level] for role, level in play.conditions.items()}
        assert max(book.plays, key=lambda other: playbook.fit(other, place)) == play, play.name


def test_every_role_of_a_playbook_is_used():
    for file in FILES:
        book = playbook.read(yaml.safe_load(file.read_text()))
        used = {role for play in book.plays for role in play.conditions}
        assert set(book.roles) == used, file.stem


def test_five_mall_segments_get_the_readings_of_the_write_ups():
    found = named(5, WITHOUT)
    assert set(found) == {
        "High income, low spending",
        "High income, high spending",
        "Low income, high spending",
        "Older, budget-conscious",
        "Steady middle",
    }
    assert found["High income, low spending"][SPENDING] < 20
    assert found["Steady middle"][INCOME] == pytest.approx(55.3, abs=0.1)


def test_three_mall_segments():
    assert set(named(3, WITHOUT)) == {
        "High income, low spending",
        "High income, high spending",
        "Budget-conscious",
    }


def test_two_mall_segments_are_the_young_who_spend_and_the_older_who_do_not():
    assert set(named(2, WITHOUT)) == {"Younger, high spending", "Older, budget-conscious"}
    assert "Younger, high spending" in named(4, WITH_AGE)


def test_six_mall_segments_by_age_too_have_two_in_the_middle_told_apart_by_age():
    found = named(6, WITH_AGE)
    assert set(found) == {
        "High income, low spending",
        "High income, high spending",
        "Low income, high spending",
        "Older, budget-conscious",
        "Steady middle, older",
        "Steady middle, younger",
    }
    assert found["Steady middle, older"]["Age"] > 50
    assert found["Steady middle, younger"]["Age"] < 30


def test_a_column_that_the_name_speaks_of_is_told_by_its_figure():
    assert {"High income, high spending, Income about 110", "Steady middle"} < set(
        named(7, WITHOUT)
    )
    assert "Steady middle, Age about 65" in named(7, WITH_AGE)


@pytest.mark.parametrize("k", range(2, 11))
@pytest.mark.parametrize("columns", [WITHOUT, WITH_AGE], ids=["without", "with age"])
def test_names_are_unique_at_every_k(k, columns):
    assert len(named(k, columns)) == k


def test_units_and_column_names_do_not_matter():
    mall = pd.read_csv(MALL, index_col="CustomerID")
    other = pd.DataFrame(
        {
            "MonthlySalary_EUR": np.exp(mall[INCOME] / 20),  # skewed, other unit
            "year_birth": 2020 - mall["Age"],
            "total spend": mall[SPENDING] * 1000,
        }
    )
    assert set(named(5, WITHOUT, other)) == set(named(5, WITHOUT))


def test_data_that_no_playbook_fits_get_computed_names():
    table = pd.DataFrame({"height": [1.0, 2.0, 1.5, 9.0, 8.0, 9.5]})
    segments = pd.Series([1, 1, 1, 2, 2, 2])
    for file in FILES:
        assert playbook.assign(shop(file.stem), table, segments) == {}
    contrasts = profiles.contrasts(table, segments)
    assert naming.names(contrasts, table, segments) == {1: "Low height", 2: "High height"}


@pytest.mark.parametrize("numbers", [[1, 1, 1], [OUTLIER] * 3, [1, 1, OUTLIER]])
def test_nothing_to_compare_no_play(numbers):
    table = pd.DataFrame({"income": [1.0, 2.0, 3.0], "spending": [3.0, 2.0, 1.0]})
    assert playbook.assign(shop(), table, pd.Series(numbers)) == {}


def test_missing_and_constant_columns_fit_only_plays_that_hold():
    table = pd.DataFrame({"income": [np.nan] * 4, "spending": [5.0] * 4})
    assert playbook.assign(shop(), table, pd.Series([1, 1, 2, 2])) == {}


def test_a_few_very_large_amounts_do_not_hide_who_spends_much():
    spending = np.r_[np.full(50, 1.0), np.full(49, 100.0), 1e9]
    table = pd.DataFrame({"spending": spending})
    found = positions.positions(
        table,
        pd.Series(np.repeat([1, 2], 50)),
        positions.columns_of_roles({"spending": ["spending"]}, table),
    )
    assert found.loc[2, "spending"] > LEVELS["high"][0]


def test_a_column_goes_to_the_role_whose_words_cover_most_of_its_name():
    roles = {"age": ["age"], "tenure": ["account age"], "spending": ["spend"]}
    table = pd.DataFrame({"AccountAge": [1.0, 2], "spend on food": [1.0, 2], "spend": [1.0, 2]})
    found = positions.columns_of_roles(roles, table)
    assert {role: column.name for role, column in found.items()} == {
        "tenure": "AccountAge",
        "spending": "spend",
    }
    average = positions.columns_of_roles(roles, pd.DataFrame({"average basket": [1.0, 2]}))
    assert average == {}


def test_parts_of_a_whole_speak_by_their_sum():
    roles = {"spending": ["total spend", "+ mnt"]}
    table = pd.DataFrame(
        {"MntWine": [9.0, 0, 8, 7], "MntFish": [0.0, 9, 3, 4], "LastMnt": [4.0, 3, 2, 1]}
    )
    found = positions.columns_of_roles(roles, table)
    assert found["spending"].name == ("MntWine", "MntFish")
    placed = positions.positions(table, pd.Series([1, 1, 2, 2]), found)
    assert placed.loc[2, "spending"] > 0.8
    whole = positions.columns_of_roles(roles, table.assign(TotalSpend=[1.0, 2, 3, 4]))
    assert whole["spending"].name == "TotalSpend"


def test_a_constant_column_speaks_for_no_role():
    table = pd.DataFrame({"income": [1.0, 9.0], "Z_Revenue": [11.0, 11.0], "sales": [1.0, 9.0]})
    found = positions.columns_of_roles({"spending": ["revenue", "sales"]}, table)
    assert found["spending"].name == "sales"


def test_everything_that_is_wrong_is_said_at_once():
    wrong = {
        "role": {},
        "roles": {"income": "salary", "age": ["age"]},
        "plays": [
            {"name": "A", "when": {"incom": "hihg"}, "action": "x", "channel": "y"},
            {"name": "A", "when": {}, "description": "d", "action": 3, "channel": "y"},
            "text",
        ],
    }
    with pytest.raises(PlaybookError) as error:
        playbook.read(wrong)
    text = str(error.value)
    for part in (
        "key 'role', expected 'roles'",
        "got no name",
        "role 'income': got 'salary', expected words",
        "got role 'incom', expected 'income'",
        "got incom: 'hihg', expected 'high'",
        "play 1 (A): got None for description",
        "play 2 (A): got 3 for action",
        "play 2 (A): got {} for when",
        "play 3: got 'text'",
        "got 2 plays called 'A'",
    ):
        assert part in text, part


@pytest.mark.parametrize("config", [None, [], "retail", {"name": "x", "plays": {"a": 1}}])
def test_what_is_no_playbook_is_refused(config):
    with pytest.raises(PlaybookError, match="expected"):
        playbook.read(config)


def test_who_spends_where_most_spend_nothing_is_told_by_the_amounts():
    """Most of each segment spend nothing; those of the second who do spend ten times more."""
    rng = np.random.default_rng(0)
    amounts = np.r_[rng.normal(20, 2, 100), np.zeros(200), rng.normal(200, 9, 100), np.zeros(200)]
    table = pd.DataFrame({"spa spend": amounts})
    found = positions.positions(
        table,
        pd.Series(np.repeat([1, 2], 300)),
        positions.columns_of_roles({"spending": ["spend"]}, table),
    )
    assert found.loc[1, "spending"] < -0.2
    assert found.loc[2, "spending"] > 0.2

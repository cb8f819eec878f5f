"""Feature sets: what is used, what is left out, and what is refused."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import (
    Binarizer,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from customer_segmentation import features, shared
from customer_segmentation.segmenter.plain import is_plain


def customers(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "spend": rng.lognormal(3, 1.2, n),
            "club": rng.integers(0, 2, n).astype(float),
            "city": pd.Categorical(rng.choice(["Rome", "Oslo", "Lima"], n)),
            "sex": pd.Categorical(rng.choice(["m", "f"], n)),
            "country": pd.Categorical(["IT"] * n),
            "fax": np.where(np.arange(n) % 10, np.nan, np.arange(n)),
            "note": [f"note {i}" for i in range(n)],
            "since": pd.date_range("2020-01-01", periods=n),
            "row": np.arange(n, dtype=float) + 100,
        }
    )


AUTO = [
    {"columns": "numeric", "transform": StandardScaler()},
    {"columns": "skewed", "transform": PowerTransformer()},
    {"columns": "binary", "transform": OneHotEncoder(drop="if_binary", sparse_output=False)},
    {"columns": "categorical", "transform": OneHotEncoder(sparse_output=False)},
]


def test_auto_takes_every_usable_column_and_says_what_it_leaves_out():
    built = features.build(customers(), AUTO, name="auto")
    assert sorted(built.columns) == ["age", "city", "club", "sex", "spend"]
    assert built.left_out == {
        "country": "constant",
        "fax": "no value for 90 % of the customers",
        "note": "text with 60 different values",
        "since": "date",
        "row": "a running number",
    }
    assert built.matrix.shape == (60, 1 + 1 + 1 + 1 + 3)


def test_what_processes_share_can_be_saved_as_a_part_of_a_model(tmp_path):
    made = partial(features.build, customers(), AUTO, name="auto")
    built = shared.once("features of this test", made, tmp_path)
    assert isinstance(built.matrix, np.memmap)
    assert is_plain(built.transformer)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), PowerTransformer()]
)
def test_any_scikit_learn_transform_serves(scaler):
    built = features.build(
        customers(), [{"columns": ["age", "spend"], "transform": scaler}], name="x"
    )
    np.testing.assert_allclose(built.matrix, scaler.fit_transform(customers()[["age", "spend"]]))


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        ([{"columns": ["agee"], "transform": StandardScaler()}], ["'agee'", "closest is 'age'"]),
        ([{"columns": ["country"], "transform": StandardScaler()}], ["constant", "'country'"]),
        ([{"columns": ["city"], "transform": StandardScaler()}], ["city", "OneHotEncoder"]),
        ([{"columns": "numbers", "transform": StandardScaler()}], ["numbers", "skewed"]),
    ],
)
def test_what_cannot_be_built_is_refused(transforms, words):
    with pytest.raises(features.FeatureError) as error:
        features.build(customers(), transforms, name="mine")
    assert all(word in str(error.value) for word in words)


def test_no_usable_column_is_an_error():
    with pytest.raises(features.FeatureError, match="no usable column"):
        features.build(customers()[["country", "note"]], AUTO, name="auto")


def test_infinite_values_are_refused():
    table = customers()
    table.loc[3, "age"] = np.inf
    with pytest.raises(features.FeatureError, match="infinite values in \\['age'\\]"):
        features.build(table, [{"columns": ["age"], "transform": StandardScaler()}], name="x")


def test_of_a_column_that_is_mostly_zero_it_counts_who_has_any():
    waiting = np.zeros(60)
    waiting[:9] = [1, 3, 200, 7, 40, 90, 2, 15, 60]
    table = customers()[["age"]].assign(waiting=waiting, half=waiting + (np.arange(60) % 2))
    transforms = [{"columns": "mostly_zero", "transform": Binarizer()}]
    found = features.build(table, transforms, name="auto")
    assert found.columns == ["waiting"]
    assert found.matrix[:, 0].tolist() == (waiting > 0).tolist()
    assert features.build(table, AUTO, name="own").columns == ["age", "waiting", "half"]


def test_a_pattern_takes_the_columns_of_that_kind_of_name():
    table = pd.DataFrame({"a (%)": [1.0, 2.0, 4.0], "b (%)": [5.0, 5.0, 5.0], "c": [1.0, 3.0, 2.0]})
    transforms = [{"columns": "* (%)", "transform": StandardScaler()}]
    assert features.build(table, transforms, name="shares").columns == ["a (%)"]
    with pytest.raises(features.FeatureError, match=r"no column like '\* \(%\)'"):
        features.build(table[["c"]], transforms, name="shares")

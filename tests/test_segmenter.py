"""The model: numbers that stay, new customers, and a life on disk without pickle."""

import io
import pickle
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
import skops.io
from conftest import INCOME, ROOT, SPENDING
from hydra.utils import instantiate
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from sklearn.base import clone
from sklearn.cluster import DBSCAN, AgglomerativeClustering, Birch, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_clustering, parametrize_with_checks

from customer_segmentation import features, paths
from customer_segmentation.latent import LatentClasses
from customer_segmentation.paths.grids import COUNT_PARAMETERS
from customer_segmentation.rfm import RFMScores
from customer_segmentation.segmenter import TRUSTED_TYPES, SchemaError, Segmenter, number_segments

TRANSFORMS = [
    {"columns": [INCOME, SPENDING], "transform": StandardScaler()},
    {
        "columns": ["Gender"],
        "transform": OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
    },
]
ALGORITHMS = sorted((ROOT / "conf" / "algorithm").glob("*.yaml"))
FROM_ONE = {"check_clustering": "segments are numbered from 1: people read them"}


class FromZero(Segmenter):
    """A segmenter whose labels start where scikit-learn's check wants them."""

    def fit(self, X, y=None):
        super().fit(X)
        self.labels_ = np.where(self.labels_ > 0, self.labels_ - 1, -1)
        return self


@parametrize_with_checks(
    [
        Segmenter(KMeans(3, n_init=2, random_state=0)),
        Segmenter(DBSCAN(eps=1.0), StandardScaler()),
        Segmenter(AgglomerativeClustering(3)),
    ],
    expected_failed_checks=lambda _: FROM_ONE,
)
def test_it_is_a_scikit_learn_clusterer(estimator, check):
    check(estimator)


@pytest.mark.parametrize("clusterer", [KMeans(3, random_state=0), DBSCAN(eps=0.5)])
def test_it_clusters_as_scikit_learn_demands_but_for_the_first_number(clusterer):
    check_clustering("Segmenter", FromZero(clusterer))


def model(mall, estimator, parameter, value, transforms=TRANSFORMS[:1]):
    built = features.build(mall, transforms, name="x")
    path = paths.fit_path(estimator, built.matrix, algorithm="a", parameter=parameter, grid=[value])
    segmenter = Segmenter.from_candidate(built, path.candidates[0], seed=0)
    segmenter.name_segments({n: f"name {n}" for n in range(1, segmenter.labels_.max() + 1)})
    return segmenter


def from_disk(segmenter):
    return skops.io.loads(skops.io.dumps(segmenter), trusted=TRUSTED_TYPES)


ESTIMATORS = [
    (KMeans(n_init=3, random_state=0), "n_clusters", 5, {"predict"}),
    (GaussianMixture(random_state=0), "n_components", 5, {"predict"}),
    (AgglomerativeClustering(), "n_clusters", 5, {"linkage", "neighbours"}),
    (Birch(threshold=0.1), "n_clusters", 5, {"neighbours"}),
    (DBSCAN(), "eps", 0.36, {"core"}),
]


@pytest.mark.parametrize(("estimator", "parameter", "value", "assigners"), ESTIMATORS)
def test_every_kind_of_algorithm_scores_customers_from_disk(
    mall, estimator, parameter, value, assigners
):
    segmenter = model(mall, estimator, parameter, value)
    assert segmenter.assigner in assigners
    assert segmenter.fidelity_ > 0.9
    loaded = from_disk(segmenter)
    scored = loaded.assign(mall)
    pd.testing.assert_frame_equal(scored, segmenter.assign(mall))
    np.testing.assert_array_equal(loaded.predict(mall), scored["segment"])
    np.testing.assert_allclose(scored["confidence"], segmenter.confidence_.round(3))
    assert scored["confidence"].between(0, 1).all()
    assert set(scored["segment_name"]) <= {*segmenter.names.values(), "Outliers"}
    assert not hasattr(loaded, "labels_")


def generated():
    """Three groups of customers with a category, and a few who are like nobody else."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[20.0, 100.0], [50.0, 900.0], [70.0, 300.0]], 80, axis=0)
    numbers = centres + rng.normal(size=centres.shape) * [4, 40]
    numbers = np.vstack([numbers, rng.uniform([0, 0], [120, 2000], size=(12, 2))])
    plan = np.concatenate([np.repeat(["basic", "plus", "pro"], 80), rng.choice(["pro"], 12)])
    return pd.DataFrame({"age": numbers[:, 0], "spend": numbers[:, 1], "plan": plan})


GENERATED = [
    {"columns": ["age", "spend"], "transform": StandardScaler()},
    {"columns": ["plan"], "transform": TRANSFORMS[1]["transform"]},
]


def candidates(file, table, transforms):
    """Every candidate of an algorithm on disk that has segments."""
    OmegaConf.register_new_resolver("range", lambda a, b: list(range(a, b + 1)), replace=True)
    config = OmegaConf.merge(OmegaConf.load(file), {"seed": 0})
    options = OmegaConf.to_container(config, resolve=True)
    built = features.build(table, transforms, name="x")
    path = paths.fit_path(
        instantiate(options["estimator"]),
        built.matrix,
        algorithm=file.stem,
        parameter=options["parameter"],
        grid=[2, 3, 5] if options["parameter"] in COUNT_PARAMETERS else options["grid"],
        assign_outliers=options.get("assign_outliers", False),
    )
    return built, [c for c in path.candidates if c.labels.max() >= 1]


@pytest.mark.parametrize("table", ["mall", "generated"])
@pytest.mark.parametrize("file", ALGORITHMS, ids=lambda p: p.stem)
def test_scoring_the_training_table_returns_its_segments(file, table, mall):
    customers, transforms = (mall, TRANSFORMS[:1]) if table == "mall" else (generated(), GENERATED)
    built, found = candidates(file, customers, transforms)
    assert found
    for candidate in found[:4]:
        segmenter = Segmenter.from_candidate(built, candidate, seed=0)
        agreement = (from_disk(segmenter).predict(customers) == segmenter.labels_).mean()
        assert agreement == 1.0
        assert agreement >= segmenter.fidelity_ > 0.8
        assert set(segmenter.fidelity_per_segment_) == set(segmenter.labels_)


def test_a_model_does_not_need_the_library_that_found_its_segments(mall):
    file = ROOT / "conf" / "algorithm" / "genie.yaml"
    built, found = candidates(file, mall, TRANSFORMS[:1])
    segmenter = Segmenter.from_candidate(built, found[2], seed=0)
    types = skops.io.get_untrusted_types(data=skops.io.dumps(segmenter))
    assert set(types) <= set(TRUSTED_TYPES)
    assert from_disk(segmenter).clusterer is None
    assert type(segmenter.clusterer).__name__ == "Genie"


def test_every_trusted_type_exists_and_is_needed(mall):
    models = [model(mall, *case[:3], transforms=TRANSFORMS) for case in ESTIMATORS]
    models.append(Segmenter(AgglomerativeClustering(2, linkage="single")).fit([[0.0], [1], [9]]))
    file = ROOT / "conf" / "algorithm" / "hdbscan.yaml"
    built, found = candidates(file, generated(), GENERATED)
    models.append(Segmenter.from_candidate(built, found[0], seed=0))
    for plain in (RFMScores(), LatentClasses(random_state=0)):
        models.append(Segmenter(plain).fit(generated()[["age", "spend"]]))
    dumped = [skops.io.get_untrusted_types(data=skops.io.dumps(m)) for m in models]
    assert {name for types in dumped for name in types} == set(TRUSTED_TYPES)


def test_it_can_be_fitted_on_a_table_cloned_and_pickled():
    table = generated().assign(customer=range(252))
    chosen = ColumnTransformer(
        [("n", StandardScaler(), ["age", "spend"]), ("c", OneHotEncoder(), ["plan"])]
    )
    segmenter = Segmenter(KMeans(3, random_state=0), chosen).fit(table)
    assert segmenter.columns == ["age", "spend", "plan"]
    assert segmenter.numeric == ["age", "spend"]
    again = clone(segmenter).fit(table)
    np.testing.assert_array_equal(again.labels_, segmenter.labels_)
    loaded = pickle.loads(pickle.dumps(segmenter))
    np.testing.assert_array_equal(loaded.predict(table.drop(columns="customer")), again.labels_)
    np.testing.assert_array_equal(clone(loaded).fit(table).labels_, segmenter.labels_)


def test_an_array_and_a_table_are_the_same_to_it():
    table = generated()[["age", "spend"]]
    on_table = Segmenter(KMeans(3, random_state=0)).fit(table)
    on_array = Segmenter(KMeans(3, random_state=0)).fit(table.to_numpy())
    np.testing.assert_array_equal(on_table.labels_, on_array.predict(table.to_numpy().tolist()))
    assert on_array.columns == ["x0", "x1"]


def test_without_a_clusterer_it_says_what_to_do():
    with pytest.raises(ValueError, match="got clusterer=None, expected a clusterer"):
        Segmenter().fit(generated())


# What arrives ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scorer(mall):
    return from_disk(model(mall, KMeans(random_state=0), "n_clusters", 4, TRANSFORMS))


GUISES = {
    "whole numbers": lambda t: t.astype({INCOME: int, SPENDING: int}),
    "decimals": lambda t: t.astype({INCOME: float, SPENDING: float}),
    "nullable": lambda t: t.astype({INCOME: "Int64", SPENDING: "Float64"}),
    "small": lambda t: t.astype({INCOME: "int16", SPENDING: "float32"}),
    "text": lambda t: t.astype({INCOME: str, SPENDING: object}),
    "text with spaces": lambda t: t.assign(**{INCOME: " " + t[INCOME].astype(str) + ".0 "}),
    "category": lambda t: t.astype({"Gender": "category", INCOME: "category"}),
    "objects": lambda t: t.astype(object),
    "text type": lambda t: t.astype({"Gender": "string"}),
    "padded": lambda t: t.assign(Gender=t["Gender"] + " "),
    "other order": lambda t: t[t.columns[::-1]].assign(**{"Customer ID": range(len(t))}),
    "through CSV": lambda t: pd.read_csv(io.StringIO(t.to_csv(index=False))),
    "through JSON": lambda t: pd.read_json(io.StringIO(t.to_json(orient="records"))),
}


@pytest.mark.parametrize("guise", GUISES)
def test_the_answer_does_not_depend_on_types(mall, scorer, guise):
    changed = scorer.assign(GUISES[guise](mall)).reset_index(drop=True)
    pd.testing.assert_frame_equal(changed, scorer.assign(mall).reset_index(drop=True))


@pytest.mark.parametrize("levels", [[1, 2], [True, False], ["1", "2"], ["yes", "no"], [1.5, 2.0]])
def test_a_category_is_the_same_in_every_guise(levels):
    table = generated()
    table["plan"] = pd.Categorical(np.array(levels, dtype=object)[np.arange(len(table)) % 2])
    segmenter = Segmenter(KMeans(4, random_state=0)).fit(table)
    expected = segmenter.assign(table)
    plain = table.assign(plan=table["plan"].astype(object))
    guises = [
        plain,
        plain.assign(plan=plain["plan"].astype(str)),
        pd.read_csv(io.StringIO(table.to_csv(index=False))),
        # A gap elsewhere turns whole numbers into decimals.
        pd.concat([plain, plain.head(1).assign(plan=None)]).infer_objects().iloc[:-1],
    ]
    if levels == [True, False]:
        guises.append(table.assign(plan=(table["plan"] == True).astype(int)))  # noqa: E712
    for guise in guises:
        pd.testing.assert_frame_equal(segmenter.assign(guise), expected)


def test_truth_values_are_numbers_too():
    table = generated()[["age"]].assign(member=np.arange(252) % 2 == 0)
    segmenter = Segmenter(KMeans(3, random_state=0)).fit(table)
    for member in (table["member"].astype(int), table["member"].astype(str), table["member"]):
        np.testing.assert_array_equal(
            segmenter.predict(table.assign(member=member)), segmenter.labels_
        )


def test_gaps_new_categories_and_further_columns_are_welcome(scorer):
    new = pd.DataFrame(
        {
            SPENDING: ["81", None, " "],
            INCOME: [15, 90, 40],
            "Gender": ["Male", "Unknown", None],
            "extra": [1, 2, 3],
        },
        index=["x", "y", "z"],
    )
    scored = scorer.assign(new)
    assert list(scored.index) == ["x", "y", "z"]
    assert scored["segment"].between(1, 4).all()
    assert len(scorer.problems(new)) == 0


def test_an_empty_table_is_an_empty_answer(mall, scorer):
    scored = scorer.assign(mall.head(0))
    assert scored.shape == (0, 4)
    pd.testing.assert_series_equal(scored.dtypes, scorer.assign(mall).dtypes)


@pytest.mark.parametrize(
    "cell",
    ["much", np.inf, "-inf", [1], {"a": 1}, 1 + 2j, datetime(2026, 1, 1), pd.Timestamp(0), 10**400],
)
def test_a_cell_that_is_no_number_is_named_with_its_row_and_column(mall, scorer, cell):
    table = mall.astype({INCOME: object})
    table.at[117, INCOME] = cell
    with pytest.raises(SchemaError) as error:
        scorer.assign(table)
    words = [repr(cell), repr(INCOME), "row 117", "expected a finite number"]
    assert all(word in str(error.value) for word in words)
    (problem,) = scorer.problems(table).to_dict("records")
    assert problem == {
        "row": 117,
        "column": INCOME,
        "got": repr(cell),
        "expected": "a finite number",
    }


def test_all_problems_are_listed_in_the_order_of_the_rows(mall, scorer):
    table = mall.astype(object)
    table.loc[[9, 40], INCOME] = "?"
    table.loc[7, [INCOME, SPENDING, "Gender"]] = [None, "", np.nan]
    table.at[9, "Gender"] = ["Male"]
    problems = scorer.problems(table)
    assert list(problems) == ["row", "column", "got", "expected"]
    assert problems["row"].tolist() == [7, 9, 9, 40]
    assert problems["got"].tolist() == ["nothing", "'?'", "['Male']", "'?'"]
    assert "at least one of" in problems.loc[0, "expected"]
    left = scorer.assign(table.drop(index=problems["row"]))
    assert len(left) == len(mall) - 3
    with pytest.raises(SchemaError, match="3 more like it, or leave the rows out"):
        scorer.assign(table)


def test_a_value_that_the_preparation_cannot_use_is_named_with_its_row():
    table = generated()[["age", "spend"]].abs()
    steps = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    segmenter = Segmenter(KMeans(3, random_state=0), steps).fit(table)
    table.loc[[5, 70], "spend"] = [-3, np.nan]
    problems = segmenter.problems(table)
    assert problems["row"].tolist() == [5, 70]
    assert problems["column"].tolist() == ["age, spend"] * 2
    assert "-3.0" in problems.loc[0, "got"]
    with pytest.raises(
        SchemaError, match="of row 5, expected values that the preparation makes numbers"
    ):
        segmenter.assign(table)
    assert len(segmenter.assign(table.drop(index=[5, 70]))) == 250


def test_the_column_that_the_preparation_cannot_use_is_named_where_gaps_are_filled():
    table = generated()[["age", "spend"]].abs()
    logarithm = make_pipeline(SimpleImputer(), FunctionTransformer(np.log1p), StandardScaler())
    steps = ColumnTransformer([("logarithm", logarithm, ["age", "spend"])])
    segmenter = Segmenter(KMeans(3, random_state=0), steps).fit(table)
    table.loc[5, "spend"] = -3
    (problem,) = segmenter.problems(table).to_dict("records")
    assert (problem["row"], problem["column"], problem["got"]) == (5, "spend", "-3.0")


def test_a_column_of_dates_is_no_number(mall, scorer):
    table = mall.assign(**{INCOME: pd.Timestamp("2026-01-01")})
    assert len(scorer.problems(table)) == len(mall)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            ["Gender", SPENDING, "annual income"],
            [f"without '{INCOME}'", "Did you mean 'annual inc"],
        ),
        (["Gender", SPENDING, INCOME, INCOME], [f"'{INCOME}' more than once"]),
        ([], ["expected the columns"]),
    ],
)
def test_columns_are_checked_before_any_row(scorer, columns, words):
    for check in (
        scorer.check_columns,
        lambda c: scorer.assign(pd.DataFrame([[1] * len(c)], columns=c)),
    ):
        with pytest.raises(SchemaError) as error:
            check(columns)
        assert all(word in str(error.value) for word in words)
    scorer.check_columns(["id", INCOME, SPENDING, "Gender"])


# The same row ----------------------------------------------------------------------------------

FITTED = {}


def fitted(name):
    """Models are fitted once for all examples; ties between whole numbers are the hard case."""
    if name not in FITTED:
        rng = np.random.default_rng(0)
        table = pd.DataFrame(rng.integers(0, 12, (300, 2)), columns=["a", "b"])
        FITTED[name] = from_disk(Segmenter(CLUSTERERS[name]).fit(table))
    return FITTED[name]


CLUSTERERS = {
    "kmeans": KMeans(4, random_state=0),
    "gmm": GaussianMixture(4, random_state=0),
    "ward": AgglomerativeClustering(4),
    "average": AgglomerativeClustering(4, linkage="average"),
    "dbscan": DBSCAN(eps=0.3),
}
ROWS = st.lists(
    st.tuples(st.integers(-3, 15), st.one_of(st.none(), st.integers(-3, 15))),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("name", CLUSTERERS)
@given(rows=ROWS, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_a_row_gets_the_same_segment_alone_in_a_batch_and_in_any_order(name, rows, seed):
    segmenter = fitted(name)
    table = pd.DataFrame(rows, columns=["a", "b"], dtype=float)
    scored = segmenter.assign(table)
    order = np.random.default_rng(seed).permutation(len(table))
    pd.testing.assert_frame_equal(segmenter.assign(table.iloc[order]), scored.iloc[order])
    alone = pd.concat([segmenter.assign(table.iloc[[i]]) for i in range(min(5, len(table)))])
    pd.testing.assert_frame_equal(alone, scored.head(5))


@pytest.mark.parametrize("name", CLUSTERERS)
@pytest.mark.parametrize("far", [1e20, 1e160, 1e300])
def test_a_customer_as_far_as_numbers_go_is_assigned(name, far):
    found = fitted(name).assign(pd.DataFrame({"a": [far, 3.0], "b": [-far, 3.0]}))
    assert found["confidence"].between(0, 1).all()
    assert found["outlier"].tolist() == [name == "dbscan", False]


def test_a_long_table_is_scored_in_blocks_that_do_not_show():
    segmenter = fitted("gmm")
    few = pd.DataFrame(np.random.default_rng(1).normal(6, 5, (70, 2)), columns=["a", "b"])
    many = pd.concat([few] * 1000)
    expected = pd.concat([segmenter.assign(few)] * 1000)
    pd.testing.assert_frame_equal(segmenter.assign(many), expected)


# Numbers and names -----------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@example(5649, 4)  # two clusters of one size and one mean
@settings(deadline=None, max_examples=50)
def test_equal_partitions_get_equal_numbers(seed, k):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 2)).round(1)
    labels = np.concatenate([np.arange(k), rng.integers(-1, k, 30 - k)])
    renamed = np.append(rng.permutation(k), -1)
    order = rng.permutation(30)
    numbers = number_segments(X, labels)
    again = number_segments(X[order], renamed[labels][order])
    np.testing.assert_array_equal(numbers, again[renamed[:-1]])
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    assert list(sizes[np.argsort(numbers)]) == sorted(sizes, reverse=True)
    assert sorted(numbers) == list(range(1, k + 1))


def test_no_cluster_is_a_model_of_outliers(mall):
    segmenter = model(mall, DBSCAN(min_samples=150), "eps", 0.01)
    scored = from_disk(segmenter).assign(mall)
    assert set(scored["segment"]) == {-1}
    assert set(scored["segment_name"]) == {"Outliers"}
    assert scored["outlier"].all()


def test_other_numbers_and_names_leave_the_model_as_it_was(mall):
    segmenter = model(mall, DBSCAN(), "eps", 0.36)
    before = segmenter.assign(mall)
    count = segmenter.labels_.max()
    numbers = {n: n + 10 for n in range(1, count + 1)}
    other = segmenter.renumbered(numbers, {n + 10: f"new {n}" for n in range(1, count + 1)})
    for scored in (other.assign(mall), from_disk(other).assign(mall)):
        moved = before["segment"].map({**numbers, -1: -1})
        np.testing.assert_array_equal(scored["segment"], moved)
        names = [f"new {n}" if n > 0 else "Outliers" for n in before["segment"]]
        assert scored["segment_name"].tolist() == names
        np.testing.assert_array_equal(scored["confidence"], before["confidence"])
    np.testing.assert_array_equal(other.labels_, other.predict(mall))
    assert set(other.fidelity_per_segment_) == {-1, *numbers.values()}
    assert set(other.names) == {*numbers.values()}
    pd.testing.assert_frame_equal(segmenter.assign(mall), before)


@pytest.mark.parametrize("numbers", [{1: 1}, {1: 2, 2: 2}, {1: 0, 2: 1}])
def test_numbers_that_lose_a_segment_are_refused(numbers):
    segmenter = Segmenter(KMeans(2, random_state=0)).fit([[0.0], [1.0], [9.0]])
    with pytest.raises(ValueError, match="Number every segment once"):
        segmenter.renumbered(numbers, {})


def test_a_segment_without_a_name_goes_by_its_number():
    segmenter = Segmenter(KMeans(2, random_state=0)).fit([[0.0], [1.0], [9.0]])
    segmenter.name_segments({1: "Frugal"})
    assert segmenter.names == {1: "Frugal", 2: "Segment 2"}

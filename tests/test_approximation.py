"""Beyond the limit of exact work: what is estimated is near what is exact, and says so."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from customer_segmentation import (
    analysis,
    approximation,
    data,
    evidence,
    explanations,
    features,
    paths,
    report,
    search,
    selection,
)
from customer_segmentation.evidence import density
from customer_segmentation.items import Metric, Tag
from customer_segmentation.paths import mixtures, samples
from customer_segmentation.profiles import borderline, rules
from customer_segmentation.segmenter import fidelity
from customer_segmentation.segmenter.assigners import NeighborsAssigner
from customer_segmentation.segmenter.neighbours import Reference

FIXED = "rfm_scores"  # needs purchases, and looks for nothing
ALGORITHMS = sorted(p for p in (ROOT / "conf" / "algorithm").glob("*.yaml") if p.stem != FIXED)
LIMIT = 1000
WEIGHTS = np.array([0.35, 0.25, 0.2, 0.12, 0.08])


@pytest.fixture(scope="module")
def customers(tmp_path_factory):
    """3,000 customers of five kinds, whose kind is known."""
    rng = np.random.default_rng(1)
    kind = rng.choice(5, 3000, p=WEIGHTS)
    X = rng.normal(size=(5, 4))[kind] * 5 + rng.normal(size=(3000, 4))
    file = tmp_path_factory.mktemp("data") / "customers.parquet"
    pd.DataFrame(X, columns=list("abcd")).to_parquet(file)
    loaded = data.load(file)
    scaled = [{"columns": list("abcd"), "transform": StandardScaler()}]
    return loaded, features.build(loaded.table, scaled, name="all"), kind


def algorithm_of(file):
    OmegaConf.register_new_resolver("range", lambda a, b: list(range(a, b + 1)), replace=True)
    config = OmegaConf.load(file)
    config.seed = 0
    options = OmegaConf.to_container(config, resolve=True)
    del options["seed"]
    return search.Algorithm(
        name=file.stem, **{**options, "estimator": instantiate(options["estimator"])}
    )


@pytest.mark.parametrize("file", ALGORITHMS, ids=lambda p: p.stem)
def test_every_algorithm_finds_beyond_the_limit_what_it_finds_exactly(file, customers):
    loaded, fitted, kind = customers
    algorithm, taking = algorithm_of(file), search.Selection(selection.by_evidence)
    exact = analysis.analyse(loaded, fitted, algorithm, taking, exact_rows=len(kind))
    near = analysis.analyse(loaded, fitted, algorithm, taking, exact_rows=LIMIT)
    assert set(exact.approximations) <= {"evidence", "borderline"}
    assert len(near.segments) == len(kind)
    tags = {i.name: i.value for i in report.items(near, {}) if isinstance(i, Tag)}
    sampled = not isinstance(algorithm.estimator, samples.LINEAR)
    assert ("approximation.fit" in tags, "approximation.starts" in tags) == (sampled, not sampled)
    said = " ".join(explanations.about(near).inexact)
    assert all(words[1:] in said for words in near.approximations.values())
    assert near.n_segments == exact.n_segments
    row, true = near.chosen.row, exact.chosen.row
    # The stated errors: how far segments of fewer customers agree, and that of the silhouette.
    assert adjusted_rand_score(near.segments, exact.segments) > row["stability"] - 0.02
    if sampled:
        assert f"agree with these to {row['stability']:.2f}" in tags["approximation.fit"]
    assert row["silhouette"] == pytest.approx(true["silhouette"], abs=4 * row["silhouette_se"])
    assert row["wcss"] == pytest.approx(true["wcss"], rel=0.1)
    error = float(tags["approximation.likelihood"].split()[-1])
    assert row["likelihood"] == pytest.approx(true["likelihood"], abs=2 * error)


def test_of_few_customers_nothing_is_said_to_be_inexact(customers):
    loaded, fitted, _ = customers
    loaded = dataclasses.replace(loaded, table=loaded.table[:800])
    fitted = features.build(
        loaded.table, [{"columns": list("abcd"), "transform": StandardScaler()}], name="all"
    )
    kmeans = search.Algorithm("kmeans", KMeans(random_state=0), "n_clusters", [2, 5])
    found = analysis.analyse(loaded, fitted, kmeans, search.Selection(selection.by_evidence))
    names = {i.name for i in report.items(found, {}) if isinstance(i, Tag | Metric)}
    assert not [name for name in names if "approximation" in name or "silhouette_se" in name]


@pytest.mark.parametrize(
    ("estimator", "parameter"),
    [
        (KMeans(n_init=10, random_state=0), "n_clusters"),
        (GaussianMixture(n_init=5, reg_covar=1e-3, random_state=0), "n_components"),
    ],
    ids=lambda x: str(x)[:6],
)
def test_starts_on_a_sample_end_as_well_as_starts_on_all(estimator, parameter, customers):
    X = customers[1].matrix
    how = {"algorithm": "a", "parameter": parameter, "grid": [3, 5, 6]}
    with threadpool_limits(limits=1):
        all_rows = paths.fit_path(estimator, X, **how)
        started = paths.fit_path(estimator, X, start_on=X[::3], **how)
    for one, other in zip(all_rows.candidates, started.candidates, strict=True):
        cost = {"KMeans": lambda m: m.inertia_, "GaussianMixture": lambda m: m.bic(X)}
        measure = cost[type(estimator).__name__]
        assert measure(other.estimator) <= measure(one.estimator) * 1.01
        assert other.estimator.n_init == estimator.n_init, "the settings are as they were"


@pytest.mark.slow
def test_a_mixture_of_some_is_that_of_all_within_the_stated_error(tmp_path):
    rng = np.random.default_rng(2)
    kind = rng.choice(4, 300_000, p=[0.4, 0.3, 0.2, 0.1])
    X = rng.normal(size=(4, 3))[kind] * 3 + rng.normal(size=(len(kind), 3))
    pd.DataFrame(X, columns=list("abc")).to_parquet(tmp_path / "customers.parquet")
    loaded = data.load(tmp_path / "customers.parquet")
    scaled = [{"columns": list("abc"), "transform": StandardScaler()}]
    fitted = features.build(loaded.table, scaled, name="all")
    mixture = GaussianMixture(n_init=5, reg_covar=1e-3, random_state=0)
    algorithm = search.Algorithm("gmm", mixture, "n_components", [3, 4])
    found = analysis.analyse(loaded, fitted, algorithm, search.Selection(selection.by_bic))
    said = found.approximations["starts"]
    error = 1 / np.sqrt(samples.MIXTURE_ROWS * found.chosen.row["smallest_share"])
    assert f"fitted to 200,000 random customers, from whom the mean of the smallest segment is " \
        f"known to {error:.3f} of its standard deviation" in said  # fmt: skip
    some, Z = found.chosen.candidate.estimator, fitted.matrix
    whole = mixtures.go_on(GaussianMixture(4, reg_covar=1e-3), Z, some)
    deviations = np.sqrt(np.diagonal(whole.covariances_, axis1=1, axis2=2))
    assert (np.abs(some.means_ - whole.means_) < 3 * error * deviations).all()
    assert some.score(Z) == pytest.approx(whole.score(Z), abs=1e-3)
    assert adjusted_rand_score(some.predict(Z), whole.predict(Z)) > 0.99


def test_a_radius_for_all_customers_means_a_larger_one_for_a_sample(customers):
    X = customers[1].matrix
    given = search.Algorithm("dbscan", DBSCAN(), "eps", [0.2])
    found = search.search(X, given, search.Selection(selection.by_silhouette), seed=0,
                          exact_rows=LIMIT)  # fmt: skip
    assert found.candidate.value > 0.22
    assert len(found.candidate.rows) == LIMIT


def test_a_tree_of_all_pairs_is_made_of_a_sample_far_below_the_limit(customers):
    X = np.concatenate([customers[1].matrix + 0.01 * i for i in range(2)])
    loaded = dataclasses.replace(customers[0], table=pd.DataFrame(X, columns=list("abcd")))
    fitted = features.build(
        loaded.table, [{"columns": list("abcd"), "transform": "passthrough"}], name="all"
    )
    average = AgglomerativeClustering(linkage="average")
    algorithm = search.Algorithm("average", average, "n_clusters", [2, 3, 4, 5, 6])
    found = analysis.analyse(loaded, fitted, algorithm, search.Selection(selection.by_evidence))
    assert len(found.chosen.rows) == samples.PAIR_ROWS
    assert set(found.approximations) == {"fit", "likelihood", "evidence", "borderline", "rules"}
    assert "saw 3,000 random customers" in found.approximations["fit"]
    exact = average.set_params(n_clusters=found.n_segments).fit_predict(X)
    assert adjusted_rand_score(found.segments, exact) > found.chosen.row["stability"] - 0.02


@pytest.fixture(scope="module")
def crowded():
    """3,000 customers of five kinds that overlap, in three ways to part them."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(5, 4))[rng.choice(5, 3000, p=WEIGHTS)] * 2 + rng.normal(size=(3000, 4))
    X = StandardScaler().fit_transform(X)
    return X, [KMeans(k, random_state=0).fit_predict(X).astype(np.int64) for k in (3, 5, 7)]


def test_evidence_of_a_sample_is_within_its_stated_error(crowded, monkeypatch):
    near = evidence.measure(*crowded, seed=0)
    monkeypatch.setattr(density, "ROWS", 3000)
    exact = evidence.measure(*crowded, seed=1)  # with the first seed the sample is remembered
    for name in ("overlap", "absorbed"):
        np.testing.assert_allclose(near[name], exact[name], atol=2 * approximation.SHARE_ERROR)
    assert (near["no_valley"] > exact["no_valley"] - approximation.SHARE_ERROR).all()


def confidence(X, labels, rows):
    reference = Reference(X, labels, rows)
    return reference.confidence(X, labels, reference.index.twins(X))


def test_confidence_among_some_customers_is_within_its_stated_error(crowded):
    X, (_, labels, _) = crowded
    exact, near = (confidence(X, labels, rows) for rows in (3000, 1000))
    between = (exact > 0.3) & (exact < 0.8)
    assert between.sum() > 100
    assert np.sqrt(np.square(exact - near)[between].mean()) < approximation.VOTES_ERROR
    assert abs(exact - near)[~between].mean() < 0.06, "elsewhere there is hardly a difference"


def test_fidelity_on_some_customers_is_within_its_stated_error(crowded, monkeypatch):
    X, (_, labels, _) = crowded
    exact = fidelity.out_of_sample(NeighborsAssigner(), X, labels, seed=0).overall
    monkeypatch.setattr(fidelity, "MAX_ROWS", 600)
    near = fidelity.out_of_sample(NeighborsAssigner(), X, labels, seed=0).overall
    assert near == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 600))


def test_the_next_best_segment_among_some_customers_is_mostly_that_among_all(crowded, monkeypatch):
    X, (_, labels, _) = crowded
    numbers = pd.Series(labels + 1)
    how = {"X": X, "confidence": confidence(X, labels, 3000)}
    exact = borderline.table(numbers, {}, **how)["next_best"]
    monkeypatch.setattr(borderline, "MAX_NEIGHBOURS", 1000)
    near = borderline.table(numbers, {}, **how)["next_best"]
    assert len(exact) > 100
    assert (exact == near).mean() > 0.8


def test_rules_learnt_from_some_customers_are_as_true_within_the_stated_error(monkeypatch):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(5, 4))[rng.choice(5, 12_000, p=WEIGHTS)] * 2 + rng.normal(size=(12_000, 4))
    table = pd.DataFrame(X, columns=list("abcd"))
    segments = pd.Series(KMeans(5, random_state=0).fit_predict(X) + 1)
    near = rules.rules(table, segments).fidelity
    monkeypatch.setattr(rules, "SAMPLE", len(X))
    assert near == pytest.approx(
        rules.rules(table, segments).fidelity, abs=approximation.RULES_ERROR
    )


def test_what_looks_at_a_fixed_number_of_customers_says_so_below_the_limit(customers, monkeypatch):
    monkeypatch.setattr(approximation, "MAX_REFERENCE_ROWS", 2500)
    monkeypatch.setattr(approximation, "MAX_HELD_OUT", 2500)
    ward = search.Algorithm("ward", AgglomerativeClustering(), "n_clusters", [4, 5])
    taking = search.Selection(selection.by_evidence)
    said = analysis.analyse(*customers[:2], ward, taking).approximations
    assert set(said) == {"evidence", "fidelity", "confidence", "borderline"}
    assert "1,000 random customers" in said["evidence"]
    error = float(said["fidelity"].split()[-1])
    assert 0 < error < 0.01
    assert "2,500" in said["confidence"]


def test_a_limit_that_is_none_is_refused(customers):
    kmeans = search.Algorithm("kmeans", KMeans(random_state=0), "n_clusters", [2])
    with pytest.raises(analysis.SettingError, match="exact_rows=10, expected a whole number"):
        analysis.check(customers[1], kmeans, search.Selection(selection.by_evidence), 0, 10)

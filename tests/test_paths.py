"""Paths share their work and still equal scikit-learn, fit by fit."""

import numpy as np
import pytest
import quitefastmst
from conftest import ROOT
from genieclust import Genie
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from customer_segmentation import paths
from customer_segmentation.paths import grids

ALGORITHMS = sorted((ROOT / "conf" / "algorithm").glob("*.yaml"))


def fit(estimator, X, parameter="n_clusters", **kwargs):
    return paths.fit_path(estimator, X, algorithm="a", parameter=parameter, **kwargs)


@pytest.mark.parametrize("file", ALGORITHMS, ids=lambda p: p.stem)
def test_every_algorithm_on_disk_gives_a_path(file, income_spending):
    config = OmegaConf.load(file)
    config.seed = 0
    OmegaConf.register_new_resolver("range", lambda a, b: list(range(a, b + 1)), replace=True)
    options = OmegaConf.to_container(config, resolve=True)
    path = paths.fit_path(
        instantiate(options["estimator"]),
        income_spending,
        algorithm=file.stem,
        parameter=options["parameter"],
        grid=options["grid"],
        assign_outliers=options.get("assign_outliers", False),
    )
    assert len(path.candidates) >= (4 if options["grid"] is None else len(options["grid"]))
    assert {len(c.labels) for c in path.candidates} == {200}
    best = max(adjusted_rand_score(c.labels, five(income_spending)) for c in path.candidates)
    assert best > 0.4


def five(X):
    return KMeans(5, n_init=10, random_state=0).fit_predict(X)


@pytest.mark.parametrize("linkage", ["ward", "complete", "average", "single"])
def test_one_tree_equals_a_fit_per_k(linkage, income_spending):
    rng = np.random.default_rng(0)
    X = income_spending + rng.normal(0, 1e-6, income_spending.shape)  # no ties
    path = fit(AgglomerativeClustering(linkage=linkage), X)
    assert path.linkage is not None
    for candidate in path.candidates:
        own = AgglomerativeClustering(n_clusters=candidate.value, linkage=linkage).fit_predict(X)
        assert adjusted_rand_score(candidate.labels, own) == 1.0


def test_a_tree_with_ties_is_cut_into_exactly_k():
    X = np.repeat([[0.0], [1.0], [2.0], [3.0]], 5, axis=0)
    path = fit(AgglomerativeClustering(), X, grid=[1, 2, 3, 4, 5])
    assert [int(c.labels.max()) + 1 for c in path.candidates] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("min_samples", [3, 5, 10])
def test_one_neighbour_structure_equals_a_fit_per_eps(min_samples, income_spending):
    path = fit(DBSCAN(min_samples=min_samples), income_spending, "eps")
    assert len({c.value for c in path.candidates}) == len(grids.CORE_SHARES)
    for candidate in path.candidates:
        own = DBSCAN(eps=candidate.value, min_samples=min_samples).fit_predict(income_spending)
        np.testing.assert_array_equal(candidate.labels, own)


@pytest.mark.parametrize(
    ("estimator", "parameter", "grid"),
    [
        (AgglomerativeClustering(n_clusters=None), "distance_threshold", [2.0, 9.0]),
        (DBSCAN(eps=0.3), "min_samples", [3, 12]),
    ],
)
def test_a_grid_of_another_parameter_is_that_parameter_s(
    estimator, parameter, grid, income_spending
):
    for candidate in fit(estimator, income_spending, parameter, grid=grid).candidates:
        own = clone(estimator).set_params(**{parameter: candidate.value})
        assert adjusted_rand_score(candidate.labels, own.fit_predict(income_spending)) == 1.0


def test_one_column_has_neighbours_too():
    X = np.random.default_rng(0).normal(size=(60, 1))
    for candidate in fit(DBSCAN(), X, "eps").candidates:
        np.testing.assert_array_equal(candidate.labels, DBSCAN(candidate.value).fit_predict(X))


@pytest.mark.parametrize(
    "settings",
    [
        {"min_samples": 5},
        {"min_samples": 60},
        {"min_samples": 7, "cluster_selection_method": "leaf"},
        {"min_samples": 5, "allow_single_cluster": True},
    ],
    ids=str,
)
def test_one_tree_of_hdbscan_equals_a_fit_per_size(settings):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(m, s, (n, 3)) for m, s, n in ((0, 1, 1500), (6, 0.5, 700))])
    X = np.concatenate([X, rng.uniform(-4, 9, (100, 3)), np.repeat(X[:3], 30, axis=0)])
    path = fit(HDBSCAN(copy=True, **settings), X, "min_cluster_size", grid=[10, 50, 150])
    orders = [rng.permutation(len(X)) for _ in range(3)]
    for candidate in path.candidates:
        own = HDBSCAN(min_cluster_size=candidate.value, copy=True, **settings)
        labels = own.fit_predict(X)
        # Customers at the same distance from two others go with either, as the rows are ordered.
        ties = [adjusted_rand_score(own.fit_predict(X[o]), labels[o]) for o in orders]
        assert adjusted_rand_score(candidate.labels, labels) > min(ties) - 0.01


def test_eps_follows_the_scale_of_the_data(income_spending):
    grid = grids.derive_grid(DBSCAN(), income_spending, "eps")
    larger = grids.derive_grid(DBSCAN(), income_spending * 100, "eps")
    np.testing.assert_allclose(larger, np.array(grid) * 100, rtol=1e-3)


def test_outliers_can_be_given_to_the_nearest_cluster(income_spending):
    path = fit(HDBSCAN(copy=True), income_spending, "min_cluster_size", grid=[5])
    given = fit(
        HDBSCAN(copy=True), income_spending, "min_cluster_size", grid=[5], assign_outliers=True
    )
    before, after = path.candidates[0].labels, given.candidates[0].labels
    assert (before == -1).any()
    assert (after >= 0).all()
    np.testing.assert_array_equal(after[before >= 0], before[before >= 0])


def test_a_mixture_brings_its_bic_and_it_is_smallest_at_five(income_spending):
    path = fit(GaussianMixture(n_init=3, random_state=0), income_spending, "n_components")
    bic = {c.value: c.scores["bic"] for c in path.candidates}
    assert min(bic, key=bic.get) == 5


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_mixture_of_many_starts_from_the_one_before_too(kind, income_spending):
    X, settings = income_spending, {"covariance_type": kind, "reg_covar": 1e-3, "random_state": 0}
    path = fit(GaussianMixture(n_init=2, **settings), X, "n_components", grid=[*range(1, 11), 13])
    better = 0
    for candidate in path.candidates:
        model, k = candidate.estimator, candidate.value
        alone = GaussianMixture(k, n_init=2, **settings).fit(X)
        assert candidate.scores["bic"] <= alone.bic(X) + 1e-6
        better += candidate.scores["bic"] < alone.bic(X) - 1
        assert (model.n_init, model.means_init, model.random_state) == (2, None, 0)
    assert better


def test_a_path_of_mixtures_ends_where_bic_only_rises_unless_a_grid_is_given():
    X = np.random.default_rng(0).normal(size=(900, 4)) + np.repeat([[0], [5], [10]], 300, axis=0)
    whole = fit(GaussianMixture(random_state=0), X, "n_components")
    ended = fit(GaussianMixture(random_state=0), X, "n_components", may_end=True)
    assert [c.value for c in whole.candidates] == list(range(1, 11))
    assert [c.value for c in ended.candidates] == list(range(1, 8))
    assert not whole.end
    assert ended.end.startswith("the path ends at 7 segments, where BIC")
    for one, other in zip(whole.labelings, ended.labelings, strict=False):
        np.testing.assert_array_equal(one, other)


def test_a_fit_that_breaks_down_is_a_candidate_with_its_reason(income_spending):
    path = fit(Sulking(), income_spending, grid=[2, 3])
    assert path.candidates[0].failure == "ValueError: not two"
    assert (path.candidates[0].labels == -1).all()
    assert path.candidates[1].failure == ""


class Sulking(KMeans):
    def fit(self, X, y=None, sample_weight=None):
        if self.n_clusters == 2:
            raise ValueError("not two")
        return super().fit(X)


@pytest.mark.parametrize(
    ("estimator", "parameter", "grid", "words"),
    [
        (KMeans(), "n_clusters", [2, 0], ["n_clusters=0", "algorithm.grid"]),
        (KMeans(), "n_clusters", [2, 201], ["200 customers", "201"]),
        (KMeans(), "clusters", [2], ["'clusters'", "n_clusters"]),
        (DBSCAN(), "eps", [-1.0], ["eps=-1.0", "algorithm.grid"]),
        (KMeans(), "n_clusters", [], ["empty grid"]),
    ],
)
def test_a_grid_that_cannot_work_is_refused(estimator, parameter, grid, words, income_spending):
    with pytest.raises(grids.PathError) as error:
        fit(estimator, income_spending, parameter, grid=grid)
    assert all(word in str(error.value) for word in words)


def test_the_same_seed_gives_the_same_labels(income_spending):
    first, second = (
        fit(KMeans(n_init=2, random_state=3), income_spending).labelings for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_genie_makes_one_spanning_tree_for_its_whole_path(monkeypatch):
    trees, make = [], quitefastmst.mst_euclid
    monkeypatch.setattr(
        quitefastmst, "mst_euclid", lambda *a, **b: trees.append(1) or make(*a, **b)
    )
    X = np.random.default_rng(0).normal(size=(120, 3))
    settings = {"algorithm": "genie", "parameter": "n_clusters"}
    path = paths.fit_path(Genie(), X, grid=[2, 3, 4], **settings)
    longer = paths.extend(path, Genie(), X, [5, 6])
    assert len(trees) == 1
    for candidate in longer.candidates:
        alone = Genie(int(candidate.value)).fit(X).labels_
        assert adjusted_rand_score(alone, candidate.labels) == 1
    other = paths.fit_path(Genie(), X[::2], grid=[3], **settings).candidates[0]
    assert adjusted_rand_score(Genie(3).fit(X[::2]).labels_, other.labels) == 1

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.cluster.hierarchy import fcluster, linkage

from customer_segmentation import profiles
from customer_segmentation.plots import canvas
from customer_segmentation.plots import path as path_plots
from customer_segmentation.plots import path as tree_plot
from customer_segmentation.plots import scatter as scatter_plot
from customer_segmentation.plots import segments as plots
from customer_segmentation.plots import sweep as sweep_plots
from customer_segmentation.style import OUTLIER, OUTLIER_COLOUR, colour, marker

LONG = "A very long segment name that says high annual income and low spending number"


def cut_off(figure: Figure) -> list[str]:
    """Texts that reach over the edge of the picture."""
    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    renderer, (width, height) = drawn.get_renderer(), figure.bbox.size
    found = []
    for ax in (ax for ax in figure.axes if ax.axison):
        ticks = [*ax.get_xticklabels(), *ax.get_yticklabels()]
        limits = {ax.xaxis: ax.get_xlim(), ax.yaxis: ax.get_ylim()}
        hidden = {
            label
            for axis, (low, high) in limits.items()
            for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
            if not min(low, high) <= tick <= max(low, high)
        }
        texts = [*ax.texts, *ticks, ax.xaxis.label, ax.yaxis.label, ax.title, ax._left_title]
        legend = ax.get_legend()
        texts += legend.get_texts() if legend else []
        found += [text for text in texts if text not in hidden]
    return [
        text.get_text() for text in [*found, *figure.texts] if _over(text, renderer, width, height)
    ]


def _over(text: Text, renderer, width: float, height: float) -> bool:
    if not text.get_text() or not text.get_visible():
        return False
    box = text.get_window_extent(renderer)
    return bool(box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1)


def clusters(k: int, n: int = 120, d: int = 2, outliers: int = 0):
    draw = np.random.default_rng(k)
    segments = np.resize(np.arange(1, k + 1), n)
    X = draw.normal(size=(n, d)) + segments[:, None] * 3
    segments[:outliers] = OUTLIER
    return X, segments, {s: f"{LONG} {s}" for s in range(1, k + 1)}


def path(values) -> pd.DataFrame:
    count = len(values)
    silhouette = np.linspace(0.3, 0.6, count)
    silhouette[0] = np.nan
    columns = {
        "value": values,
        "n_segments": np.arange(1, count + 1),
        "wcss": np.linspace(400, 30, count),
        "silhouette": silhouette,
        "outlier_share": np.linspace(0.4, 0, count),
        "bic": np.linspace(900, 800, count),
    }
    return pd.DataFrame(columns)


def marked(ax) -> list[float]:
    return [line.get_xdata()[0] for line in ax.lines if line.get_label() == "chosen"]


@pytest.mark.parametrize("values", [range(1, 2), range(1, 11), range(1, 61)], ids=len)
def test_elbow_marks_the_chosen_k_on_both_curves(values):
    chosen = values[-1]
    figure = path_plots.elbow(path(values), chosen, "n_clusters")
    assert [marked(ax) for ax in figure.axes] == [[chosen], [chosen]]
    assert figure.axes[1].lines[0].get_ydata().tolist() == path(values)["wcss"].tolist()
    assert cut_off(figure) == []


def test_elbow_without_scores_says_so():
    table = path(range(1, 5)).assign(wcss=np.nan, silhouette=np.nan)
    figure = path_plots.elbow(table, 2, "n_clusters")
    assert "cannot be computed here" in figure.axes[0].texts[0].get_text()


def test_density_path_and_k_distance_mark_the_chosen_eps():
    grid = [0.1, 0.2, 0.35]
    figure = path_plots.density_path(path(grid), 0.2, "eps")
    assert marked(figure.axes[1]) == [0.2]
    assert figure.texts[0].get_text().startswith("2 segments at eps = 0.2")
    distances = np.linspace(0, 1, 1001)
    curve = path_plots.k_distance(distances, np.array(grid), 0.2)
    assert curve.texts[0].get_text().startswith("At eps = 0.2, 20 % of customers")
    assert len(curve.axes[0].collections[0].get_segments()) == len(grid)
    assert cut_off(figure) == cut_off(curve) == []


def test_bic_names_the_smallest():
    figure = path_plots.bic(path(range(1, 6)), 3)
    assert figure.texts[0].get_text() == "BIC is smallest at 5 segments; 3 taken"


@pytest.mark.parametrize("k", [1, 12, 40])
def test_sizes_has_a_bar_per_segment_in_its_colour_and_a_grey_one(k):
    _, segments, names = clusters(k, outliers=7)
    counts = profiles.counts(pd.Series(segments), names)
    figure = plots.sizes(counts)
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == counts["customers"].tolist()
    assert to_hex(bars[0].get_facecolor()).upper() == colour(1)
    assert to_hex(bars[-1].get_facecolor()).upper() == OUTLIER_COLOUR
    assert cut_off(figure) == []


@pytest.mark.parametrize(("k", "d"), [(1, 2), (12, 1), (12, 2), (12, 6), (40, 2)])
def test_scatter_marks_the_centre_of_every_segment(k, d):
    X, segments, names = clusters(k, d=d, outliers=5)
    features = [f"a rather long feature name ($) and number ($) {i}" for i in range(d)]
    figure = scatter_plot.scatter(X, features, segments, names)
    centres = {t.get_text(): t.get_position() for t in figure.axes[0].texts if t.get_gid()}
    assert len(centres) == k
    if d == 2:
        assert np.allclose(centres["1"], X[segments == 1].mean(axis=0))
    if d > 2:
        assert "of all differences" in figure.axes[0].get_xlabel()
    assert cut_off(figure) == []


def test_scatter_samples_many_customers_and_says_so():
    X, segments, names = clusters(5, n=20_000)
    figure = scatter_plot.scatter(X, ["x", "y"], segments, names)
    drawn = sum(len(line.get_xdata()) for line in figure.axes[0].lines)
    assert drawn == scatter_plot.MOST_POINTS
    assert "1,500 of 20,000 customers drawn" in [text.get_text() for text in figure.texts]


def test_projection_explains_what_it_shows():
    X = np.random.default_rng(0).normal(size=(300, 3)) * [10, 2, 0.1]
    figure = scatter_plot.scatter(X, ["big", "mid", "small"], np.ones(300, int), {})
    share = X[:, 0].var() / X.var(axis=0).sum()
    assert f"({share:.0%}".replace("%", " %") in figure.axes[0].get_xlabel()
    assert {"big", "mid", "small"} <= {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize("k", [1, 12, 40])
def test_silhouettes_have_a_band_per_segment_and_the_mean(k):
    _, segments, names = clusters(k, outliers=4)
    samples = np.random.default_rng(0).uniform(-0.2, 0.9, len(segments))
    samples[:4] = np.nan
    figure = plots.silhouette_samples(samples, segments, names)
    ax = figure.axes[0]
    assert len(ax.collections) == k
    assert ax.lines[0].get_xdata()[0] == pytest.approx(np.nanmean(samples))
    places = sorted(text.xyann[1] for text in ax.texts)
    inches = ax.get_position().height * figure.get_size_inches()[1] / abs(np.ptp(ax.get_ylim()))
    assert all(gap * inches > 0.14 for gap in np.diff(places))
    assert cut_off(figure) == []


def test_heatmap_writes_raw_means_and_shares():
    contrasts = pd.DataFrame({"Age": [-1.0, 1.0], "Gender = Male": [0.2, -0.2]}, index=[1, 2])
    values = pd.DataFrame({"Age": [20.5, 60.0], "Gender = Male": [0.6, 0.4]}, index=[1, 2])
    figure = plots.heatmap(contrasts, values, {1: "Young", 2: LONG})
    assert [t.get_text() for t in figure.axes[0].texts] == ["20.5", "60", "60 %", "40 %"]
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high
    assert cut_off(figure) == []


@pytest.mark.parametrize(("k", "d"), [(1, 1), (12, 15), (40, 3)])
def test_heatmap_fits_many_segments_and_long_columns(k, d):
    columns = [f"number_of_distinct_categories_ever_purchased_{i}" for i in range(d)]
    frame = pd.DataFrame(
        np.random.default_rng(0).normal(size=(k, d)) * 1e5, index=range(1, k + 1), columns=columns
    )
    figure = plots.heatmap(frame / 1e5, frame, {s: f"{LONG} {s}" for s in frame.index})
    assert len(figure.axes[0].texts) == k * d
    assert cut_off(figure) == []


@pytest.mark.parametrize("k", [1, 5, 40])
def test_dendrogram_is_cut_where_it_gives_k_and_coloured_by_segment(k):
    X, _, _ = clusters(5)
    tree = linkage(X, "ward")
    segments = fcluster(tree, k, "maxclust")
    figure = tree_plot.dendrogram(tree, k, segments)
    cut = figure.axes[0].lines[0].get_ydata()[0]
    assert len(np.unique(fcluster(tree, cut, "distance"))) == k
    used = {to_hex(c).upper() for c in figure.axes[0].collections[0].get_colors()}
    assert used <= {colour(s) for s in segments} | {"#888888"}
    assert cut_off(figure) == []


def test_agreement_annotates_every_pair_of_thirty_runs():
    runs = [f"agglomerative-age_income_spending-k{i}" for i in range(30)]
    matrix = pd.DataFrame(np.full((30, 30), 0.5), index=runs, columns=runs)
    figure = sweep_plots.agreement(matrix)
    assert len(figure.axes[0].texts) == 30 * 29 / 2
    assert cut_off(figure) == []


def test_leaderboard_shows_every_cell_and_the_recommended_run():
    table = pd.DataFrame(
        {"run": [f"run {i} {LONG}" for i in range(30)], "silhouette": np.linspace(0.1, 0.6, 30)}
    )
    table.loc[3, "silhouette"] = np.nan
    figure = sweep_plots.leaderboard(table, recommended=4)
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert len(cells) == 62
    assert "-" in cells
    assert figure.texts[0].get_text().startswith("30 runs; recommended: run 4")
    assert cut_off(figure) == []


def test_colours_are_stable_and_markers_tell_the_second_dozen():
    looks = {(colour(s), marker(s)) for s in range(1, 41)}
    assert len(looks) == 40
    assert colour(OUTLIER) == OUTLIER_COLOUR


def test_dollars_and_markup_in_names_are_text():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X, segments, _ = clusters(2)
        names = {1: "$x_1^{2}$ <b>", 2: r"\frac"}
        figure = scatter_plot.scatter(X, ["Income ($)", "Cost ($)"], segments, names)
        assert canvas.png(figure).startswith(b"\x89PNG")

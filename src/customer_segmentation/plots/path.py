"""Pictures of a path: how good each candidate is, and which one was chosen."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from customer_segmentation.plots.canvas import (
    CHOSEN,
    LINE,
    MUTED,
    axes,
    blank,
    picture,
)
from customer_segmentation.style import number, percent, plural

Floats = npt.NDArray[np.float64]
WIDTH = 9.6
PARAMETERS = {
    "n_clusters": "Number of segments (k)",
    "n_components": "Number of segments (k)",
    "eps": "eps (radius of a neighbourhood)",
    "min_cluster_size": "Smallest size of a segment (customers)",
}


@picture
def elbow(path_table: pd.DataFrame, chosen: float | None, parameter: str) -> Figure:
    """WCSS and silhouette over the path, side by side, with the chosen candidate marked.

    Parameters
    ----------
    path_table : DataFrame, one row per candidate
        Columns ``value``, ``n_segments``, ``wcss``, ``silhouette``; NaN where not computable.
    chosen : float or None
        The chosen candidate's ``value``; None when none was chosen.
    parameter : str
        Name of the grid's parameter, such as "n_clusters".

    Returns
    -------
    Figure
        Two Axes, 9.6 x 4.3 inches.

    Raises
    ------
    ValueError
        If `chosen` is not in the table.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [1, 2], "n_segments": [1, 2],
    ...                      "wcss": [9.0, 4.0], "silhouette": [np.nan, 0.4]})
    >>> [ax.get_title(loc="left") for ax in elbow(path, 2, "n_clusters").axes]
    ['WCSS (within-cluster sum of squares): 4 at 2', 'Silhouette (mean): 0.4 at 2']
    """
    figure = _path_figure(path_table, chosen, parameter)
    left = axes(figure, left=0.85, right=WIDTH / 2 + 0.2, top=1.0)
    _curve(left, path_table, "wcss", chosen, "WCSS (within-cluster sum of squares)")
    if np.isfinite(path_table["wcss"].astype(float)).any():
        left.set_ylim(bottom=0)
    _silhouette(figure, path_table, chosen)
    _label_values(figure, path_table, parameter)
    return figure


@picture
def density_path(path_table: pd.DataFrame, chosen: float | None, parameter: str) -> Figure:
    """Segments found, outliers and silhouette over a density path (eps, min_cluster_size).

    WCSS means little here: it falls because customers are left out, not because segments fit.

    Parameters
    ----------
    path_table : DataFrame, one row per candidate
        Columns ``value``, ``n_segments``, ``outlier_share``, ``silhouette``.
    chosen, parameter
        As for `elbow`.

    Returns
    -------
    Figure
        Three Axes: segments and, on the right-hand scale, outliers; silhouette.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [0.1, 0.2], "n_segments": [3, 1], "wcss": [1.0, 2.0],
    ...                      "outlier_share": [0.4, 0.0], "silhouette": [0.3, np.nan]})
    >>> len(density_path(path, 0.1, "eps").axes)
    3
    """
    figure = _path_figure(path_table, chosen, parameter)
    left = axes(figure, left=0.7, right=WIDTH / 2 + 0.45, top=1.0)
    _curve(left, path_table, "n_segments", chosen, "Segments found")
    left.set_ylim(bottom=0)
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    twin = left.twinx()
    values, shares = path_table["value"], path_table["outlier_share"].astype(float)
    twin.fill_between(values, 0, shares * 100, color="#8A8A8A", alpha=0.25, linewidth=0)
    twin.set_ylim(0, 100)
    twin.set_ylabel("Outliers, % of customers (grey area)", color=MUTED)
    _silhouette(figure, path_table, chosen)
    _label_values(figure, path_table, parameter)
    return figure


@picture
def bic(path_table: pd.DataFrame, chosen: float | None) -> Figure:
    """Bayesian information criterion of the mixtures (smaller is better), chosen one marked.

    Parameters
    ----------
    path_table : DataFrame, one row per candidate
        Columns ``value`` and ``bic``.
    chosen : float or None
        The chosen candidate's ``value``.

    Returns
    -------
    Figure
        One Axes.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [1, 2, 3], "bic": [9.0, 4.0, 5.0]})
    >>> bic(path, 2).texts[0].get_text()
    'BIC is smallest at 2 segments, the number chosen'
    """
    _check_chosen(path_table, chosen)
    scores = path_table["bic"].astype(float)
    figure = blank(6.8, 4.3, _bic_headline(path_table, scores, chosen))
    ax = axes(figure, left=0.95, right=0.3, top=0.75)
    _curve(ax, path_table, "bic", chosen, "BIC (smaller is better)")
    _label_values(figure, path_table, "n_components")
    return figure


@picture
def k_distance(distances: Floats, grid: Floats, chosen: float | None) -> Figure:
    """Sorted distances to the k-th neighbour, with the eps values tried and the one chosen.

    Parameters
    ----------
    distances : array, shape (n_customers,)
        Distance of each customer to its k-th nearest neighbour, any order.
    grid : array, shape (n_candidates,)
        The eps values of the path.
    chosen : float or None
        The chosen eps.

    Returns
    -------
    Figure
        One Axes.

    References
    ----------
    Ester, Kriegel, Sander, Xu (1996), "A density-based algorithm for discovering clusters in
    large spatial databases with noise", KDD.

    Examples
    --------
    >>> figure = k_distance(np.array([0.1, 0.2, 0.9]), np.array([0.15, 0.5]), 0.5)
    >>> figure.texts[0].get_text()
    'At eps = 0.5, 67 % of customers have enough neighbours'
    """
    curve = np.sort(np.asarray(distances, dtype=float))
    inside = float(np.mean(curve <= chosen)) if chosen is not None else float("nan")
    title = (
        "No eps chosen"
        if chosen is None
        else f"At eps = {number(chosen)}, {percent(inside)} of customers have enough neighbours"
    )
    figure = blank(6.8, 4.3, title, "Grey lines: the eps values tried")
    ax = axes(figure, left=0.75, right=0.3, top=0.95)
    shown = np.unique(np.linspace(0, len(curve) - 1, 600).astype(int))
    ax.hlines(grid, 0, len(curve), color="#D0D0D0", linewidth=0.8)
    ax.plot(shown + 1, curve[shown], color=LINE, linewidth=2)
    if chosen is not None:
        ax.axhline(chosen, color=CHOSEN, linewidth=1.5, linestyle="--")
    ax.set_xlim(0, len(curve) + 1)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("Customers, sorted by distance")
    ax.set_ylabel("Distance to the k-th neighbour")
    return figure


def _path_figure(path_table: pd.DataFrame, chosen: float | None, parameter: str) -> Figure:
    _check_chosen(path_table, chosen)
    if chosen is None:
        return blank(WIDTH, 4.3, "No candidate of this path was chosen")
    row = path_table[path_table["value"] == chosen].iloc[0]
    found = int(row["n_segments"])
    title = plural(found, "segment")
    if parameter not in ("n_clusters", "n_components"):
        title += f" at {parameter} = {number(chosen)}"
    scores = path_table["silhouette"].astype(float)
    mine = float(row["silhouette"])
    if np.isfinite(mine):
        best = mine >= scores.max()
        title += f": silhouette {mine:.3f}, " + (
            "the best of the path" if best else f"best of the path is {scores.max():.3f}"
        )
    return blank(WIDTH, 4.3, title, "Chosen candidate marked in orange")


def _check_chosen(path_table: pd.DataFrame, chosen: float | None) -> None:
    if chosen is not None and not (path_table["value"] == chosen).any():
        tried = ", ".join(number(float(value)) for value in path_table["value"])
        raise ValueError(
            f"got chosen = {chosen}, expected one of the path's values ({tried}) or None; "
            "pass the value of the candidate, not its position"
        )


def _curve(
    ax: Axes, path_table: pd.DataFrame, column: str, chosen: float | None, title: str
) -> None:
    values = path_table["value"].to_numpy(dtype=float)
    scores = path_table[column].to_numpy(dtype=float)
    dots = 5 if len(values) <= 30 else 3
    ax.plot(values, scores, color=LINE, linewidth=2, marker="o", markersize=dots)
    ax.grid(axis="y")
    if not np.isfinite(scores).any():
        ax.text(
            0.5,
            0.5,
            "not computable on this path",
            ha="center",
            transform=ax.transAxes,
            color=MUTED,
        )
    if chosen is not None:
        score = float(scores[values == chosen][0])
        ax.axvline(chosen, color=CHOSEN, linestyle="--", linewidth=1.3)
        ax.plot([chosen], [score], "o", color=CHOSEN, markersize=10, label="chosen")
        title += f": {number(score) if np.isfinite(score) else 'none'} at {number(chosen)}"
    ax.set_title(title)


def _silhouette(figure: Figure, path_table: pd.DataFrame, chosen: float | None) -> None:
    ax = axes(figure, left=WIDTH / 2 + 0.75, right=0.25, top=1.0)
    _curve(ax, path_table, "silhouette", chosen, "Silhouette (mean)")
    values = path_table["value"].to_numpy(dtype=float)
    room = (values.max() - values.min()) * 0.05 or 0.5
    ax.set_xlim(values.min() - room, values.max() + room)  # also where k = 1 has no silhouette


def _label_values(figure: Figure, path_table: pd.DataFrame, parameter: str) -> None:
    values = path_table["value"].to_numpy(dtype=float)
    for ax in (ax for ax in figure.axes if ax.get_title(loc="left")):  # not a twin
        ax.set_xlabel(PARAMETERS.get(parameter, parameter))
        if len(values) <= 12 and np.all(values == np.round(values)) and np.ptp(values) <= 12:
            ax.set_xticks(values)
        elif np.all(values == np.round(values)):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _bic_headline(
    path_table: pd.DataFrame, scores: "pd.Series[float]", chosen: float | None
) -> str:
    if not np.isfinite(scores).any():
        return "No BIC could be computed"
    best = float(path_table["value"].to_numpy()[int(np.nanargmin(scores))])
    text = f"BIC is smallest at {number(best)} segment{'' if best == 1 else 's'}"
    if chosen is None:
        return text
    return text + (", the number chosen" if chosen == best else f"; {number(chosen)} chosen")

"""What the customers look like before any clustering: a summary table and three pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from customer_segmentation.data.levels import is_numeric
from customer_segmentation.plots import canvas, panels

MAX_POINTS = 1_500  # a scatter of more points takes longer and shows less
MAX_RANKED = 20_000  # a rank correlation is then known to 0.01
MAX_PANELS = 12
MAX_RELATED = 6
MAX_LEVELS = 8
MAX_GROUPS, MAX_SPLIT = 3, 5


def summary(table: pd.DataFrame, imputed: Mapping[str, int] | None = None) -> pd.DataFrame:
    """Describe every column.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
        A clean customer table in raw units.
    imputed : mapping, column -> customers, optional
        How many gaps were filled: they count as missing.

    Returns
    -------
    DataFrame
        Per column: type, n (values), missing, mean, sd, min, quartiles, max, skew, and the levels
        of a category with their counts.

    Examples
    --------
    >>> summary(pd.DataFrame({"Age": [20.0, 30.0, 70.0]}))[["column", "n", "mean", "median"]]
      column  n  mean  median
    0    Age  3  40.0    30.0
    """
    filled = imputed or {}
    return pd.DataFrame([_described(table[name], filled.get(str(name), 0)) for name in table])


def _described(column: pd.Series, imputed: int) -> dict[str, object]:
    kind = _type(column)
    row: dict[str, object] = {"column": str(column.name), "type": kind}
    row |= {"n": int(column.notna().sum()), "missing": int(column.isna().sum()) + imputed}
    if kind == "number":
        low, median, high = column.quantile([0.25, 0.5, 0.75])
        row |= {"mean": column.mean(), "sd": column.std(), "min": column.min(), "q1": low}
        row |= {"median": median, "q3": high, "max": column.max(), "skew": column.skew()}
    elif kind == "category":
        counts = column.value_counts()
        row["levels"] = ", ".join(f"{level} {count:,}" for level, count in counts.items())
    elif kind == "date":
        row["levels"] = f"{column.min():%Y-%m-%d} to {column.max():%Y-%m-%d}"
    else:
        row["levels"] = f"{column.nunique():,} distinct"
    return row


def _type(column: pd.Series) -> str:
    if is_numeric(column):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    return "category" if isinstance(column.dtype, pd.CategoricalDtype) else "text"


def _of_type(table: pd.DataFrame, *kinds: str) -> list[str]:
    names = [str(name) for name in table if _type(table[name]) in kinds]
    return [name for name in names if table[name].notna().any()]


def _said(note: str, shown: list[str], names: list[str], what: str) -> str:
    return note if len(shown) == len(names) else f"{note} {len(shown)} of {len(names)} {what}."


def _nothing(title: str, why: str) -> Figure:
    return canvas.blank(5.0, 1.0, title, why)


@canvas.picture
def distributions(table: pd.DataFrame) -> Figure:
    """Draw a histogram of every number and date, and bars for every category.

    Returns
    -------
    Figure
        The first 12 columns that are not free text; the note under the headline says so.

    Examples
    --------
    >>> len(distributions(pd.DataFrame({"Age": [20.0, 30.0, 70.0]})).axes)
    1
    """
    names = _of_type(table, "number", "date", "category")
    shown = names[:MAX_PANELS]
    if not shown:
        return _nothing("Distributions", "No number, date or category to draw.")
    note = f"{len(table):,} customers, each column by itself. Dashed: the median."
    figure, axes = panels.grid("Distributions", _said(note, shown, names, "columns"), shown)
    for name, panel in zip(shown, axes, strict=True):
        draw = panels.bars if _type(table[name]) == "category" else panels.histogram
        draw(panel, table[name].dropna())
    return figure


@canvas.picture
def relations(table: pd.DataFrame, seed: int = 0) -> Figure:
    """Draw every pair of numeric columns: points below, rank correlations above the diagonal.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
        A clean customer table in raw units.
    seed : int, default 0
        Which 1,500 customers are drawn when there are more.

    Returns
    -------
    Figure
        At most the first 6 columns that vary; the note under the headline says so.

    Notes
    -----
    Spearman's rank correlation (1904): spending is skewed, and ranks do not mind.

    Examples
    --------
    >>> figure = relations(pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 2.0, 1.0]}))
    >>> [text.get_text() for text in figure.axes[0].texts][-1]
    '−1.00'
    """
    title = "Relations between the numbers"
    names = [name for name in _of_type(table, "number") if table[name].nunique() > 1]
    shown = names[:MAX_RELATED]
    points = known = table[shown].dropna()
    if len(names) < 2 or points.empty:
        return _nothing(title, "Fewer than two numeric columns that vary.")
    ranked = points.sample(min(len(points), MAX_RANKED), random_state=seed)
    ranks = ranked.corr("spearman")
    points = points.sample(min(len(points), MAX_POINTS), random_state=seed)
    drawn = "" if len(points) == len(table) else f"{len(points):,} of "
    note = f"{drawn}{len(table):,} customers. Above the diagonal: Spearman's rank correlation"
    note += "." if len(ranked) == len(known) else f" of {len(ranked):,}."
    size = max(len(shown) * (1.45 if len(shown) > 3 else 2.0) + 0.3, 5.0)
    said = _said(note, shown, names, "columns")
    figure = canvas.blank(size, size + panels.HEAD - 0.15, title, said)
    panel = panels.place(figure, 0.15, panels.HEAD - 0.05, size - 0.3, size - 0.3)
    panels.matrix(panel, points, ranks, (size - 0.3) / len(shown))
    return figure


@canvas.picture
def by_demographic(table: pd.DataFrame) -> Figure:
    """Draw the numeric columns split by every category of few levels.

    Returns
    -------
    Figure
        At most 3 categories (of 2 to 8 levels) by the 5 numbers (of more than 2 values) that
        differ most between their levels; the note under the headline says so.

    Examples
    --------
    >>> table = pd.DataFrame({"Age": [20.0, 30.0, 40.0], "Sex": pd.Categorical(["f", "m", "f"])})
    >>> len(by_demographic(table).axes)
    1
    """
    found = [n for n in _of_type(table, "category") if 2 <= table[n].nunique() <= MAX_LEVELS]
    numbers = [name for name in _of_type(table, "number") if table[name].nunique() > 2]
    groups = found[:MAX_GROUPS]
    shown = _most_different(table, numbers, groups)
    if not (shown and groups):
        missing = "numbers" if groups else f"categories of 2 to {MAX_LEVELS} levels"
        return _nothing("Numbers by category", f"No {missing} to draw.")
    note = "Box: the middle half; line: 5 % to 95 %; white: the median."
    note = _said(_said(note, groups, found, "categories"), shown, numbers, "numbers")
    return _split(table, groups, shown, note)


def _split(table: pd.DataFrame, groups: list[str], numbers: list[str], note: str) -> Figure:
    """Draw a row of box panels per category."""
    labels = {name: _level_labels(table[name]) for name in groups}
    left = max(canvas.widest(texts, canvas.SMALL) for texts in labels.values()) + 0.35
    heights = [0.3 + 0.3 * len(labels[name]) for name in groups]
    width = max(left + panels.WIDTH * len(numbers), 5.0)
    total = panels.HEAD + sum(heights) + len(groups) * (panels.GAP + 0.1)
    figure = canvas.blank(width, total, "Numbers by " + ", ".join(groups), note)
    wide, top = (width - left) / len(numbers), panels.HEAD + 0.35
    for group, height in zip(groups, heights, strict=True):
        for place, name in enumerate(numbers):
            panel = panels.place(figure, left + place * wide, top, wide - 0.3, height, title=name)
            panel.set_yticks(range(len(labels[group])), labels[group] if place == 0 else [])
            panels.boxes(panel, table[name], table[group])
        top += height + panels.GAP + 0.1
    return figure


def _level_labels(column: pd.Series) -> list[str]:
    counts = column.value_counts(sort=False)
    pairs = counts[counts > 0].items()
    return [f"{canvas.fit(str(level), 1.5, canvas.SMALL)} ({count:,})" for level, count in pairs]


def _most_different(table: pd.DataFrame, numbers: list[str], groups: list[str]) -> list[str]:
    """Choose the numbers whose level means differ most (eta squared), in the table's order."""

    def share(name: str, group: str) -> float:
        column = table[name]
        means = column.groupby(table[group], observed=True).transform("mean")
        return float(means.var() / column.var())

    ranked = sorted(numbers, key=lambda n: -max((share(n, g) for g in groups), default=0.0))
    return [name for name in numbers if name in ranked[:MAX_SPLIT]]

"""What every picture, page and sheet shares: a segment's colour and how a number reads."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation import labels

# Okabe and Ito (2008) and Paul Tol's "muted" scheme, ordered so that neighbouring segment
# numbers stay apart under deuteranopia, protanopia and tritanopia; no yellow (lost on white).
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9",
    "#332288", "#999933", "#882255", "#44AA99", "#661100", "#6699CC",
)  # fmt: skip
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue, as eyes weigh them
MARKERS = ("o", "s", "^", "D")
HEADINGS = {
    "n_segments": "segments", "jaccard_min": "weakest segment", "objection": "not eligible because",
    "outlier_share": "outliers (share)", "smallest_share": "smallest segment (share)",
}  # fmt: skip
# Columns of ours that are compared from row to row, so all with two decimals.
SCORES = {
    "score", "stability", "jaccard_min", "likelihood", "overlap", "agreement", "silhouette",
}  # fmt: skip
MOST_LISTED = 12  # columns named in a sentence
OUTLIER = labels.OUTLIER
OUTLIER_COLOUR = "#BDBDBD"
OUTLIER_NAME = "Outliers"


def colour(segment: int) -> str:
    """Colour of a segment number: the same in every picture of every run.

    Examples
    --------
    >>> colour(1), colour(13) == colour(1), colour(-1)
    ('#0072B2', True, '#BDBDBD')
    """
    return OUTLIER_COLOUR if segment < 1 else PALETTE[(segment - 1) % len(PALETTE)]


def marker(segment: int) -> str:
    """Marker of a segment number: changes each time the colours start over.

    Examples
    --------
    >>> marker(1), marker(13)
    ('o', 's')
    """
    return MARKERS[max(segment - 1, 0) // len(PALETTE) % len(MARKERS)]


def ink(background: str) -> str:
    """Text colour, black or white, that reads best on a background, such as "#0072B2".

    The better of the two always has a contrast of at least 4.5 (WCAG 2.0, 2008).

    Examples
    --------
    >>> ink("#0072B2"), ink("#E69F00")
    ('#FFFFFF', '#000000')
    """
    parts = (int(background[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04 else c / 12.92 for c in parts]
    light = sum(part * weight for part, weight in zip(linear, LUMINANCE, strict=True))
    return "#FFFFFF" if (light + 0.05) ** 2 < 1.05 * 0.05 else "#000000"


def number(value: float) -> str:
    """Write a number for a reader: about three significant digits, thousands separated.

    Examples
    --------
    >>> [number(v) for v in (86.54, 1234.5, 0.01234, 40.0, float("nan"))]
    ['86.5', '1,234', '0.0123', '40', '-']
    """
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-4:
        return f"{value:.2e}"
    decimals = 0 if size >= 100 or size == 0 else 2 - math.floor(math.log10(size))
    text = f"{value:,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Write a share (0 to 1) as whole percent, saying so when it is small but not zero.

    Examples
    --------
    >>> [percent(s) for s in (0.405, 0.002, 0.0, 1.0)]
    ['40 %', '<1 %', '0 %', '100 %']
    """
    if math.isnan(share):
        return "-"
    # Rounded twice: 0.075 reads the same where it is stored as a little less.
    return "<1 %" if 0 < share < 0.005 else f"{round(100 * share, 7):.0f} %"


def is_share(column: object) -> bool:
    """Tell whether a column of ours holds shares between 0 and 1.

    Examples
    --------
    >>> is_share("outlier_share"), is_share("Gender (share)"), is_share("Income")
    (True, True, False)
    """
    words = str(column).lower().strip(")").replace("_", " ").replace("(", " ").split()
    return bool(words) and words[-1] in {"share", "confidence", "coverage"}


def heading(column: object) -> str:
    """Column as a heading: ours in words, a customer's as it is.

    Examples
    --------
    >>> heading("n_segments"), heading("from_segment"), heading("Annual_Income")
    ('segments', 'from segment', 'Annual_Income')
    """
    text = str(column)
    return HEADINGS.get(text, text.replace("_", " ") if text.islower() else text)


def written(value: Any, column: object) -> str:
    """Write a value for a reader, by its type and by what its column holds.

    Examples
    --------
    >>> written(0.25, "share"), written(0.25, "Age"), written(12000, "n"), written(None, "x")
    ('25 %', '0.25', '12,000', '-')
    >>> written(0.5, "silhouette"), written(True, "x"), written(pd.Timestamp("2026-01-02"), "x")
    ('0.50', 'yes', '2026-01-02')
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return _fraction(float(value), column)
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def _fraction(value: float, column: object) -> str:
    if str(column).lower() in SCORES and math.isfinite(value):
        return f"{round(value, 2) + 0.0:.2f}"  # never -0.00
    return percent(value) if is_share(column) and 0 <= value <= 1 else number(value)


def plural(count: int, noun: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "segment"), plural(1200, "customer")
    ('1 segment', '1,200 customers')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Sequence[str], most: int = MOST_LISTED) -> str:
    """Write words as a list in a sentence, saying how many were left off.

    Examples
    --------
    >>> listed(["Age"]), listed(["Age", "Income", "Spending"]), listed(["a", "b", "c"], 2)
    ('Age', 'Age, Income and Spending', 'a, b and 1 more')
    """
    shown = words if len(words) <= most else [*words[:most], f"{len(words) - most} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def name_of(segment: int, names: Mapping[int, str]) -> str:
    """Name of a segment, or its number in words when it has none.

    Examples
    --------
    >>> name_of(3, {}), name_of(1, {1: "Young"}), name_of(-1, {})
    ('Segment 3', 'Young', 'Outliers')
    """
    return OUTLIER_NAME if segment == OUTLIER else names.get(segment, f"Segment {segment}")


def label(segment: int, name: str) -> str:
    """Number and name of a segment; outliers have no number.

    Examples
    --------
    >>> label(2, "Young"), label(-1, "Outliers")
    ('2 · Young', 'Outliers')
    """
    return name if segment == OUTLIER else f"{segment} · {name}"


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, for the descriptions that MLflow shows.

    Examples
    --------
    >>> print(markdown(pd.DataFrame({"segment": [1], "age": [30.125], "note": [None]})))
    | segment | age | note |
    | --- | --- | --- |
    | 1 | 30.1 | - |
    """
    cells = [
        [written(*pair).replace("|", "/") for pair in zip(row, frame.columns, strict=True)]
        for row in frame.itertuples(index=False)
    ]
    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1], *cells]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)

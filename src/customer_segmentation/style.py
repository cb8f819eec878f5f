"""What every picture, page and sheet shares: a segment's colour and how a number reads."""

import math
from collections.abc import Mapping

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


def ink(segment: int) -> str:
    """Text colour, black or white, that reads best on the colour of a segment.

    The better of the two always has a contrast of at least 4.5 (WCAG 2.0, 2008).

    Examples
    --------
    >>> ink(1), ink(2), ink(-1)
    ('#FFFFFF', '#000000', '#000000')
    """
    text = colour(segment)
    parts = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
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
    return "<1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def is_share(column: object) -> bool:
    """Tell whether a column of ours holds shares between 0 and 1.

    Examples
    --------
    >>> is_share("outlier_share"), is_share("Gender (share)"), is_share("Income")
    (True, True, False)
    """
    words = str(column).lower().strip(")").replace("_", " ").replace("(", " ").split()
    return bool(words) and words[-1] in {"share", "confidence", "coverage"}


def plural(count: int, noun: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "segment"), plural(1200, "customer")
    ('1 segment', '1,200 customers')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def name_of(segment: int, names: Mapping[int, str]) -> str:
    """Name of a segment, or its number in words when it has none.

    Examples
    --------
    >>> name_of(3, {}), name_of(1, {1: "Young"}), name_of(-1, {})
    ('Segment 3', 'Young', 'Outliers')
    """
    return OUTLIER_NAME if segment == OUTLIER else names.get(segment, f"Segment {segment}")


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, for the descriptions that MLflow shows.

    Examples
    --------
    >>> print(markdown(pd.DataFrame({"segment": [1], "age": [30.125], "note": [None]})))
    | segment | age | note |
    | --- | --- | --- |
    | 1 | 30.12 |  |
    """
    cells = frame.astype(object).map(_plain)
    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1], *cells.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _plain(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124  (NaN of any type)
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else str(value).replace("|", "/")

"""The house style of the pictures: fonts, headline, margins in inches, text that fits its place.

Margins are computed from the measured text instead of by a layout engine or a tight bounding box:
those double the time of a picture, and pictures are most of the time of a run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, wraps
from io import BytesIO
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from customer_segmentation.style import label, name_of

P = ParamSpec("P")
INK = "#222222"
MUTED = "#666666"
RULE = "#D9D9D9"
CHOSEN = "#D55E00"
LINE = "#0072B2"
SIZE = 10.0
SMALL = 8.5
LONGEST_NAME = 3.6  # inches
LINE_HEIGHT = 1.3  # of the font size
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": SIZE,
    "text.color": INK,
    "text.parse_math": False,  # a column called "Income ($) and cost ($)" is not a formula
    "axes.edgecolor": "#999999",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": SIZE,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#E6E6E6",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.dpi": 100.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.hinting": "none",
}


def picture(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function in the house style without touching the caller's settings.

    Examples
    --------
    >>> picture(lambda: blank(4, 3, "Title"))().get_size_inches().tolist()
    [4.0, 3.0]
    """

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


def blank(width: float, height: float, title: str, note: str = "") -> Figure:
    """Figure of `width` x `height` inches with its headline, and a grey note under it.

    Examples
    --------
    >>> [text.get_text() for text in blank(6, 4, "5 segments", "of 200 customers").texts]
    ['5 segments', 'of 200 customers']
    """
    figure = Figure(figsize=(width, height))
    room = width - 0.3
    y = 0.12
    headline = fit(title, room, 12.5, lines=2, weight="bold")
    _write(figure, headline, y, size=12.5, colour=INK, weight="bold")
    if note:
        y += (headline.count("\n") + 1) * 12.5 * LINE_HEIGHT / 72 + 0.03
        note = fit(note, room, SMALL, lines=2)
        _write(figure, note, y, size=SMALL, colour=MUTED, weight="normal")
    return figure


def axes(
    figure: Figure, *, left: float, right: float, bottom: float = 0.55, top: float = 0.85
) -> Axes:
    """Axes with margins in inches from the figure's edges.

    Examples
    --------
    >>> ax = axes(Figure(figsize=(4, 2)), left=1, right=1, bottom=0.5, top=0.5)
    >>> [round(float(side), 3) for side in ax.get_position().bounds]
    [0.25, 0.25, 0.5, 0.5]
    """
    width, height = figure.get_size_inches()
    box = (left / width, bottom / height, (width - left - right) / width)
    return figure.add_axes((*box, (height - bottom - top) / height))


def rows(ax: Axes, labels: Sequence[str], high: float) -> None:
    """Give axes a row per label, the first on top, and numbers from 0 to `high`.

    Examples
    --------
    >>> rows(Figure().add_subplot(), ["a", "b"], 10)
    """
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(max(len(labels), 2) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, pad=7)  # a point at zero is half outside
    ax.set_xlim(0, high)
    ax.grid(axis="x")


def beside(ax: Axes, text: str, at: tuple[float, float]) -> None:
    """Write a number to the right of a point, readable on lines too.

    Examples
    --------
    >>> beside(Figure().add_subplot(), "40 %", (0.4, 1))
    """
    white = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    ax.annotate(
        text, at, (7, 0), textcoords="offset points", va="center", size=SMALL, color=INK,
        bbox=white, zorder=2,
    )  # fmt: skip


def bare(ax: Axes) -> None:
    """Leave the labels of axes, without ticks and frame.

    Examples
    --------
    >>> bare(Figure().add_subplot())
    """
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def png(figure: Figure, dpi: float = 100.0) -> bytes:
    """Render a figure as PNG: unhinted text and light compression, a third faster than savefig.

    Its headline goes along, for pages to tell it to those who cannot see the picture.

    Examples
    --------
    >>> png(blank(4, 3, "Title"))[1:4]
    b'PNG'
    """
    buffer, told = BytesIO(), ". ".join(text.get_text() for text in figure.texts)
    with mpl.rc_context(STYLE):
        figure.savefig(
            buffer,
            format="png",
            dpi=dpi,
            metadata={"Title": told.replace("\n", " ")},
            pil_kwargs={"compress_level": 1},
        )
    return buffer.getvalue()


def text_width(text: str, size: float = SIZE, weight: str = "normal") -> float:
    """Width of the widest line of a text, in inches.

    Examples
    --------
    >>> text_width("wide") > text_width("i") > 0
    True
    """
    return max((_line_width(line, size, weight) for line in text.split("\n")), default=0.0)


def widest(texts: Iterable[str], size: float = SIZE) -> float:
    """Width in inches of the widest of some texts, 0 for none.

    Examples
    --------
    >>> widest(["a", "abc"]) == text_width("abc")
    True
    """
    return max((text_width(text, size) for text in texts), default=0.0)


def fit(
    text: str, inches: float, size: float = SIZE, lines: int = 1, weight: str = "normal"
) -> str:
    r"""Break a text into at most `lines` lines of a width; what does not fit ends in an ellipsis.

    Examples
    --------
    >>> fit("High income, low spending", 1.0, lines=2)
    'High income,\nlow spending'
    >>> fit("Supercalifragilistic", 0.6)
    'Super…'
    """
    done: list[str] = []
    rest = " ".join(text.split())
    while rest and len(done) < lines:
        line = _first_line(rest, inches, size, weight)
        rest = rest[len(line) :].lstrip()
        if rest and len(done) == lines - 1:
            line = _ellipsis(line + " " + rest, inches, size, weight)
        done.append(line.rstrip())
    return "\n".join(done)


def segment_label(segment: int, names: Mapping[int, str]) -> str:
    """Label of a segment in a picture: its number and its name, cut at `LONGEST_NAME` inches.

    Examples
    --------
    >>> segment_label(2, {2: "Young"}), segment_label(-1, {})
    ('2 · Young', 'Outliers')
    """
    return fit(label(segment, name_of(segment, names)), LONGEST_NAME)


def spread(
    positions: Iterable[float], gap: float, low: float = -np.inf, high: float = np.inf
) -> list[float]:
    """Move positions apart to at least `gap` within [low, high], keeping their order.

    Examples
    --------
    >>> spread([1.0, 1.1, 5.0], gap=1.0, low=0.0, high=6.0)
    [1.0, 2.0, 5.0]
    >>> spread([5.8, 5.9], gap=1.0, low=0.0, high=6.0)
    [4.5, 5.5]
    """
    wanted = np.asarray(list(positions), dtype=float)
    order = np.argsort(wanted, kind="stable")
    placed, edge = wanted.copy(), low + gap / 2
    for i in order:
        placed[i] = edge = max(float(placed[i]), edge)
        edge += gap
    edge = high - gap / 2
    for i in order[::-1]:
        placed[i] = edge = min(float(placed[i]), edge)
        edge -= gap
    return [round(float(place), 9) for place in placed]


def _write(figure: Figure, text: str, y: float, *, size: float, colour: str, weight: str) -> None:
    width, height = figure.get_size_inches()
    figure.text(
        0.15 / width, 1 - y / height, text, size=size, color=colour, weight=weight, va="top"
    )


@lru_cache(maxsize=4096)
def _line_width(text: str, size: float, weight: str) -> float:
    font = FontProperties(family="sans-serif", size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def _first_line(text: str, inches: float, size: float, weight: str) -> str:
    words = text.split(" ")
    line = words[0]
    for word in words[1:]:
        if _line_width(f"{line} {word}", size, weight) > inches:
            break
        line = f"{line} {word}"
    while len(line) > 1 and _line_width(line, size, weight) > inches:
        line = line[:-1]  # one word longer than the line is broken where it ends
    return line


def _ellipsis(text: str, inches: float, size: float, weight: str) -> str:
    text = text[:200]
    while len(text) > 1 and _line_width(f"{text.rstrip()}…", size, weight) > inches:
        text = text[:-1]
    return f"{text.rstrip()}…"

"""Where the table begins and ends in a file that was made for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LOOKED_AT = 20  # rows: no title is longer
TITLE = "rows above the header left out"  # rule of the cleaning report
TOTALS = {"total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme"}


def header_row(rows: Sequence[Sequence[Any]]) -> int | None:
    """Find the row with the column names.

    It is the first row that is not blank, unless that belongs to a title: a title begins in the
    first cell, and fills less than half as many cells as there are names below it.

    Parameters
    ----------
    rows : sequence of sequences of cells
        As they stand in the file; the first few will do.

    Returns
    -------
    int or None
        Its place, from 0; None where all rows are blank.

    Examples
    --------
    >>> header_row([["Sales 2026"], [], ["id", "spend", "city"], ["1", "2", "York"]])
    2
    >>> header_row([["id", ""], ["1", "2"]])
    0
    """
    top = next((place for place, row in enumerate(rows) if filled(row)), None)
    widest = 0
    for place, row in enumerate(rows[top : (top or 0) + LOOKED_AT], start=top or 0):
        names = filled(row)
        if names and empty(row[0]):
            break
        if widest and len(names) > 2 * widest and all(map(_is_word, names)):
            return place
        widest = max(widest, len(names))
    return top


def filled(row: Sequence[Any]) -> list[Any]:
    """The cells of a row that hold something.

    Examples
    --------
    >>> filled(["a", " ", None, 0])
    ['a', 0]
    """
    return [cell for cell in row if not empty(cell)]


def told(above: Sequence[Sequence[Any]]) -> list[str]:
    """What stands in the rows above a header, in quotes.

    Examples
    --------
    >>> told([["Sales", 2026], []])
    ["'Sales 2026'"]
    """
    return [repr(" ".join(map(str, cells))) for cells in map(filled, above) if cells]


def empty(cell: Any) -> bool:
    """Tell that a cell holds nothing but blanks.

    Examples
    --------
    >>> empty(" "), empty(0)
    (True, False)
    """
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _is_word(cell: Any) -> bool:
    return isinstance(cell, str) and any(map(str.isalpha, cell))


def adds_up(first: Any) -> bool:
    """Tell by its first word that a row is the total of the others, and no customer.

    Examples
    --------
    >>> adds_up("Total:"), adds_up("Total Ltd"), adds_up(7)
    (True, False, False)
    """
    return str(first).strip().rstrip(":").casefold() in TOTALS

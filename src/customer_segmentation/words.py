"""What the words of a cell mean to whoever reads them: nothing, or a level however spelt."""

from __future__ import annotations

MISSING_TOKENS = frozenset(
    {"?", "-", "--", ".", "n/a", "na", "nan", "nat", "null", "none", "nil", "unknown", "missing"}
    | {"undefined", "not available", "(blank)", "<na>", "#n/a", "#null!", "#num!", "#name?"}
    | {"#div/0!", "#value!", "#ref!"}
)


def folded(level: object) -> str:
    """A level without what makes no difference: case and blanks.

    Examples
    --------
    >>> folded(" Very  Good") == folded("very good")
    True
    """
    return " ".join(str(level).split()).casefold()

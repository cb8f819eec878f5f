"""Which columns of a file are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from customer_segmentation.data.expectations import closest
from customer_segmentation.data.findings import DataError, listed
from customer_segmentation.data.identity import may_be_id


class Choice:
    """Turns the header of a file into the places of the columns to read, and keeps its names.

    Parameters
    ----------
    path : Path
        For the errors.
    only : collection of str, optional
        The wanted columns; all by default.
    id_column : str, optional
        Read as well; without it, all columns that are named as if they could hold ids.

    Attributes
    ----------
    names : list of str
        Of all columns of the file, trimmed, once the header is known.

    Examples
    --------
    >>> choice = Choice(Path("shop.csv"), only=["Income"])
    >>> choice(["CustomerID", " Age ", "Income"]), choice.names
    ([0, 2], ['CustomerID', 'Age', 'Income'])
    """

    def __init__(
        self, path: Path, only: Collection[str] | None = None, id_column: str | None = None
    ) -> None:
        self._path, self._only, self._id = path, only, id_column
        self.names: list[str] = []

    def __call__(self, header: Sequence[Any]) -> list[int]:
        """Find the columns to read.

        Raises
        ------
        DataError
            If a name occurs twice, or a wanted column is not there.
        """
        self.names = column_names(header, self._path)
        if self._only is None:
            return list(range(len(self.names)))
        lacking = [name for name in self._only if name not in self.names]
        if lacking:
            raise DataError(
                f"{self._path}: got no column {listed(map(repr, lacking))}, expected all that "
                f"data.only lists; {closest(lacking[0], self.names)}; correct data.only"
            )
        wanted = {*self._only, self._id or ""}
        wanted |= set() if self._id else {name for name in self.names if may_be_id(name)}
        return [place for place, name in enumerate(self.names) if name in wanted]


def column_names(header: Sequence[Any], path: Path) -> list[str]:
    """Trim the column names; number those without one, as pandas does.

    Raises
    ------
    DataError
        If a name occurs twice.

    Examples
    --------
    >>> column_names([" Age ", None, "Annual  Income"], Path("shop.csv"))
    ['Age', 'Unnamed: 1', 'Annual Income']
    """
    texts = ["" if label is None else " ".join(str(label).split()) for label in header]
    names = [text or f"Unnamed: {place}" for place, text in enumerate(texts)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        found = listed(f"{name!r} in columns {listed(_places(names, name))}" for name in twice)
        raise DataError(f"{path}: got {found}, expected each column name once; rename or delete")
    return names


def _places(names: list[str], name: str) -> list[int]:
    return [place for place, other in enumerate(names, start=1) if other == name]

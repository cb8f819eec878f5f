"""Whether there are enough points around a row, counted for all rows of a place in one product."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from customer_segmentation.labels import FloatArray, IntArray
from customer_segmentation.segmenter.neighbours import Index
from customer_segmentation.segmenter.places import Located, Places

FEW = 24  # points for each column that mostly show whether there are enough
MOST = 1_024  # points that are listed for a place
CELLS = 8 << 20  # of all lists: 32 MB
FARTHEST = 100.0  # radii from a place: so far single precision can tell distances
ROUNDING = 1e-6  # relative error of a term of a distance in single precision, and some more
SLAB = 255  # points whose count fits a byte


class Crowds:
    """The points around each place, to count those within a radius of a row.

    Distances are computed in single precision, and what its rounding leaves open stays open: where
    there is an answer, it is that of a search.

    Parameters
    ----------
    places : Places
    index : Index
        Of the points.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [9.0]])
    >>> places = Places(points)
    >>> crowds, rows = Crowds(places, Index(points)), places.locate(np.array([[0.4], [5.0]]))
    >>> crowds.at_least(2, rows, np.ones(2))
    array([ True, False])
    >>> crowds.bounds(rows, np.ones(2))[1]
    array([2, 0])
    """

    def __init__(self, places: Places, index: Index) -> None:
        n, columns = places.centres.shape
        most = int(np.clip(CELLS // (n * (columns + 2)), FEW * columns, MOST))
        self._distances, near = index.nearest(places.centres, most)
        self._n = len(index.points)
        whole = self._n <= most
        self._beyond = np.full(n, np.inf) if whole else self._distances[:, -1]
        points = index.points[near] - places.centres[:, None]
        squares = np.einsum("ijk,ijk->ij", points, points)[:, :, None]
        terms = [-2 * points, np.ones_like(squares), squares]
        self._terms = np.concatenate(terms, axis=2, dtype=np.float32, casting="same_kind")

    def at_least(self, n: int, rows: Located, radii: FloatArray) -> Any:
        """Whether there are surely `n` points within a radius of each row.

        Parameters
        ----------
        n : int
        rows : Located
            Ordered by their places.
        radii : ndarray of shape (n_samples,)

        Returns
        -------
        ndarray of bool, shape (n_samples,)
        """
        few = FEW * rows.offsets.shape[1] + 4 * n
        near = rows.away < FARTHEST * radii
        return self._counts(near, rows, radii, few)[0] >= n

    def bounds(self, rows: Located, radii: FloatArray) -> tuple[IntArray, IntArray]:
        """How many points there are at least, and at most, within a radius of each row.

        Parameters
        ----------
        rows : Located
            Ordered by their places.
        radii : ndarray of shape (n_samples,)

        Returns
        -------
        least, most : ndarray of int, shape (n_samples,)
            0 and the number of all points where not all that matter are listed.
        """
        near = rows.away < np.minimum(FARTHEST * radii, self._beyond[rows.at] - radii)
        least, most = self._counts(near, rows, radii)
        return least, np.where(near, most, self._n)

    def _counts(
        self, asked: Any, rows: Located, radii: FloatArray, few: int | None = None
    ) -> tuple[IntArray, IntArray]:
        """At least and at most, among the nearest few of the place or among all that matter."""
        least, most = np.zeros((2, len(radii)), dtype=np.int64)
        places = np.flatnonzero(asked)
        (at, offsets, away), radii = rows.only(places), radii[places]
        rounding = ROUNDING * (offsets.shape[1] + 5)
        sides = np.empty((offsets.shape[1] + 2, len(at)), dtype=np.float32)
        sides[:-2], sides[-2], sides[-1] = offsets.T, away**2, 1
        edges = np.flatnonzero(np.diff(at, prepend=-1, append=-1))
        for start, end in pairwise(edges):
            place, run = at[start], slice(start, end)
            reach = few or self._listed(place, (radii[run] + away[run]).max())
            far = self._distances[place, :reach].max(initial=0)
            error = rounding * (away[run] ** 2 + far**2)
            squares = self._terms[place, :reach] @ sides[:, run]
            least[places[run]] = _sums(squares <= (radii[run] ** 2 - error).astype(np.float32))
            if not few:
                most[places[run]] = _sums(squares <= (radii[run] ** 2 + error).astype(np.float32))
        return least, most

    def _listed(self, place: int, radius: float) -> int:
        return int(np.searchsorted(self._distances[place], radius, side="right"))


def _sums(below: Any) -> IntArray:
    """How many are true in each column."""
    ones, total = below.view(np.uint8), np.zeros(below.shape[1], dtype=np.int64)
    for start in range(0, len(ones), SLAB):
        total += np.add.reduce(ones[start : start + SLAB], axis=0, dtype=np.uint8)
    return total

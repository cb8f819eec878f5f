"""What fitting an algorithm over a grid gives: a path of candidates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from customer_segmentation.labels import FloatArray, IntArray, narrow


@dataclass(frozen=True)
class Candidate:
    """One point on a path.

    Attributes
    ----------
    value : float
        Of the grid (k, eps, ...).
    labels : ndarray of shape (n_samples,)
        Clusters 0..n_clusters-1, -1 = outlier; in as few bytes as do.
    seconds : float
        Seconds the fit took; shared work is spread evenly over its candidates.
    estimator : object or None
        The fitted estimator; only its settings when the labels were cut from shared work; None
        when the labels were changed afterwards.
    scores : dict
        What only the fit itself can tell, such as a mixture's ``bic``.
    failure : str
        Why the algorithm gave no labels here; "" when it did.
    rows : ndarray of shape (n_samples,) or None
        The customers that were fitted, and that the labels are of; None when that was everyone.
    """

    value: float
    labels: IntArray
    seconds: float
    estimator: Any = None
    scores: dict[str, float] = field(default_factory=dict)
    failure: str = ""
    rows: IntArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", narrow(self.labels))


@dataclass(frozen=True)
class Path:
    """The candidates of one algorithm on one matrix, in the order of the grid.

    Starts are tried on `start_on`, if given; see :func:`customer_segmentation.paths.samples.fit`.
    With `may_end` mixtures need not finish the grid; `end` then says why they did not, see
    :func:`customer_segmentation.paths.mixtures.end_of_path`.
    """

    algorithm: str
    parameter: str
    candidates: tuple[Candidate, ...]
    linkage: FloatArray | None = None
    k_distance: FloatArray | None = None
    start_on: FloatArray | None = None
    may_end: bool = False
    end: str = ""

    @property
    def labelings(self) -> list[IntArray]:
        """Labels of every candidate."""
        return [candidate.labels for candidate in self.candidates]

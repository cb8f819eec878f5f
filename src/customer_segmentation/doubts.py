"""What speaks against a partition, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

from customer_segmentation.evidence.scoring import SEPARATED
from customer_segmentation.evidence.stability import STABLE
from customer_segmentation.style import percent

ALIKE = "(agreement {:.2f}; 1 is the same, 0 is chance)"  # the adjusted Rand index
SMALL = 0.05  # of the customers: fewer may not pay for a campaign of their own
LEFT = 0.1  # share that a further split would explain from which it is worth saying
POOR = 0.65  # agreement below which Steinley (2004) calls recovery poor
MEASURED = (
    "overlap", "jaccard_min", "inner_gap", "unexplained",
    "outlier_share", "smallest_share", "agreement", "score",
)  # fmt: skip
FAITHFUL = 0.95  # share of its own customers that a model should put back into their segment


class Row(Protocol):
    """A mapping, or a row of a table."""

    def get(self, key: str, /) -> Any:
        """What was measured under a name; None where it was not."""


def doubts(row: Row, fidelity: float = math.nan) -> Iterator[str]:
    """What speaks against the segments taken, a sentence each; nothing where nothing measured does.

    Parameters
    ----------
    row : mapping or Series
        Evidence for the partition, of the path table or of the leaderboard.
    fidelity : float
        Share of the customers that the model puts back into their own segment.

    Examples
    --------
    >>> list(doubts({"n_segments": 3, "overlap": 0.4, "jaccard_min": 0.9}))
    ['40 % of the customers are in a segment that runs into another one.']
    """
    if (row.get("n_segments") or 0) < 2:
        return
    overlap, weakest, gap, left, out, small, others, score = (_of(row, n) for n in MEASURED)
    if overlap > SEPARATED:
        yield f"{percent(overlap)} of the customers are in a segment that runs into another one."
    if weakest < STABLE:
        back = f"The weakest segment comes back only in part: {percent(weakest)} overlap"
        yield f"{back} when the analysis is repeated."
    if gap > 0:
        yield f"{percent(gap)} of the customers are in a segment with a gap inside: it may be two."
    if left > LEFT:
        yield f"A further split of the segments would explain another {percent(left)}."
    if out > 0:
        yield f"{percent(out)} of the customers belong to no segment."
    if small < SMALL:
        yield f"The smallest segment has only {percent(small)} of the customers."
    if others < POOR:
        yield f"Other algorithms find the segments only in part {ALIKE.format(others)}."
    if score <= 0:
        yield "One single group describes the customers as well."
    if fidelity < FAITHFUL:
        yield f"Scored again, {percent(1 - fidelity)} of the customers would get another segment."
    if row.get("objection"):
        yield f"It breaks a limit that was set: {row.get('objection')}."


def _of(row: Row, name: str) -> float:
    """What was measured; NaN where it was not, for which no comparison holds."""
    return math.nan if row.get(name) is None else float(row.get(name))

"""The gate before the champion: what a run must satisfy to be relied on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from customer_segmentation.style import percent


@dataclass(frozen=True)
class Limits:
    """What a run must satisfy; ``conf/promote.yaml`` holds the defaults and says what each is."""

    verdicts: Sequence[str]
    stability: float
    smallest_share: float
    outlier_share: float
    assigner_fidelity: float
    moved_share: float


AT_LEAST = ("stability", "smallest_share", "assigner_fidelity")
AT_MOST = ("outlier_share", "moved_share")


def check(
    limits: Limits,
    metrics: Mapping[str, float],
    verdict: str,
    *,
    columns: Sequence[str],
    champion_columns: Sequence[str] | None,
    new_schema: bool = False,
) -> pd.DataFrame:
    """Hold a run against the limits.

    Parameters
    ----------
    limits : Limits
    metrics : mapping
        Of the run; with ``moved_share`` where there is a champion to compare with. A metric that
        is absent fails its check.
    verdict : str
        The run's.
    columns : sequence of str
        What the run's model reads.
    champion_columns : sequence of str, optional
        What the champion reads; None when there is no champion yet.
    new_schema : bool
        Whether a change of the columns was said to be wanted.

    Returns
    -------
    DataFrame
        A row per check: check, got, expected, passed.

    Examples
    --------
    >>> limits = Limits(["natural"], 0.75, 0.01, 0.15, 0.9, 0.5)
    >>> metrics = {"stability": 0.98, "smallest_share": 0.1, "outlier_share": 0.0,
    ...            "assigner_fidelity": 0.5}
    >>> found = check(limits, metrics, "natural", columns=["age"], champion_columns=None)
    >>> found.loc[~found["passed"], ["check", "got", "expected"]].values.tolist()
    [['assigner_fidelity', '0.50', 'at least 0.90']]
    """
    allowed = " or ".join(limits.verdicts)
    rows = [("verdict", verdict or "none", allowed, verdict in limits.verdicts)]
    compared = champion_columns is not None
    for name in (*AT_LEAST, *AT_MOST):
        if name == "moved_share" and not compared:
            continue
        limit, got = float(getattr(limits, name)), metrics.get(name, math.nan)
        passed = got >= limit if name in AT_LEAST else got <= limit
        word = "at least" if name in AT_LEAST else "at most"
        rows.append((name, _shown(name, got), f"{word} {_shown(name, limit)}", passed))
    if champion_columns is not None:
        rows.append(_schema(set(columns), set(champion_columns), new_schema))
    return pd.DataFrame(rows, columns=["check", "got", "expected", "passed"])


def _shown(name: str, got: float) -> str:
    if math.isnan(got):
        return "no customers to compare" if name == "moved_share" else "absent"
    return percent(got) if name.endswith("_share") else f"{got:.2f}"


def _schema(new: set[str], old: set[str], wanted: bool) -> tuple[str, str, str, bool]:
    if new == old:
        return "schema", "the champion's columns", "the champion's columns", True
    changed = [f"+{c}" for c in sorted(new - old)] + [f"-{c}" for c in sorted(old - new)]
    expected = "the champion's columns, or new_schema=true"
    return "schema", ", ".join(changed), expected, wanted


def words(checks: pd.DataFrame, forced: bool) -> str:
    """The gate in one word: passed, failed or forced."""
    if bool(checks["passed"].all()):
        return "passed"
    return "forced" if forced else "failed"

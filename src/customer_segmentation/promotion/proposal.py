"""A run that is to become the champion: compared with the champion of now, and the gate."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from customer_segmentation import migration, registry, report, tracking
from customer_segmentation.profiles import cards
from customer_segmentation.registry import Served
from customer_segmentation.segmenter import SchemaError, Segmenter
from customer_segmentation.style import percent
from customer_segmentation.tracking import runs
from customer_segmentation.tracking.artifacts import (
    ASSIGNMENTS,
    assignments,
    read,
    read_setting,
    read_table,
    read_text,
)
from customer_segmentation.tracking.runs import Run
from customer_segmentation.tracking.store import StoreError

# Two tables with fewer customers in common, or a smaller part of the newer one, are compared by
# letting both models assign the newer table: a handful of old customers stands for nobody else.
MIN_COMMON, MIN_COMMON_SHARE = 30, 0.2


class PromotionError(RuntimeError):
    """A run that cannot be promoted."""


@dataclass(frozen=True)
class Proposal:
    """A run that is to become the champion, compared with the champion of now."""

    run: Run
    segmenter: Segmenter  #: The run's model, with the run's own numbers
    champion: Served | None
    #: None when there is no champion, or no customer that both could be compared on
    migration: migration.Migration | None
    numbers: dict[int, int]  #: The run's own segment numbers -> those that its segments will have
    names: dict[int, str]  #: By those
    #: Those of them whose names the user gave
    named: frozenset[int] = frozenset()

    @property
    def renumbered(self) -> bool:
        """Whether the model must be logged anew, because numbers or names change."""
        changed = any(own != new for own, new in self.numbers.items())
        return changed or self.names != self.segmenter.names

    def checks(self, limits: Limits, *, new_schema: bool) -> pd.DataFrame:
        """The gate's table."""
        metrics = dict(self.run.metrics)
        metrics.pop("moved_share", None)  # against the champion of an earlier time
        if self.migration is not None:
            metrics["moved_share"] = self.migration.moved_share
        return check_gate(
            limits,
            metrics,
            self.run.tags.get("verdict", ""),
            columns=self.segmenter.columns,
            champion_columns=self.champion.segmenter.columns if self.champion else None,
            new_schema=new_schema,
        )


def propose(run: Run, champion: Served | None, last_number: int) -> Proposal:
    """Compare a run with the champion: which of its segments continue which.

    Parameters
    ----------
    run : Run
    champion : Served or None
    last_number : int
        The highest segment number ever used.

    Raises
    ------
    PromotionError
        When the run has no model.
    """
    segmenter = registry.read_segmenter(model_uri(run))
    own = segmenter.names
    found = _migration(run, own, champion, last_number) if champion else None
    # Numbers of segments that nobody compared these with are not given to others.
    numbers = found.numbers if found else {n: last_number + n for n in own}
    names = found.names if found else {numbers[n]: name for n, name in own.items()}
    mine = {numbers[n] for n in _given(run) if n in numbers}
    inherited = champion.named & set(names) if found and champion else set()
    return Proposal(run, segmenter, champion, found, numbers, names, frozenset(mine | inherited))


def model_uri(run: Run) -> str:
    """Address of the run's own model, under its own numbers."""
    if tracking.MODEL not in run.tags:
        raise PromotionError(f"got run {run.name} without a model, expected one. Train it again.")
    return str(run.tags[tracking.MODEL])


def _migration(
    run: Run, own: Mapping[int, str], champion: Served, last_number: int
) -> migration.Migration | None:
    new = assignments(run.id)["segment"]
    old, basis = _as_before(run, new, champion)
    if old is None:
        return None
    return migration.match(
        old,
        new,
        champion.segmenter.names,
        own,
        basis=basis,
        last_number=last_number,
        renames=_renames(run, champion),
    )


def _renames(run: Run, champion: Served) -> Callable[[str, int, int], bool]:
    """Whether a segment that continues one of the champion's takes its new name.

    A name is to say who the customers are: it stays while the segment is the same and the
    playbook advises the same. Names that the user gave go before all others.
    """
    given, advice = _given(run), _advice(run.id)
    former = {champion.numbers.get(n, n): text for n, text in _advice(champion.run_id).items()}

    def renames(change: str, number: int, own: int) -> bool:
        if own in given or number in champion.named:
            return own in given
        # The champion's run may be gone, and with it what was advised.
        return change != "kept" or former.get(number, advice.get(own)) != advice.get(own)

    return renames


def _given(run: Run) -> set[int]:
    """Own numbers of the segments that the user named."""
    return {int(number) for number in read_setting(run.id, "names") or {}}


def _advice(run_id: str) -> dict[int, str]:
    """What to do with each segment of a run, by its own number."""
    return {card.number: card.action for card in cards.loads(read_text(run_id, cards.PATH))}


def _as_before(
    run: Run, new: pd.Series[int], champion: Served
) -> tuple[pd.Series[int] | None, str]:
    """What the champion says about the run's customers: from its training, or asked now."""
    before = runs.get(champion.run_id)
    id_column = run.tags.get("id_column", "")
    known = read_table(champion.run_id, ASSIGNMENTS, index=True)
    same = before is not None and id_column == before.tags.get("id_column")
    if id_column and same and known is not None:
        before_segments = known["segment"].replace(champion.numbers)
        common = before_segments.index.intersection(new.index)
        if len(common) >= max(MIN_COMMON, MIN_COMMON_SHARE * len(new)):
            return before_segments.loc[common], f"{len(common):,} customers known to both"
    try:
        asked = champion.segmenter.assign(customers(run.id))
    except SchemaError:
        return None, ""
    return asked["segment"], f"{len(asked):,} customers assigned by both models"


def customers(run_id: str) -> pd.DataFrame:
    """The clean customer table of a run, indexed by id as text."""
    content = read(run_id, report.CUSTOMERS)
    if content is None:
        raise StoreError(
            f"got run {run_id} without {report.CUSTOMERS}, expected its customers. Restore its "
            f"files, or train it again."
        )
    table = pd.read_parquet(io.BytesIO(content))
    return table.set_axis(table.index.astype(str))


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
DECIMALS = range(2, 8)
AT_MOST = ("outlier_share", "moved_share")


def check_gate(
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
    >>> found = check_gate(limits, metrics, "natural", columns=["age"], champion_columns=None)
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
        decimals = _telling(name, got, limit)
        found, wanted = (_shown(name, value, decimals) for value in (got, limit))
        rows.append((name, found, f"{word} {wanted}", passed))
    if champion_columns is not None:
        rows.append(_schema(set(columns), set(champion_columns), new_schema))
    return pd.DataFrame(rows, columns=["check", "got", "expected", "passed"])


def _telling(name: str, got: float, limit: float) -> int:
    """Decimals that tell the two apart: 0.8 % must not read as 1 % where 1 % is asked for."""
    differing = (d for d in DECIMALS if _shown(name, got, d) != _shown(name, limit, d))
    return next(differing, DECIMALS[0])


def _shown(name: str, got: float, decimals: int) -> str:
    if math.isnan(got):
        return "no customers to compare" if name == "moved_share" else "absent"
    if not name.endswith("_share"):
        return f"{got:.{decimals}f}"
    return percent(got) if decimals == DECIMALS[0] else f"{100 * got:.{decimals - 2}f} %"


def _schema(new: set[str], old: set[str], wanted: bool) -> tuple[str, str, str, bool]:
    if new == old:
        return "schema", "the champion's columns", "the champion's columns", True
    changed = [f"+{c}" for c in sorted(new - old)] + [f"-{c}" for c in sorted(old - new)]
    expected = "the champion's columns, or new_schema=true"
    return "schema", ", ".join(changed), expected, wanted


def gate_outcome(checks: pd.DataFrame, forced: bool) -> str:
    """The gate in one word: passed, failed or forced."""
    if bool(checks["passed"].all()):
        return "passed"
    return "forced" if forced else "failed"

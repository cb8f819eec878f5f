"""Which candidate of a path is taken."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_segmentation.evidence.scoring import score
from customer_segmentation.evidence.stability import Experiments

EXAMINED = 4  # at most so many candidates of a run are bootstrapped


class SelectionError(ValueError):
    """A choice that the path cannot serve."""


@dataclass(frozen=True)
class Choice:
    """The candidate taken, and why.

    Attributes
    ----------
    index : int
        Row of the path table.
    reason : str
        One clause for people: "best silhouette of the path (0.555)".
    """

    index: int
    reason: str


Rule = Callable[[pd.DataFrame, Experiments], Choice]


def choose(
    path: pd.DataFrame, rule: Rule, experiments: Experiments, n_segments: int | None = None
) -> Choice:
    """Take one candidate of a path.

    Parameters
    ----------
    path : DataFrame
        A row per candidate: the grid's ``value``, the scores of
        :func:`customer_segmentation.validity.score`, the evidence of
        :func:`customer_segmentation.evidence.measure` and ``objection``, why a candidate is not
        eligible ("" if it is).
    rule : callable
        One of this module's ``by_...`` functions, or any with their signature.
    experiments : Experiments
        Refits that the rule may ask for.
    n_segments : int, optional
        Forces the number of segments; the best silhouette breaks a tie.

    Raises
    ------
    SelectionError
        When no candidate has `n_segments` segments.

    Examples
    --------
    >>> path = pd.DataFrame({"value": [2, 3], "n_segments": [2, 3], "silhouette": [0.5, 0.6],
    ...                      "objection": ["", ""], "coverage": [1.0, 1.0]})
    >>> choose(path, by_silhouette, None)
    Choice(index=1, reason='best silhouette of the path (0.600)')
    >>> choose(path, by_silhouette, None, n_segments=2).reason
    'n_segments=2 was asked for'
    """
    if n_segments is None:
        return rule(path, experiments)
    matching = path["n_segments"].to_numpy() == n_segments
    if not matching.any():
        found = sorted({int(n) for n in path["n_segments"]})
        raise SelectionError(
            f"got n_segments={n_segments}, expected a number of segments that the path has: "
            f"{found}. Set n_segments=auto, or widen algorithm.grid."
        )
    best = np.where(matching, path["silhouette"].fillna(-1), -np.inf).argmax()
    return Choice(int(best), f"n_segments={n_segments} was asked for")


def by_evidence(path: pd.DataFrame, experiments: Experiments) -> Choice:
    """Best score, stability included; see :mod:`customer_segmentation.evidence.scoring`.

    Instability can only lower a score, so candidates are bootstrapped from the highest upper bound
    down until one beats every bound left (branch and bound), at most ``EXAMINED`` of them.
    """
    bounds = score(path.assign(jaccard_min=np.nan, unstable=np.nan)).where(path["objection"] == "")
    scores: dict[int, float] = {}
    for position in bounds.dropna().sort_values(ascending=False, kind="stable").index[:EXAMINED]:
        if max(scores.values(), default=-np.inf) >= bounds[position]:
            break
        found = experiments.bootstrap(int(position))
        known = {name: found[name] for name in ("jaccard_min", "unstable")}
        scores[int(position)] = float(score(path.loc[[position]].assign(**known)).iloc[0])
    if not scores:
        return _no_choice(path)
    best = max(scores, key=lambda position: scores[position])
    return Choice(best, f"best evidence of the path (score {scores[best]:.2f})")


def by_silhouette(path: pd.DataFrame, experiments: Experiments) -> Choice:
    """Best mean silhouette among the eligible candidates (Rousseeuw 1987).

    With none eligible the outcome is the one that covers most customers.
    """
    return _best(path, path["silhouette"], "silhouette")


def by_bic(path: pd.DataFrame, experiments: Experiments) -> Choice:
    """Smallest BIC (Schwarz 1978) for mixtures; other algorithms are judged as if hard mixtures.

    The latter is ``gain``, see :func:`customer_segmentation.evidence.likelihood.gain`.
    """
    if path["bic"].notna().any():
        return _best(path, -path["bic"], "BIC", sign=-1)
    return _best(path, path["gain"], "hard Gaussian BIC gain")


def by_gap(path: pd.DataFrame, experiments: Experiments) -> Choice:
    """Smallest k whose gap is within a standard error of the next one's (Tibshirani et al. 2001).

    The gap is the distance between the log WCSS and its mean on uniform data in the box of the
    principal axes. It may say "one segment"; guards do not apply to it. Paths that are not
    ordered by their number of segments have no gap curve: there the silhouette decides.
    """
    if not _ordered(path):
        return _instead(path, "no gap: the path is not ordered by its number of segments")
    null = np.log(experiments.null_wcss())
    gap = null.mean(axis=0) - np.log(path["wcss"].to_numpy())
    error = null.std(axis=0) * np.sqrt(1 + 1 / len(null))
    enough = np.flatnonzero(gap[:-1] >= gap[1:] - error[1:])
    index = int(enough[0]) if len(enough) else len(gap) - 1
    return Choice(index, f"gap statistic ({gap[index]:.3f}, standard error {error[index]:.3f})")


def by_number(path: pd.DataFrame, experiments: Experiments) -> Choice:
    """Take the number of segments that was asked for, and refuse to guess one."""
    raise SelectionError(
        "got selection=fixed and n_segments=auto, expected the number of segments to take. "
        "Set n_segments=5, or another selection."
    )


def by_elbow(path: pd.DataFrame, experiments: Experiments) -> Choice:
    """The knee of the WCSS curve over the number of segments (Satopaa et al. 2011, *Kneedle*).

    Paths that are not ordered by their number of segments (eps, smallest cluster size) have no
    elbow; there, and where the curve has no knee, the silhouette decides and the reason says so.
    """
    if not _ordered(path):
        return _instead(path, "no elbow: the path is not ordered by its number of segments")
    from kneed import KneeLocator  # noqa: PLC0415 - it loads pyplot, which nothing else here needs

    counts = path["n_segments"].to_numpy()
    with warnings.catch_warnings():
        # kneed warns when there is no knee; that is an answer here.
        warnings.simplefilter("ignore")
        knee = KneeLocator(
            counts, path["wcss"].to_numpy(), curve="convex", direction="decreasing"
        ).knee
    if knee is None:
        return _instead(path, "the WCSS curve has no elbow")
    index = int(np.argmax(counts == knee))
    return Choice(index, f"elbow of the WCSS curve at {int(knee)} segments")


def _ordered(path: pd.DataFrame) -> bool:
    counts = path["n_segments"].to_numpy()
    return len(path) > 2 and bool((np.diff(counts) > 0).all() and (path["coverage"] == 1).all())


def _instead(path: pd.DataFrame, why: str) -> Choice:
    choice = _best(path, path["silhouette"], "silhouette")
    return Choice(choice.index, f"{why}; {choice.reason}")


def _best(path: pd.DataFrame, values: pd.Series[float], what: str, sign: int = 1) -> Choice:
    eligible = values.where(path["objection"] == "").to_numpy(float)
    if np.isnan(eligible).all():
        return _no_choice(path)
    index = int(np.nanargmax(eligible))
    return Choice(index, f"best {what} of the path ({sign * eligible[index]:.3f})")


def _no_choice(path: pd.DataFrame) -> Choice:
    """With nothing eligible, take the best silhouette that covers most, or whatever covers most."""
    covered = path["coverage"].to_numpy(float)
    several = path["silhouette"].where(covered >= covered.max() / 2).to_numpy(float)
    if np.isfinite(several).any():
        index = int(np.nanargmax(several))
        return Choice(index, f"no candidate is eligible; here: {path['objection'].iloc[index]}")
    index = int(np.argmax(covered))
    n_segments = int(path["n_segments"].iloc[index])
    what = "no cluster was found" if n_segments == 0 else "no candidate has two segments or more"
    return Choice(index, what)

"""The settings of a run: what cannot be done is refused before anything is logged or computed."""

from __future__ import annotations

from collections.abc import Sequence

from customer_segmentation.features import Features
from customer_segmentation.paths import grids, samples
from customer_segmentation.search import Algorithm, Selection, grid_of
from customer_segmentation.silhouette import EXACT_ROWS

FEWEST_ROWS = 1_000  # of which all is exact at least: fewer would be no table to look at


class SettingError(ValueError):
    """A setting of the run that is not of its kind."""


def check(
    features: Features,
    algorithm: Algorithm,
    taking: Selection,
    seed: int,
    exact_rows: int = EXACT_ROWS,
) -> None:
    """Refuse what cannot be fitted, before anything is logged or computed.

    Raises
    ------
    SettingError, grids.PathError
        See :func:`customer_segmentation.paths.grids.check_grid`.
    """
    n_segments = taking.n_segments
    if n_segments is not None and not (isinstance(n_segments, int) and n_segments >= 1):
        raise SettingError(
            f"got n_segments={n_segments}, expected auto or a whole number from 1 on."
        )
    _check_numbers(algorithm, taking)
    for name, value, least in (("seed", seed, 0), ("exact_rows", exact_rows, FEWEST_ROWS)):
        if not (isinstance(value, int) and least <= value < 2**32):
            raise SettingError(
                f"got {name}={value}, expected a whole number from {least} to {2**32 - 1}."
            )
    _check_features(features, algorithm)
    rows = samples.fitted_rows(algorithm.estimator, len(features.matrix), exact_rows, seed)
    X = features.matrix if rows is None else features.matrix[rows]
    grids.check_grid(
        algorithm.estimator,
        X,
        algorithm=algorithm.name,
        parameter=algorithm.parameter,
        grid=grid_of(X, algorithm, n_segments),
    )


def _check_features(features: Features, algorithm: Algorithm) -> None:
    wanted = list(algorithm.first_features)
    found = features.feature_names[: len(wanted)]
    if found != wanted:
        raise SettingError(
            f"algorithm={algorithm.name}: got features={features.name}, which begin with {found}, "
            f"expected {wanted}. Use features=rfm, or data of purchases (data=transactions)."
        )


def _check_numbers(algorithm: Algorithm, taking: Selection) -> None:
    """Refuse words where the configuration needs numbers."""
    if algorithm.grid is not None and not isinstance(algorithm.grid, Sequence):
        raise SettingError(
            f"got algorithm.grid={algorithm.grid}, expected a list such as algorithm.grid=[2,3,4]."
        )
    settings = {f"selection.guards.{name}": value for name, value in vars(taking.guards).items()}
    for name, value in {"max_segments": taking.largest_grid, **settings}.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingError(f"got {name}={value}, expected a number. Correct it.")

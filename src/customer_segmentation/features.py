"""Feature sets: which columns are used and how they become a matrix."""

from __future__ import annotations

import fnmatch
import pickle
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import skew
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from customer_segmentation import environment
from customer_segmentation.data.expectations import closest
from customer_segmentation.data.gaps import MOST
from customer_segmentation.data.levels import is_numeric
from customer_segmentation.labels import FloatArray
from customer_segmentation.style import percent

MAX_LEVELS = 12  # more levels than this is a name or a place, not a category to segment by
# Beyond a skewness of 1 a column counts as highly skewed (Bulmer 1979, Principles of Statistics).
SKEWED = 1.0
# Zero for more customers than this, a column says who has any: by standard deviations those few
# would be far from everybody else.
MOSTLY_ZERO = 0.8
KINDS = ("numeric", "skewed", "mostly_zero", "binary", "categorical")


class FeatureError(ValueError):
    """A feature set that the customer table cannot serve."""


@dataclass(frozen=True)
class Features:
    """A feature set fitted to a customer table."""

    name: str
    matrix: FloatArray  #: shape (n_samples, n_features): what the algorithms see
    feature_names: list[str]  #: A name per column of `matrix`
    columns: list[str]  #: The columns of the table that are used
    left_out: dict[str, str]  #: Column of the table -> why it is not used
    transformer: ColumnTransformer  #: Fitted; turns a table with `columns` into a matrix

    def __getstate__(self) -> dict[str, Any]:
        # Arrays that processes share are memory-mapped: no model could be saved with such.
        return {**self.__dict__, "transformer": pickle.dumps(self.transformer)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, transformer=pickle.loads(state["transformer"]))


def build(
    table: pd.DataFrame,
    transforms: Sequence[Mapping[str, Any]],
    *,
    name: str,
    unread: Collection[str] = (),
) -> Features:
    """Fit the transforms of a feature set and make its matrix.

    Parameters
    ----------
    table : DataFrame, one row per customer
        Clean; the index is the customer id and is never a feature.
    transforms : sequence of {"columns": ..., "transform": ...}
        ``columns`` is a list of column names, a pattern of names with ``*``, or one of `KINDS`,
        which takes every usable column of that kind. ``transform`` is an unfitted
        scikit-learn transformer or "passthrough". Missing values are filled with the median or
        the most frequent level first, so that a new customer with a gap can be scored.
    name : str
    unread : collection of str
        Columns of the file that were left unread, for the errors.

    Raises
    ------
    FeatureError
        Missing, constant or non-numeric columns.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> table = pd.DataFrame({"age": [20.0, 30.0, 40.0], "city": ["a", "a", "a"]})
    >>> build(table, [{"columns": "numeric", "transform": StandardScaler()}], name="auto").matrix
    array([[-1.22474487],
           [ 0.        ],
           [ 1.22474487]])
    """
    _check_read(transforms, name, unread)
    kinds, reasons = _kinds_of(table)
    if "mostly_zero" not in [t["columns"] for t in transforms]:
        kinds = {c: "skewed" if kind == "mostly_zero" else kind for c, kind in kinds.items()}
    chosen = [(t["transform"], _columns_of(table, t["columns"], kinds, name)) for t in transforms]
    used = list(dict.fromkeys(column for _, columns in chosen for column in columns))
    if not used:
        raise FeatureError(
            f"features={name}: got no usable column in {list(table.columns)}, expected at least "
            f"one with varying values. Left out: {reasons or 'none'}."
        )
    _check_finite(table, used, name)
    steps = [
        (str(number), _with_imputer(transform, table[columns]), columns)
        for number, (transform, columns) in enumerate(chosen)
        if columns
    ]
    transformer = ColumnTransformer(steps, verbose_feature_names_out=False, sparse_threshold=0)
    matrix = _fit_transform(transformer, table, used, name)
    environment.release_memory()
    left_out = {
        c: reasons.get(c, f"not part of features={name}") for c in table.columns if c not in used
    }
    feature_names = [str(column) for column in transformer.get_feature_names_out()]
    return Features(name, matrix, feature_names, used, left_out, transformer)


def _check_read(chosen: Sequence[Mapping[str, Any]], name: str, unread: Collection[str]) -> None:
    listed = [t["columns"] for t in chosen if not isinstance(t["columns"], str)]
    columns = [column for part in listed for column in part if column in unread]
    if columns:
        raise FeatureError(
            f"features={name}: got {columns} left unread by data.only, expected every column of "
            f"the feature set. Add them to data.only, or set data.only=null."
        )


def _kinds_of(table: pd.DataFrame) -> tuple[dict[str, str], dict[str, str]]:
    """Kind of each column, and why others are of no use: constants, ids, free text, dates, gaps.

    A number is skewed when it has no negative value and a skewness beyond 1 either way, as amounts
    of money have; mostly zero when over 80 % of the customers have nothing.
    """
    kinds, reasons = {}, {}
    for column in table.columns:
        kind, reason = _kind_of(table[column])
        if reason:
            reasons[str(column)] = reason
        else:
            kinds[str(column)] = kind
    return kinds, reasons


def _kind_of(values: pd.Series[Any]) -> tuple[str, str]:
    levels = int(values.nunique())
    if levels < 2:
        return "", "constant" if levels else "no values"
    if (missing := values.isna().mean()) > MOST:
        return "", f"no value for {percent(float(missing))} of the customers"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "", "date"
    if pd.api.types.is_numeric_dtype(values):
        return _numeric_kind(values.astype(float), levels)
    if levels == 2:
        return "binary", ""
    if levels <= MAX_LEVELS and levels < len(values) / 2:
        return "categorical", ""
    return "", f"text with {levels} different values"


def _numeric_kind(values: pd.Series[float], levels: int) -> tuple[str, str]:
    if levels == 2:
        return "binary", ""
    steps = np.diff(np.sort(values.dropna().to_numpy()))
    if levels == len(values) and levels > 2 and (steps == 1).all():
        return "", "a running number"
    finite = values[np.isfinite(values)]
    amount = bool((finite >= 0).all())
    if amount and (finite == 0).mean() > MOSTLY_ZERO:
        return "mostly_zero", ""
    return ("skewed" if amount and abs(float(skew(finite))) > SKEWED else "numeric"), ""


def _columns_of(
    table: pd.DataFrame, wanted: str | Sequence[str], kinds: Mapping[str, str], name: str
) -> list[str]:
    if isinstance(wanted, str):
        if "*" in wanted:
            return _columns_like(wanted, kinds, name)
        if wanted not in KINDS:
            raise FeatureError(
                f"features={name}: got columns: {wanted}, expected a list of columns, a pattern "
                f"with *, or one of {KINDS}."
            )
        return [column for column, kind in kinds.items() if kind == wanted]
    for column in wanted:
        if column not in table.columns:
            raise FeatureError(
                f"features={name}: got no column {column!r}, expected it in the customer table; "
                f"{closest(column, map(str, table.columns))}. Correct conf/features/{name}.yaml, "
                "or use features=auto."
            )
        if table[column].nunique() < 2:
            only = next(iter(table[column].dropna()), None)
            raise FeatureError(
                f"features={name}: got a constant column {column!r} (every customer has {only!r}), "
                f"expected varying values. Take it out of the feature set."
            )
    return list(wanted)


def _columns_like(pattern: str, kinds: Mapping[str, str], name: str) -> list[str]:
    found = [column for column in kinds if fnmatch.fnmatchcase(column, pattern)]
    if not found:
        raise FeatureError(
            f"features={name}: got no column like {pattern!r} with varying values, expected some; "
            f"the table has {list(kinds)}. Use another feature set, or data with such columns."
        )
    return found


def _with_imputer(transform: Any, columns: pd.DataFrame) -> Any:
    numeric = all(pd.api.types.is_numeric_dtype(columns[c]) for c in columns)
    imputer: Any = SimpleImputer(strategy="median" if numeric else "most_frequent")
    if numeric:
        # It learns the same from one row of medians as from the table, which it would copy thrice.
        middle = {c: [columns[c].median()] for c in columns}
        imputer = FrozenEstimator(imputer.fit(_as_features(pd.DataFrame(middle))))
    scaler = clone(transform) if transform != "passthrough" else "passthrough"
    return Pipeline([("impute", imputer), ("transform", scaler)])


def _check_finite(table: pd.DataFrame, used: list[str], name: str) -> None:
    numbers = [c for c in used if pd.api.types.is_numeric_dtype(table[c])]
    infinite = [c for c in numbers if np.isinf(table[c].astype(float)).any()]
    if infinite:
        raise FeatureError(
            f"features={name}: got infinite values in {infinite}, expected finite numbers. "
            f"Correct or remove those customers."
        )


def _fit_transform(
    transformer: ColumnTransformer, table: pd.DataFrame, used: list[str], name: str
) -> FloatArray:
    try:
        matrix = np.ascontiguousarray(
            transformer.fit_transform(_as_features(table[used])), dtype=float
        )
    except (ValueError, TypeError) as error:
        raise FeatureError(
            f"features={name}: its transforms refuse the columns {used}: {error} "
            f"Numbers need a scaler, categories need sklearn.preprocessing.OneHotEncoder."
        ) from error
    if not np.isfinite(matrix).all():
        raise FeatureError(
            f"features={name}: its transforms gave values that are not finite (a logarithm of zero "
            f"or of a negative amount?) in {used}. Use sklearn.preprocessing.PowerTransformer."
        )
    return matrix


def _as_features(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64, everything else as plain text objects with NaN for gaps.

    Fitting and scoring both pass through here, so that a column which happens to arrive as
    integers, as categories or as pandas strings is the same to the model.
    """
    columns = {}
    for column in table.columns:
        values = table[column]
        if is_numeric(values):
            columns[column] = values.astype("float64")
        else:
            text = values.astype(object)
            columns[column] = text.where(text.isna(), text.astype(str)).where(text.notna(), np.nan)
    return pd.DataFrame(columns, index=table.index, copy=False)

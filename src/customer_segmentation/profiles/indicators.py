"""What a column is to a profile: a number with a mean, or a category with level shares."""

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_segmentation.naming.wording import feature

Floats = npt.NDArray[np.float64]
# Levels beyond these are rare, and a table over hundreds of levels would tell nobody anything.
MOST_LEVELS = 20
NOT_KNOWN = "not known"  # level of customers of whom a file of customers says nothing


def is_numeric(column: "pd.Series[Any]") -> bool:
    """Tell whether a column has a mean (a bool is a category, not a number).

    Examples
    --------
    >>> is_numeric(pd.Series([1.0])), is_numeric(pd.Series([True]))
    (True, False)
    """
    kind = column.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def is_category(column: "pd.Series[Any]") -> bool:
    """Tell whether a column has levels: category or bool. Text and dates have none.

    Examples
    --------
    >>> is_category(pd.Series(["a"], dtype="category")), is_category(pd.Series(["free text"]))
    (True, False)
    """
    kind = column.dtype
    return isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(kind)


def indicators(
    table: pd.DataFrame, rows: npt.NDArray[np.bool_] | None = None
) -> Iterator[tuple[Hashable, Floats]]:
    """Turn a customer table into the numbers it is profiled by, column by column.

    Parameters
    ----------
    table : DataFrame, shape (n_customers, n_columns)
        Clean customer table; dates and text are left out.
    rows : array of bool, shape (n_customers,), optional
        The customers who count; all by default.

    Yields
    ------
    label : hashable
        The column, or "column = level".
    values : array, shape (n_counted,)
        The number, or 1 where the customer has the level and 0 elsewhere. Of two levels only the
        second is given (the first mirrors it), of many the `MOST_LEVELS` most frequent. That
        nothing is known of a customer describes nobody.

    Examples
    --------
    >>> table = pd.DataFrame({"Gender": pd.Categorical(["Female", "Male"])})
    >>> [(label, values.tolist()) for label, values in indicators(table)]
    [('Gender = Male', [0.0, 1.0])]
    """
    for column in table.columns:
        values = table[column] if rows is None or rows.all() else table[column][rows]
        if is_numeric(values):
            yield column, values.to_numpy(dtype="float64", na_value=np.nan)
        elif is_category(values):
            levels = commonest(values)
            known = [level for level in levels if level != NOT_KNOWN]
            for level in known[1:] if len(known) == len(levels) == 2 else known:
                yield feature(column, level), (values == level).to_numpy(dtype="float64")


def commonest(column: "pd.Series[Any]") -> list[Any]:
    """Levels that occur, in the order of their names; of many the `MOST_LEVELS` most frequent.

    Examples
    --------
    >>> commonest(pd.Series(["b", "a", "b"], dtype="category"))
    ['a', 'b']
    """
    counts = column.dropna().value_counts()
    counts = counts[counts > 0].sort_index(key=lambda index: index.astype(str))
    if len(counts) > MOST_LEVELS:
        counts = counts.sort_values(ascending=False, kind="stable")[:MOST_LEVELS]
    return list(counts.index)

"""Parquet files: only the wanted columns are decoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from customer_segmentation.data import formats
from customer_segmentation.data.files import head
from customer_segmentation.data.findings import DataError


def frame(path: Path, choose: Callable[[list[str]], list[int]]) -> pd.DataFrame:
    """Take the table of a Parquet file; a named index becomes a column.

    Parameters
    ----------
    path : Path
    choose : callable, names -> places
        Which columns are read.

    Returns
    -------
    DataFrame
        The chosen columns, and the index.

    Raises
    ------
    DataError
        If the content is no Parquet file.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.parquet"
    >>> pd.DataFrame({"age": [31], "city": ["Ulm"]}).to_parquet(file)
    >>> frame(file, lambda names: [1])
      city
    0  Ulm
    """
    try:
        with pq.ParquetFile(path) as file:
            names = [str(name) for name in file.schema_arrow.names]
            chosen = choose(names)
            table = file.read(columns=[names[place] for place in chosen], use_pandas_metadata=True)
    except DataError:
        raise
    except (ValueError, OSError) as error:  # pyarrow's errors are these
        raise formats.unreadable(path, head(path), "it is no Parquet file") from error
    # A column at a time, what Arrow read freed as pandas takes it: no whole table twice.
    found: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    plain = isinstance(found.index, pd.RangeIndex) and found.index.name is None
    return found if plain else found.reset_index()

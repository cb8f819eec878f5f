"""What a model was made with, and needs again: the versions of its libraries."""

from functools import cache
from importlib import metadata

LIBRARIES = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")


@cache
def requirements() -> list[str]:
    """Pinned by us: left to itself, MLflow loads the model in a child process to find them out.

    Examples
    --------
    >>> requirements()[1].partition("==")[:2]
    ('numpy', '==')
    """
    return [f"{name}=={metadata.version(name)}" for name in LIBRARIES]

"""What the jobs of a sweep share: made by the first that needs it, memory-mapped by the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
from filelock import FileLock

MOST = 8  # results kept in memory, the latest
_made: dict[str, Any] = {}


def once(key: str, make: Callable[[], Any], folder: Path | None = None) -> Any:
    """What `make` returns, made once for all who use the same key.

    Parameters
    ----------
    key : str
        All that the result depends on.
    make : callable
    folder : Path, optional
        Shared by several processes. The result must then be picklable; arrays in it come back
        memory-mapped, so that the processes hold them once between them, and who changes one gets
        an own copy of what it changes.

    Examples
    --------
    >>> once("numbers", lambda: [1, 2]), once("numbers", lambda: 1 / 0)
    ([1, 2], [1, 2])
    """
    if key not in _made:
        _made[key] = make() if folder is None else _by_one_process(folder, key, make)
        for old in list(_made)[:-MOST]:
            del _made[old]
    return _made[key]


def _by_one_process(folder: Path, key: str, make: Callable[[], Any]) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.joblib"
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            part = kept.with_suffix(".part")
            joblib.dump(make(), part)
            part.replace(kept)
    return joblib.load(kept, mmap_mode="c")

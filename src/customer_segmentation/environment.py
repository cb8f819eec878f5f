"""The process and what it needs: memory given back, versions of libraries, modules of a model."""

from __future__ import annotations

import ast
import ctypes
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pyarrow

LIBRARIES = ("mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
PACKAGE = Path(__file__).parent


def release_memory() -> None:
    """Give back what NumPy and Arrow have freed; takes a millisecond.

    The C library keeps freed blocks of up to 32 MB, columns of a million customers among them,
    wherever something small lies above them (malloc_trim(3)); Arrow keeps all that it has read.

    Examples
    --------
    >>> release_memory()
    """
    pyarrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)


@cache
def requirements() -> list[str]:
    """Pinned by us: left to itself, MLflow loads the model in a child process to find them out.

    Examples
    --------
    >>> requirements()[1].partition("==")[:2]
    ('numpy', '==')
    """
    return [f"{name}=={metadata.version(name)}" for name in LIBRARIES]


@cache
def code(*modules: str) -> str:
    """Make a folder, kept as long as this process, with some modules and all that they import.

    A logged model carries it. The whole package would be copied twice for every run of a sweep.

    Parameters
    ----------
    *modules : str
        Full names in this package.

    Examples
    --------
    >>> sorted(path.name for path in Path(code("customer_segmentation.labels")).iterdir())
    ['__init__.py', 'labels.py']
    """
    folder = Path(tempfile.mkdtemp(dir=_kept().name), PACKAGE.name)
    for file in _needed(modules):
        target = folder / file.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return str(folder)


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _needed(modules: tuple[str, ...]) -> set[Path]:
    """Files of modules, of the packages they are in, and of what these import in turn."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        file = _file(name)
        if file is None or file in found:
            continue
        found.add(file)
        waiting.append(name.rpartition(".")[0])
        for node in _run(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
    return found


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """All of a module's code but what only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from _run(node)


def _file(module: str) -> Path | None:
    """Where a module of this package is; None for anything else."""
    root, *parts = module.split(".")
    if root != PACKAGE.name:
        return None
    place = PACKAGE.joinpath(*parts)
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)

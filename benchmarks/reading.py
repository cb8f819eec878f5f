"""What reading and cleaning a file costs, against pyarrow reading it alone.

    python benchmarks/reading.py [--rows N] [--repeats N]

Files of ids and clean numbers, CSV and Parquet, with 5 and 20 columns, and 5 of 20 (`data.only`).
pyarrow reads to the same pandas table, without hash of the file, check of its ids or report. Every
reading is in a process of its own, in turns; seconds are medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
from rich.console import Console
from rich.table import Table
from scale import customers

from customer_segmentation import data

FEW = 5  # columns


def plain(file: Path, columns: list[str] | None) -> float:
    """Seconds that pyarrow takes."""
    start = time.perf_counter()
    if file.suffix == ".parquet":
        table = pyarrow.parquet.read_table(file, columns=columns)
    else:
        options = pyarrow.csv.ConvertOptions(include_columns=columns or [])
        table = pyarrow.csv.read_csv(file, convert_options=options)
    table.to_pandas()
    return time.perf_counter() - start


def clean(file: Path, columns: list[str] | None) -> float:
    """Seconds that reading, hashing, checking and cleaning take."""
    start = time.perf_counter()
    data.load(file, only=columns)
    return time.perf_counter() - start


def alone(read: Callable[..., float], file: Path, columns: list[str] | None) -> float:
    """Read in a new process, which has its libraries already."""
    with ProcessPoolExecutor(1, get_context("fork")) as process:
        return process.submit(read, file, columns).result()


def main() -> None:
    """Read every kind of file in both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    shown = Table(title=f"Reading {options.rows:,} customers: seconds", title_justify="left")
    for heading in ("file", "columns", "pyarrow", "this project", "ratio"):
        shown.add_column(heading, justify="left" if heading == "file" else "right")
    with tempfile.TemporaryDirectory() as name:
        for columns, only in ((5, None), (20, None), (20, [f"spend_{i}" for i in range(FEW)])):
            table = customers(options.rows, columns)
            for suffix in (".csv", ".parquet"):
                file = Path(name) / f"customers{suffix}"
                write = table.to_csv if suffix == ".csv" else table.to_parquet
                write(file, index=False)
                both = [("customer_id", *only), only] if only else [None, None]
                found = [
                    [alone(read, file, list(some) if some else None)
                     for read, some in zip((plain, clean), both, strict=True)]
                    for _ in range(options.repeats)
                ]  # fmt: skip
                theirs, ours = (statistics.median(times) for times in zip(*found, strict=True))
                wanted = f"{FEW} of {columns}" if only else str(columns)
                cells = [f"{theirs:.2f}", f"{ours:.2f}", f"{ours / theirs:.1f}"]
                shown.add_row(suffix[1:].upper() if suffix == ".csv" else "Parquet", wanted, *cells)
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()

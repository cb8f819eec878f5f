"""What a person sees while runs are made: a bar, a line per finished run, a final table."""

from __future__ import annotations

import errno
import json
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from customer_segmentation.style import heading, written

if TYPE_CHECKING:  # a run says that it has begun before all this is loaded
    from customer_segmentation.analysis import Analysis
    from customer_segmentation.promotion.proposal import Proposal
    from customer_segmentation.rebuild import Rebuilt
    from customer_segmentation.sweep import Sweep
    from customer_segmentation.tracking.store import Store

# Without a terminal (a pipe, a CI log) there is no width to fit into.
WIDTH = None if sys.stdout.isatty() else 200
console = Console(width=WIDTH)
errors = Console(stderr=True)

OUTCOME = "outcome.json"
STEP = "progress.json"
POLL_SECONDS = 0.2
STEP_SECONDS = 0.5
# What an ordinary terminal can hold, and from where on it holds all of SHOWN.
NARROW = ("rank", "run", "verdict", "n_segments", "score", "stability", "silhouette")
WIDE = 165


class Reporter:
    """Leaves word of a job's progress and outcome in its folder, for whoever shows them.

    Jobs may run in other processes than the bar; files are what all launchers share.

    Parameters
    ----------
    folder : Path
        The job's output folder.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> Reporter(folder).finished("kmeans-auto-k5", "5 segments", failed=False)
    >>> json.loads((folder / OUTCOME).read_text())["name"]
    'kmeans-auto-k5'
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last = 0.0

    def step(self, done: int, total: int) -> None:
        """Note how far the path has come."""
        if time.monotonic() - self._last > STEP_SECONDS:
            self._last = time.monotonic()
            _write(self.folder / STEP, {"done": done, "total": total})

    def finished(self, name: str, line: str, *, failed: bool) -> None:
        """Note the outcome of the job."""
        (self.folder / STEP).unlink(missing_ok=True)
        _write(self.folder / OUTCOME, {"name": name, "line": line, "failed": failed})

    def failed_late(self, name: str, error: str) -> None:
        """Take back that a job was done: what was left to do has failed."""
        self.finished(name, f"after all: {error}", failed=True)


@contextmanager
def watch(folder: Path, total: int) -> Iterator[None]:
    """Show a bar over `total` jobs below `folder` and print a line for each that finishes."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = progress.add_task("runs", total=total)
    stop, seen = threading.Event(), set[tuple[Path, bool]]()

    def poll() -> None:
        while not stop.wait(POLL_SECONDS):
            _show_news(folder, seen, progress, task)
        _show_news(folder, seen, progress, task)

    watcher = threading.Thread(target=poll, daemon=True)
    with progress:
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


def _show_news(
    folder: Path, seen: set[tuple[Path, bool]], progress: Progress, task: TaskID
) -> None:
    for path, outcome in _read_all(folder, OUTCOME):
        if (path, outcome["failed"]) not in seen:
            seen.add((path, outcome["failed"]))
            word = "[red]failed[/red]" if outcome["failed"] else "[green]done[/green]"
            name, line = escape(outcome["name"]), escape(outcome["line"])
            progress.console.print(f"{word} {name:<44} {line}", highlight=False, soft_wrap=True)
    now = ", ".join(
        f"{step['done']} of {step['total']} fits" for _, step in _read_all(folder, STEP)
    )
    progress.update(
        task,
        completed=len({path for path, _ in seen}),
        description=f"runs ({now})" if now else "runs",
    )


def _read_all(folder: Path, name: str) -> list[tuple[Path, dict[str, Any]]]:
    """A single job leaves its file in `folder`, the jobs of a sweep each in a folder below."""
    found = []
    for path in [*folder.glob(name), *folder.glob(f"*/{name}")]:
        # A job removes its progress when it ends, perhaps at this moment.
        with suppress(FileNotFoundError):
            found.append((path.stat().st_mtime, path, json.loads(path.read_text())))
    return [(path, content) for _, path, content in sorted(found, key=lambda item: item[:2])]


def show_table(frame: pd.DataFrame, title: str, caption: str = "") -> None:
    """Print a table; numbers to the right, gaps as dashes."""
    table = Table(
        title=title, caption=caption or None, title_justify="left", caption_justify="left"
    )
    for column in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(
            heading(column), justify="right" if numeric else "left", no_wrap=column == "run"
        )
    for row in frame.itertuples(index=False):
        cells = zip(row, frame.columns, strict=True)
        table.add_row(*[escape(written(value, column)) for value, column in cells])
    console.print(table)


def _write(path: Path, content: dict[str, object]) -> None:
    # Renamed into place, so that a reader never sees half a file.
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)


def show_run(result: Analysis, store: Store, run_id: str) -> None:
    """Print what a single run came to and where to look at it."""
    from customer_segmentation import explanations, profiles  # noqa: PLC0415 - see above

    counts = profiles.counts(result.segments, result.names).drop(columns="share")
    show_table(counts, title=result.name)
    say(f"{explanations.finding(result)}\nTaken: {result.chosen.choice.reason}.")
    say(f"\nTo promote it:  python promote.py run={run_id}")
    _show_commands(store, {"this run": store.run_link(run_id), "all runs": store.link})


def show_sweep(result: Sweep, store: Store, sweep_id: str) -> None:
    """Print leaderboard, failures, recommendation and what to do next."""
    from customer_segmentation.sweep import CAPTION, SHOWN  # noqa: PLC0415 - see above

    if len(result.leaderboard):
        columns = SHOWN if console.width >= WIDE else NARROW
        shown = result.leaderboard[list(columns)]
        show_table(shown, title="Leaderboard", caption=CAPTION)
    if len(result.failures):
        show_table(result.failures, title=f"{len(result.failures)} jobs failed")
    if result.reused:
        say(f"{result.taken_over}\n")
    console.print(result.words, highlight=False, soft_wrap=True, markup=False)
    if result.recommended:
        exists = any(found.exists for found in result.recommendations.values())
        what = "the recommendation" if exists else "it all the same"
        say(f"\nTo promote {what}:  python promote.py")
    _show_commands(store, {"compare": store.link, "this sweep": store.run_link(sweep_id)})


def _show_commands(store: Store, links: dict[str, str]) -> None:
    if not store.uri.startswith("http"):
        console.print("To open the UI:  make ui", highlight=False)
    for name, link in links.items():
        console.print(f"{name}: {link}", highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a sentence as it is."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def show_proposal(proposal: Proposal, checks: pd.DataFrame) -> None:
    """Print what changes for the segments, and the gate."""
    found = proposal.migration
    if found is not None:
        told = found.changes.loc[:, (found.changes != "").any()]
        show_table(told, title="Segments against the champion")
        say(found.words)
    elif proposal.champion is not None:
        say("No customer could be compared with the champion's: every segment is new.")
    shown = checks.assign(passed=checks["passed"].map({True: "yes", False: "NO"}))
    show_table(shown, title=f"Gate for {proposal.run.name}")


def show_rebuilt(found: Rebuilt) -> None:
    """Print whether a run came out the same, and what is different about it."""
    say(found.words)
    if len(found.differences):
        show_table(found.differences, title="What differs")


def show_error(error: Exception) -> None:
    """Print what is wrong; an error that is not ours also says where."""
    ours = type(error).__module__.startswith("customer_segmentation")
    # Hydra's own errors are about the configuration, and say where in it.
    known = ours or type(error).__module__.startswith(("hydra.", "omegaconf."))
    known |= isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    what = str(error) if known else f"{type(error).__name__}: {error}"
    errors.print(f"[bold red]Error:[/bold red] {escape(what)}", highlight=False, soft_wrap=True)
    if not known:
        traceback.print_exception(error)

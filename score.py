"""Score a file of customers: python score.py input=FILE output=FILE [model=champion]."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))


def main(argv: list[str]) -> int:
    """Do what the options say: 0 with customers scored, 1 without, 130 on Ctrl-C."""
    from customer_segmentation import options

    said = "nothing was written, an earlier output is kept."
    return options.command(argv, ROOT / "conf" / "score.yaml", ROOT, run, interrupted=said)


def run(chosen: dict[str, Any]) -> int:
    """Open the store and the model, score, and log what came of it."""
    from customer_segmentation import interrupts, options, registry
    from customer_segmentation.batches import scoring_run
    from customer_segmentation.tracking import store
    from customer_segmentation.transactions import scoring

    for key in ("input", "output"):
        if not chosen[key]:
            raise options.OptionError(
                f"got no {key}, expected a file. python score.py input=FILE output=FILE"
            )
    tracking = chosen["tracking"]
    opened = store.open_existing(tracking["uri"], tracking["experiment"], Path(tracking["folder"]))
    served = registry.load(opened, chosen["name"], chosen["model"])
    store.check_writable(opened)
    files = {name: chosen[name] for name in ("items", "customers")}
    with bar() as progress:
        scored = scoring.score(
            Path(chosen["input"]),
            Path(chosen["output"]),
            served.segmenter,
            scoring.with_files(served.reference, **files),
            id_column=chosen["id_column"],
            as_of=chosen["as_of"],
            sheet=chosen["sheet"],
            progress=progress,
        )
    with interrupts.complete(scored.output):
        say(scored)
        run_id = scoring_run.log(scored, chosen["name"], served)
        print(f"this scoring: {opened.run_link(run_id)}")
    return int(scored.failed == scored.rows)


def say(scored: Any) -> None:
    """Print what was done, what went wrong, and whether a refresh is due."""
    from customer_segmentation import style, terminal
    from customer_segmentation.batches import scoring_run

    terminal.say(scoring_run.summary(scored))
    counts = scored.counts()
    shares = {column: counts[column].map(style.percent) for column in counts.columns[3:]}
    terminal.show_table(counts.assign(**shares), title="Customers per segment")
    for note in scored.notes:
        terminal.say(note)
    for line in scoring_run.complaints(scored):
        print(line, file=sys.stderr)
    terminal.say(scored.monitor.words())


@contextmanager
def bar() -> Iterator[Any]:
    """Show how far the reading has come, where there is a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from customer_segmentation.terminal import console

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = progress.add_task("scoring", total=None, rows=0)
    with progress:
        yield lambda done, rows: progress.update(
            task, completed=done or 0, total=1 if done is not None else None, rows=rows
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

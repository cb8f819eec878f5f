"""What to offer to whom: python recommend.py [input=FILE] [output=FOLDER] [model=champion]."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))


def main(argv: list[str]) -> int:
    """Do what the options say: 0 when the offers are in place, 1 when not, 130 on Ctrl-C."""
    from customer_segmentation import options

    said = "nothing was written, earlier offers are kept."
    return options.command(argv, ROOT / "conf" / "recommend.yaml", ROOT, run, interrupted=said)


def run(chosen: dict[str, Any]) -> None:
    """Open the store, the model and the purchases; make the offers, write and log them."""
    from customer_segmentation import interrupts, registry, terminal
    from customer_segmentation.offers import run as offers
    from customer_segmentation.tracking import store

    tracking, folder = chosen["tracking"], Path(chosen["output"])
    opened = store.open_existing(tracking["uri"], tracking["experiment"], Path(tracking["folder"]))
    served = registry.load(opened, chosen["name"], chosen["model"])
    origin = offers.origin(served)
    store.check_writable(opened)
    offers.check_folder(folder)
    with terminal.console.status("reading the purchases, trying the offers on the last of them"):
        campaign = plan(chosen, served, origin)
    say(campaign)
    files = offers.write(campaign, served, folder)
    with interrupts.complete(folder):
        terminal.say(f"\nIn {folder}: {', '.join(file.name for file in files)}")
        kept = {key: value for key, value in chosen.items() if key not in ("tracking", "split")}
        run_id = offers.log(campaign, served, kept, files)
        print(f"these offers: {opened.run_link(run_id)}")


def plan(chosen: dict[str, Any], served: Any, origin: Any) -> Any:
    """Offers from the purchases of the training, or from others that are read in the same way."""
    from customer_segmentation.offers import campaign, purchases
    from customer_segmentation.offers.trial import Settings

    settings = Settings(**{field.name: chosen[field.name] for field in fields(Settings)})
    options = {key: chosen[key] for key in ("as_of", "sheet")}
    if not chosen["input"]:
        options = {key: value or origin.options[key] for key, value in options.items()}
    path = Path(chosen["input"] or origin.path)
    with purchases.open_sales(path, origin.history, item=chosen["item"], **options) as opened:
        return campaign.plan(
            opened.offered,
            purchases.Membership(opened.lines, origin.history, served.segmenter),
            served.segmenter.names,
            settings,
            split=purchases.day(chosen["split"]) if chosen["split"] else None,
        )


def say(campaign: Any) -> None:
    """Print what comes first for each segment, then the trial and its verdict."""
    from customer_segmentation import terminal

    terminal.show_table(campaign.first_offers(), title="What to offer first")
    trial = campaign.trial
    days = f"{trial.split:%Y-%m-%d} to {trial.end:%Y-%m-%d}"
    terminal.show_table(trial.shown(), title=f"Would it have been right? Purchases of {days}")
    terminal.say(campaign.words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Promote a run to champion: python promote.py [run=ID_OR_NAME] | rollback=true | list=true."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))


def main(argv: list[str]) -> int:
    """Do what the options say; 0 when it is done, 1 when it is refused."""
    from customer_segmentation import options

    said = "python promote.py list=true says which version is the champion."
    return options.command(argv, ROOT / "conf" / "promote.yaml", ROOT, run, interrupted=said)


def run(chosen: dict[str, Any]) -> int:
    """Open the store, and list, roll back or promote."""
    from customer_segmentation import options, registry
    from customer_segmentation.tracking import store

    if chosen["force"] and not chosen["reason"]:
        raise options.OptionError(
            'got force=true without a reason, expected one, which is kept: reason="...".'
        )
    asked = [f"{key}=" for key in ("run", "rollback", "list") if chosen[key]]
    if len(asked) > 1:
        raise options.OptionError(
            f"got {' and '.join(asked)}, expected one of them. Ask for one thing at a time."
        )
    tracking = chosen["tracking"]
    folder = Path(tracking["folder"])
    opened = store.open_existing(tracking["uri"], tracking["experiment"], folder)
    with registry.lock(opened, folder):
        if chosen["list"]:
            return show(opened, chosen["name"])
        if chosen["rollback"]:
            return roll_back(opened, chosen["name"])
        return promote(opened, chosen)


def show(opened: Any, name: str) -> int:
    """Print every version."""
    from customer_segmentation import registry, terminal

    versions = registry.table(opened, name)
    if versions.empty:
        terminal.say(f"No version of {name} yet: python promote.py makes the first.")
    else:
        terminal.show_table(versions, title=f"Versions of {name}")
    return 0


def roll_back(opened: Any, name: str) -> int:
    """Give the title back to the former champion."""
    from customer_segmentation import registry, terminal

    champion, former = registry.roll_back(opened, name)
    said = f"Version {champion.version} ({champion.run_name}) is the champion of {name} again"
    if former is None:
        terminal.say(
            f"{said} since the last rollback: nothing changed. Further back: python promote.py "
            "run=RUN; list=true shows the runs."
        )
    else:
        terminal.say(f"{said}, in place of version {former.version} ({former.run_name}).")
    return 0


def promote(opened: Any, chosen: dict[str, Any]) -> int:
    """Compare with the champion, check the gate, and promote or refuse."""
    from customer_segmentation import promotion, registry, terminal
    from customer_segmentation.promotion import proposal

    name = chosen["name"]
    found = promotion.find_run(opened, chosen["run"])
    champion = registry.find(opened, name)
    if champion is not None and champion.run_id == found.id:
        terminal.say(f"{champion.run_name} is the champion already (version {champion.version}).")
        return 0
    proposed = proposal.propose(found, champion, registry.last_number(opened, name))
    checks = proposed.checks(proposal.Limits(**chosen["gate"]), new_schema=chosen["new_schema"])
    outcome = proposal.gate_outcome(checks, chosen["force"])
    promotion.keep(proposed, checks, outcome, chosen["reason"])
    terminal.show_proposal(proposed, checks)
    if outcome == "failed":
        terminal.say(
            "The gate says no: nothing was changed. Promote another run (run=ID_OR_NAME), or "
            'this one all the same: force=true reason="...".'
        )
        return 1
    served = promotion.promote(opened, name, proposed, outcome, chosen["reason"])
    terminal.say(
        f"{served.run_name} is the champion of {name} now, as version {served.version}. Assign "
        f"customers with it:  python score.py input=FILE output=FILE"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Open the dashboard of the champion: `make dashboard`, or `python dashboard.py port=8502`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))
CONF = ROOT / "conf" / "dashboard.yaml"
APP = ROOT / "src" / "customer_segmentation" / "dashboard" / "app.py"


def main(argv: list[str]) -> int:
    """Check the port, then serve until Ctrl-C; 1 when it cannot be served."""
    from customer_segmentation import options

    if {"-h", "--help"} & set(argv):
        print(CONF.read_text(encoding="utf-8"))
        return 0
    try:
        chosen = options.read(argv, CONF, ROOT)
    except options.OptionError as error:
        print(error, file=sys.stderr)
        return 1
    problem = options.busy_port(chosen["host"], chosen["port"], "make dashboard ARGS='port={port}'")
    if problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"The dashboard opens at http://{chosen['host']}:{chosen['port']} in some seconds.")
    sys.stdout.flush()
    serve(chosen)


def flags(chosen: dict[str, Any]) -> list[str]:
    """Settings of the server: this computer only, nothing sent anywhere, no traces of code."""
    settings = {
        "server.address": chosen["host"],
        "server.port": chosen["port"],
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": chosen["limits"]["upload_mb"],
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "theme.base": "light",  # the pictures are drawn on white
        "theme.primaryColor": "#0F4C75",
        "logger.hideWelcomeMessage": "true",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", str(value))]


def serve(chosen: dict[str, Any]) -> NoReturn:
    """Become the server, which ends with Ctrl-C."""
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *flags(chosen)]
    os.execve(sys.executable, [*command, "--", json.dumps(chosen)], environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

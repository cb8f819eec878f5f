"""Open the MLflow UI on this project's store: `make ui`, or `python ui.py --port 5001`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))


def main() -> int:
    """Repair the store's locations if the folder has moved, then serve it with one worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--experiment", default="customer-segmentation")
    options = parser.parse_args()

    from customer_segmentation import store, terminal

    try:
        opened = store.open_store(
            store.local_uri(ROOT / "mlruns"), options.experiment, ROOT / "mlruns"
        )
    except store.StoreError as error:
        terminal.show_error(error)
        return 1
    link = opened.link.replace(":5000", f":{options.port}")
    terminal.console.print(f"The comparison opens at {link} in about ten seconds.", soft_wrap=True)
    # Without its job runner and with one worker the server needs a third of the memory.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "ui",
        "--backend-store-uri",
        opened.uri,
        "--workers",
        "1",
        "--port",
        str(options.port),
    ]
    # `mlflow` starts its server through the PATH.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())

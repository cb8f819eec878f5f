"""Open the MLflow UI on this project's store: `make ui`, or `python ui.py --port 5001`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))
HOST = "127.0.0.1"


def main() -> int:
    """Repair the store's locations if the folder has moved, then serve it with one worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--experiment", default="customer-segmentation")
    parser.add_argument("--folder", type=Path, default=ROOT / "mlruns", help="where the store is")
    options = parser.parse_args()

    from customer_segmentation.options import busy_port

    another = "make ui ARGS='--port {port}'"
    problem = busy_port(HOST, options.port, another)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    from customer_segmentation import terminal
    from customer_segmentation.tracking import store

    try:
        opened = store.open_existing(
            store.local_uri(options.folder), options.experiment, options.folder
        )
    except store.StoreError as error:
        terminal.show_error(error)
        return 1
    link = opened.link.replace(":5000", f":{options.port}")
    terminal.console.print(
        f"The comparison opens at {link} in about ten seconds.", highlight=False, soft_wrap=True
    )
    return serve(opened.uri, options.port)


def serve(uri: str, port: int) -> int:
    """Run the server until Ctrl-C."""
    # Without its job runner and with one worker the server needs a third of the memory.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # `mlflow` starts its server through the PATH.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--workers", "1", "--host", HOST, "--port", str(port)]
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())

"""Decide how to segment customers, and put the decision to work."""

import os

# MLflow reads these once, when it is imported: no telemetry, no lines about its tables, no bar
# for each file that it copies.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

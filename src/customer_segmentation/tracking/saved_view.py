"""What the MLflow UI shows first: the columns, charts and tables that the printed links open.

The format is MLflow's own (3.17) and may change. A view that it no longer reads only means that
a link opens the plain table.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

KEY = "comparison"
NAME, CREATED = "attributes.`Run Name`", "runDateAndNestInfo"
# Pixels; run names must be readable, and at 1600 all columns of a default view fit.
WIDTHS = {
    NAME: 275, CREATED: 120, "metrics.`score`": 80, "metrics.`stability`": 85, "tags.`data`": 75,
    "tags.`features`": 150, "tags.`algorithm`": 110,
}  # fmt: skip
# All algorithms have these against the number of segments; the step of a path may be an eps.
LINES = ("path/silhouette", "path/wcss")
SEGMENTS = "path/n_segments"
PICTURES = ("scatter", "profiles")


def save(client: Any, experiment_id: str, columns: Sequence[str]) -> None:
    """Save the comparison of runs as a shared view of an experiment, unless it is there already.

    Parameters
    ----------
    client : MlflowClient
    experiment_id : str
    columns : sequence of str
        For example "metrics.silhouette"; the first metric sorts the table, best first.
    """
    packed = base64.b64encode(zlib.compress(json.dumps(_state(columns)).encode())).decode()
    now = int(time.time() * 1000)
    value = {"name": "Comparison", "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    tag = f"mlflow.sharedViewState.{KEY}"
    if f"deflate;{packed}" in client.get_experiment(experiment_id).tags.get(tag, ""):
        return
    client.set_experiment_tag(experiment_id, tag, json.dumps(value))
    client.set_experiment_tag(experiment_id, "mlflow.experimentKind", "custom_model_development")


def side_by_side(frame: pd.DataFrame) -> pd.DataFrame:
    """Add each row in words as the second column: the one that the UI compares over runs first.

    The UI groups by the first column. A table with only one more column is left as it is.

    Examples
    --------
    >>> side_by_side(pd.DataFrame({"segment": [1], "name": ["Young"], "Age": [24.812]})).iat[0, 1]
    'name: Young · Age: 24.81'
    """
    if frame.shape[1] < 3:
        return frame
    words = [
        " · ".join(
            f"{column}: {value:,.2f}" if isinstance(value, float) else f"{column}: {value}"
            for column, value in row.items()
            if pd.notna(value)
        )
        for row in frame.iloc[:, 1:].astype(object).to_dict("records")
    ]
    wide = frame.copy()
    wide.insert(1, "all columns", words)
    return wide


def _state(columns: Sequence[str]) -> dict[str, object]:
    quoted = [f"{kind}.`{name}`" for kind, _, name in (c.partition(".") for c in columns)]
    return {
        "searchFilter": "tags.kind = 'model'",
        "orderByKey": next(c for c in quoted if c.startswith("metrics.")),
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": quoted,
        "columnOrder": [NAME, CREATED, *quoted],
        "columnWidths": WIDTHS,
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "FIRST_20_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "compareRunCharts": _charts(),
        "compareRunSections": [
            _section("candidates", "Candidates of every run", columns=2),
            _section("pictures", "Pictures", columns=1, cardHeight=600),
            _section("runs", "Chosen segmentations", columns=2),
        ],
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {
            "xAxisKey": "step",
            "lineSmoothness": 0,
            "selectedXAxisMetricKey": "",
        },
    }


def _section(key: str, name: str, **layout: int) -> dict[str, object]:
    return {"uuid": key, "name": name, "display": True, "isReordered": True, **layout}


def _charts() -> list[dict[str, object]]:
    """The first charts; MLflow appends one for every other metric and picture."""
    coverage = {
        "xaxis": {"key": "coverage", "type": "METRIC"},
        "yaxis": {"key": "silhouette", "type": "METRIC"},
    }
    parallel = {
        "selectedParams": ["features", "algorithm"],
        "selectedMetrics": ["n_segments", "coverage", "smallest_share", "silhouette"],
    }
    return [
        *(_line(key) for key in LINES),
        *(
            _chart("IMAGE", key, "pictures", imageKeys=[key], step=0, showRunParams=False)
            for key in PICTURES
        ),
        _chart("SCATTER", "coverage", "runs", **coverage),
        _chart("PARALLEL", "parallel", "runs", **parallel, showAllRuns=False),
    ]


def _line(key: str) -> dict[str, object]:
    return _chart(
        "LINE",
        key,
        "candidates",
        metricKey=key,
        selectedMetricKeys=[key],
        xAxisKey="metric",
        selectedXAxisMetricKey=SEGMENTS,
        useGlobalXaxisKey=False,
        useGlobalLineSmoothing=True,
        lineSmoothness=0,
        scaleType="linear",
        xAxisScaleType="linear",
        range={},
    )


def _chart(kind: str, key: str, section: str, **settings: object) -> dict[str, object]:
    return {
        "uuid": f"{section}-{key}",
        "type": kind,
        "metricSectionId": section,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }

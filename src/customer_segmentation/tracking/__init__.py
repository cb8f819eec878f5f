"""Logging to MLflow: typed items in, one batch and one folder of artifacts out."""

from __future__ import annotations

import io
import json
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never

import mlflow
import pandas as pd
import skops.io
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.sources import LocalArtifactDatasetSource
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from PIL import Image

from customer_segmentation import environment, interrupts
from customer_segmentation.environment import PACKAGE, code, requirements
from customer_segmentation.items import File, Item, Metric, Model, Param, Picture, Table, Tag, Text
from customer_segmentation.segmenter import TRUSTED_TYPES
from customer_segmentation.tracking.saved_view import side_by_side
from customer_segmentation.tracking.store import process_tags  # first: it sets MLflow up

# Runs whose pictures are still being drawn, in order of their start.
_waiting: dict[str, tuple[_Batch, Callable[[str], None]]] = {}
THUMBNAIL = (400, 400)  # pixels of the copies in MLflow's image grid: two runs fit side by side
# What the model answers with.
ASSIGNED = {
    "segment": "long", "segment_name": "string", "confidence": "double", "outlier": "boolean",
}  # fmt: skip
# What a model loads by name: the module that serves it, and its own types.
SERVED = (
    "customer_segmentation.served",
    *(name.rpartition(".")[0] for name in TRUSTED_TYPES if name.startswith(PACKAGE.name)),
)
MODEL = "model_uri"  # tag: address of the run's own model
MAX_NOTE = 8000  # characters that MLflow keeps of a description


@contextmanager
def run(name: str, *, parent: str | None = None, tags: Mapping[str, str]) -> Iterator[str]:
    """Hold an MLflow run open, and close it as what it was: finished, failed or killed.

    Parameters
    ----------
    name : str
        May still change: :func:`log` takes a Tag ``mlflow.runName``.
    parent : str, optional
        Run id of the sweep.
    tags : mapping

    Yields
    ------
    str
        The run id.
    """
    active = mlflow.start_run(run_name=name, parent_run_id=parent, tags={**tags, **process_tags()})
    try:
        yield str(active.info.run_id)
    except KeyboardInterrupt:
        mlflow.end_run("KILLED")
        raise
    except BaseException as error:
        mlflow.set_tag("error", _said(error))
        mlflow.end_run("KILLED" if interrupts.requested() else "FAILED")
        raise
    mlflow.end_run("RUNNING" if active.info.run_id in _waiting else "FINISHED")


def log(
    run_id: str,
    items: Iterable[Item],
    *,
    wait: bool = True,
    failed: Callable[[str], None] = lambda _: None,
) -> None:
    """Log items to a run: numbers and words in one batch, the model, files in one go.

    Parameters
    ----------
    run_id : str
    items : iterable of Item
        A Metric that is not a finite number is refused: leave it out and say why in a Tag.
    wait : bool
        False leaves pictures, and what is made of them, to :func:`finish`, while they are drawn;
        the run stays open until then. Runs that wait already are finished first.
    failed : callable, optional
        Told the error of a run that waited, and whose pictures then failed.

    Raises
    ------
    ValueError
        On a metric that is not finite.
    """
    batch = _Batch(run_id)
    try:
        for item in items:
            batch.add(item)
        batch.send()
        if wait:
            batch.finish()
    except BaseException:
        batch.temporary.cleanup()
        raise
    if not wait:
        finish()
        _waiting[run_id] = batch, failed


def finish() -> None:
    """Close the runs that wait for their pictures; one without them has failed, and says so."""
    client = mlflow.MlflowClient()
    while _waiting:
        run_id, (batch, failed) = _waiting.popitem()
        try:
            batch.finish()
        except Exception as error:
            failed(str(error))
            client.set_tag(run_id, "error", _said(error))
            client.set_terminated(run_id, "KILLED" if interrupts.requested() else "FAILED")
        else:
            client.set_terminated(run_id)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:4000]


class _Batch:
    """Collects items, so that a run costs a handful of calls to the store, not hundreds."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.now = int(time.time() * 1000)
        self.metrics: list[MlflowMetric] = []
        self.params: list[MlflowParam] = []
        self.tags: list[RunTag] = []
        self.compared: list[dict[str, str]] = []
        self.models: list[Model] = []
        self.late: list[Callable[[], object]] = []  # pictures are being drawn meanwhile

    def add(self, item: Item) -> None:
        match item:
            case Param(name, value):
                self.params.append(MlflowParam(name, str(value)))
            case Tag(name, text):
                self.tags.append(RunTag(name, text[:MAX_NOTE]))
            case Metric():
                self._add_metric(item)
            case Table():
                self._add_table(item)
            case Picture():
                self.late.append(lambda: self._draw(item))
            case Text():
                self.late.append(
                    lambda: self._file(item.path).write_text(item.text(), encoding="utf-8")
                )
            case File():
                self.late.append(lambda: item.write(self._file(item.path)))
            case Model():
                self.models.append(item)
            case _:
                assert_never(item)

    def _add_metric(self, item: Metric) -> None:
        if not abs(item.value) < float("inf"):
            raise ValueError(f"got metric {item.name} = {item.value}, expected a finite number")
        # The UI shows ten digits and cuts them off.
        value = float(f"{item.value:.3g}") if abs(item.value) < 0.01 else round(item.value, 4)
        self.metrics.append(MlflowMetric(item.name, value, self.now, item.step))

    def _add_table(self, item: Table) -> None:
        item.frame.to_csv(self._file(item.path), index=item.index)
        if item.compare:
            path = str(Path(item.path).with_suffix(".json"))
            frame = item.frame.reset_index() if item.index else item.frame
            split = json.loads(side_by_side(frame).to_json(orient="split", index=False))
            self._file(path).write_text(json.dumps({k: split[k] for k in ("columns", "data")}))
            self.compared.append({"path": path, "type": "table"})

    def _file(self, path: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _draw(self, item: Picture) -> None:
        png = item.png()
        self._file(item.path).write_bytes(png)
        if item.grid:
            key = Path(item.path).stem
            stem = f"images/{key}+step+0+timestamp+{self.now}+{uuid.uuid4()}"
            self._file(f"{stem}.png").write_bytes(png)
            with Image.open(io.BytesIO(png)) as image:
                image.thumbnail(THUMBNAIL)
                image.convert("RGB").save(
                    self._file(f"{stem}+compressed.webp"), method=0, quality=80
                )

    def send(self) -> None:
        client = mlflow.MlflowClient()
        of_path = [metric for metric in self.metrics if "/" in metric.key]
        of_run = [metric for metric in self.metrics if "/" not in metric.key]
        client.log_batch(self.run_id, of_run, self.params, self.tags)
        for model in self.models:
            client.set_tag(self.run_id, MODEL, log_model(self.run_id, model))
        # MLflow copies a run's metrics to its model, a query each: the path's need no copy.
        client.log_batch(self.run_id, of_path)

    def finish(self) -> None:
        with self.temporary:
            for write in self.late:
                environment.release_memory()  # each may need much for a while
                write()
            client = mlflow.MlflowClient()
            client.log_artifacts(self.run_id, str(self.folder))
            client.log_batch(self.run_id, tags=self._shown())

    def _shown(self) -> list[RunTag]:
        """Tags that make the UI show tables side by side, and pictures in its grid."""
        tags = []
        if self.compared:
            shown = mlflow.get_run(self.run_id).data.tags.get("mlflow.loggedArtifacts", "[]")
            both = [*json.loads(shown), *self.compared]
            once = list({entry["path"]: entry for entry in both}.values())
            tags.append(RunTag("mlflow.loggedArtifacts", json.dumps(once)))
        if (self.folder / "images").exists():
            tags.append(RunTag("mlflow.loggedImages", "True"))
        return tags


@contextmanager
def _active(run_id: str) -> Iterator[None]:
    """Make a run the one that MLflow logs models to; one that has ended stays as it ended."""
    now = mlflow.active_run()
    if now is not None and now.info.run_id == run_id:
        yield
        return
    status = mlflow.get_run(run_id).info.status
    mlflow.start_run(run_id=run_id)
    try:
        yield
    finally:
        mlflow.end_run(status)


def log_model(run_id: str, model: Model) -> str:
    """Log a model to a run, running or ended, and return its address."""
    # No inputs: MLflow's would refuse whole numbers for decimals, and its server any CSV.
    # The model checks and casts by itself, and names column and row.
    outputs = Schema([ColSpec(kind, name) for name, kind in ASSIGNED.items()])
    with tempfile.TemporaryDirectory() as folder, _active(run_id), warnings.catch_warnings():
        # An example would only check the inputs, of which there are none.
        warnings.filterwarnings("ignore", ".*An input example was not provided")
        saved = Path(folder) / "segmenter.skops"
        skops.io.dump(model.segmenter, saved)
        described = Path(folder) / "reference.json"
        described.write_text(json.dumps(model.reference), encoding="utf-8")
        logged = mlflow.pyfunc.log_model(
            name=model.name,
            python_model=str(PACKAGE / "served.py"),
            artifacts={"segmenter": str(saved), "reference": str(described)},
            code_paths=[code(*SERVED)],
            signature=ModelSignature(outputs=outputs),
            metadata={"columns": model.segmenter.columns},
            pip_requirements=requirements(),
        )
    return str(logged.model_uri)


def log_data(name: str, source: str, sha256: str, table: pd.DataFrame) -> None:
    """Log which data the active run has used."""
    kinds = {"f": "double", "i": "long", "b": "boolean", "M": "datetime"}
    columns = [
        ColSpec(kinds.get(dtype.kind, "string"), str(c)) for c, dtype in table.dtypes.items()
    ]
    place = LocalArtifactDatasetSource(source)
    dataset = MetaDataset(place, name=name, digest=sha256[:36], schema=Schema(columns))
    try:
        mlflow.log_input(dataset, context="training")
    except MlflowException:  # another process was the first with these data: now they are there
        mlflow.log_input(dataset, context="training")


def log_folder(run_id: str, folder: Path, artifact_path: str) -> None:
    """Log the files of a folder, Hydra's own configuration and log, below `artifact_path`."""
    mlflow.MlflowClient().log_artifacts(run_id, str(folder), artifact_path)

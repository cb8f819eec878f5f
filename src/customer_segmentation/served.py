"""What MLflow runs when it loads a logged model: a segmenter read without pickle."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import skops.io
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from customer_segmentation.segmenter import TRUSTED_TYPES, SchemaError, Segmenter
from customer_segmentation.segmenter.converter import Converter
from customer_segmentation.segmenter.schema import with_text_columns


class ServedSegmenter(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A segmenter behind MLflow's model interface."""

    segmenter: Segmenter
    convert: Converter

    def load_context(self, context: Any) -> None:
        """Read the segmenter that was logged, and how its training customers were written."""
        self.segmenter = skops.io.load(context.artifacts["segmenter"], trusted=TRUSTED_TYPES)
        reference = json.loads(Path(context.artifacts["reference"]).read_text("utf-8"))
        described = reference.get("columns", {})
        self.convert = Converter(
            self.segmenter.numeric,
            {c: described[c]["levels"] for c in described if "levels" in described[c]},
            # No head: a row means the same in every batch, so the training's decimal mark holds.
            pd.DataFrame(columns=self.segmenter.columns, dtype="str"),
            reference.get("missing_tokens", []),
            mark=reference.get("decimal_mark", "."),
            codes=reference.get("missing_codes", {}),
        )

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Segment, name, confidence and outlier flag of every customer of `model_input`.

        Raises
        ------
        MlflowException
            On a table that the model cannot read; the server answers it with status 400.
        """
        try:
            table = _table(model_input, self.segmenter.columns)
            self.segmenter.check_columns(table.columns)
            return self.segmenter.assign(self._converted(table))
        except SchemaError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error

    def _converted(self, table: pd.DataFrame) -> pd.DataFrame:
        """Numbers and levels as people write them; a row that cannot be read stays as it is."""
        raw = with_text_columns(table)[self.segmenter.columns].reset_index(drop=True)
        nested = raw.map(lambda cell: isinstance(cell, list | dict | set)).any(axis=1)
        read, problems = self.convert(raw.mask(nested))
        unread = nested | raw.index.isin(list(problems))
        if unread.any():  # the segmenter says what is wrong with it
            read = pd.concat([read[~unread].astype(object), raw[unread]]).sort_index()
        return read.set_axis(table.index)


def _table(given: Any, columns: list[str]) -> pd.DataFrame:
    """A table, or records and columns under one of the server's other names for them."""
    if isinstance(given, dict):
        with suppress(ValueError):  # columns of different lengths
            return pd.DataFrame(given)
    if isinstance(given, pd.DataFrame):
        return given
    names = ", ".join(repr(column) for column in columns)
    raise SchemaError(
        f"got values that make no table, expected the columns {names}, each with a value for "
        "every row. Send them by name, as dataframe_records or dataframe_split."
    )


set_model(ServedSegmenter())

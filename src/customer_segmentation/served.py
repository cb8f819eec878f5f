"""What MLflow runs when it loads a logged model: a segmenter read without pickle."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import mlflow
import pandas as pd
import skops.io
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from customer_segmentation.segmenter import TRUSTED_TYPES, SchemaError, Segmenter


class ServedSegmenter(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A segmenter behind MLflow's model interface."""

    segmenter: Segmenter

    def load_context(self, context: Any) -> None:
        """Read the segmenter that was logged."""
        self.segmenter = skops.io.load(context.artifacts["segmenter"], trusted=TRUSTED_TYPES)

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
            return self.segmenter.assign(_table(model_input, self.segmenter.columns))
        except SchemaError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error


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

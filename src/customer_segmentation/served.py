"""What MLflow runs when it loads a logged model: a segmenter read without pickle."""

from __future__ import annotations

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
            return self.segmenter.assign(model_input)
        except SchemaError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error


set_model(ServedSegmenter())

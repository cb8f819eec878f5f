"""What MLflow runs when it loads a logged model: a segmenter read without pickle."""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd
import skops.io
from mlflow.models import set_model

from customer_segmentation.segmenter import TRUSTED_TYPES, Segmenter


class ServedSegmenter(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A segmenter behind MLflow's model interface."""

    segmenter: Segmenter

    def load_context(self, context: Any) -> None:
        """Read the segmenter that was logged."""
        self.segmenter = skops.io.load(context.artifacts["segmenter"], trusted=TRUSTED_TYPES)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Segment, name and confidence of every customer of `model_input`."""
        return self.segmenter.predict(model_input)


set_model(ServedSegmenter())

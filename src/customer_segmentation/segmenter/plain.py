"""What can be saved and loaded without pickle."""

from __future__ import annotations

from typing import Any

import skops.io
from sklearn.base import clone

# Types that skops asks about by name; all are plain data of these classes.
TRUSTED_TYPES = [
    "customer_segmentation.latent.LatentClasses",
    "customer_segmentation.rfm.RFMScores",
    "customer_segmentation.segmenter.assigners.LinkageAssigner",
    "customer_segmentation.segmenter.assigners.NeighborsAssigner",
    "customer_segmentation.segmenter.assigners.PredictAssigner",
    "customer_segmentation.segmenter.density_assigners.CoreAssigner",
    "customer_segmentation.segmenter.density_assigners.ReachAssigner",
    "customer_segmentation.segmenter.neighbours.Index",
    "customer_segmentation.segmenter.neighbours.Reference",
    "customer_segmentation.segmenter.schema.Schema",
    "customer_segmentation.segmenter.Segmenter",
    "numpy.dtype",
]


def is_plain(estimator: Any) -> bool:
    """Whether an estimator can be saved and loaded without pickle.

    Examples
    --------
    >>> from sklearn.cluster import Birch, KMeans
    >>> X = [[0.0], [1.0], [9.0]]
    >>> is_plain(KMeans(2).fit(X)), is_plain(Birch(n_clusters=2).fit(X))
    (True, False)
    """
    try:
        asked = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
        return set(asked) <= set(TRUSTED_TYPES)
    except Exception:  # skops raises many types for estimators that it cannot save
        return False


def settings_of(clusterer: Any) -> Any:
    """The clusterer unfitted, or None where it cannot be saved without pickle."""
    unfitted = clone(clusterer) if clusterer is not None else None
    return unfitted if is_plain(unfitted) else None

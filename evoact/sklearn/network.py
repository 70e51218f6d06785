"""The fitted network of an estimator, with the scales of what goes in and comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from evoact.records import Cohort
from evoact.tasks import arrays_table
from evoact.training import fitted_network

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A network in float64, so that a row has one result whichever rows are beside it.

    Attributes:
        network: of standardised features.
        x_scale: mean and deviation of each feature.
        y_scale: mean and deviation of each output; of classes 0 and 1.
    """

    network: nn.Module
    x_scale: tuple[Array, Array]
    y_scale: tuple[Array, Array]

    def outputs(self, x: Array) -> Array:
        """Return what the network gives for rows `(rows, features)`."""
        (mean, deviation), (y_mean, y_deviation) = self.x_scale, self.y_scale
        rows = torch.from_numpy((np.asarray(x, dtype=np.float64) - mean) / deviation)
        with torch.no_grad():
            found: Array = self.network(rows).numpy() * y_deviation + y_mean
        return found


def fit_network(cohort: Cohort) -> Fitted:
    """Train the network of one candidate on a table.

    Raises:
        StudyError: its training does not end well.
    """
    spec = cohort.task
    assert spec.arrays is not None, "estimators search on tables"
    table = arrays_table(spec.arrays, spec.split_seed, spec.kind)
    y_scale = table.y_scale if not len(table.classes) else (np.zeros(1), np.ones(1))
    return Fitted(fitted_network(cohort).double(), table.x_scale, y_scale)

"""Tables of scikit-learn: a few hundred rows, and a class or a number for each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from evoact.tasks.backbones import perceptron
from evoact.tasks.data import Splits
from evoact.tasks.shipped.making import sizes_of
from evoact.tasks.splitting import split
from evoact.tasks.user import MakeActivation, UserTask


class Rows(UserTask):
    """A table of scikit-learn and a multilayer perceptron.

    Features have mean 0 and deviation 1 over the training part. A fifth of the rows is the
    test part; of the rest the seed decides which quarter validates.

    Args:
        hidden: channels of the hidden layers.
    """

    def __init__(self, hidden: Sequence[int] = (32, 32)) -> None:
        self.hidden = sizes_of(hidden)

    @abstractmethod
    def rows(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return features, and classes `(rows,)` or numbers `(rows, targets)`."""

    def data(self, split_seed: int) -> Splits:
        """Return the table, split and standardised."""
        return split(*self.rows(), split_seed, standardise=True)

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the perceptron, with torch's first weights."""
        x, y = self.rows()
        outputs = y.shape[1] if y.ndim == 2 else len(np.unique(y))
        return perceptron(activation, x.shape[1], self.hidden, outputs)


class Diabetes(Rows):
    """How a disease of 442 patients went on, from ten measurements; judged by `r2`.

    Its measure is in hundreds and from 150 on, so that it has about mean 0 and deviation 1.

    >>> Diabetes().data(0).train.x.shape
    (266, 10)
    """

    metrics: Mapping[str, str] = MappingProxyType({"r2": "max"})

    def rows(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return features and targets."""
        from sklearn.datasets import load_diabetes

        x, y = load_diabetes(return_X_y=True)
        return x, (y[:, np.newaxis] - 150.0) / 100.0


class Wine(Rows):
    """Of which of three growers a wine is, from 13 measurements of 178.

    >>> Wine().data(0).train.x.shape
    (106, 13)
    """

    def rows(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return features and targets."""
        from sklearn.datasets import load_wine

        x, y = load_wine(return_X_y=True)
        return x, y


class BreastCancer(Rows):
    """Whether a tumour is malignant, from 30 measurements of 569.

    >>> BreastCancer().data(0).train.x.shape
    (341, 30)
    """

    def rows(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return features and targets."""
        from sklearn.datasets import load_breast_cancer

        x, y = load_breast_cancer(return_X_y=True)
        return x, y

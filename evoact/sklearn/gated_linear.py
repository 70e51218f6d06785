"""Gated linear networks: a baseline that learns online, layer by layer, without activations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from evoact.errors import InputError, integer

Array = npt.NDArray[np.float64]
Contexts = npt.NDArray[np.intp]

_LEAST_P: Final = 0.01
_MOST_LOGIT: Final = float(np.log((1.0 - _LEAST_P) / _LEAST_P))
_MOST_WEIGHT: Final = 200.0
_BIAS: Final = 1.0  # the logit of a prediction that is the same for all inputs
_MOST_CONTEXTS: Final = 12  # 2**12 rows of weights for each unit


class GatedLayer:
    """A layer of gated linear units, for several classes at once (Veness et al. 2017, 2021).

    A unit mixes the predictions of the layer below geometrically: it gives
    `p = sigmoid(w_c . logit(p_in))`, with one row of weights for each context c that
    the input itself is in, `c = sum_i 2**i [h_i . s > b_i]` for frozen, random half-spaces.
    Each unit predicts the target, and learns from it alone: nothing is propagated back.

    Args:
        classes: how many networks there are, one against the rest each.
        inputs: predictions of the layer below, without the bias.
        units: of this layer, in each network.
        features: of the side information s.
        contexts: half-spaces of a unit; 0 for one context, a linear model.
        draws: half-spaces are drawn from it: normals of length 1, offsets normal.

    Attributes:
        weights: `(classes, units, 2**contexts, inputs + 1)`; at first all `1 / inputs`: the
            mean of the logits below.
        normals: `(units, contexts, features)`, the same in all networks.
        offsets: `(units, contexts)`.
    """

    def __init__(
        self,
        classes: int,
        inputs: int,
        units: int,
        features: int,
        contexts: int,
        draws: np.random.RandomState,
    ) -> None:
        self.weights = np.full((classes, units, 2**contexts, inputs + 1), 1.0 / inputs)
        normals = draws.standard_normal((units, contexts, features))
        self.normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
        self.offsets = draws.standard_normal((units, contexts))
        self._powers = 2 ** np.arange(contexts)

    def contexts(self, side: Array) -> Contexts:
        """Return which row of weights each unit takes, `(samples, units)`."""
        above = np.einsum("uhf,sf->suh", self.normals, side) > self.offsets
        found: Contexts = (above * self._powers).sum(axis=-1)
        return found

    def mixed(self, logits: Array, contexts: Contexts) -> Array:
        """Return the logits of the predictions of one input, `(classes, units)`, clipped.

        Args:
            logits: of the layer below, `(classes, inputs + 1)`.
            contexts: of the units, `(units,)`.
        """
        active = self.weights[:, np.arange(len(contexts)), contexts]
        return clipped(np.einsum("kui,ki->ku", active, logits))

    def learn(self, logits: Array, contexts: Contexts, targets: Array, rate: float) -> Array:
        """Return what `mixed` gave before, and learn one target of each network.

        `w_c <- clip(w_c - rate (p - t) logit(p_in))`, to [-200, 200], of the active rows.
        """
        units = np.arange(len(contexts))
        active = self.weights[:, units, contexts]
        mixed = np.einsum("kui,ki->ku", active, logits)
        wrong = sigmoid(mixed) - targets[:, np.newaxis]
        moved = active - rate * wrong[:, :, np.newaxis] * logits[:, np.newaxis]
        self.weights[:, units, contexts] = moved.clip(-_MOST_WEIGHT, _MOST_WEIGHT)
        return clipped(mixed)


def sigmoid(logits: Array) -> Array:
    """Return probabilities."""
    found: Array = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return found


def clipped(logits: Array) -> Array:
    """Return logits of probabilities clipped to [.01, .99]."""
    found: Array = np.clip(logits, -_MOST_LOGIT, _MOST_LOGIT)
    return found


def with_bias(logits: Array) -> Array:
    """Return logits with one more in the last dimension, which is the same always."""
    ones = np.full((*logits.shape[:-1], 1), _BIAS)
    return np.concatenate([logits, ones], axis=-1)


class GatedLinearNetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A gated linear network for classes: a baseline that has no transfer function.

    Veness et al. 2017 ("Online Learning with Gated Geometric Mixing", arXiv 1712.01897)
    and 2021 ("Gated Linear Networks", arXiv 1910.01526). For each class a network of
    `GatedLayer`s predicts it against the rest. What is not linear comes from the contexts,
    which are chosen by the input and never learnt; every unit learns by its own convex
    loss, in one pass over the data, each sample seen once.

    Features are taken for logits of first predictions, clipped to those of .01 and .99, and
    for the side information that contexts are chosen by: give them mean 0 and deviation 1,
    or, of features that are probabilities or brightness in [0, 1] as in the papers,
    `scipy.special.logit(x.clip(0.01, 0.99))`.

    Args:
        layers: units of the hidden layers; the last layer has one unit.
        contexts: half-spaces of a unit; with 0 the network is linear in its logits.
        learning_rate: of each unit's online gradient descent.
        epochs: passes of `fit` over the data; `partial_fit` makes one.
        random_state: a seed, a generator, or None: of the half-spaces, and of the order of
            the samples in `fit`.

    Attributes:
        classes_: the classes in their order.
        layers_: the `GatedLayer`s.
        n_iter_: passes over the data.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((400, 2))
    >>> y = x[:, 0] * x[:, 1] > 0  # no linear model knows more than chance of it
    >>> model = GatedLinearNetworkClassifier(epochs=5, learning_rate=0.1, random_state=0)
    >>> bool(model.fit(x, y).score(x, y) > 0.9)
    True
    """

    def __init__(
        self,
        *,
        layers: Sequence[int] = (32, 16),
        contexts: int = 4,
        learning_rate: float = 0.01,
        epochs: int = 1,
        random_state: Any = None,
    ) -> None:
        self.layers = layers
        self.contexts = contexts
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Learn samples in a random order, `epochs` times.

        Args:
            X: rows of numbers `(rows, features)`.
            y: their classes.

        Raises:
            ValueError: an argument is not what it must be.
        """
        x, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self._check()
        draws = check_random_state(self.random_state)
        self._begin(np.unique(y), x.shape[1], draws)
        for _ in range(self.epochs):
            order = draws.permutation(len(x))
            self._learn(x[order], y[order])
        self.n_iter_ = self.epochs
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:  # noqa: N803  # likewise
        """Learn samples in the order given, once.

        Args:
            X: rows of numbers `(rows, features)`.
            y: their classes.
            classes: all that there may be; at the first call, later ones may leave it out.

        Raises:
            ValueError: an argument is not what it must be, or `classes` is missing.
        """
        first = not hasattr(self, "layers_")
        x, y = validate_data(self, X, y, dtype=np.float64, reset=first)
        check_classification_targets(y)
        if first:
            if classes is None:
                raise InputError("classes is None at the first partial_fit; wanted all classes")
            self._check()
            draws = check_random_state(self.random_state)
            self._begin(np.unique(classes), x.shape[1], draws)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise InputError(
                f"classes is {list(classes)}; wanted those of the first partial_fit, "
                f"{self.classes_.tolist()}"
            )
        if strange := sorted(set(np.unique(y).tolist()) - set(self.classes_.tolist())):
            raise InputError(f"y has {strange[0]!r}; wanted classes, {self.classes_.tolist()}")
        self._learn(x, y)
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        return self

    def decision_function(self, X: Any) -> Array:  # noqa: N803  # likewise
        """Return the logit of each class against the rest, `(rows, classes)`.

        Of two classes, that of the second one's probability, `(rows,)`.
        """
        logits = self._logits(X)
        if len(self.classes_) > 2:
            return logits
        each = np.log(sigmoid(logits))
        return each[:, 1] - each[:, 0]

    def predict_proba(self, X: Any) -> Array:  # noqa: N803  # likewise
        """Return the probabilities of all classes, normalised, `(rows, classes)`."""
        each = sigmoid(self._logits(X))
        found: Array = each / each.sum(axis=1, keepdims=True)
        return found

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803  # likewise
        """Return the most probable class of each row."""
        best = self._logits(X).argmax(axis=1)
        chosen: npt.NDArray[Any] = self.classes_[best]
        return chosen

    def _check(self) -> None:
        contexts = integer(self.contexts, "contexts", 4)
        if not 0 <= contexts <= _MOST_CONTEXTS:
            raise InputError(f"contexts is {contexts}; wanted 0 to {_MOST_CONTEXTS}")
        if any(integer(units, "layers", 32) < 1 for units in self.layers):
            raise InputError(f"layers is {list(self.layers)}; wanted sizes from 1 on")
        if integer(self.epochs, "epochs", 1) < 1:
            raise InputError(f"epochs is {self.epochs}; wanted 1 or more")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate is {self.learning_rate}; wanted more than 0")

    def _begin(self, classes: Any, features: int, draws: np.random.RandomState) -> None:
        if len(classes) < 2:
            raise InputError(f"y has one class, {classes[0]!r}; wanted two or more")
        self.classes_ = classes
        sizes = [features, *self.layers, 1]
        self.layers_ = [
            GatedLayer(len(classes), inputs, units, features, self.contexts, draws)
            for inputs, units in pairwise(sizes)
        ]

    def _learn(self, x: Array, y: npt.NDArray[Any]) -> None:
        first = with_bias(clipped(x))
        contexts = [layer.contexts(x) for layer in self.layers_]
        targets = (y[:, np.newaxis] == self.classes_).astype(np.float64)
        for row, target in enumerate(targets):
            logits = np.broadcast_to(first[row], (len(target), first.shape[1]))
            for layer, active in zip(self.layers_, contexts, strict=True):
                mixed = layer.learn(logits, active[row], target, self.learning_rate)
                logits = with_bias(mixed)

    def _logits(self, X: Any) -> Array:  # noqa: N803  # likewise
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        first = with_bias(clipped(x))
        contexts = [layer.contexts(x) for layer in self.layers_]
        found = np.empty((len(x), len(self.classes_)))
        for row in range(len(x)):
            logits = np.broadcast_to(first[row], (len(self.classes_), first.shape[1]))
            for layer, active in zip(self.layers_, contexts, strict=True):
                logits = with_bias(layer.mixed(logits, active[row]))
            found[row] = logits[:, 0]
        return found

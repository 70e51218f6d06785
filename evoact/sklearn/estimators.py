"""Estimators that search an activation on their training data, and fit a network with it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from evoact.errors import InputError, StudyError
from evoact.language import parse
from evoact.records import Candidate, Cohort, SearchSpec
from evoact.sklearn.network import Fitted, fit_network
from evoact.study import Study, make_evaluator, run

_STUDY: Final = "search"
_ITS_SEED: Final = 2**31 - 1
Array = npt.NDArray[Any]


class _ActivationSearch(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """What both estimators share."""

    _kind: str
    _objective: str

    def __init__(
        self,
        *,
        primitives: Sequence[str] = ("add", "mul", "max", "neg", "tanh", "sigmoid", "relu", "sin"),
        seeds: Sequence[str] = ("relu", "silu", "tanh"),
        max_nodes: int = 9,
        population: int = 6,
        generations: int = 2,
        network: str = "mlp",
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        executor: str = "inline",
        workers: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.primitives = primitives
        self.seeds = seeds
        self.max_nodes = max_nodes
        self.population = population
        self.generations = generations
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.executor = executor
        self.workers = workers
        self.random_state = random_state

    def _fit(self, x: Array, y: Array) -> None:
        seed = int(check_random_state(self.random_state).randint(_ITS_SEED))
        with tempfile.TemporaryDirectory(prefix="evoact-sklearn-") as folder:
            path = Path(folder) / "data.npz"
            # No network is scored on a test part: all rows may be for training.
            np.savez(path, x=x, y=y, x_test=x[:1], y_test=y[:1])
            spec = self._spec(str(path))
            study = self._searched(spec, Path(folder), seed)
            best = study.best(1)
            if not best:
                raise StudyError("no candidate could be trained; wanted a lower learning_rate")
            candidate: Candidate = best[0].candidate
            self.score_in_search_ = best[0].evaluation.objectives[self._objective]
            cohort = Cohort((candidate,), spec.task, seed)
            self._fitted: Fitted = fit_network(cohort)
        self.activation_ = candidate.text
        self.n_iter_ = self.epochs

    def _spec(self, path: str) -> SearchSpec:
        """Return the search; what an argument must be is said by the key that it is for."""
        try:
            return SearchSpec.model_validate(
                {
                    "name": _STUDY,
                    "task": {
                        "arrays": path,
                        "kind": self._kind,
                        "network": self.network,
                        "epochs": self.epochs,
                        "batch_size": self.batch_size,
                        "learning_rate": self.learning_rate,
                    },
                    "language": {"primitives": self.primitives, "max_nodes": self.max_nodes},
                    "anneal": {"early": ["none"]},
                    "evolution": {
                        "population": self.population,
                        "generations": self.generations,
                        "seeds": self.seeds,
                        "cohort": self.population,
                        "surrogate": "off",
                    },
                    "objectives": {self._objective: "max"},
                    "evaluate": {
                        "executor": self.executor,
                        "workers": self.workers or "auto",
                        "kernels": "torch",
                        "confirm": {"top": 0, "baselines": []},
                    },
                    "tracking": {"mlflow": "off"},
                }
            )
        except ValidationError as error:
            told = (f"{e['loc'][-1]}: {e['msg']}; got {e['input']!r}" for e in error.errors())
            raise InputError(f"{type(self).__name__}: {'; '.join(told)}") from error

    def _searched(self, spec: SearchSpec, folder: Path, seed: int) -> Study:
        study = Study.create(spec, folder, _STUDY, seed)
        evaluator = make_evaluator(spec)
        try:
            study.open(())
            run(study, evaluator)
        finally:
            study.close()
            evaluator.close()
        return study

    def _outputs(self, x: Any) -> Array:
        check_is_fitted(self)
        return self._fitted.outputs(validate_data(self, x, reset=False))

    def expression(self) -> Any:
        """Return the activation that was found as an `Expression`."""
        check_is_fitted(self)
        return parse(self.activation_)


class ActivationSearchClassifier(ClassifierMixin, _ActivationSearch):  # type: ignore[misc]  # likewise
    """A network for classes, with an activation that was searched for on the training data.

    A search as `evoact search` does it, without annealing and confirmation: a quarter of
    the rows validates. Then a network with the best activation is trained on the others.

    Args:
        primitives: what activations are composed of, see `evoact.language.PRIMITIVES`.
        seeds: the activations that the search starts from.
        max_nodes: the largest size of an activation.
        population: how many are trained in each of the
        generations: of the search.
        network: `"mlp"` or `"deep"`.
        epochs: passes over the rows.
        batch_size: rows of a step.
        learning_rate: of Adam at first; it falls to 0.
        executor: `"inline"`, or `"ray"` for several workers.
        workers: how many.
        random_state: a seed, a generator, or None.

    Attributes:
        activation_: the text of the activation that was found.
        score_in_search_: its accuracy on the rows that validated, by which it was chosen.
        classes_: the classes in their order.

    Example::

        model = ActivationSearchClassifier(generations=8, random_state=0).fit(x, y)
        print(model.activation_, model.score(x_test, y_test))
    """

    _kind = "classification"
    _objective = "val_accuracy"

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Search an activation, and fit a network with it.

        Args:
            X: rows of numbers `(rows, features)`.
            y: their classes.

        Raises:
            ValueError: an argument is not what it must be.
        """
        x, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"y has one class, {self.classes_[0]!r}; wanted two or more")
        self._fit(x, codes)
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803  # likewise
        """Return the most probable class of each row."""
        probable = self.predict_proba(X)
        chosen: Array = self.classes_[probable.argmax(axis=1)]
        return chosen

    def predict_proba(self, X: Any) -> Array:  # noqa: N803  # likewise
        """Return the probabilities of all classes, `(rows, classes)`."""
        logits = self._outputs(X)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        probable: Array = shares / shares.sum(axis=1, keepdims=True)
        return probable


class ActivationSearchRegressor(RegressorMixin, _ActivationSearch):  # type: ignore[misc]  # likewise
    """A network for numbers, with an activation that was searched for on the training data.

    As `ActivationSearchClassifier`, by R squared; arguments are the same.

    Attributes:
        activation_: the text of the activation that was found.
        score_in_search_: its R squared on the rows that validated, by which it was chosen.
    """

    _kind = "regression"
    _objective = "val_r2"

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803  # scikit-learn's name
        """Search an activation, and fit a network with it.

        Args:
            X: rows of numbers `(rows, features)`.
            y: their numbers.

        Raises:
            ValueError: an argument is not what it must be.
        """
        x, y = validate_data(self, X, y, y_numeric=True)
        self._fit(x, np.asarray(y, dtype=np.float64))
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803  # likewise
        """Return the number of each row."""
        return self._outputs(X)[:, 0]

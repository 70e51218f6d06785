"""The estimators: scikit-learn's own checks, pipelines, and what they find."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_friedman1
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from evoact.errors import InputError
from evoact.language import parse
from evoact.sklearn import ActivationSearchClassifier, ActivationSearchRegressor

BOTH = (ActivationSearchClassifier, ActivationSearchRegressor)


SMALL = {"population": 4, "generations": 1, "epochs": 12}


@pytest.mark.parametrize("changes", [SMALL, pytest.param({}, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", BOTH)
def test_checks_of_scikit_learn(kind, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks that do not apply
        results = check_estimator(kind(**changes), on_fail=None)
    failed = [f"{r['check_name']}: {r['exception']!r}" for r in results if r["status"] == "failed"]
    assert not failed
    assert sum(result["status"] == "passed" for result in results) > 40


def test_classes_are_learnt_and_told_with_their_names():
    data = load_iris()
    names = data.target_names[data.target]
    model = ActivationSearchClassifier(random_state=0).fit(data.data[::2], names[::2])
    assert model.score(data.data[1::2], names[1::2]) > 0.85
    assert set(model.predict(data.data)) == set(names)
    assert np.allclose(model.predict_proba(data.data).sum(axis=1), 1)
    assert str(model.expression()) == str(parse(model.activation_))
    assert 0.5 < model.score_in_search_ <= 1.0
    again = clone(model).fit(data.data[::2], names[::2])
    assert again.activation_ == model.activation_
    assert np.array_equal(again.predict_proba(data.data), model.predict_proba(data.data))
    stored = pickle.loads(pickle.dumps(model))
    assert np.array_equal(stored.predict_proba(data.data), model.predict_proba(data.data))


def test_numbers_come_back_in_their_own_units():
    x, y = make_friedman1(200, noise=0.1, random_state=0)
    pipeline = make_pipeline(StandardScaler(), ActivationSearchRegressor(random_state=1))
    scaled = pipeline.fit(x[:150], 1000 * y[:150] + 50)
    assert scaled.score(x[150:], 1000 * y[150:] + 50) > 0.6
    grid = GridSearchCV(pipeline, {"activationsearchregressor__max_nodes": [3, 5]}, cv=2)
    assert grid.fit(x[:60], y[:60]).best_params_


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"primitives": ["ad"]}, "did you mean 'add'"),
        ({"population": 0}, "population"),
        ({"network": "conv"}, "wanted one of mlp, deep"),
    ],
)
def test_an_argument_that_is_wrong_is_told(changes, told):
    with pytest.raises(InputError, match=told):
        ActivationSearchClassifier(**changes).fit(np.eye(20), np.arange(20) % 2)

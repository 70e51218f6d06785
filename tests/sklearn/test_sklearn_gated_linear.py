"""Gated linear networks: the formulas by hand, scikit-learn's own checks, and what they learn."""

from __future__ import annotations

import math
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from evoact.errors import InputError
from evoact.sklearn import GatedLinearNetworkClassifier
from evoact.sklearn.gated_linear import GatedLayer, clipped


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z))


def small_layer(contexts: int = 2) -> GatedLayer:
    """Return one network of two units on one number and a bias."""
    layer = GatedLayer(1, 1, 2, 2, contexts, np.random.RandomState(0))
    layer.normals[:] = [[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.6, 0.8]]]
    layer.offsets[:] = [[0.5, -0.5], [0.0, 1.0]]
    return layer


@pytest.mark.parametrize(
    ("side", "wanted"),
    [
        ([1.0, 0.0], [3, 0]),  # 1 > .5 and 0 > -.5; -1 > 0 not, .6 > 1 not
        ([0.5, -1.0], [0, 0]),  # on the plane is not above it
        ([-1.0, 3.0], [2, 3]),  # -1 > .5 not, 3 > -.5; 1 > 0, 1.8 > 1
    ],
)
def test_contexts_are_bits_of_half_spaces(side: list[float], wanted: list[int]) -> None:
    assert small_layer().contexts(np.array([side])).tolist() == [wanted]


def test_an_update_by_hand() -> None:
    layer, rate, target = small_layer(), 0.5, 1.0
    rows = np.array([3, 0])
    layer.weights[0, 0, 3], layer.weights[0, 1, 0] = [0.4, -0.2], [1.5, 0.3]
    before = layer.weights.copy()
    inputs = [logit(0.3), 1.0]  # one prediction, and the bias
    found = layer.learn(np.array([inputs]), rows, np.array([target]), rate)
    for unit, (row, w) in enumerate([(3, [0.4, -0.2]), (0, [1.5, 0.3])]):
        mixed = w[0] * inputs[0] + w[1] * inputs[1]
        p = sigmoid(mixed)
        assert found[0, unit] == pytest.approx(mixed)
        wanted = [w_i - rate * (p - target) * z for w_i, z in zip(w, inputs, strict=True)]
        assert layer.weights[0, unit, row].tolist() == pytest.approx(wanted)
    changed = (layer.weights != before).any(axis=-1)
    assert changed.sum() == 2  # one row of each unit, no other


def test_the_update_is_the_gradient_of_the_log_loss() -> None:
    layer = small_layer()
    rows, logits, t, small = np.array([1, 2]), np.array([[0.7, 1.0]]), np.array([0.0]), 1e-6
    layer.weights[:] = np.random.default_rng(0).standard_normal(layer.weights.shape)

    def loss(weights: np.ndarray) -> float:
        active = weights[0, [0, 1], rows]
        return float(np.log1p(np.exp(active @ logits[0])).sum())  # -log(1 - p), of both units

    before = layer.weights.copy()
    layer.learn(logits, rows, t, 1.0)
    for place in np.ndindex(before.shape):
        moved = before.copy()
        moved[place] += small
        slope = (loss(moved) - loss(before)) / small
        assert before[place] - layer.weights[place] == pytest.approx(slope, abs=1e-5)


def test_weights_and_predictions_are_clipped() -> None:
    layer = small_layer()
    rows = np.zeros(2, dtype=int)
    for _ in range(200):
        layer.learn(np.array([[4.0, 1.0]]), rows, np.array([1.0]), 1e4)
        layer.learn(np.array([[4.0, 1.0]]), rows, np.array([0.0]), 1e4)
    assert np.abs(layer.weights).max() == 200.0
    found = layer.mixed(np.array([[4.0, 1.0]]), rows)[0, 0]
    assert abs(found) == pytest.approx(logit(0.99))
    assert clipped(np.array([9.0])) == pytest.approx(logit(0.99))


def test_a_network_is_its_layers_one_after_the_other() -> None:
    x = np.array([[0.4, -1.2]])
    model = GatedLinearNetworkClassifier(layers=(2,), contexts=1, random_state=0)
    model.partial_fit(x, [0], classes=[0, 1])
    below, above = model.layers_
    for k in range(2):
        predictions = [*x[0], 1.0]
        for layer in (below, above):
            rows = layer.contexts(x)[0]
            units = range(len(rows))
            predictions = [
                float(np.dot(layer.weights[k, u, rows[u]], predictions)) for u in units
            ] + [1.0]
        p = [sigmoid(predictions[0])]
        total = sigmoid(predictions[0]) + sigmoid(model._logits(x)[0, 1 - k])
        assert model.predict_proba(x)[0, k] == pytest.approx(p[0] / total)


def test_one_pass_learns_digits_and_contexts_are_what_it_takes() -> None:
    x, y = load_digits(return_X_y=True)
    p = np.clip(x / 16.0, 0.01, 0.99)
    x, names = np.log(p / (1.0 - p)), np.array(list("abcdefghij"))[y]
    seen, unseen = slice(0, 1200), slice(1200, None)
    score = {}
    for contexts in (0, 4):
        model = GatedLinearNetworkClassifier(contexts=contexts, random_state=0)
        model.partial_fit(x[seen], names[seen], classes=sorted(set(names)))
        score[contexts] = model.score(x[unseen], names[unseen])
    assert score[4] > score[0] + 0.02
    assert score[4] > 0.85


def test_parts_are_learnt_as_the_whole() -> None:
    x = np.random.default_rng(0).standard_normal((60, 3))
    y = (x[:, 0] > 0).astype(int)
    whole = GatedLinearNetworkClassifier(random_state=1).partial_fit(x, y, classes=[0, 1])
    parts = GatedLinearNetworkClassifier(random_state=1)
    for part in np.split(np.arange(60), 4):
        parts.partial_fit(x[part], y[part], classes=[0, 1])
    assert parts.n_iter_ == 4
    assert np.array_equal(parts.predict_proba(x), whole.predict_proba(x))
    again = pickle.loads(pickle.dumps(parts))
    assert np.array_equal(again.predict_proba(x), whole.predict_proba(x))
    assert not hasattr(clone(parts), "layers_")


def test_checks_of_scikit_learn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks that do not apply
        model = GatedLinearNetworkClassifier(learning_rate=0.1, epochs=5, layers=(8,))
        results = check_estimator(model, on_fail=None)
    failed = [f"{r['check_name']}: {r['exception']!r}" for r in results if r["status"] == "failed"]
    assert not failed
    assert sum(result["status"] == "passed" for result in results) > 40


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"contexts": 13}, "contexts is 13; wanted 0 to 12"),
        ({"layers": (4, 0)}, r"layers is \[4, 0\]; wanted sizes from 1 on"),
        ({"epochs": 0}, "epochs is 0; wanted 1 or more"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; wanted more than 0"),
    ],
)
def test_wrong_arguments_are_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        GatedLinearNetworkClassifier(**changes).fit([[0.0], [1.0]], [0, 1])


def test_classes_are_those_of_the_first_part() -> None:
    model = GatedLinearNetworkClassifier()
    with pytest.raises(InputError, match="classes is None at the first partial_fit"):
        model.partial_fit([[0.0], [1.0]], [0, 1])
    model.partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
    with pytest.raises(InputError, match="y has 2; wanted classes"):
        model.partial_fit([[0.0], [1.0]], [0, 2])
    with pytest.raises(InputError, match=r"wanted those of the first partial_fit, \[0, 1\]"):
        model.partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1, 2])

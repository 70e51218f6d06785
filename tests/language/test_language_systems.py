"""What the papers that evoact grows from state about their functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evoact.language import PRIMITIVES, Expression, parse
from evoact.language.gaussian import gaussian_moments
from evoact.language.selfnormalising import self_normalising


def tangents_to_the_parabola(k: int, x: np.ndarray) -> np.ndarray:
    """Values at `x` of k tangents to x^2 that touch it at even steps from -1 to 1, as channels."""
    at = np.linspace(-1.0, 1.0, k)
    return 2.0 * at * x[:, None] - at**2


class TestMaxout:
    """Goodfellow et al. 2013: k linear pieces approach any convex function."""

    X = np.linspace(-1.0, 1.0, 840 + 1)  # with the points between all tangents below

    @pytest.mark.parametrize("k", range(2, 9))
    def test_largest_error_of_k_tangents(self, k: int) -> None:
        found = PRIMITIVES["group_max"].numpy(tangents_to_the_parabola(k, self.X), k)
        error = np.abs(found[:, 0] - self.X**2).max()
        assert error == pytest.approx(1.0 / (k - 1) ** 2, rel=1e-12)

    @pytest.mark.parametrize("k", [2, 4])
    def test_as_an_expression(self, k: int) -> None:
        """Groups of 2 and 4 give width ratios that exist; 16 channels make 4 or 8 units."""
        maxout = parse(f"group_max(x, {k})")
        channels = np.concatenate([tangents_to_the_parabola(k, self.X)] * 4, axis=1)
        found = maxout.numpy()(channels)
        assert found.shape[1] == channels.shape[1] * maxout.width == 4
        assert np.abs(found - self.X[:, None] ** 2).max() == pytest.approx(1.0 / (k - 1) ** 2)


class TestCRelu:
    """Shang et al. 2016: both phases are kept, and nothing is lost."""

    CRELU = parse("concat(relu(x), relu(-x))")

    def test_input_is_recovered(self) -> None:
        """x = W^+ (y_+ - y_-) for W of full column rank."""
        rng = np.random.default_rng(0)
        weights, x = rng.standard_normal((48, 32)), rng.standard_normal((200, 32))
        y = self.CRELU.numpy()(x @ weights.T)
        positive, negative = np.split(y, 2, axis=1)
        found = (positive - negative) @ np.linalg.pinv(weights).T
        assert np.abs(found - x).max() < 1e-6

    def test_norm_is_kept(self) -> None:
        z = np.random.default_rng(1).standard_normal((100, 24)) * 10.0
        norm = np.linalg.norm(self.CRELU.numpy()(z), axis=1)
        assert norm == pytest.approx(np.linalg.norm(z, axis=1), rel=1e-12)

    @staticmethod
    def decoding_error(activation: Expression, weights: np.ndarray) -> float:
        """Relative error of the best affine decoding of unseen standard normal inputs."""
        rng = np.random.default_rng(2)
        seen, unseen = rng.standard_normal((2, 4000, weights.shape[1]))
        function = activation.numpy()

        def features(x: np.ndarray) -> np.ndarray:
            return np.column_stack([function(x @ weights.T), np.ones(len(x))])

        decoder = np.linalg.lstsq(features(seen), seen, rcond=None)[0]
        left = unseen - features(unseen) @ decoder
        return float(np.linalg.norm(left) / np.linalg.norm(unseen))

    def test_relu_loses_half(self) -> None:
        """.53 for 32 inputs and 48 units; with as many orthogonal units it can be derived.

        `relu(z) = z / 2 + |z| / 2`, and only the first is correlated with z: the
        share of the variance that is lost is `1 - (1/4) / Var relu(z)`.
        """
        rng = np.random.default_rng(0)
        relu = parse("relu(x)")
        gaussian = rng.standard_normal((48, 32))
        assert self.decoding_error(relu, gaussian) == pytest.approx(0.53, abs=0.02)
        assert self.decoding_error(self.CRELU, gaussian) < 1e-6
        orthogonal = np.linalg.qr(rng.standard_normal((32, 32)))[0]
        mean, second = gaussian_moments(relu)
        derived = math.sqrt(1.0 - 0.25 / (second - mean**2))
        assert derived == pytest.approx(math.sqrt((math.pi - 2) / (2 * (math.pi - 1))))
        assert self.decoding_error(relu, orthogonal) == pytest.approx(derived, abs=0.01)


class TestSelu:
    """Klambauer et al. 2017."""

    @staticmethod
    def below(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2.0))

    def test_constants_by_the_formulas_of_the_paper(self) -> None:
        root_e, e2 = math.exp(0.5), math.exp(2.0)
        alpha = -1.0 / math.sqrt(2.0 * math.pi) / (root_e * self.below(-1) - 0.5)
        square = 0.5 + alpha**2 * (e2 * self.below(-2) - 2 * root_e * self.below(-1) + 0.5)
        scale = square**-0.5
        assert alpha == pytest.approx(1.6732632423543772, rel=1e-13)
        assert scale == pytest.approx(1.0507009873554805, rel=1e-13)
        elu = parse("max(x, 0) + alpha * expm1(min(x, 0)) where alpha = 1.0")
        found = self_normalising(elu, free="alpha")
        assert (found.scale, found.solved) == pytest.approx((scale, alpha), rel=1e-12)

    def test_the_primitive_has_these_constants(self) -> None:
        assert gaussian_moments(parse("selu(x)")) == pytest.approx((0.0, 1.0), abs=1e-12)
        assert self_normalising(parse("selu(x)")).expression == parse("selu(x)")

    @pytest.mark.parametrize("kept", [0.9, 0.95, 0.5])
    def test_alpha_dropout_keeps_mean_and_variance(self, kept: float) -> None:
        """Dropped values become alpha'; then `a x + b` restores mean 0 and variance 1."""
        dropped = -1.0507009873554805 * 1.6732632423543772
        a = (kept + dropped**2 * kept * (1.0 - kept)) ** -0.5
        b = -a * (1.0 - kept) * dropped
        selu = parse("selu(x)").numpy()
        assert selu(-40.0) == pytest.approx(dropped)  # where SELU saturates
        activations = selu(np.random.default_rng(0).standard_normal(400_000))
        mask = np.random.default_rng(1).random(400_000) < kept
        found = a * np.where(mask, activations, dropped) + b
        assert found.mean() == pytest.approx(0.0, abs=0.01)
        assert found.var() == pytest.approx(1.0, abs=0.01)


class TestSwish:
    """Ramachandran et al. 2017: x sigmoid(beta x)."""

    X = np.linspace(-10.0, 10.0, 400_001)
    SWISH = staticmethod(parse("x * sigmoid(beta * x) where beta = 1.0").numpy())

    def test_beta_0_is_half_of_the_identity(self) -> None:
        assert (self.SWISH(self.X, [0.0]) == self.X / 2.0).all()

    def test_large_beta_is_relu(self) -> None:
        relu = parse("relu(x)").numpy()
        error = np.abs(self.SWISH(self.X, [50.0]) - relu(self.X)).max()
        assert error == pytest.approx(0.0056, abs=5e-5)
        assert error == pytest.approx(0.2784645427610738 / 50.0, rel=1e-5)

    def test_minimum(self) -> None:
        values = self.SWISH(self.X)
        assert values.min() == pytest.approx(-0.2785, abs=5e-5)
        assert self.X[values.argmin()] == pytest.approx(-1.278, abs=5e-4)
        assert values.min() == pytest.approx(-0.2784645427610738, rel=1e-9)

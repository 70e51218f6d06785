"""Deep random networks keep the variance that the wrapper promises them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evoact.language import Expression, named, parse
from evoact.language.selfnormalising import self_normalising
from evoact.nn import Activation, initialise

WIDTH, DEPTH, BATCH = 256, 50, 256


def variances(expression: Expression, seed: int) -> list[float]:
    """Return the variance after each of 50 random layers, weights of variance 1 / fan_in."""
    generator = torch.Generator().manual_seed(seed)
    layers = [nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(DEPTH)]
    initialise([(layer, 1.0) for layer in layers], generator)
    activation = Activation(expression, channels=WIDTH)
    x, found = torch.randn(BATCH, WIDTH, generator=generator), []
    with torch.no_grad():
        for layer in layers:
            x = activation(layer(x))
            found.append(float(x.var()))
    return found


def last(text: str) -> list[float]:
    return [variances(parse(text), seed)[-1] for seed in range(2)]


def test_selu_keeps_its_variance_and_relu_loses_it() -> None:
    for found in last("selu(x)"):
        assert 0.9 < found < 1.1
    for found in last("relu(x)"):
        assert found < 1e-12


STABLE = {"selu", "tanh", "sigmoid", "erf", "sine", "elu", "softsign", "snake"}
UNSTABLE = {"relu", "gelu", "silu", "mish", "softplus"}


@pytest.mark.parametrize("name", sorted(STABLE | UNSTABLE))
def test_the_wrapper_keeps_the_variance_where_it_is_stable(name: str) -> None:
    """An affine output does not make a rectifier self-normalising: its slope is 1 or more."""
    wrapped = self_normalising(named(name))
    found = [variances(wrapped.expression, seed) for seed in range(2)]
    assert found[0][0] == pytest.approx(1.0, rel=0.1)  # one layer is right for any
    assert wrapped.stable is (name in STABLE)
    kept = [0.5 < variance < 2.0 for each in found for variance in each]
    assert all(kept) is wrapped.stable


def test_alpha_dropout_of_torch_uses_the_same_constants() -> None:
    """Klambauer et al. 2017, section 3: a = (q + a'^2 q (1 - q))^-1/2, b = -a (1 - q) a'."""
    kept, dropped = 0.9, -1.0507009873554805 * 1.6732632423543772
    a = (kept + dropped**2 * kept * (1.0 - kept)) ** -0.5
    b = -a * (1.0 - kept) * dropped
    torch.manual_seed(0)
    found = nn.functional.alpha_dropout(torch.zeros(1000, dtype=torch.float64), 1.0 - kept, True)
    assert sorted(found.unique().tolist()) == pytest.approx([a * dropped + b, b], rel=1e-6)

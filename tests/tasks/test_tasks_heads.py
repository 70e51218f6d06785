"""Heads: the error that training starts from is the gradient of the loss that is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evoact.errors import InputError
from evoact.records.task_spec import HEADS as NAMES
from evoact.tasks import HEADS, with_head
from evoact.tasks.criterion import Classification, Regression

ERRORS: dict[str, Any] = {
    "softmax": lambda z: z.softmax(dim=-1),
    "linear": lambda z: z,
    "expgb": lambda z: 0.1 * z.exp(),
    "pow3gb": lambda z: 0.1 * z**3,
}
# Of the class and of the others: outputs with h(z) = t.
RIGHT = {"linear": (1.0, 0.0), "expgb": (math.log(10.0), -10.0), "pow3gb": (10.0 ** (1 / 3), 0.0)}
STRAIGHT = tuple(RIGHT)


def drawn(networks: int = 3, samples: int = 7, classes: int = 4) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    z = 2.0 * torch.randn(networks, samples, classes, generator=draws, dtype=torch.float64)
    return z, torch.randint(classes, (samples,), generator=draws)


def losses(head: str, z: Tensor, y: Tensor) -> Tensor:
    return HEADS[head].step(lambda _: z, z, y)


def test_they_are_those_of_a_specification() -> None:
    assert tuple(HEADS) == NAMES


@pytest.mark.parametrize("head", HEADS)
def test_the_gradient_is_the_error(head: str) -> None:
    z, y = drawn()
    z.requires_grad_()
    losses(head, z, y).sum().backward()
    targets = torch.nn.functional.one_hot(y, 4)
    wanted = (ERRORS[head](z.detach()) - targets) / len(y)
    torch.testing.assert_close(z.grad, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("head", STRAIGHT)
def test_the_loss_is_the_integral_of_the_error_and_0_for_what_is_right(head: str) -> None:
    """Along a line from right outputs, by Gauss-Legendre quadrature."""
    z, y = drawn(1)
    own, others = RIGHT[head]
    targets = torch.nn.functional.one_hot(y, 4).double()
    right = torch.where(targets == 1, own, others).unsqueeze(0)
    assert float(losses(head, right, y)) == pytest.approx(0.0, abs=3e-5)  # exp(-10) is not quite 0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    shares = torch.from_numpy(0.5 * (nodes + 1.0)).view(-1, 1, 1)
    along = right + shares * (z - right)
    slopes = ((ERRORS[head](along) - targets) * (z - right)).sum(dim=(1, 2)) / len(y)
    integral = float((0.5 * torch.from_numpy(weights) * slopes).sum())
    found = float(losses(head, z, y) - losses(head, right, y))
    assert found == pytest.approx(integral, rel=1e-6)


@pytest.mark.parametrize("head", ["expgb", "pow3gb"])
def test_far_outputs_are_pulled_back_by_the_error_at_the_bound(head: str) -> None:
    y = torch.tensor([1])
    far = torch.tensor([[[1e6, -1e6]]], dtype=torch.float32, requires_grad=True)
    loss = losses(head, far, y)
    loss.sum().backward()
    bounds = ERRORS[head](torch.tensor([10.0, -10.0])) - torch.tensor([0.0, 1.0])
    assert torch.allclose(far.grad.flatten(), bounds)
    assert bool(loss.isfinite().all())
    nearer = losses(head, far.detach() * 0.5, y)
    assert float(nearer) < float(loss.detach())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("samples", [1, 61, 100])
def test_networks_have_the_bits_that_they_have_alone(head: str, samples: int) -> None:
    z, y = (one if one.dtype == torch.int64 else one.float() for one in drawn(5, samples, 10))
    together = z.clone().requires_grad_()
    found = losses(head, together, y)
    found.sum().backward()
    for k in range(5):
        alone = z[k : k + 1].clone().requires_grad_()
        loss = losses(head, alone, y)
        loss.sum().backward()
        assert torch.equal(loss[0], found[k])
        assert torch.equal(alone.grad[0], together.grad[k])


def test_scores_are_of_the_largest_output() -> None:
    y = torch.tensor([0, 1])
    z = torch.tensor([[[1.0, 0.0], [0.5, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    assert HEADS["linear"].scores(z, y) == [
        {"accuracy": 1.0, "loss": 0.0625},  # .5 * .5^2 in one of two samples
        {"accuracy": 0.5, "loss": 0.5},  # half of 1 + 1, likewise
    ]


def test_they_are_for_classes() -> None:
    own = Regression(torch.ones(1))
    assert with_head(own, "softmax") is own
    with pytest.raises(InputError, match="head is 'linear', which is for classes"):
        with_head(own, "linear")
    with pytest.raises(InputError, match="head is 'expbg'; did you mean 'expgb'"):
        with_head(Classification(), "expbg")

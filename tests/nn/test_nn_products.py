"""Products of a stack of networks: each has the bits that it has alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import Tensor

from evoact.nn.packed.products import Weights, product_of

SIZES = (1, 3, 6, 7, 10, 25)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in training: several share out the products of a stack otherwise than a single one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def passes(x: Tensor, weight: Tensor, bias: Tensor, gradient: Tensor) -> list[Tensor]:
    """Return result and gradients, of networks `(K, ...)`."""
    x = x.clone().requires_grad_()
    weights = Weights(weight, torch.zeros_like(weight), bias, torch.zeros_like(bias))
    y = product_of(x, torch.zeros((), requires_grad=True), weights)
    y.backward(gradient)
    assert x.grad is not None
    return [y.detach(), x.grad, weights.weight_gradient, weights.bias_gradient]


@pytest.mark.parametrize("samples", [61, 100])
def test_small_and_odd_layers_do_not_depend_on_their_neighbours(samples: int) -> None:
    for outputs, inputs in product(SIZES, SIZES):
        torch.manual_seed(0)
        shapes = (samples, inputs), (outputs, inputs), (outputs,), (samples, outputs)
        operands = [torch.randn(3, *shape) for shape in shapes]
        together = passes(*operands)
        for k in range(3):
            alone = passes(*(one[k : k + 1].clone() for one in operands))
            for one, other in zip(alone, together, strict=True):
                assert torch.equal(one[0], other[k]), (outputs, inputs)


def test_strides_decide_nothing() -> None:
    torch.manual_seed(0)
    operands = [torch.randn(2, *shape) for shape in ((50, 7), (9, 7), (9,), (50, 9))]
    x, weight, bias, gradient = operands
    strided = x.transpose(1, 2).contiguous().transpose(1, 2)
    other = passes(strided, weight, bias, gradient.transpose(0, 1).contiguous().transpose(0, 1))
    for one, same in zip(passes(*operands), other, strict=True):
        assert torch.equal(one, same)

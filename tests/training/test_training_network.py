"""Stacks of networks against the networks alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.language import resolve
from evoact.nn.packed import pack, unpackable
from evoact.records import Anneal, Candidate, TaskSpec
from evoact.tasks import NETWORKS, Task, Width, load
from evoact.training.adam import RowAdam, RowState
from evoact.training.environment import generator
from evoact.training.making import make_networks
from evoact.training.network import (
    WEIGHTS,
    Networks,
    OneNetwork,
    PackedNetworks,
    activation_of,
    build_network,
    count_parameters,
    gain_of,
    width_of,
)

TEXTS = ("relu(x)", "x * tanh(softplus(x))", "square(x)")
WIDE = ("concat(relu(x), relu(-x))", "concat(tanh(x), x)")


def task(key: tuple[str, str]) -> Task:
    return Task(load("digits", 0), NETWORKS[key])


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(resolve(text)) for text in texts]


def bound(networks: Networks, of: list[Candidate]) -> RowAdam:
    """Give networks the first weights of candidates, and their activations."""
    rows = networks.first_rows([gain_of(c) for c in of], generator(7, 0, WEIGHTS))
    optimiser = RowAdam(networks.sizes, 5.0)
    optimiser.arrange([RowState(row, row, row) for row in rows])
    modules = [
        [activation_of(c, p.channels, p.channel_dim) for p in networks.places.values()] for c in of
    ]
    networks.bind(optimiser.weights, optimiser.gradient, modules)
    return optimiser


@pytest.mark.parametrize("texts", [TEXTS, WIDE], ids=["width 1", "width 2"])
@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_a_stack_computes_what_its_networks_do(key: tuple[str, str], texts: Any) -> None:
    """Logits, and the gradient's norm, by which all gradients are compared."""
    of = candidates(*texts)
    networks = make_networks(task(key), width_of(of[0], "equal_parameters"))
    assert isinstance(networks, PackedNetworks)
    optimiser = bound(networks, of)
    x = torch.randn(9, 64 if key[0] == "digits" else 40)
    y = torch.arange(9)
    logits = networks(x)
    F.cross_entropy(logits.flatten(0, 1), y.repeat(len(of)), reduction="sum").backward()
    optimiser.count(0.0)
    norms = optimiser.step()
    for one, norm, candidate in zip(logits, norms, of, strict=True):
        alone = build_network(candidate, task(key), 7, 0)
        wanted = alone(x)
        torch.testing.assert_close(one, wanted, rtol=1e-4, atol=1e-4)
        F.cross_entropy(wanted, y, reduction="sum").backward()
        total = nn.utils.get_total_norm([p.grad for p in alone.parameters()])
        assert float(norm) == pytest.approx(float(total), rel=1e-3)


class Own(nn.Module):
    """A module with a forward pass that nobody knows."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(64, 6), activation
        self.last = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.first(x))
        return self.last(x - x.mean(dim=1, keepdim=True))  # dimension 1: not the channels


def test_what_has_no_packed_form_is_a_stack_of_one() -> None:
    own = Task(load("digits", 0), lambda activation, width=None: Own(activation(6, 1)))
    networks = make_networks(own, Width())
    assert isinstance(networks, OneNetwork)
    of = candidates("max(x, a * x) where a = 0.25 per channel")
    bound(networks, of)
    x = torch.randn(5, 64)
    (found,) = networks(x)
    assert torch.equal(found, build_network(of[0], own, 7, 0)(x))


@pytest.mark.parametrize(
    ("layer", "fits"),
    [
        (nn.Linear(2, 2), True),
        (nn.Linear(2, 2, bias=False), False),
        (nn.Conv1d(4, 4, 3, stride=2, padding=1), True),
        (nn.Conv1d(4, 4, 3, groups=2), False),
        (nn.Conv2d(4, 4, 3, padding="same"), False),
        (nn.Conv2d(4, 4, 3, dilation=2), False),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), False),
        (nn.LayerNorm((2, 2)), False),
        (nn.Flatten(0), False),
        (nn.BatchNorm1d(4), False),
        (nn.Dropout(), False),
        (nn.Sequential(nn.Linear(2, 2)), True),
    ],
)
def test_only_what_is_known_is_packed(layer: nn.Module, fits: bool) -> None:
    network = nn.Sequential(nn.Linear(2, 2), layer)
    reason = unpackable(network)
    assert (reason is None) == fits
    if not fits:
        assert reason == f"module '1' ({type(layer).__name__})"
        with pytest.raises(AssertionError):
            pack(network)


def test_the_gain_is_that_of_the_function_at_first() -> None:
    gliding = Candidate(resolve("square(x)"), Anneal(resolve("relu")))
    assert gain_of(gliding) == gain_of(*candidates("relu(x)")) != gain_of(*candidates("square(x)"))


def test_the_gain_option_relu_is_the_same_for_every_function() -> None:
    assert gain_of(Candidate(resolve("tanh")), "relu") == gain_of(Candidate(resolve("relu")))


@pytest.mark.parametrize("text", ["relu", "prelu", "glu", "crelu", "group_max(x, 2)"])
def test_parameters_are_those_of_the_network(text: str) -> None:
    candidate, spec = Candidate(resolve(text)), TaskSpec(name="digits", network="conv")
    network = build_network(candidate, task(("digits", "conv")), seed=0, replicate=1)
    total, own = count_parameters(candidate, spec)
    assert total == sum(p.numel() for p in network.parameters())
    assert own == (48 if text == "prelu" else 0)
    if text != "prelu":
        assert total == pytest.approx(
            count_parameters(Candidate(resolve("relu")), spec)[0], rel=0.02
        )

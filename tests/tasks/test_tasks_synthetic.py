"""Synthetic tasks, and the networks that suit them: counts, graphs and bounds that are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.nn import Activation
from evoact.tasks.backbones import BinaryTree
from evoact.tasks.shipped import Compositional, Rings
from evoact.tasks.shipped.synthetic import best_accuracies, tree_of


def making(text: str, ratio: float = 1.0) -> Any:
    """Make activations of an expression, as evoact calls it."""

    def made(channels: int, channel_dim: int = 1) -> nn.Module:
        act = Activation(text, channels, channel_dim)
        act.out_channels = int(channels * ratio)  # type: ignore[assignment]  # as UserNetwork does
        return act

    return made


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_both_networks_have_as_many_parameters() -> None:
    graphs = [Compositional(network).model(making("tanh(x)")) for network in ("tree", "shallow")]
    assert list(map(count, graphs)) == [679, 681]
    for hidden in (5, 40, 100):
        tree, shallow = (
            count(Compositional(network, hidden).model(making("tanh(x)")))
            for network in ("tree", "shallow")
        )
        assert abs(tree - shallow) <= 5  # half a unit of the shallow one


@pytest.mark.parametrize(("leaves", "hidden"), [(2, 3), (4, 1), (16, 5)])
def test_a_tree_has_a_node_for_all_but_one_of_its_leaves(leaves: int, hidden: int) -> None:
    tree = BinaryTree(making("relu(x)"), leaves, hidden)
    assert count(tree) == (leaves - 1) * (4 * hidden + 1)
    assert tree(torch.ones(3, 2, leaves)).shape == (3, 2, 1)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("tanh(x)", 1), ("left(x) * sigmoid(right(x))", 0.5), ("group_max(x, 2)", 0.5)],
)
def test_a_node_depends_on_its_own_leaves_alone(text: str, ratio: float) -> None:
    """Also where a function reads all channels of a node: groups end at the node."""
    torch.manual_seed(0)
    tree = BinaryTree(making(text, ratio), 8, 6)
    x = torch.randn(8)
    levels = list(tree)
    for above, level in enumerate(levels, 1):  # after it each number is of 2**above leaves
        below = nn.Sequential(*levels[:above])
        jacobian = torch.autograd.functional.jacobian(below, x)
        nodes = torch.arange(8) // 2**above
        own = nodes == torch.arange(8 // 2**above).unsqueeze(1)
        assert bool((jacobian[~own] == 0).all()), level
        assert float(jacobian[own].abs().sum()) > 0


def test_a_node_by_hand() -> None:
    torch.manual_seed(1)
    (level,) = BinaryTree(making("tanh(x)"), 2, 4)
    expand, join = level.expand[0], level.join[0]
    a, b = 0.3, -1.2
    hidden = [
        math.tanh(w[0] * a + w[1] * b + bias)
        for w, bias in zip(expand.weight.tolist(), expand.bias.tolist(), strict=True)
    ]
    wanted = sum(w * h for w, h in zip(join.weight[0].tolist(), hidden, strict=True))
    found = level(torch.tensor([[a, b]]))
    assert float(found.detach()) == pytest.approx(wanted + float(join.bias.detach()), rel=1e-5)


def test_the_tree_of_functions_by_hand() -> None:
    def h(a: float, b: float) -> float:
        return math.sin(2.2 * (a * b + 0.5 * a - 0.3 * b))

    x = [0.1, -0.5, 0.9, 0.3, -0.7, 0.2, 0.8, -0.4]
    wanted = h(h(h(*x[:2]), h(*x[2:4])), h(h(*x[4:6]), h(*x[6:])))
    assert tree_of(np.array([x]))[0, 0] == pytest.approx(wanted, rel=1e-12)
    part = Compositional(samples=50).data(0).train
    assert np.allclose(tree_of(part.x.astype(np.float64)), part.y, atol=1e-5)
    assert np.abs(part.x).max() <= 1.0


def test_rings_are_of_two_kinds_in_turn() -> None:
    splits = Rings(noise=1e-6).data(0)
    x = np.concatenate([part.x for part in (splits.train, splits.validation, splits.test)])
    y = np.concatenate([part.y for part in (splits.train, splits.validation, splits.test)])
    rings = np.linalg.norm(x, axis=1) * math.sqrt((1 + 4 + 9 + 16) / 8)
    assert np.allclose(rings, np.rint(rings), atol=1e-4)
    assert np.array_equal(np.rint(rings).astype(int) % 2, y)
    assert np.unique(np.rint(rings), return_counts=True)[1].tolist() == [500] * 4
    assert x.std(axis=0) == pytest.approx(1.0, abs=0.05)


def test_the_best_accuracies_are_those_of_densities() -> None:
    """Of two thin rings a line sees all of the inner one, and of the outer what lies beyond."""
    radius, projection = best_accuracies(rings=2, noise=0.002)
    assert radius == pytest.approx(1.0, abs=1e-6)
    beyond = 1.0 - 2.0 * math.asin(0.5) / math.pi
    assert projection == pytest.approx(0.5 * (1.0 + beyond), abs=2e-3)
    # Normal densities at 1 and 2 cross in the middle.
    radius, _ = best_accuracies(rings=2, noise=0.25)
    assert radius == pytest.approx(0.5 * (1.0 + math.erf(0.5 / 0.25 / math.sqrt(2.0))), abs=2e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_made_of_a_projection_is_better_than_the_bound(seed: int) -> None:
    part = Rings(rings=3, samples=40_000).data(seed).train
    line = np.histogram2d(part.x[:, 0], part.y, [np.linspace(-3, 3, 200), [-0.5, 0.5, 1.5]])[0]
    found = line.max(axis=1).sum() / len(part.y)
    assert found == pytest.approx(best_accuracies(3, 0.2)[1], abs=0.015)


@pytest.mark.parametrize(("units", "parameters"), [("inner", 3), ("distance", 4), ("conic", 7)])
def test_units_of_the_first_layer(units: str, parameters: int) -> None:
    model = Rings(units, hidden=(5,)).model(making("tanh(x)"))
    assert count(model[0]) == 5 * parameters
    assert model(torch.ones(3, 2)).shape == (3, 2)


class TestConic:
    """One conic unit has a level set of closed form: a conic section."""

    @staticmethod
    def unit(omega: float) -> Any:
        layer = Rings("conic", hidden=(1,)).model(making("relu(x)"))[0]
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[1.0, 0.0]]))
            layer.omega.fill_(omega)
            layer.distance.centre.zero_()
            layer.distance.scale.fill_(1.0)
        return layer

    @pytest.mark.parametrize("eccentricity", [0.5, 1.0, 2.0])
    def test_level_sets_are_conic_sections(self, eccentricity: float) -> None:
        """With w = (1, 0), `x + r / e = p / e` is `r = p / (1 + e cos(angle))`, a focus at 0."""
        angle = torch.linspace(-1.5, 1.5, 31)
        p = 0.7
        r = p / (1.0 + eccentricity * torch.cos(angle))
        points = torch.stack([r * torch.cos(angle), r * torch.sin(angle)], dim=1)
        level: Tensor = self.unit(1.0 / eccentricity)(points)
        assert torch.allclose(level, torch.full_like(level, p / eccentricity), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Compositional("three"), "network is 'three'; did you mean 'tree'"),
        (lambda: Compositional(hidden=0), "hidden is 0; wanted 1 or more"),
        (lambda: Compositional(samples=3), "samples is 3; wanted 8 or more"),
        (lambda: Rings("distances"), "units is 'distances'; did you mean 'distance'"),
        (lambda: Rings(rings=1), "rings is 1; wanted 2 or more"),
        (lambda: Rings(noise=0.0), "noise is 0.0; wanted more than 0"),
        (lambda: Rings(hidden=[]), r"hidden is \[\]; wanted sizes"),
        (lambda: BinaryTree(making("tanh(x)"), 6, 4), "leaves is 6; wanted a power of 2"),
        (lambda: BinaryTree(making("tanh(x)"), 8, 0), "hidden is 0; wanted 1 or more"),
    ],
)
def test_wrong_arguments_are_told(make: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()

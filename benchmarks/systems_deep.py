"""Rows of the table of systems about deep networks, and about those that may not be steep.

GradNets, DiracNets, self-normalising networks, GroupSort, and Oyallon's contraction: each
by the networks, tasks and diagnostics that users have.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean
from typing import Any, Final

import torch
from annealing_depth import DEEP, EPOCHS, accuracies
from systems_table import Effort, Measured, Row, interval
from torch import Tensor, nn

from evoact import Activation, Annealed
from evoact.diagnostics import contraction, record, standardise
from evoact.language import Expression, named, resolve
from evoact.language.selfnormalising import self_normalising
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.tasks import Splits, UserTask, load, make_task
from evoact.tasks.backbones import oyallon_network, selfnormalising_network
from evoact.training import fitted_network, train_cohort

PAIRS: Final = (("x", "relu(x)"), ("relu(x)", "silu(x)"), ("hard_sigmoid(x)", "sigmoid(x)"))
STATIC, ANNEALED, IDENTITY = "static relu", "identity -> relu", "identity (control)"
ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805
WRAPPED: Final = ("tanh", "sigmoid", "elu", "softsign", "sine", "erf", "snake")
LOST: Final = ("relu", "tanh")


class Counted(nn.Module):
    """A module that counts how often it is evaluated."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inner, self.calls = Activation(text), 0

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate it, and count."""
        self.calls += 1
        result: Tensor = self.inner(x)
        return result


def ends(_: Effort) -> Measured:
    """Compare the ends of annealing to the functions alone, and count what is evaluated."""
    x, same, idle = torch.randn(10_000, generator=torch.Generator().manual_seed(0)), 0, 0
    x = torch.cat([x, torch.tensor([0.0, -0.0, torch.inf, -torch.inf, 1e30])])
    for texts in PAIRS:
        functions = [Counted(text) for text in texts]
        annealed = Annealed(*functions)
        for g, (used, other) in enumerate([functions, functions[::-1]]):
            annealed.set_g(float(g))
            before = other.calls
            same += _same_bits(annealed(x), used.inner(x))
            idle += other.calls == before
    count = 2 * len(PAIRS)
    told = f"the same bits at {same} of {count} ends, the other function idle at {idle}"
    return Measured(told, same == idle == count, {"same": same, "idle": idle})


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


def gradnet(effort: Effort) -> Measured:
    """Train fifty layers with and without the way from the identity."""
    kinds = {name: DEEP[name] for name in (STATIC, ANNEALED, IDENTITY)}
    seeds, epochs = (1, EPOCHS // 2) if effort.quick else (effort.seeds, EPOCHS)
    found = accuracies(kinds, seeds, depth=50, width=32, epochs=epochs)
    means = {name: fmean(values) for name, values in found.items()}
    told = _told(found)
    if effort.quick:
        told += f"; {epochs} epochs, by which annealing must be .2 better"
        return Measured(told, means[ANNEALED] >= means[STATIC] + 0.2, found)
    return Measured(told, means[ANNEALED] >= 0.85 and means[STATIC] <= 0.6, found)


def dirac(effort: Effort) -> Measured:
    """Train fifty layers without skips, of Dirac's and of He's weights."""
    seeds = 1 if effort.quick else effort.seeds
    found = {
        f"{backbone}, depth {depth}": [
            _scored("relu", _deep(backbone, depth), seed, "val_accuracy") for seed in range(seeds)
        ]
        for depth in ((50,) if effort.quick else (50, 100))
        for backbone in ("dirac", "plain")
    }
    good = all(fmean(found[name]) >= 0.9 for name in found if "dirac" in name)
    bad = all(fmean(found[name]) <= 0.6 for name in found if "plain" in name)
    return Measured(_told(found), good and bad, found)


def _deep(backbone: str, depth: int) -> TaskSpec:
    options: dict[str, Any] = {"backbone": backbone, "depth": depth, "width": 48}
    return TaskSpec(name="deep", options=options, epochs=10, batch_size=64, learning_rate=1e-3)


def _scored(name: str, task: TaskSpec, seed: int, objective: str) -> float:
    """Train one candidate and return what it came to."""
    (found,) = train_cohort(Cohort((Candidate(resolve(name)),), task, seed=seed))
    if not found.is_ok:
        raise RuntimeError(f"{name} on {task.label}: {found.status}: {found.reason}")
    return found.objectives[objective]


def self_normalised(effort: Effort) -> Measured:
    """Find SELU's constants, and follow the variance through fifty random layers."""
    selu = self_normalising(resolve("max(x, 0) + a * expm1(min(x, 0)) where a = 1.0"), free="a")
    errors = abs(selu.scale - LAMBDA), abs((selu.solved or 0.0) - ALPHA)
    functions = {"selu": named("selu"), "relu": named("relu")}
    functions |= {name: self_normalising(named(name)).expression for name in WRAPPED}
    found = {
        name: [_variance(function, seed) for seed in range(effort.seeds)]
        for name, function in functions.items()
    }
    kept = [name for name in ("selu", *WRAPPED) if all(0.8 <= v <= 1.25 for v in found[name])]
    told = (
        f"constants to {max(errors):.1e}; variance of selu {interval(found['selu'])}, of "
        + ", ".join(f"wrapped {n} {interval(found[n], 2)}" for n in WRAPPED)
        + f"; of relu {max(found['relu']):.1e}"
    )
    met = max(errors) <= 1e-9 and "selu" in kept and len(kept) >= 6 and max(found["relu"]) < 1e-9
    return Measured(told, met, found)


def _variance(function: Expression, seed: int, depth: int = 50, width: int = 256) -> float:
    def activation(channels: int, channel_dim: int = 1) -> nn.Module:
        made = Activation(function, channels, channel_dim)
        made.out_channels = channels  # type: ignore[assignment]  # see `MakeActivation`
        return made

    torch.manual_seed(seed)
    network = selfnormalising_network(activation, width, [width] * depth, 1)
    with torch.no_grad():
        return float(network[:-1](torch.randn(256, width)).var())


def cones(effort: Effort) -> Measured:
    """Measure a distance that is 1 by critics of orthonormal layers."""
    seeds = 1 if effort.quick else effort.seeds
    found = {
        f"{name}, {dimension}-D": [
            _scored(name, _cone(dimension), seed, "val_w1") for seed in range(seeds)
        ]
        for dimension in (1, 2)
        for name in ("maxmin", "relu")
    }
    most = max(max(values) for values in found.values())
    good = all(min(found[name]) >= 0.95 for name in found if "maxmin" in name)
    bad = all(max(found[name]) <= 0.75 for name in found if "relu" in name)
    told = f"{_told(found)}; the largest {most:.4f}"
    return Measured(told, good and bad and most <= 1.001, found)


def _cone(dimension: int) -> TaskSpec:
    options: dict[str, Any] = {"dimension": dimension}
    return TaskSpec(name="cones", options=options, epochs=40, batch_size=64, learning_rate=1e-2)


def contractions(effort: Effort) -> Measured:
    """Follow the variance within classes, over the whole, through trained networks."""
    found: dict[str, list[float]] = {}
    for data in ("digits", "mnist1d"):
        for name in LOST:
            layers = [_contraction(name, data, seed) for seed in range(effort.seeds)]
            found[f"{name} on {data}"] = [fmean(column) for column in zip(*layers, strict=True)]
    told = "; ".join(
        f"{name} {' > '.join(f'{value:.2f}' for value in values)}" for name, values in found.items()
    )
    falls = all(b <= a + 0.02 for values in found.values() for a, b in pairwise(values))
    return Measured(told, falls and all(v[-1] <= 0.7 * v[0] for v in found.values()), found)


def _contraction(name: str, data: str, seed: int) -> list[float]:
    """Return the contraction behind each of four layers, of samples for training."""
    task = TaskSpec(name=data, network="deep", epochs=20, batch_size=64, learning_rate=3e-3)
    network = fitted_network(Cohort((Candidate(resolve(name)),), task, seed=seed))
    part = make_task(data, "deep", split_seed=0).splits.train
    with torch.no_grad():
        _, layers = record(network, torch.from_numpy(part.x))
    y = torch.from_numpy(part.y)
    return [contraction(standardise(layer.features)[0], y) for layer in layers]


class Thirteen(UserTask):
    """Digits by Oyallon's network of a small width, as a user would write it."""

    def data(self, split_seed: int) -> Splits:
        """Return scikit-learn's digits."""
        return load("digits", split_seed)

    def model(self, activation: Any) -> nn.Module:
        """Return the network."""
        return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), oyallon_network(activation, 1, 10, 16))


THIRTEEN: Final = {
    "relu on a quarter of the channels": "partial(relu(x), 0.25)",
    "relu": "relu(x)",
    "x + sign(x), not continuous": "0.5 * (x + sign(x))",
    "max(x, 3 x), expansive": "max(x, 3 * x)",
    "maxmin, not pointwise": "group_sort(x, 2)",
}


def thirteen(effort: Effort) -> Measured:
    """Train thirteen convolutions with what textbooks would not."""
    spec = {"epochs": 4 if effort.quick else 10, "batch_size": 64, "learning_rate": 1e-2}
    task = TaskSpec(use="systems_deep:Thirteen", name="thirteen", **spec)  # type: ignore[arg-type]  # numbers by name
    names = list(THIRTEEN)[:: 2 if effort.quick else 1]
    found = {
        name: [
            _scored(THIRTEEN[name], task, seed, "val_accuracy")
            for seed in range(1 if effort.quick else effort.seeds)
        ]
        for name in names
    }
    least = 0.9 if effort.quick else 0.95
    told = _told(found) + (f"; a quick look, at least {least}" if effort.quick else "")
    return Measured(told, all(fmean(values) >= least for values in found.values()), found)


def _told(found: dict[str, list[float]]) -> str:
    return ", ".join(f"{name}: {interval(values)}" for name, values in found.items())


ROWS: Final = (
    Row("GradNets", "g = 0 and g = 1 are the two functions to the bit; the other rests", ends),
    Row(
        "GradNets",
        "depth 50, digits: from the identity ReLU trains (at least .85), without it does not",
        gradnet,
    ),
    Row("DiracNets", "depth 50 and 100, digits: at least .9, plain He at most .6", dirac),
    Row(
        "Self-normalising networks",
        "SELU's constants to 1e-9; it and five wrapped functions keep a variance of .8 to 1.25 "
        "through 50 layers",
        self_normalised,
    ),
    Row(
        "GroupSort",
        "Wasserstein-1 of a point and a sphere, which is 1: MaxMin at least .95, ReLU at most .75, "
        "none above 1.001",
        cones,
    ),
    Row(
        "Regular decision boundary",
        "variance within classes falls with depth, at the last of four layers to .7 of the first",
        contractions,
    ),
    Row(
        "Regular decision boundary",
        "13 convolutions, digits: functions that are not continuous, not pointwise, expansive or "
        "partly linear train to .95",
        thirteen,
    ),
)

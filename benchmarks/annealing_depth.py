"""What annealing does for networks that are hard to train, and for those that are not.

Digits, 70/30, as in the calibration of `benchmarks/annealing.py`: plain
networks without normalisation or skips, orthogonal weights, Adam 1e-3,
gradients clipped to norm 5, 20 epochs, g at 1 after 10.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact import Activation, Annealed, AnnealScheduler, Schedule
from evoact.stats import compare_paired, mean_interval

EPOCHS, BATCH, TAU = 20, 64, 0.5
ROOT2 = 2.0**0.5
# Functions, and the gain of the orthogonal weights: ReLU loses half of the signal at each layer.
DEEP = {
    "static relu": (("relu(x)",), 1.0),
    "static relu, gain sqrt(2)": (("relu(x)",), ROOT2),
    "identity -> relu": (("x", "relu(x)"), 1.0),
    "identity (control)": (("x",), 1.0),
}
SHALLOW = {
    "static early: relu": (("relu(x)",), ROOT2),
    "static late: swish": (("silu(x)",), ROOT2),
    "relu -> swish": (("relu(x)", "silu(x)"), ROOT2),
}
LATE = "static late: swish"

Kinds = Mapping[str, tuple[tuple[str, ...], float]]
Data = tuple[Tensor, Tensor, Tensor, Tensor]


def deep_table(seeds: int) -> tuple[str, dict[str, list[float]]]:
    """Train 50 layers of 32 units; return a Markdown table and the test accuracies."""
    found = accuracies(DEEP, seeds, depth=50, width=32)
    rows = [
        f"| {name} | {_interval(values)} | {min(values):.3f} |" for name, values in found.items()
    ]
    head = f"| depth 50, width 32, digits, {seeds} seeds | test accuracy | worst seed |\n"
    head += "|---|---:|---:|\n"
    return head + "\n".join(rows), found


def parity_table(seeds: int) -> tuple[str, dict[str, list[float]]]:
    """Train 3 layers of 64 units; return a Markdown table and the test accuracies."""
    found = accuracies(SHALLOW, seeds, depth=3, width=64)
    rows = []
    for name, values in found.items():
        paired = compare_paired(values, found[LATE])
        gap = (
            ""
            if name == LATE
            else (f"{paired.difference:+.4f} [{paired.low:+.4f}, {paired.high:+.4f}]")
        )
        rows.append(f"| {name} | {_interval(values)} | {gap} |")
    head = f"| depth 3, width 64, digits, {seeds} seeds | test accuracy | minus static swish |\n"
    head += "|---|---:|---:|\n"
    return head + "\n".join(rows), found


def accuracies(
    kinds: Kinds, seeds: int, depth: int, width: int, epochs: int = EPOCHS
) -> dict[str, list[float]]:
    """Return test accuracies by kind; kinds share weights and order by seed."""
    data = digits()
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in range(seeds):
        for name, (functions, gain) in kinds.items():
            network = plain_network(functions, gain, seed, depth, width)
            found[name].append(train(network, data, epochs))
    return found


def train(network: nn.Module, data: Data, epochs: int = EPOCHS) -> float:
    """Train a network, annealed ones to g = 1, and return its test accuracy."""
    x, y, x_test, y_test = data
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    annealed = any(isinstance(module, Annealed) for module in network.modules())
    schedule = Schedule("linear", 0.0, TAU) if annealed else Schedule(end=0.0)
    batches = -(-len(x) // BATCH)
    scheduler = AnnealScheduler(network, schedule, epochs * batches)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            F.cross_entropy(network(x[rows]), y[rows]).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            scheduler.step()
    with torch.no_grad():
        return float((network(x_test).argmax(1) == y_test).float().mean())


def plain_network(
    functions: tuple[str, ...], gain: float, seed: int, depth: int, width: int
) -> nn.Module:
    """Return dense layers with orthogonal weights, an activation after each but the last."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    size = 64
    for _ in range(depth):
        layers += [nn.Linear(size, width), activation(functions)]
        size = width
    network = nn.Sequential(*layers, nn.Linear(size, 10))
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, gain if layer.out_features == width else 1.0)
            nn.init.zeros_(layer.bias)
    return network


def activation(functions: tuple[str, ...]) -> nn.Module:
    """Return one function, or two with the way between them."""
    return Annealed(*functions) if len(functions) > 1 else Activation(functions[0])


def digits() -> Data:
    """Return scikit-learn's digits, 70/30, pixels within [-1, 1]."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x = (x / 8.0 - 1.0).astype(np.float32)
    x0, x1, y0, y1 = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    first, second = (torch.from_numpy(a) for a in (x0, y0)), (torch.from_numpy(a) for a in (x1, y1))
    return (*first, *second)


def _interval(values: list[float]) -> str:
    found = mean_interval(values)
    between = f" [{found.low:.3f}, {found.high:.3f}]" if found.n > 1 else ""
    return f"{found.mean:.3f}{between}"

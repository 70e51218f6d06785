"""Rows of the table of systems that are about functions themselves and need no training.

Rectifiers, the number of linear pieces, gradients that keep their norms, and what a
census of named functions is good for.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
import torch
from systems_table import Effort, Measured, Row, interval
from torch import nn

import evoact
from evoact.diagnostics import (
    activity,
    folding,
    jacobians,
    record,
    regions_along,
    regions_on_plane,
    spectrum,
    zaslavsky,
)
from evoact.language import ZOO, Fact, nearest_named, resolve
from evoact.language.standard import affine
from evoact.records import Candidate
from evoact.tasks import make_task
from evoact.training import build_network

KEPT: Final = Path(__file__).parent / "results" / "rediscovery" / "rediscovery.json"


def rectifiers(effort: Effort) -> Measured:
    """Look at the first outputs of networks on MNIST-1D."""
    task = make_task("mnist1d", "mlp", split_seed=0)
    x = torch.from_numpy(task.splits.validation.x)
    found: dict[str, list[float]] = {}
    for name in ("relu", "tanh", "softplus"):
        candidate = Candidate(resolve(name))
        found[name] = []
        for seed in range(effort.seeds):
            with torch.no_grad():
                network = build_network(candidate, task, seed, 0)
                _, layers = record(network, x)
            found[name].append(fmean(activity(layer.units).zero_fraction for layer in layers))
    told = f"relu {interval(found['relu'])}, tanh {max(found['tanh']):g}, softplus "
    return Measured(
        told + f"{max(found['softplus']):g}",
        all(0.45 <= share <= 0.55 for share in found["relu"])
        and not any(found["tanh"] + found["softplus"]),
        found,
    )


def folds(_: Effort) -> Measured:
    """Count the pieces of networks of fold units along [0, 1], exactly."""
    start, end, before = (torch.tensor([x]) for x in (0.0, 1.0, -0.5))
    cases = [(n, depth) for n in (2, 3, 4) for depth in range(1, 5)]
    found = {c: regions_along(folding(*c), start, end) for c in cases}
    right = sum(found[n, depth].linear == n**depth for n, depth in cases)
    laps = list(found[4, 4].laps.values())
    shallow = regions_along(folding(16, 1), before, end).linear
    told = (
        f"exact in {right} of {len(cases)} (n = 2 to 4, L = 1 to 4): n = 4, L = 4 has "
        f"{found[4, 4].linear} pieces and folds the line {' -> '.join(map(str, laps))} times; its "
        f"16 units in one layer have {shallow}, at most {zaslavsky(16, 1)}"
    )
    met = right == len(cases) and found[4, 4].linear == 256 and shallow == zaslavsky(16, 1) == 17
    return Measured(told, met, {"deep": found[4, 4].linear, "shallow": shallow})


def planes(effort: Effort) -> Measured:
    """Count the regions of random shallow networks on a plane."""
    bound, counts = zaslavsky(8, 2), []
    for seed in range(effort.seeds):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(2, 8), evoact.Activation("relu(x)"), nn.Linear(8, 1))
        cells = regions_on_plane(network, torch.zeros(2), *(100.0 * torch.eye(2)))
        counts.append(float(len(cells)))
    told = f"{interval(counts, 1)} regions, {min(counts):g} to {max(counts):g} of {bound}"
    return Measured(told, all(0.85 * bound <= n <= bound for n in counts), {"regions": counts})


def gradients(effort: Effort) -> Measured:
    """Ask for proofs, and look at the Jacobians of orthogonal networks ten layers deep."""
    keeping = {"abs": "abs(x)", "MaxMin": "group_sort(x, 2)"}
    others = {"relu": "relu(x)", "tanh": "tanh(x)"}
    facts = {n: evoact.parse(t).facts() for n, t in (keeping | others).items()}
    proved = [n for n, f in facts.items() if _is_certain(f.gradient_norm_preserving)]
    lipschitz = all(_is_certain(f.one_lipschitz) for f in facts.values())
    shares = {
        name: [_preserved(text, seed) for seed in range(effort.seeds)]
        for name, text in (keeping | others).items()
    }
    told = (
        f"certified: {', '.join(proved)}; singular values of the Jacobian at 1 (+-10 %): "
        + ", ".join(f"{name} {interval(found)}" for name, found in shares.items())
    )
    met = proved == list(keeping) and lipschitz
    met &= all(min(shares[n]) == 1.0 for n in keeping) and all(max(shares[n]) < 1.0 for n in others)
    return Measured(told, met, shares)


def _is_certain(fact: Fact) -> bool:
    return fact.value is True and fact.certified


def _preserved(text: str, seed: int, depth: int = 10, width: int = 24) -> float:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(width, width)
        nn.init.orthogonal_(linear.weight)
        layers += [linear, evoact.Activation(text, width, -1)]
    return spectrum(jacobians(nn.Sequential(*layers), torch.randn(20, width))).preserved


def census(effort: Effort) -> Measured:
    """Disguise functions of the zoo by scale and shift, and ask who they are."""
    names = [n for n in ZOO if not resolve(n).is_groupwise and resolve(n).width == 1]
    each = 10 if effort.quick else 40
    shares = []
    for seed in range(effort.seeds):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(names, each, replace=False)
        known = [_is_known(name, rng) for name in chosen]
        shares.append(fmean(known))
    strangers = [nearest_named(evoact.parse(text))[0] for text in STRANGERS]
    fooled = sum(match.same for match in strangers)
    told = (
        f"{interval(shares)} of {each} functions of the zoo a seed; {fooled} of {len(STRANGERS)} "
        f"strangers taken for one (nearest at distance {min(m.distance for m in strangers):.2g})"
    )
    return Measured(told, min(shares) >= 0.95 and not fooled, {"recognised": shares})


# Winners of searches that are none of the zoo, and a function nobody would name.
STRANGERS: Final = (
    "x * abs(x)",
    "x * (1.376 + abs(x))",
    "cos(x) + erf(x)",
    "signed_sqrt(x) * square(signed_log(x))",
    "sin(3 * x) * gaussian(x) + 0.2 * x",
)


def _is_known(name: str, rng: np.random.Generator) -> float:
    """Whether a function, rescaled, is found to be one that computes the same."""
    scale, shift = float(rng.uniform(0.5, 2.0)), float(rng.normal())
    disguised = affine(resolve(name), round(scale, 3), round(shift, 3))
    match, x = nearest_named(disguised)[0], rng.standard_normal(200)
    with np.errstate(all="ignore"):
        found, wanted = match.expression.numpy()(x), disguised.numpy()(x)
    return float(match.same and np.allclose(found, wanted, 1e-4, 1e-4, equal_nan=True))


def rediscovery(_: Effort) -> Measured:
    """Read what `benchmarks/rediscovery.py` found; it takes minutes of its own."""
    rows = json.loads(KEPT.read_text())["rows"]
    found = [row["seconds"] for row in rows if row["found"]]
    told = (
        f"found by {len(found)} of {len(rows)} seeds, in {min(found):g} to {max(found):g} s of one "
        "core (kept results of `benchmarks/rediscovery.py`, not run again)"
    )
    return Measured(told, len(found) == len(rows) >= 5, {"seconds": found})


ROWS: tuple[Row, ...] = (
    Row(
        "Rectifiers (Maas 2013, Glorot 2011)",
        "before training .45 to .55 of ReLU's outputs are exactly 0, none of tanh's and softplus's",
        rectifiers,
    ),
    Row(
        "Space folding (Montufar 2014)",
        "L layers of n fold units have exactly n^L linear pieces; n L units in one layer n L + 1",
        folds,
    ),
    Row(
        "Linear regions (Zaslavsky 1975)",
        "8 random ReLU units cut a plane into .85 to 1 of the most possible regions",
        planes,
    ),
    Row(
        "Swish (Ramachandran 2017)",
        "x * sigmoid(x) is found by symbolic regression without a sigmoid",
        rediscovery,
    ),
    Row(
        "Gradient-norm preservation (Anil 2018)",
        "|f'| = 1 almost everywhere is proved for abs and MaxMin, not for ReLU and tanh; 10 "
        "orthogonal layers of them keep all singular values",
        gradients,
    ),
    Row(
        "Census of activation functions (Kunc & Klema 2024)",
        "a function of the zoo is recognised whatever its scale and shift; new ones are not taken "
        "for one",
        census,
    ),
)

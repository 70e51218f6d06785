"""Rows of the table of systems that are about units: what stands before and around an activation.

Maxout and CReLU, trees of small networks, distances in place of inner products, and swish.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any, Final

import numpy as np
import torch
from scipy.special import logit
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from systems_table import Effort, Measured, Row, interval

import evoact
from evoact.diagnostics import crelu_reconstruction_error, information_lost
from evoact.language import PRIMITIVES, ZOO, resolve
from evoact.records import Candidate, Cohort, TaskSpec
from evoact.sklearn import GatedLinearNetworkClassifier
from evoact.stats import mean_interval
from evoact.tasks.shipped.synthetic import best_accuracies
from evoact.training import count_parameters, train_cohort

QUICK_SEEDS: Final = 2
NOISE: Final = 0.2  # of rings that are 1 apart


def seeds(effort: Effort) -> range:
    """Return the seeds of a row that trains."""
    return range(QUICK_SEEDS if effort.quick else max(5, effort.seeds))


def scores(task: TaskSpec, names: list[str], effort: Effort) -> dict[str, list[float]]:
    """Train functions under shared seeds; return what counts on the test part, by function."""
    found: dict[str, list[float]] = {name: [] for name in names}
    metric = "test_r2" if task.name == "compositional" else "test_accuracy"
    for seed in seeds(effort):
        candidates = tuple(Candidate(resolve(name)) for name in names)
        evaluations = train_cohort(Cohort(candidates, task, seed=seed, test=True))
        for name, evaluation in zip(names, evaluations, strict=True):
            found[name].append(evaluation.test[metric] if evaluation.is_ok else float("nan"))
    return found


# Maxout and CReLU


def maxout_tangents(_: Effort) -> Measured:
    """Give maxout k tangents to x^2, and find its largest error."""
    errors = {}
    for k in range(2, 9):
        x = torch.linspace(-1.0, 1.0, 840 * 2 + 1, dtype=torch.float64)  # between all tangents too
        at = torch.linspace(-1.0, 1.0, k, dtype=torch.float64)
        channels = 2.0 * at * x[:, None] - at**2
        if k in (2, 4):  # whose width ratio a network can have
            maxout = evoact.Activation(resolve(f"group_max(x, {k})"), 4 * k)
            found = maxout(channels.repeat(1, 4))[:, 0].numpy()
        else:
            found = PRIMITIVES["group_max"].numpy(channels.numpy(), k)[:, 0]
        errors[k] = float(np.abs(found - x.numpy() ** 2).max())
    met = all(abs(error * (k - 1) ** 2 - 1.0) < 1e-9 for k, error in errors.items())
    told = ", ".join(f"k = {k}: {error:.4f}" for k, error in errors.items())
    return Measured(told, met, {f"k={k}": error for k, error in errors.items()})


def equal_parameters(effort: Effort) -> Measured:
    """Train a convolutional network with functions of width ratios 1/4 to 2."""
    names = ["relu", "crelu", "maxout", "maxout4"]
    task = TaskSpec(name="mnist1d", network="conv", epochs=5 if effort.quick else 20)
    sizes = {name: count_parameters(Candidate(resolve(name)), task)[0] for name in names}
    found = scores(task, names, effort)
    parts = [f"{name} {sizes[name]:,} parameters, {interval(found[name])}" for name in names]
    even = max(sizes.values()) - min(sizes.values()) < 0.02 * sizes["relu"]
    least = fmean(found["relu"]) - (0.1 if effort.quick else 0.05)
    met = even and all(fmean(found[name]) >= least for name in names)
    return Measured("; ".join(parts), met, {**sizes, **{f"{n} test": v for n, v in found.items()}})


def crelu(effort: Effort) -> Measured:
    """Decode what CReLU and ReLU leave of 32 normal numbers, from 48 units."""
    errors, lost, kept = [], [], []
    for seed in range(effort.seeds):
        draws = torch.Generator().manual_seed(seed)
        weight = torch.randn(48, 32, generator=draws)
        x = torch.randn(4000, 32, generator=draws)
        z = x @ weight.T
        errors.append(crelu_reconstruction_error(weight, x))
        both, one = (evoact.Activation(resolve(n), 48, -1)(z) for n in ("crelu", "relu"))
        # As relative errors, which are roots of the shares of the variance.
        kept.append(information_lost(x, both) ** 0.5)
        lost.append(information_lost(x, one) ** 0.5)
    told = (
        f"by W^+: {max(errors):.1e} at most; best linear decoder: {max(kept):.1e} of CReLU, "
        f"{interval(lost)} of ReLU (relative errors)"
    )
    met = max(errors) < 1e-4 and max(kept) < 1e-4 and min(lost) > 0.3
    return Measured(told, met, {"pseudoinverse": errors, "crelu": kept, "relu": lost})


# Trees


def tree(effort: Effort) -> Measured:
    """Train the tree and the shallow network of `compositional` under shared seeds."""
    left: dict[str, list[float]] = {}
    for network in ("tree", "shallow"):
        task = TaskSpec(
            name="compositional",
            options={"network": network},
            epochs=20 if effort.quick else 60,
            batch_size=64,
        )
        left[network] = [1.0 - r2 for r2 in scores(task, ["tanh"], effort)["tanh"]]
    ratios = [a / b for a, b in zip(left["tree"], left["shallow"], strict=True)]
    told = (
        f"mean squared error over variance: tree {interval(left['tree'])}, shallow "
        f"{interval(left['shallow'])}; ratio {interval(ratios)}"
    )
    bound = 1.0 if effort.quick else 0.7
    if effort.quick:
        told += "; quick: tree < shallow"
    return Measured(told, _high(ratios) < bound, {**left, "ratio": ratios})


# Distances


def rings(effort: Effort) -> Measured:
    """Train networks of one hidden unit to tell a ring from the ring around it."""
    radius, projection = best_accuracies(rings=2, noise=NOISE)
    found = {units: _best_of_starts(units, effort) for units in ("inner", "distance", "conic")}
    told = (
        ", ".join(f"{units} {interval(values)}" for units, values in found.items())
        + f"; of a projection nothing makes more than {projection:.3f}, of the radius {radius:.3f}"
    )
    # What a linear unit cannot reach, whatever is made of it, and near all there is to know.
    met = all(min(found[u]) > max(projection, 0.95 * radius) for u in ("distance", "conic"))
    met &= max(found["inner"]) < projection + 0.05  # of 400 samples
    return Measured(told, met, found)


def _best_of_starts(units: str, effort: Effort) -> list[float]:
    """Return test accuracies of one unit, by seed: of two functions and some starts, the best.

    That which is best on the validation part. One unit has no others to make up for a bad
    start: a centre far outside moves away for good.
    """
    starts, epochs = (2, 30) if effort.quick else (3, 60)
    options: dict[str, Any] = {"units": units, "hidden": [1], "rings": 2, "noise": NOISE}
    task = TaskSpec(name="rings", options=options, epochs=epochs, batch_size=64, learning_rate=0.02)
    candidates = tuple(Candidate(resolve(name)) for name in ("relu", "square(x)"))
    best = []
    for seed in seeds(effort):
        cohorts = [
            Cohort(candidates, task, seed=seed, replicate=r, test=True) for r in range(starts)
        ]
        trained = [one for cohort in cohorts for one in train_cohort(cohort) if one.is_ok]
        chosen = max(trained, key=lambda one: one.objectives["val_accuracy"])
        best.append(chosen.test["test_accuracy"])
    return best


# Swish


def swish(_: Effort) -> Measured:
    """Look at x sigmoid(beta x) for beta = 0, for large beta, and at its minimum."""
    x = np.linspace(-20.0, 20.0, 400_001)
    text = ZOO["swish"].text
    at = {beta: resolve(text.replace("beta = 1.0", f"beta = {beta}")).numpy()(x)
          for beta in (0.0, 1.0, 50.0, 1000.0)}  # fmt: skip
    half = float(np.abs(at[0.0] - x / 2.0).max())
    relu = {beta: float(np.abs(at[beta] - np.maximum(x, 0.0)).max()) for beta in (50.0, 1000.0)}
    place = int(at[1.0].argmin())
    lowest, where = float(at[1.0][place]), float(x[place])
    told = (
        f"beta = 0 is x/2 within {half:.0e}; ReLU within {relu[50.0]:.4f} at beta = 50 and "
        f"{relu[1000.0]:.4f} at 1000; minimum {lowest:.4f} at {where:.4f}"
    )
    met = half < 1e-3 and relu[1000.0] < 1e-3 and abs(relu[50.0] - 0.0056) < 1e-4
    met &= abs(lowest + 0.2785) < 1e-3 and abs(where + 1.278) < 1e-3
    return Measured(told, met, {"half": half, "relu at 1000": relu[1000.0], "minimum": lowest})


# Output functions


def output_errors(effort: Effort) -> Measured:
    """Train digits with three heads, at the default rate and at each one's best rate."""
    heads = ("expgb", "linear", "softmax")
    rates = (0.01,) if effort.quick else (0.01, 0.005, 0.02)
    relu = (Candidate(resolve("relu")),)
    test: dict[str, list[float]] = {}
    tuned: dict[str, tuple[float, float, float]] = {}
    for head in heads:
        for rate in rates:
            task = TaskSpec(name="digits", head=head, epochs=20, learning_rate=rate)
            found = [
                train_cohort(Cohort(relu, task, seed=seed, test=True))[0]
                for seed in range(QUICK_SEEDS if effort.quick else max(10, effort.seeds))
            ]
            scored = [one.test["test_accuracy"] for one in found]
            validated = fmean(one.objectives["val_accuracy"] for one in found)
            test.setdefault(head, scored)
            tuned[head] = max(tuned.get(head, (0.0, 0.0, 0.0)), (validated, fmean(scored), rate))
    expgb, linear, softmax = (fmean(test[head]) for head in heads)
    told = ", ".join(f"{head} {interval(values)}" for head, values in test.items())
    if effort.quick:
        met = expgb >= linear - 0.01 and expgb >= softmax - 0.02
        return Measured(f"{told}; quick: within .01 and .02", met, test)
    best = ", ".join(f"{head} {score:.3f} ({rate:g})" for head, (_, score, rate) in tuned.items())
    told += f"; at the rate that is best for each in validation: {best}"
    return Measured(told, expgb >= max(linear + 0.005, softmax - 0.01), test)


# Gated linear networks


def gated_linear(effort: Effort) -> Measured:
    """Show digits once to gated linear networks, with contexts and without."""
    x, y = load_digits(return_X_y=True)
    logits = logit((x / 16.0).clip(0.01, 0.99))  # pixels as the first predictions
    found: dict[str, list[float]] = {"4 contexts": [], "none": []}
    for seed in range(QUICK_SEEDS if effort.quick else max(10, effort.seeds)):
        seen, unseen, its, theirs = train_test_split(
            logits, y, test_size=0.3, random_state=seed, stratify=y
        )
        for name, contexts in (("4 contexts", 4), ("none", 0)):
            model = GatedLinearNetworkClassifier(contexts=contexts, random_state=seed)
            model.partial_fit(seen, its, classes=range(10))
            found[name].append(model.score(unseen, theirs))
    gained = [a - b for a, b in zip(*found.values(), strict=True)]
    parts = [f"{name} {interval(values)}" for name, values in found.items()]
    told = f"{', '.join(parts)}; gained {interval(gained)}"
    met = fmean(found["4 contexts"]) >= 0.90 and fmean(gained) >= (0.03 if effort.quick else 0.05)
    if effort.quick:
        told += "; quick: .03 gained"
    return Measured(told, met, {**found, "gained": gained})


def _high(values: list[float]) -> float:
    found = mean_interval(values)
    return found.high if found.n > 2 else max(values)


ROWS: Final = (
    Row(
        "maxout (Goodfellow 2013)",
        "k tangents to x^2 on [-1, 1] have a largest error of 1/(k-1)^2",
        maxout_tangents,
    ),
    Row(
        "maxout, CReLU",
        "at equal parameters (within 2 %) they learn MNIST-1D as ReLU does, or .05 less at most",
        equal_parameters,
    ),
    Row(
        "CReLU (Shang 2016)",
        "x comes back with an error under 1e-4; from ReLU linearly over .3 are lost",
        crelu,
    ),
    Row(
        "deep, not shallow (Poggio 2016)",
        "a tree of small networks has under .7 of a shallow one's error at equal parameters",
        tree,
    ),
    Row(
        "survey of transfer functions (Duch & Jankowski 1999)",
        "one unit of a distance learns rings, which no function of a linear unit can",
        rings,
    ),
    Row(
        "swish (Ramachandran 2017)",
        "x/2 for beta = 0, ReLU for large beta, minimum -.2785 at -1.278, within 1e-3",
        swish,
    ),
    Row(
        "gated linear networks (Veness 2017, 2021)",
        "with 4 contexts .90 of digits in one pass, .05 more than without",
        gated_linear,
    ),
    Row(
        "linear outputs (Oland 2017)",
        "expGB is .005 better than plain linear errors, and within .01 of cross-entropy (digits)",
        output_errors,
    ),
)

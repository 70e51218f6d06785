"""How a network answers to small changes: Jacobians, gradients, Lipschitz bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from evoact.diagnostics.recording import activations_of, exact, record
from evoact.errors import InputError
from evoact.nn import Activation, Annealed

_MOST_INPUTS: Final = 4096
_NEAR_ONE: Final = 0.1
_AFFINE: Final = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.AvgPool1d, nn.AvgPool2d,
)  # fmt: skip


def jacobians(network: nn.Module, x: Tensor) -> Tensor:
    """Return the derivatives of outputs by inputs, `(samples, outputs, inputs)`, in float64.

    Where an activation's gradient is a surrogate (`step`), so is this.

    Args:
        network: any module that treats samples independently in evaluation mode.
        x: inputs, `(samples, ...)`.

    >>> network = nn.Linear(2, 1)
    >>> _ = network.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    >>> jacobians(network, torch.zeros(1, 2)).tolist()
    [[[3.0, 4.0]]]
    """
    if not x.is_floating_point():
        raise InputError(f"x is {x.dtype}; wanted real numbers, by which there are derivatives")
    given = x.detach().cpu().double().requires_grad_()
    outputs = exact(network)(given).flatten(1)
    rows = [
        torch.autograd.grad(column.sum(), given, retain_graph=True, materialize_grads=True)[0]
        for column in outputs.unbind(dim=1)
    ]
    return torch.stack([row.flatten(1) for row in rows], dim=1).detach()


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The singular values of Jacobians, over samples.

    Attributes:
        largest: the mean of the largest ones.
        smallest: the mean of the smallest ones.
        condition: the geometric mean of their ratios; infinite where some smallest is 0.
        preserved: the share of singular values within 10 % of 1: all of them where
            gradients keep their norms (Anil, Lucas & Grosse 2019, arXiv 1811.05381; dynamical
            isometry, Saxe et al. 2014, arXiv 1312.6120).
    """

    largest: float
    smallest: float
    condition: float
    preserved: float


def spectrum(matrices: Tensor) -> Spectrum:
    """Return what the singular values of Jacobians `(samples, outputs, inputs)` say.

    >>> spectrum(torch.diag(torch.tensor([4.0, 1.0]))[None])
    Spectrum(largest=4.0, smallest=1.0, condition=4.0, preserved=0.5)
    """
    values = torch.linalg.svdvals(matrices.double())
    largest, smallest = values[:, 0], values[:, -1]
    near = (values - 1.0).abs() <= _NEAR_ONE
    # What rounding leaves of 0 is no condition.
    lost = smallest <= largest * 1e-13
    ratio = torch.where(lost, torch.inf, largest / smallest)
    return Spectrum(
        float(largest.mean()),
        float(smallest.mean()),
        float(ratio.log().mean().exp()),
        float(near.double().mean()),
    )


def gradient_norms(network: nn.Module, x: Tensor, seed: int = 0) -> dict[str, float]:
    """Return how long gradients are before each activation, those of the output being 1.

    The root mean square over samples of `|J^T v|`, J being the Jacobian of the outputs by
    what goes into the activation, and v a random direction of length 1: near 1 in all
    layers where gradient norms are preserved (Anil et al. 2019), far from it where they vanish or
    explode (Glorot & Bengio 2010).

    Args:
        network: any module with activations.
        x: inputs, `(samples, ...)`.
        seed: of the directions.

    Returns:
        By the names of activations.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    >>> _ = [layer.weight.data.fill_(3.0) for layer in (network[0], network[2])]
    >>> gradient_norms(network, torch.tensor([[5.0]]))
    {'1': 3.0}
    """
    given = x.detach().cpu()
    given = given.double().requires_grad_() if given.is_floating_point() else given
    network = exact(network)
    if not given.requires_grad:  # tokens: the way back ends at their embeddings
        network.requires_grad_(True)
    outputs, layers = record(network, given)
    draws = torch.Generator().manual_seed(seed)
    directions = torch.randn(outputs.shape, generator=draws, dtype=torch.float64).flatten(1)
    directions = nn.functional.normalize(directions, dim=1).view_as(outputs)
    found = torch.autograd.grad(
        outputs, [layer.before for layer in layers], directions, materialize_grads=True
    )
    squares = [gradient.flatten(1).square().sum(dim=1).mean() for gradient in found]
    return {
        layer.name: math.sqrt(float(square)) for layer, square in zip(layers, squares, strict=True)
    }


@dataclass(frozen=True, slots=True)
class LipschitzBound:
    """A bound from above on a network's Lipschitz constant in the 2-norm.

    Attributes:
        value: the product of the factors.
        certified: whether each is proved; those of some activations are estimated.
        factors: by layer, its own constant: the largest singular value of what is
            linear, and the largest slope of an activation.
    """

    value: float
    certified: bool
    factors: dict[str, float]


def lipschitz_bound(network: nn.Module, x: Tensor) -> LipschitzBound:
    """Return the product of the Lipschitz constants of a chain's layers.

    Szegedy et al. 2014 (arXiv 1312.6199, section 4.3). A bound from above, and
    loose: `lipschitz_estimate` is one from below.

    Args:
        network: layers one after another, affine ones and activations of evoact; layers of
            your own that are affine say so by an attribute `is_affine = True`.
        x: inputs, `(samples, ...)`, of which the shape alone is read.

    Raises:
        InputError: the network is no such chain.

    >>> network = nn.Sequential(nn.Linear(2, 2), Activation("tanh(x)"))
    >>> _ = network[0].weight.data.copy_(torch.diag(torch.tensor([3.0, 2.0])))
    >>> bound = lipschitz_bound(network, torch.zeros(1, 2))
    >>> round(bound.value, 6), bound.certified, bound.factors["1"]
    (3.0, True, 1.0)
    """
    network, value = exact(network), x[:1].detach().cpu().double()
    chain = _chain(network)
    activations = dict(activations_of(network))
    factors, certified = {}, True
    for name, module in chain:
        if name in activations:
            factors[name], known = _slope(module)
            certified &= known
        else:
            factors[name] = _norm(name, module, value)
        with torch.no_grad():
            value = module(value)
    return LipschitzBound(math.prod(factors.values()), certified, factors)


def _chain(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the layers in their order; what may branch is refused."""
    found: list[tuple[str, nn.Module]] = []

    def walk(prefix: str, module: nn.Module) -> None:
        is_chain = type(module).forward is nn.Sequential.forward
        if not is_chain:
            found.append((prefix, module))
            return
        for name, child in module.named_children():
            walk(f"{prefix}.{name}" if prefix else name, child)

    walk("", network)
    return found


def _slope(module: nn.Module) -> tuple[float, bool]:
    late = module.late if isinstance(module, Annealed) else module
    if isinstance(late, nn.ReLU | nn.Tanh):
        return 1.0, True
    if not isinstance(late, Activation):
        raise InputError(
            f"{type(module).__name__} is none of evoact's activations; wanted evoact.Activation, "
            "whose Lipschitz constant is known: evoact.swap puts it in place of others"
        )
    values = [p.detach().reshape(-1).tolist() for p in late.parameters()]
    count = max(map(len, values), default=1)
    each = [one if len(one) > 1 else one * count for one in values]
    facts = [
        late.initial.with_values(tuple(one[k] for one in each)).facts().lipschitz
        for k in range(count)
    ]
    known = [math.inf if f.value is None or math.isnan(f.value) else f.value for f in facts]
    return max(known), all(f.certified for f in facts)


def _norm(name: str, module: nn.Module, value: Tensor) -> float:
    """Return the largest singular value of an affine layer, as a matrix on what it is given."""
    if isinstance(module, nn.Linear):
        return float(torch.linalg.matrix_norm(module.weight, ord=2))
    if not (isinstance(module, _AFFINE) or getattr(module, "is_affine", False)):
        raise InputError(
            f"layer {name!r} is a {type(module).__name__}; wanted a chain of linear layers and "
            "activations, whose norms can be multiplied"
        )
    size = value[0].numel()
    if size > _MOST_INPUTS:
        raise InputError(
            f"layer {name!r} has {size} inputs; wanted at most {_MOST_INPUTS}, of which the norm "
            "is computed exactly"
        )
    with torch.no_grad():
        basis = torch.eye(size, dtype=torch.float64).view(size, *value.shape[1:])
        matrix = (module(basis) - module(torch.zeros_like(basis[:1]))).flatten(1)
    return float(torch.linalg.matrix_norm(matrix, ord=2))


def lipschitz_estimate(network: nn.Module, x: Tensor) -> float:
    """Return the largest stretch seen: of pairs of samples, and of small changes of each.

    A bound from below on the Lipschitz constant in the 2-norm: the larger of
    `|f(x) - f(x')| / |x - x'|` over pairs and of the Jacobians' largest singular values.

    Args:
        network: any module.
        x: inputs, `(samples, ...)`.

    >>> network = nn.Linear(1, 1)
    >>> _ = network.weight.data.fill_(-2.0)
    >>> lipschitz_estimate(network, torch.tensor([[0.0], [1.0]]))
    2.0
    """
    steepest = float(torch.linalg.svdvals(jacobians(network, x)).max())
    with torch.no_grad():
        outputs = exact(network)(x.detach().cpu().double()).flatten(1)
    apart = torch.nn.functional.pdist(x.detach().cpu().double().flatten(1))
    moved = torch.nn.functional.pdist(outputs)
    ratios = (moved / apart)[apart > 0]
    return max(steepest, float(ratios.max()) if len(ratios) else 0.0)

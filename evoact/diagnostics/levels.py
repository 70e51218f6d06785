"""Where an activation leaves one of its linear pieces for another."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from evoact.diagnostics.recording import channel_dim
from evoact.errors import InputError
from evoact.language import Call, Const, Expression, X
from evoact.language.lanes import lanes
from evoact.nn import Activation, Annealed

_NEVER: Final = 1e100  # a knot where nobody gets to
_SORTING: Final = ("group_max", "group_sort", "full_sort")


def levels(module: nn.Module, before: Tensor) -> Tensor:
    """Return numbers that change their signs where an activation leaves a linear piece.

    They are affine functions of the inputs: for a pointwise function the distances of
    each input from each knot; where channels are sorted, the differences in each group.

    Args:
        module: an `Activation`, or a torch.nn.ReLU.
        before: its inputs, `(points, ...)`.

    Returns:
        `(points, levels)`.

    Raises:
        InputError: the function is not known to be continuous and piecewise linear.

    >>> levels(Activation("clamp(x, -1, 1)"), torch.tensor([[3.0]])).tolist()
    [[4.0, 2.0]]
    >>> levels(Activation("group_max(x, 2)", channels=2), torch.tensor([[3.0, 5.0]])).tolist()
    [[-2.0]]
    """
    rows = before.movedim(channel_dim(module), -1)
    if isinstance(module, nn.ReLU):
        return rows.flatten(1)
    late = module.late if isinstance(module, Annealed) else module
    if not isinstance(late, Activation):
        raise InputError(
            f"{type(module).__name__} is none of evoact's activations; wanted evoact.Activation "
            "(evoact.swap puts it in place of others) or torch.nn.ReLU"
        )
    size = _sorted_group(late.expression(), rows.shape[-1])
    if size is not None:
        parts = rows.unflatten(-1, (-1, size))
        one, other = torch.triu_indices(size, size, 1)
        differences: Tensor = parts[..., one] - parts[..., other]
        return differences.flatten(1)
    gaps: Tensor = rows.unsqueeze(-1) - _knots(late, rows)
    return gaps.flatten(1)


def _sorted_group(expression: Expression, channels: int) -> int | None:
    """Return how many channels are compared with each other, if they alone are."""
    root = expression.root
    if not isinstance(root, Call) or root.primitive.name not in _SORTING or root.args[0] != X():
        return None
    size = root.args[1] if len(root.args) > 1 else Const(float(channels))
    return int(size.value) if isinstance(size, Const) else None


def _knots(module: Activation, rows: Tensor) -> Tensor:
    """Return the knots of each channel, `(channels, knots)` or `(1, knots)`."""
    found = [_knots_of(one) for one in _expressions(module)]
    most = max(map(len, found))
    filled = [[*knots, *[_NEVER] * (most - len(knots))] for knots in found]
    return torch.tensor(filled, dtype=rows.dtype).view(len(filled), most)


def _expressions(module: Activation) -> list[Expression]:
    """Return the trained function: one, or that of each channel."""
    values = [p.detach().reshape(-1).tolist() for p in module.parameters()]
    count = max(map(len, values), default=1)
    if count > 1 and module.initial.is_groupwise:
        raise InputError(
            f"{module.initial} works across channels and has parameters per channel; wanted one "
            "or the other where regions are counted"
        )
    each = [one if len(one) > 1 else one * count for one in values]
    return [module.initial.with_values(tuple(one[k] for one in each)) for k in range(count)]


def _knots_of(expression: Expression) -> list[float]:
    parts = lanes(expression)
    if parts is None:
        raise InputError(
            f"{expression} mixes channels in another way than {', '.join(_SORTING)} of x; its "
            "regions cannot be counted: sign_patterns counts them by samples"
        )
    found: set[float] = set()
    for _, lane in parts:
        facts = lane.facts()
        if facts.piecewise_linear.value is not True or facts.continuous.value is not True:
            raise InputError(
                f"{lane} is not continuous and piecewise linear; wanted such as relu(x): "
                "sign_patterns and fold_depth take any function"
            )
        found.update(knot.x for knot in facts.knots.value)
    return sorted(found)

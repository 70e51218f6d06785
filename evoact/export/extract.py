"""The expression that a trained module ended with."""

from __future__ import annotations

from torch import nn

from evoact.errors import InputError
from evoact.export.parity import ExportError
from evoact.language import Expression
from evoact.nn import Activation, Annealed


def expression_of(module: nn.Module) -> Expression:
    """Return the expression of an activation, with its trained per-layer values.

    Args:
        module: an `Activation`, or an `Annealed` that has arrived at g = 1.

    Raises:
        ExportError: g < 1, or the late function is no `Activation`.
        InputError: another kind of module.

    >>> act = Annealed("relu(x)", "x * sigmoid(beta * x) where beta = 1.0")
    >>> act.set_g(1.0)
    >>> str(expression_of(act))
    'x * sigmoid(beta * x) where beta = 1.0'
    """
    if isinstance(module, Annealed):
        return _late(module)
    if isinstance(module, Activation):
        return module.expression()
    raise InputError(f"module is a {type(module).__name__}; wanted an Activation or an Annealed")


def _late(module: Annealed) -> Expression:
    if reason := module.unfinished():
        raise ExportError(reason)
    if not isinstance(module.late, Activation):
        raise ExportError(
            f"the late function is a {type(module.late).__name__}, which has no expression; "
            "give Annealed an expression or an Activation"
        )
    return module.late.expression()

"""What the models of shipped tasks are made with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from evoact.errors import InputError, integer, nearest
from evoact.tasks.user import MakeActivation

MakeLayer = Callable[[int, int, int], nn.Module]


def perceptron(
    activation: MakeActivation,
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    layer: MakeLayer = lambda _, inputs, outputs: nn.Linear(inputs, outputs),
) -> nn.Sequential:
    """Return a multilayer perceptron.

    Args:
        activation: makes those between layers.
        inputs: channels of its input.
        hidden: channels of its hidden layers, before the activations.
        outputs: channels of its output.
        layer: makes a layer of its place, from 0 on, of inputs and outputs.
    """
    layers: list[nn.Module] = []
    for place, channels in enumerate(hidden):
        act = activation(channels)
        layers += [layer(place, inputs, channels), act]
        inputs = int(act.out_channels)  # type: ignore[arg-type]  # a number, see `MakeActivation`
    return nn.Sequential(*layers, layer(len(hidden), inputs, outputs))


def sizes_of(hidden: Sequence[int]) -> tuple[int, ...]:
    """Return hidden sizes as a user gave them.

    Raises:
        InputError: there are none, or one is no integer from 1 on.
    """
    sizes = tuple(integer(n, "hidden", 64) for n in hidden)
    if not sizes or min(sizes) < 1:
        raise InputError(f"hidden is {list(hidden)}; wanted sizes from 1 on, such as [64, 64]")
    return sizes


def one_of(value: Any, name: str, known: Sequence[str]) -> str:
    """Return an argument that is one of those known.

    Raises:
        InputError: it is not.
    """
    if value not in known:
        near = nearest(str(value), known)
        raise InputError(f"{name} is {value!r}{near}; wanted {', '.join(known)}")
    return str(value)

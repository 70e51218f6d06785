"""How long functions take, next to ReLU, on the processor that asks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from evoact.language import Expression, named
from evoact.nn.activation import Activation

_ELEMENTS: Final = 2**16  # of a batch of some hundred in a layer of some hundred channels
_CHANNELS: Final = 64
_ROUNDS: Final = 15


def relative_latency(
    expressions: Sequence[Expression],
    ways: Sequence[str] = ("torch",),
    device: str = "cpu",
    rounds: int = _ROUNDS,
) -> Mapping[str, Mapping[str, float]]:
    """Return the time of a forward and backward pass over ReLU's, by text and way of computing.

    Medians over rounds in which all are timed in turn, so that what else the
    machine does falls on all alike; one thread. Per element of the input. ReLU is
    computed in the same way.

    Args:
        expressions: what to time.
        ways: `"torch"`, or generated `"c"`, which groupwise functions have none of and are
            torch's.
        device: where.
        rounds: how many are timed.

    Returns:
        `{text: {way: ratio}}`.
    """
    distinct = {str(expression): expression for expression in expressions}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {way: _ratios(distinct, way, device, rounds) for way in ways}
    finally:
        torch.set_num_threads(threads)
    return {text: {way: found[way][text] for way in ways} for text in distinct}


def _ratios(
    expressions: Mapping[str, Expression], way: str, device: str, rounds: int
) -> dict[str, float]:
    prepared = {text: _prepared(e, way, device) for text, e in expressions.items()}
    unit = _prepared(named("relu"), way, device)
    ratios: dict[str, list[float]] = {text: [] for text in prepared}
    for number in range(rounds + 1):
        relu = _seconds(*unit)
        for text, passes in prepared.items():
            taken = _seconds(*passes)
            if number > 0:  # the first round warms up
                ratios[text].append(taken / relu)
    return {text: statistics.median(found) for text, found in ratios.items()}


def _prepared(expression: Expression, way: str, device: str) -> tuple[Activation, Tensor]:
    multiple = expression.channel_multiple
    channels = -(-_CHANNELS // multiple) * multiple
    x = torch.randn(_ELEMENTS // channels, channels, generator=torch.Generator().manual_seed(0))
    module = Activation(expression, channels, -1, backend=way).to(device)
    return module, x.to(device).requires_grad_()


def _seconds(module: Activation, x: Tensor) -> float:
    _wait_for(x)
    start = time.perf_counter()
    y = module(x)
    if y.requires_grad:  # constants have no gradient
        torch.autograd.grad(y.sum(), [x, *module.parameters()], allow_unused=True)
    _wait_for(x)
    return time.perf_counter() - start


def _wait_for(x: Tensor) -> None:
    if x.is_cuda:  # which computes while this process goes on
        torch.cuda.synchronize(x.device)

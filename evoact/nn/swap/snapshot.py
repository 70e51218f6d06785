"""A model as it was, whatever a trial run does to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

_TABLES: Final = ("_parameters", "_buffers", "_modules")


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Leave a model as it was found: attributes, training flags, the values of buffers.

    Models keep what they saw last, count calls or gather statistics, and some
    do so in eval mode.
    """
    before = [(module, dict(vars(module)), _tables(module)) for module in model.modules()]
    # An inference tensor tells no version, and nothing may write to it outside of that mode.
    buffers = [buffer for buffer in model.buffers() if not buffer.is_inference()]
    values = [(buffer, buffer._version, buffer.detach().clone()) for buffer in buffers]
    try:
        yield
    finally:
        for module, attributes, tables in before:
            vars(module).clear()
            vars(module).update(attributes)
            for name, table in tables.items():
                attributes[name].clear()
                attributes[name].update(table)
        _restore(values)


def _tables(module: nn.Module) -> dict[str, dict[str, Any]]:
    return {name: dict(vars(module)[name]) for name in _TABLES if name in vars(module)}


def _restore(values: list[tuple[Tensor, int, Tensor]]) -> None:
    with torch.no_grad():
        for buffer, version, value in values:
            if buffer._version != version:
                buffer.copy_(value)

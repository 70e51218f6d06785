"""Expressions as a Python file with a Keras 3 layer, for any of its back ends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from evoact.export.array_text import check_lines, head, indented, local_names, returned
from evoact.export.class_text import channels_text
from evoact.export.job import Job
from evoact.export.needs import require
from evoact.export.values import LayerValues
from evoact.language import Expression, FloatArray, Scope
from evoact.language.array_source import KERAS
from evoact.language.plain_steps import KERAS_NAMES, step_functions
from evoact.language.source import body

PACKAGES: Final = ("keras",)


def write(job: Job, directory: Path) -> list[str]:
    """Write `STEM_keras.py`; return its name."""
    require("keras", PACKAGES, "pip install 'evoact[keras]'")
    (directory / _name(job)).write_text(source(job), encoding="utf-8")
    return [_name(job)]


def read(job: Job, directory: Path, values: LayerValues) -> KerasLayer:
    """Return the layer with the values of one, from the file that `write` wrote."""
    os.environ.setdefault("KERAS_BACKEND", "torch")  # else it would want tensorflow
    path = directory / _name(job)
    scope: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_bytes(), path, "exec"), scope)  # noqa: S102  # our own text
    cls = scope[job.class_name]
    layer = cls() if values.layer is None else cls.trained(values.layer)
    layer.build((None, values.channels or 5))
    return KerasLayer(layer)


def _name(job: Job) -> str:
    return f"{job.stem}_keras.py"


def source(job: Job) -> str:
    """Return the text of the file."""
    lines, result = body(job.expression, local_names(job.expression), KERAS)
    text = "\n".join([*lines, result])
    steps = step_functions(text, KERAS_NAMES)
    imports = ("import keras", "from keras import ops")
    parts = ["\n".join(head(job, "Keras 3", imports)), *([steps] if steps else [])]
    return "\n\n\n".join([*parts, "\n".join(_class(job, lines, result))]) + "\n"


def _class(job: Job, lines: list[str], result: str) -> list[str]:
    read_ = [
        f'{local} = ops.cast(self.parameters["{name}"], x.dtype)'
        for local, name in zip(local_names(job.expression), job.expression.names, strict=True)
    ]
    call = [*check_lines(job.expression), *read_, *lines, *returned("ops.cast", result)]
    made = _weights(job.expression)
    return [
        f'@keras.saving.register_keras_serializable(package="{job.class_name}")',
        f"class {job.class_name}(keras.layers.Layer):",
        *_INIT,
        *indented(made, 8),
        "",
        "    def call(self, x):",
        *indented(call, 8),
        *(_TRAINED if job.trained else ()),
    ]


def _weights(expression: Expression) -> list[str]:
    wide = any(p.scope is Scope.CHANNEL for p in expression.parameters)
    lines = ["channels = input_shape[-1]"] if wide else []
    for name, p, use in zip(
        expression.names, expression.parameters, expression.layout.parameters, strict=True
    ):
        shape = f"({channels_text(use)},)" if p.scope is Scope.CHANNEL else "()"
        lines.append(f'self._add("{name}", {shape}, {p.initial!r})')
    return lines


_INIT: Final = (
    '    """The function at the top of this file, as a layer; channels are last.',
    "",
    "    Args:",
    "        values: what parameters start at, by name, where that is not the recipe.",
    "        kwargs: as of every layer.",
    '    """',
    "",
    "    def __init__(self, values=None, **kwargs):",
    "        super().__init__(**kwargs)",
    "        self.values = dict(values or {})",
    "        self.parameters = {}",
    "",
    "    def get_config(self):",
    '        return {**super().get_config(), "values": dict(self.values)}',
    "",
    "    def _add(self, name, shape, initial):",
    '        weight = self.add_weight(name=name, shape=shape, initializer="zeros")',
    "        weight.assign(ops.broadcast_to(self.values.get(name, initial), shape))",
    "        self.parameters[name] = weight",
    "",
    "    def build(self, input_shape):",
    "        super().build(input_shape)",
)
_TRAINED: Final = (
    "",
    "    @classmethod",
    "    def trained(cls, layer, **kwargs):",
    '        """Return the layer with the values that one was trained to."""',
    "        return cls(values=TRAINED[layer], **kwargs)",
)


class KerasLayer:
    """A layer of Keras, on the back end that this process has."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def parameters(self) -> Mapping[str, FloatArray]:
        """Return the parameters."""
        return {name: _array(weight.value) for name, weight in self._layer.parameters.items()}

    def values(self, x: FloatArray) -> FloatArray:
        """Return the values at float32 inputs."""
        from keras import ops

        return _array(self._layer(ops.convert_to_tensor(x)))

    def gradients(self, x: FloatArray, weights: FloatArray) -> Mapping[str, FloatArray] | None:
        """Return the gradients of the weighted sum; with torch behind Keras alone."""
        import keras

        if keras.backend.backend() != "torch":
            return None
        leaf = torch.tensor(x, requires_grad=True)
        leaves = {"x": leaf} | {n: w.value for n, w in self._layer.parameters.items()}
        result = self._layer(leaf) + 0.0 * leaf.sum()
        slopes = torch.autograd.grad(
            (result * torch.tensor(weights)).sum(),
            list(leaves.values()),
            allow_unused=True,
            materialize_grads=True,
        )
        named = zip(leaves, slopes, strict=True)
        return {f"gradient of {name}": slope.double().numpy() for name, slope in named}


def _array(value: Any) -> FloatArray:
    # Not by ops.convert_to_numpy, which calls what numpy deprecates.
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value, float)

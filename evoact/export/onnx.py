"""Expressions as ONNX models: one for the recipe, one a layer.

A model takes `x`, float32 `(batch, features)`, and gives `y`. The batch may have any
size; so may the features of a pointwise expression whose parameters are all per layer.
The parameters are initialisers of their names: the model computes, and does not train.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import torch
from torch import Tensor, nn
from torch.export import Dim

from evoact.export.job import Job
from evoact.export.needs import require
from evoact.export.state import describe
from evoact.export.values import LayerValues, activation
from evoact.language import Expression, FloatArray
from evoact.language.plain_steps import PLAIN_TORCH, TORCH_NAMES, step_functions
from evoact.language.source import body
from evoact.nn import Activation

PACKAGES: Final = ("onnx", "onnxscript", "onnxruntime")
OPSET: Final = 20  # the first that has Gelu


def file_name(job: Job, values: LayerValues) -> str:
    """Return `STEM.onnx`, or `STEM.LAYER.onnx`; a layer's odd characters are quoted."""
    return ".".join(filter(None, (job.stem, quote(values.layer or "", safe=""), "onnx")))


def write(job: Job, directory: Path) -> list[str]:
    """Write a model for each layer; return the names of the files.

    Each carries the description of the state format, as metadata `evoact.json`.
    """
    require("onnx", PACKAGES, "pip install 'evoact[onnx]'")
    names = []
    for values in job.layers:
        name = file_name(job, values)
        about = json.dumps({**describe(job), "layer": values.layer, "channels": values.channels})
        module = PlainModule(activation(job.expression, values))
        model = exported(module, values.channels)
        entry = model.metadata_props.add()
        entry.key, entry.value = "evoact.json", about
        (directory / name).write_bytes(model.SerializeToString(deterministic=True))
        names.append(name)
    return names


def read(job: Job, directory: Path, values: LayerValues) -> Model:
    """Return the model of one layer, from the file that `write` wrote."""
    return Model((directory / file_name(job, values)).read_bytes())


class Model:
    """A model in onnxruntime, on the CPU."""

    def __init__(self, data: bytes) -> None:
        import onnx
        import onnxruntime

        self._initializers = onnx.load_model_from_string(data).graph.initializer
        self._session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def parameters(self) -> Mapping[str, FloatArray]:
        """Return the initialisers that are no constants of the exporter's."""
        from onnx.numpy_helper import to_array

        return {
            i.name.removeprefix("p_"): to_array(i).astype(float)
            for i in self._initializers
            if i.name.startswith("p_")
        }

    def values(self, x: FloatArray) -> FloatArray:
        """Return the values at float32 inputs."""
        (result,) = self._session.run(["y"], {"x": x})
        found: FloatArray = result.astype(float)
        return found

    def gradients(self, _x: FloatArray, _weights: FloatArray) -> None:
        """Return None: onnxruntime computes values alone."""


class PlainModule(nn.Module):
    """The activation in operations that ONNX has, its parameters named `p_NAME`.

    Args:
        made: the activation, whose parameters are shared.
    """

    def __init__(self, made: Activation) -> None:
        super().__init__()
        self._expression: Expression = made.initial
        self._function = _plain_function(made.initial)
        for name, parameter in made.named_parameters():
            self.register_parameter(f"p_{name}", parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of `(batch, features)`."""
        values = [getattr(self, f"p_{name}") for name in self._expression.names]
        values = [value[None] if value.dim() else value for value in values]
        result: Tensor = self._function(x, *values)
        return x.clone() if result is x else result  # a model's output cannot be its input


def _plain_function(expression: Expression) -> Any:
    names = tuple(f"p{index}" for index in range(len(expression.parameters)))
    lines, result = body(expression, names, PLAIN_TORCH)
    text = "\n".join([*lines, f"return {result}"])
    helpers = step_functions(text, TORCH_NAMES)
    head = f"def function({', '.join(['x', *names])}):\n    dim = 1\n    "
    scope: dict[str, Any] = {"torch": torch, "F": nn.functional}
    exec(f"{helpers}\n{head}" + text.replace("\n", "\n    "), scope)  # noqa: S102  # from the table
    return scope["function"]


def exported(module: nn.Module, channels: int | None, outputs: tuple[str, ...] = ("y",)) -> Any:
    """Return the ONNX model of a module of one input `x`.

    Args:
        module: takes `(batch, features)`.
        channels: the features; None if there may be any number.
        outputs: the names of what it returns.
    """
    dynamic = {0: Dim("batch", min=1)}
    if channels is None:
        dynamic[1] = Dim("features", min=1)
    with _quiet():
        program = torch.onnx.export(
            module.eval(),
            (torch.zeros(2, channels or 3),),
            dynamo=True,
            dynamic_shapes=(dynamic,),
            input_names=["x"],
            output_names=list(outputs),
            opset_version=OPSET,
            optimize=False,  # it would take the parameters for constants, and fold them
            verbose=False,
        )
    assert program is not None, "so torch says with dynamo=True"
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces, which name directories of this machine
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to oneself what the exporter says of packages that are not asked for."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)

"""Expressions as ONNX models: one for the recipe, one a layer.

A model takes `x`, float32 `(batch, features)`, and gives `y`. The batch may have any
size; so may the features of a pointwise expression whose parameters are all per layer.
The parameters are initialisers of their names: the model computes, and does not train.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from evoact.export.job import Job
from evoact.export.needs import require
from evoact.export.state import describe
from evoact.export.values import LayerValues, activation
from evoact.language import Expression, FloatArray
from evoact.language.plain_steps import PLAIN_TORCH, TORCH_NAMES, step_functions
from evoact.language.source import body

if TYPE_CHECKING:
    from onnx import ModelProto

PACKAGES: Final = ("onnx", "onnxruntime")


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
        (directory / name).write_bytes(model(job, values).SerializeToString(deterministic=True))
        names.append(name)
    return names


def model(job: Job, values: LayerValues) -> ModelProto:
    """Return the model of one layer."""
    from evoact.export.onnx_torch import FUNCTIONAL, TORCH, recorded

    scope: dict[str, Any] = {"torch": TORCH, "F": FUNCTIONAL}
    exec(_source(job.expression), scope)  # noqa: S102  # written from the table
    module = activation(job.expression, values)
    made = recorded(
        scope["function"],
        {f"p_{n}": module.get_parameter(n).detach().numpy() for n in job.expression.names},
        values.channels,
    )
    about = json.dumps({**describe(job), "layer": values.layer, "channels": values.channels})
    made.metadata_props.add(key="evoact.json", value=about)
    return made


def _source(expression: Expression) -> str:
    """Return `function`, of `x` and the parameters, as text of torch."""
    names = tuple(f"p{index}" for index in range(len(expression.parameters)))
    lines, result = body(expression, names, PLAIN_TORCH)
    text = "\n    ".join(["dim = 1", *lines, f"return {result}"])
    helpers = step_functions(text, TORCH_NAMES)
    return f"{helpers}\n\n\ndef function({', '.join(['x', *names])}):\n    {text}\n"


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
        """Return the initialisers that are parameters, not constants."""
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

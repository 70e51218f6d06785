"""Expressions as a Python file with Triton kernels, forward and backward, for CUDA."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from evoact.errors import InputError
from evoact.export.class_text import class_lines
from evoact.export.job import Job
from evoact.export.needs import require
from evoact.export.parity import ExportError
from evoact.export.source import docstring, trained_values
from evoact.export.values import LayerValues, per_channel
from evoact.language import FloatArray, Scope
from evoact.language.triton_kernels import triton_kernels

PACKAGES: Final = ("triton",)


def write(job: Job, directory: Path) -> list[str]:
    """Write `STEM_triton.py`; return its name."""
    require("triton", PACKAGES, "pip install triton (it is made for Linux)")
    (directory / _name(job)).write_text(source(job), encoding="utf-8")
    return [_name(job)]


def read(job: Job, directory: Path, values: LayerValues) -> TritonModule:
    """Return the module of one layer, from the file that `write` wrote."""
    return TritonModule(directory / _name(job), job, values)


def _name(job: Job) -> str:
    return f"{job.stem}_triton.py"


def source(job: Job) -> str:
    """Return the text of the file.

    Raises:
        InputError: the expression is groupwise, or a parameter bears a name that is needed.
    """
    if "apply" in job.expression.names:
        raise InputError("a parameter is named 'apply', which the module needs; rename it")
    parts = [
        "\n".join([*docstring(job, "torch, in Triton kernels"), "", *_IMPORTS]),
        *(["\n".join(trained_values(job))] if job.trained else []),
        triton_kernels(job.expression).rstrip("\n"),
        _FUNCTION.replace("@wide@", repr(_wide(job))),
        "\n".join(class_lines(job, _forward(job), plain=True)),
    ]
    return "\n\n\n".join(parts) + "\n"


_IMPORTS: Final = (
    "import torch",
    "import triton",
    "import triton.language as tl",
    "from torch import nn",
    "from torch.autograd.function import once_differentiable",
)


def _wide(job: Job) -> tuple[bool, ...]:
    return tuple(p.scope is Scope.CHANNEL for p in job.expression.parameters)


def _forward(job: Job) -> list[str]:
    given = ", ".join(["x", *(f"self.{name}" for name in job.expression.names)])
    if not per_channel(job.expression):
        return [f"return _Activation.apply({given})"]
    name = job.expression.names[_wide(job).index(True)]
    return [
        "x = x.movedim(self.channel_dim, -1)",
        f"if x.shape[-1] != len(self.{name}):",
        f'    raise ValueError(f"input has {{x.shape[-1]}} channels; wanted {{len(self.{name})}}")',
        f"return _Activation.apply({given}).movedim(-1, self.channel_dim)",
    ]


_FUNCTION: Final = '''\
BLOCK = 1024
WIDE = @wide@  # which parameters are per channel


class _Activation(torch.autograd.Function):
    """The kernels, launched on a tensor whose channels are last."""

    @staticmethod
    def forward(ctx, x, *parameters):
        x = x.contiguous()
        ctx.save_for_backward(x, *parameters)
        y = torch.empty_like(x)
        blocks = triton.cdiv(x.numel(), BLOCK)
        if blocks:
            n = x.shape[-1] if x.dim() else 1
            values[(blocks,)](x, y, *parameters, x.numel(), n, BLOCK=BLOCK, enable_fp_fusion=False)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        x, *parameters = ctx.saved_tensors
        gx = torch.empty_like(x)
        total, n = x.numel(), x.shape[-1] if x.dim() else 1
        blocks = triton.cdiv(total, BLOCK)
        sums = [x.new_empty(total if wide else blocks, dtype=torch.float32) for wide in WIDE]
        if blocks:
            pulls[(blocks,)](
                x, g.contiguous(), gx, *sums, *parameters, total, n,
                BLOCK=BLOCK, enable_fp_fusion=False,
            )
        slopes = [
            (s.view(-1, n).sum(0) if wide else s.sum()).to(p.dtype)
            for s, wide, p in zip(sums, WIDE, parameters)
        ]
        return (gx, *slopes)'''

# Run in a process of its own: whether kernels are interpreted is decided on import.
_RUN: Final = """
import importlib.util, json, sys, warnings
import torch
warnings.simplefilter("ignore")
path, name, method, arguments = sys.argv[1:]
spec = importlib.util.spec_from_file_location("exported", path)
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
made = getattr(exported, name)
device = "cuda" if torch.cuda.is_available() else "cpu"
module = (getattr(made, method) if method else made)(*json.loads(arguments)).to(device)
x, weights = json.load(sys.stdin)
leaf = torch.tensor(x, dtype=torch.float32, device=device, requires_grad=True)
y = module(leaf)
if weights is not None:
    (y * torch.tensor(weights, device=device)).sum().backward()
named = dict(module.named_parameters())
told = {"result": y.tolist(), "parameters": {key: p.tolist() for key, p in named.items()}}
if weights is not None:
    leaves = {"x": leaf, **named}
    told.update({f"gradient of {key}": p.grad.tolist() for key, p in leaves.items()})
json.dump(told, sys.stdout)
"""


class TritonModule:
    """A module of kernels, in a process of its own: on CUDA, else in Triton's interpreter."""

    def __init__(self, path: Path, job: Job, values: LayerValues) -> None:
        trained = values.layer is not None
        given = [values.layer] if trained else [values.channels] * per_channel(job.expression)
        method = "trained" if trained else ""
        self._arguments = [str(path), job.class_name, method, json.dumps(given)]
        self._channels = values.channels or 1
        self._parameters: dict[str, FloatArray] | None = None

    def parameters(self) -> Mapping[str, FloatArray]:
        """Return the parameters."""
        if self._parameters is None:
            self._told([[0.0] * self._channels], None)
        assert self._parameters is not None
        return self._parameters

    def values(self, x: FloatArray) -> FloatArray:
        """Return the values at float32 inputs."""
        return self._told(x.tolist(), None)["result"]

    def gradients(self, x: FloatArray, weights: FloatArray) -> Mapping[str, FloatArray]:
        """Return the gradients of the weighted sum."""
        return self._told(x.tolist(), weights.tolist())

    def _told(self, x: Any, weights: Any) -> dict[str, FloatArray]:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        if not torch.cuda.is_available():
            environment["TRITON_INTERPRET"] = "1"
        done = subprocess.run(  # noqa: S603  # our own text, and a path without a shell
            [sys.executable, "-c", _RUN, *self._arguments],
            input=json.dumps([x, weights]),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ExportError(f"the Triton kernels do not run: {done.stderr.strip()[-500:]}")
        told = json.loads(done.stdout)
        given = told.pop("parameters")
        self._parameters = {name: np.asarray(value, float) for name, value in given.items()}
        return {key: np.asarray(value, float) for key, value in told.items()}

"""Expressions as programs of `torch.export`: one for the recipe, one a layer.

A program takes one float32 tensor `(batch, features)`. The batch may have any
size; so may the features of a pointwise expression whose parameters are all per
layer. Else the features are fixed: they are the channels.

`torch.export.load(file).module()` gives a module, in a process that need not
have evoact. Its parameters train on; it has no `train()` and `eval()`, and
needs none: an activation does the same in both.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from evoact.export.job import Job
from evoact.export.state import describe
from evoact.export.values import LayerValues, activation
from evoact.language import Expression


def file_name(job: Job, values: LayerValues) -> str:
    """Return `STEM.pt2`, or `STEM.LAYER.pt2`; a layer's odd characters are quoted."""
    return ".".join(filter(None, (job.stem, quote(values.layer or "", safe=""), "pt2")))


def write(job: Job, directory: Path) -> list[str]:
    """Write a program for each layer; return the names of the files.

    Each carries the description of the state format, as `evoact.json`.
    """
    names = []
    for values in job.layers:
        name = file_name(job, values)
        about = json.dumps({**describe(job), "layer": values.layer, "channels": values.channels})
        program = _program(job.expression, values)
        torch.export.save(program, directory / name, extra_files={"evoact.json": about})
        names.append(name)
    return names


def read(job: Job, directory: Path, values: LayerValues) -> nn.Module:
    """Return the module of one layer, from the file that `write` wrote."""
    module: nn.Module = torch.export.load(directory / file_name(job, values)).module()
    return module


def _program(expression: Expression, values: LayerValues) -> ExportedProgram:
    dynamic = {0: Dim("batch", min=1)}
    if values.channels is None:
        dynamic[1] = Dim("features", min=1)
    # More than one of each: torch takes a size of 1 for a constant. Zeros: the
    # example is saved with the program, and equal exports should be equal files.
    example = torch.zeros(2, values.channels or 3)
    program = torch.export.export(
        activation(expression, values), (example,), dynamic_shapes=(dynamic,)
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names directories of this machine
    return program

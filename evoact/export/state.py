"""Expressions as state: values in safetensors, everything else in JSON.

Nothing in these files is ever executed: the expression is parsed, the values
are numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from evoact.errors import InputError, nearest
from evoact.export.job import Job, make_job, staged
from evoact.export.parity import check_parity
from evoact.export.values import LayerValues, Trained, activation, input_channels
from evoact.language import LANGUAGE_VERSION, Expression, parse
from evoact.language.migrate import migrated
from evoact.nn import Activation

STATE_VERSION: Final = 1


def describe(job: Job) -> dict[str, Any]:
    """Return what the JSON of a state says, and what a pt2 carries with it.

    `width` is that of the output, and of each parameter that of the node which
    uses it, relative to the input: per channel it has `channels * width` values.
    `widths` tells the input channels of each layer, null where any will do.
    """
    expression = job.expression
    uses = expression.layout.parameters
    return {
        "state_version": STATE_VERSION,
        "language_version": LANGUAGE_VERSION,
        "expression": str(expression),
        "width": str(expression.width),
        "channel_multiple": expression.channel_multiple,
        "parameters": [
            {"name": name, "initial": p.initial, "scope": p.scope.value, "width": str(use)}
            for name, p, use in zip(expression.names, expression.parameters, uses, strict=True)
        ],
        "params": "trained" if job.trained else "recipe",
        "layers": [values.layer for values in job.layers if values.layer is not None],
        "widths": {
            values.layer: input_channels(expression, values.values, "")
            for values in job.layers
            if job.trained
        },
        "about": job.about,
    }


def write(job: Job, directory: Path) -> list[str]:
    """Write `STEM.safetensors` and `STEM.json`; return their names."""
    tensors = {
        _key(values.layer, name): torch.tensor(value, dtype=torch.float32)
        for values in job.layers
        for name, value in values.values.items()
    }
    names = [f"{job.stem}.safetensors", f"{job.stem}.json"]
    save_file(tensors, directory / names[0])
    text = json.dumps(describe(job), indent=2, allow_nan=False)
    (directory / names[1]).write_text(text + "\n", encoding="utf-8")
    return names


def read(job: Job, directory: Path, values: LayerValues) -> Activation:
    """Return the module of one layer, from the files that `write` wrote."""
    return load_state(directory / f"{job.stem}.json", values.layer, channels=values.channels)


def _key(layer: str | None, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def write_state(
    path: Path | str,
    expression: Expression | str,
    *,
    trained: Trained | None = None,
    about: str = "",
) -> list[Path]:
    """Write `PATH.safetensors` and `PATH.json`, checked and atomically.

    The tensors are float32, under `layer.name` for trained values and under
    `name` for the recipe, whose per-channel parameters are one number: a width
    is chosen when they are loaded.

    Args:
        path: directory and stem, without an extension.
        expression: an `Expression`, or its text.
        trained: as in `export`; None for the recipe.
        about: where it comes from; any text.

    Raises:
        InputError: the values do not fit the expression.
        ExportError: what was written does not compute the same.
    """
    path = Path(path)
    job = make_job(expression, trained=trained, stem=path.name, about=about)
    with staged(path.parent) as stage:
        names = write(job, stage)
        for values in job.layers:
            reference = activation(job.expression, values)
            check_parity(read(job, stage, values), reference, what=f"state {path.name}")
    return [path.parent / name for name in names]


def load_state(
    path: Path | str, layer: str | None = None, *, channels: int | None = None
) -> Activation:
    """Return the activation that a state file describes.

    Args:
        path: the JSON file; its safetensors lie beside it.
        layer: whose trained values; may be left out if there is one layer.
        channels: of the input; needed for a groupwise expression and for a
            recipe with parameters per channel. Trained values per channel tell
            it; if given, it must be theirs.

    A name that has become a word of the language since the file was written
    gets a `_` behind it.

    Raises:
        InputError: the files are not a state, are newer than this evoact,
            have no such layer, or other channels.
    """
    path = Path(path)
    spec = _read_spec(path)
    layer = _choose(spec, layer, path)
    text, renamed = migrated(spec["expression"], spec["language_version"])
    expression = parse(text)
    tensors = _read_tensors(path.with_suffix(".safetensors"))
    values: dict[str, float | list[float]] = {}
    for name in expression.names:
        key = _key(layer, renamed.get(name, name))
        if key not in tensors:
            raise InputError(f"{path}: the safetensors have no {key!r}")
        values[name] = tensors[key].tolist()
    known = _known_channels(expression, values, spec, layer, path)
    if None not in (known, channels) and known != channels:
        raise InputError(f"{path}: layer {layer!r} has {known} channels; asked for {channels}")
    return activation(expression, LayerValues(layer, values, known or channels))


def _read_spec(path: Path) -> dict[str, Any]:
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(spec, dict):
        raise InputError(f"{path}: not the description of an activation")
    _check_version(path, spec, "state_version", STATE_VERSION)
    _check_version(path, spec, "language_version", LANGUAGE_VERSION)
    for key, kind in (("expression", str), ("layers", list), ("widths", dict)):
        if not isinstance(spec.get(key), kind):
            raise InputError(f"{path}: {key!r} is {spec.get(key)!r}; wanted a {kind.__name__}")
    return spec


def _check_version(path: Path, spec: Mapping[str, Any], key: str, ours: int) -> None:
    version = spec.get(key)
    if not isinstance(version, int) or version < 1:
        raise InputError(f"{path}: {key} is {version!r}; wanted an integer from 1 to {ours}")
    if version > ours:
        raise InputError(
            f"{path}: {key} is {version}, but this evoact reads up to {ours}; "
            "upgrade evoact, or export again with this version"
        )


def _choose(spec: Mapping[str, Any], layer: str | None, path: Path) -> str | None:
    layers: list[str] = [str(name) for name in spec["layers"]]
    known = ", ".join(map(repr, layers)) or "none: it is a recipe, leave layer out"
    if layer is None and len(layers) <= 1:
        return layers[0] if layers else None
    if layer is None:
        raise InputError(f"{path}: which layer? It has {known}")
    if layer not in layers:
        raise InputError(f"{path}: no layer {layer!r}{nearest(layer, layers)}; it has {known}")
    return layer


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not readable as safetensors: {error}") from error
    return tensors


def _known_channels(
    expression: Expression,
    values: Mapping[str, float | list[float]],
    spec: Mapping[str, Any],
    layer: str | None,
    path: Path,
) -> int | None:
    """Return the input channels that the values tell, having compared them with the JSON's."""
    if layer is None:
        return None
    found = input_channels(expression, values, f"{path}: layer {layer!r}")
    told = spec["widths"].get(layer)
    if told != found:
        raise InputError(
            f"{path}: layer {layer!r} should have {told} channels, but its safetensors have {found}"
        )
    return found

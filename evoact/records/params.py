"""Files of trained activation parameters, named by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from evoact.errors import StudyError
from evoact.files import write_all

Params = Mapping[str, Mapping[str, Any]]


def save_params(folder: Path, *trained: Params) -> list[str | None]:
    """Write each `{layer: {name: values}}` to `folder/HASH.safetensors`, durably.

    Returns:
        The hashes that name the files; None for what has nothing to write.
    """
    found = [_encoded(params) for params in trained]
    files = {_name(digest): data for digest, data in filter(None, found)}
    if files:
        write_all(folder, files, durable=True)
    return [named and named[0] for named in found]


def _encoded(params: Params) -> tuple[str, bytes] | None:
    tensors = {
        f"{layer}.{name}": np.asarray(values, dtype=np.float32)
        for layer, named in params.items()
        for name, values in named.items()
    }
    if not tensors:
        return None
    data = save_tensors(tensors)
    return hashlib.sha256(data).hexdigest(), data


def load_params(folder: Path, digest: str) -> dict[str, dict[str, Any]]:
    """Read what `save_params` wrote.

    Raises:
        StudyError: the file is missing, or its content is not what its name says.
    """
    path = folder / _name(digest)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StudyError(f"trained parameters cannot be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise StudyError(f"{path} was changed: its content is not what its name says")
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, LookupError, TypeError) as error:
        raise StudyError(f"{path} holds no parameters: {error}") from error
    params: dict[str, dict[str, Any]] = {}
    for key, tensor in sorted(tensors.items()):
        layer, _, name = key.rpartition(".")
        params.setdefault(layer, {})[name] = tensor.tolist()
    return params


def _name(digest: str) -> str:
    return f"{digest}.safetensors"

"""The file from which a cohort's training goes on where it was interrupted.

It has a name made of all that the training depends on, so nobody else takes it for
theirs. Its state is plain data and tensors, in the format of safetensors.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from evoact.files import write_atomically
from evoact.records import Cohort

_FORMAT: Final = 1
_TENSOR: Final = "<tensor>"  # the one key of what stands for a tensor in the plain data


class CohortFile:
    """The checkpoint of a cohort on one task, if it is to have one.

    Args:
        cohort: what is trained; where and how often it is kept changes no name.
        environment: by what it is trained: others would give other bits.

    Attributes:
        is_kept: whether there may be a file: one is wanted, and the study's folder is seen.
    """

    def __init__(self, cohort: Cohort, environment: Mapping[str, Any]) -> None:
        asked = cohort.checkpoint
        self.is_kept = asked is not None and Path(asked.folder).parent.is_dir()
        self._every = asked.every if asked else 0.0
        content = {**cohort.to_dict(), "checkpoint": None, "environment": dict(environment)}
        name = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        self._path = Path(asked.folder if asked else "", f"{name}.safetensors")
        self._name, self._last = name, time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time to write it."""
        return self.is_kept and time.monotonic() - self._last >= self._every

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a state; that it cannot be written stops no training."""
        tensors: dict[str, Tensor] = {}
        content = {"format": _FORMAT, "name": self._name, "state": _without(state, tensors)}
        data = save(tensors, metadata={"evoact": json.dumps(content)})
        try:
            write_atomically(self._path, data, durable=True)
        except OSError as error:
            warnings.warn(f"no checkpoint of a training is kept: {error}", stacklevel=2)
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state that was written last; None if there is none.

        Raises:
            ValueError, KeyError, OSError, safetensors.SafetensorError: the file is of something
                else, or not whole.
        """
        if not self.is_kept or not self._path.exists():
            return None
        with safe_open(self._path, framework="pt") as file:
            content = json.loads((file.metadata() or {})["evoact"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        if (content["format"], content["name"]) != (_FORMAT, self._name):
            raise ValueError("it is of another training")
        state: dict[str, Any] = _with(content["state"], tensors)
        return state

    def leave(self, error: Exception) -> None:
        """Say that the file is of no use, and why."""
        warnings.warn(
            f"checkpoint {self._path} is ignored, and the training begins anew: "
            f"{type(error).__name__}: {error}",
            stacklevel=2,
        )

    def remove(self) -> None:
        """Delete the file: the training is over."""
        with suppress(OSError):  # what is left is deleted at the study's end
            self._path.unlink(missing_ok=True)


def _without(data: Any, tensors: dict[str, Tensor]) -> Any:
    """Return plain data with names for the tensors in it, which come to `tensors`."""
    if isinstance(data, Tensor):
        name = str(len(tensors))
        tensors[name] = data.detach().cpu().clone().contiguous()
        return {_TENSOR: name}
    if isinstance(data, Mapping):
        return {key: _without(value, tensors) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without(value, tensors) for value in data]
    return data


def _with(data: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Undo `_without`."""
    if isinstance(data, dict):
        if data.keys() == {_TENSOR}:
            return tensors[data[_TENSOR]]
        return {key: _with(value, tensors) for key, value in data.items()}
    return [_with(value, tensors) for value in data] if isinstance(data, list) else data

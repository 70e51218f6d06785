"""Expressions as a Python file for JAX: pure functions of arrays and a dict of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from evoact.export.array_text import check_lines, head, indented, local_names, returned
from evoact.export.class_text import channels_text
from evoact.export.job import Job
from evoact.export.needs import require
from evoact.export.values import LayerValues, per_channel
from evoact.language import FloatArray, Scope
from evoact.language.array_source import JAX
from evoact.language.source import body

PACKAGES: Final = ("jax",)


def write(job: Job, directory: Path) -> list[str]:
    """Write `STEM_jax.py`; return its name."""
    require("jax", PACKAGES, "pip install 'evoact[jax]'")
    (directory / _name(job)).write_text(source(job), encoding="utf-8")
    return [_name(job)]


def read(job: Job, directory: Path, values: LayerValues) -> JaxFunction:
    """Return the function of one layer, from the file that `write` wrote."""
    path = directory / _name(job)
    scope: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_bytes(), path, "exec"), scope)  # noqa: S102  # our own text
    if values.layer is not None:
        return JaxFunction(scope["activation"], scope["trained"](values.layer))
    channels = [values.channels] if per_channel(job.expression) else []
    return JaxFunction(scope["activation"], scope["init"](*channels))


def _name(job: Job) -> str:
    return f"{job.stem}_jax.py"


def source(job: Job) -> str:
    """Return the text of the file."""
    names = local_names(job.expression)
    lines, result = body(job.expression, names, JAX)
    text = "\n".join([*lines, result])
    imports = ("import jax",) * ("jax." in text) + ("import jax.numpy as jnp",)
    parts = ["\n".join(head(job, "JAX", imports)), "\n".join(_init(job))]
    if job.trained:
        parts.append(_TRAINED)
    read_ = [
        f'{local} = jnp.asarray(params["{name}"], x.dtype)'
        for local, name in zip(names, job.expression.names, strict=True)
    ]
    call = [
        "def activation(x, params):",
        f'    """Return the activation of an array{_axes(job)}; `params` as from `init`."""',
        *indented([*check_lines(job.expression), *read_, *lines], 4),
        *indented(returned("jnp.asarray", result), 4),
    ]
    return "\n\n\n".join([*parts, "\n".join(call)]) + "\n"


def _axes(job: Job) -> str:
    wide = job.expression.is_groupwise or per_channel(job.expression)
    return ", its channels last" if wide else ""


def _init(job: Job) -> list[str]:
    expression = job.expression
    given = "channels" if per_channel(expression) else ""
    lines = [f"def init({given}):", '    """Return the parameters that a new model starts with."""']
    values = [
        f'"{name}": jnp.full({channels_text(use)}, {p.initial!r}),'
        if p.scope is Scope.CHANNEL
        else f'"{name}": jnp.asarray({p.initial!r}),'
        for name, p, use in zip(
            expression.names, expression.parameters, expression.layout.parameters, strict=True
        )
    ]
    if not values:
        return [*lines, "    return {}"]
    return [*lines, "    return {", *indented(values, 8), "    }"]


_TRAINED: Final = '''\
def trained(layer):
    """Return the parameters that a layer was trained to."""
    return {name: jnp.asarray(value) for name, value in TRAINED[layer].items()}'''


class JaxFunction:
    """A function of JAX with its parameters."""

    def __init__(self, function: Any, params: Mapping[str, Any]) -> None:
        self._function, self._params = function, dict(params)

    def parameters(self) -> Mapping[str, FloatArray]:
        """Return the parameters."""
        return {name: np.asarray(value, float) for name, value in self._params.items()}

    def values(self, x: FloatArray) -> FloatArray:
        """Return the values at float32 inputs."""
        import jax
        import jax.numpy as jnp

        return np.asarray(jax.jit(self._function)(jnp.asarray(x), self._params), float)

    def gradients(self, x: FloatArray, weights: FloatArray) -> Mapping[str, FloatArray]:
        """Return the gradients of the weighted sum."""
        import jax
        import jax.numpy as jnp

        def total(x: Any, params: Any) -> Any:
            return (self._function(x, params) * weights).sum()

        slopes = jax.jit(jax.grad(total, (0, 1)))
        by_x, by_params = slopes(jnp.asarray(x), self._params)
        found = {f"gradient of {name}": by_params[name] for name in self._params}
        found["gradient of x"] = by_x
        return {name: np.asarray(value, float) for name, value in found.items()}

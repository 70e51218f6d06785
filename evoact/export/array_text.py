"""What the files of JAX and Keras have in common."""

from __future__ import annotations

from typing import Final

from evoact.export.class_text import TEXT_WIDTH
from evoact.export.job import Job
from evoact.export.source import docstring, trained_values
from evoact.language import Expression

# What the files use themselves: a parameter of such a name has a `_` behind it there.
_TAKEN: Final = frozenset(
    {"jax", "jnp", "keras", "ops", "params", "x", "activation", "init", "trained", "TRAINED"}
    | {"erfc_", "bessel_i0e_", "bessel_i1e_", "fma_", "copysign_", "int"}
)


def local_names(expression: Expression) -> tuple[str, ...]:
    """Return the names of the parameters as variables.

    >>> from evoact.language import parse
    >>> local_names(parse("jnp * x + jnp_ where jnp = 1.0, jnp_ = 2.0"))
    ('jnp__', 'jnp_')
    """
    names = []
    for name in expression.names:
        found = name
        while found in _TAKEN or (found != name and found in expression.names):
            found += "_"
        names.append(found)
    return tuple(names)


def head(job: Job, library: str, imports: tuple[str, ...]) -> list[str]:
    """Return the lines before the function: docstring, imports, trained values."""
    lines = [*docstring(job, library), "", *imports]
    return [*lines, "", *trained_values(job)] if job.trained else lines


def returned(cast: str, result: str) -> list[str]:
    """Return the statement that returns a result in the type of `x`."""
    line = f"return {cast}({result}, x.dtype)"
    if len(line) < TEXT_WIDTH - 8:
        return [line]
    return [f"return {cast}(", f"    {result},", "    x.dtype,", ")"]


def indented(lines: list[str], spaces: int) -> list[str]:
    """Return lines further to the right."""
    return [" " * spaces + line if line else "" for line in lines]


def check_lines(expression: Expression) -> list[str]:
    """Return the statements that refuse channels that fill no groups."""
    multiple = expression.channel_multiple
    if multiple == 1:
        return []
    return [
        f"if x.shape[-1] % {multiple}:",
        f'    raise ValueError(f"input has {{x.shape[-1]}} channels; wanted a multiple of '
        f'{multiple}")',
    ]

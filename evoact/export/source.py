"""Expressions as a standalone Python file: torch, and nothing of evoact.

Into the file go the table's templates, numbers printed by `repr`, checked
identifiers and escaped text; never a user's text as it is.
"""

from __future__ import annotations

import re
import textwrap
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import nn

from evoact.export.class_text import TEXT_WIDTH, channels_text, class_lines
from evoact.export.job import Job, make_job
from evoact.export.values import LayerValues, Trained, needs_channels, per_channel
from evoact.language import LANGUAGE_VERSION, Expression, Scope, torch_body


def standalone_source(
    expression: Expression | str,
    *,
    class_name: str = "Activation",
    trained: Trained | None = None,
    about: str = "",
) -> str:
    """Return the text of a Python file with the activation as a torch module.

    Its parameters start at the `where` values. With `trained`, the file also
    holds the values of each layer, and `CLASS.trained(layer)` makes a module
    that starts at those; where they do not tell how many channels a groupwise
    expression works on, it is `CLASS.trained(layer, channels)`.

    Args:
        expression: an `Expression`, or its text.
        class_name: the class in the file.
        trained: as in `evoact.export.export`.
        about: where the function comes from; any text.

    Raises:
        InputError: a name or a value is not what it must be.

    >>> text = standalone_source("max(x, a * x) where a = 0.25", class_name="PReLU")
    >>> print(text[text.index("    def __init__"):])
        def __init__(self, inplace: bool = False) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.tensor(0.25))
    <BLANKLINE>
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a = self.a.to(x.dtype)
            return torch.maximum(x, a * x)
    <BLANKLINE>
    """
    return _render(make_job(expression, trained=trained, class_name=class_name, about=about))


def write(job: Job, directory: Path) -> list[str]:
    """Write `STEM.py`; return its name."""
    name = f"{job.stem}.py"
    (directory / name).write_text(_render(job), encoding="utf-8")
    return [name]


def read(job: Job, directory: Path, values: LayerValues) -> nn.Module:
    """Return the module of one layer, from the file that `write` wrote."""
    path = directory / f"{job.stem}.py"
    scope: dict[str, Any] = {"__name__": job.stem}
    # Not imported: that would leave byte code behind, and a name in sys.modules.
    exec(compile(path.read_bytes(), path, "exec"), scope)  # noqa: S102  # our own text, see above
    cls = scope[job.class_name]
    channels = [values.channels] if needs_channels(job.expression) else []
    if values.layer is None:
        module: nn.Module = cls(*channels)
    elif per_channel(job.expression):  # the values tell the channels
        module = cls.trained(values.layer)
    else:
        module = cls.trained(values.layer, *channels)
    return module


def _render(job: Job) -> str:
    lines, result = torch_body(job.expression, job.expression.names)
    uses_functional = any(re.search(r"\bF\.", line) for line in [*lines, result])
    head = [*docstring(job), "", "import torch"]
    head += ["import torch.nn.functional as F"] * uses_functional
    head += ["from torch import nn"]
    if job.trained:
        head += ["", *trained_values(job)]
    body = class_lines(job, [*lines, f"return {result}"])
    return "\n".join([*head, "", "", *body]) + "\n"


def docstring(job: Job, library: str = "torch") -> list[str]:
    """Return the lines of the docstring of a file."""
    expression = job.expression
    lines = [f'"""{job.class_name}: an activation function for {library}.', ""]
    lines += [*_wrapped(str(expression), "    "), ""]
    lines += _parameter_lines(expression)
    for line in job.about.splitlines():
        lines += [_escaped(piece) for piece in _wrapped(line)] or [""]
    lines += [""] * bool(job.about.strip())
    return [*lines, f"Written by evoact (language version {LANGUAGE_VERSION}).", '"""']


def _parameter_lines(expression: Expression) -> list[str]:
    if not expression.parameters:
        return ["It has no parameters.", ""]
    uses = expression.layout.parameters
    lines = [
        f"    {name}: one per {_scope(p.scope, use)}, starts at {p.initial!r}"
        for name, p, use in zip(expression.names, expression.parameters, uses, strict=True)
    ]
    return ["Learnable parameters:", *lines, ""]


def _scope(scope: Scope, use: Fraction) -> str:
    is_wide = scope is Scope.CHANNEL and use != 1
    return f"{scope.value} ({channels_text(use)} of them)" if is_wide else scope.value


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        TEXT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _escaped(text: str) -> str:
    """Return text that stands in a docstring for itself, and cannot end it."""
    visible = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in text.replace("\\", "\\\\")
    )
    return visible.replace('"""', '\\"\\"\\"')


def _quoted(text: str) -> str:
    """Return a literal of any text, in double quotes where that is plain."""
    literal = ascii(text)
    return f'"{text}"' if literal == f"'{text}'" and '"' not in text else literal


def trained_values(job: Job) -> list[str]:
    """Return the lines of the dict `TRAINED`."""
    scopes = {p.scope for p in job.expression.parameters}
    kinds = [k for s, k in ((Scope.LAYER, "float"), (Scope.CHANNEL, "list[float]")) if s in scopes]
    lines = [
        "# The values that each layer was trained to.",
        f"TRAINED: dict[str, dict[str, {' | '.join(kinds)}]] = {{",
    ]
    for values in job.layers:
        lines += [f"    {_quoted(values.layer or '')}: {{"]
        for name, value in values.values.items():
            lines += _item(name, value)
        lines += ["    },"]
    return [*lines, "}"]


def _item(name: str, value: float | list[float]) -> list[str]:
    if not isinstance(value, list):
        return [f'        "{name}": {value!r},']
    line = f'        "{name}": {value!r},'
    if len(line) <= TEXT_WIDTH:
        return [line]
    numbers = _wrapped(", ".join(map(repr, value)) + ",", " " * 12)
    return [f'        "{name}": [', *numbers, "        ],"]

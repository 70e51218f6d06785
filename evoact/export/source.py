"""Expressions as a standalone Python file: torch, and nothing of evoact.

Into the file go the table's templates, numbers printed by `repr`, checked
identifiers and escaped text; never a user's text as it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from torch import nn

from evoact.export.job import Job, make_job
from evoact.export.values import LayerValues, Trained, per_channel
from evoact.language import LANGUAGE_VERSION, Expression, Scope, torch_body

_WIDTH: Final = 88


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
    that starts at those.

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
    if values.layer is not None:
        module: nn.Module = cls.trained(values.layer)
    else:
        module = cls(values.channels) if per_channel(job.expression) else cls()
    return module


def _render(job: Job) -> str:
    lines, result = torch_body(job.expression, job.expression.names)
    uses_functional = any(re.search(r"\bF\.", line) for line in [*lines, result])
    head = [*_docstring(job), "", "import torch"]
    head += ["import torch.nn.functional as F"] * uses_functional
    head += ["from torch import nn"]
    if job.trained:
        head += ["", *_trained_values(job)]
    body = _class(job, [*lines, f"return {result}"])
    return "\n".join([*head, "", "", *body]) + "\n"


def _docstring(job: Job) -> list[str]:
    expression = job.expression
    lines = [f'"""{job.class_name}: an activation function for torch.', ""]
    lines += [*_wrapped(str(expression), "    "), ""]
    lines += _parameter_lines(expression)
    for line in job.about.splitlines():
        lines += [_escaped(piece) for piece in _wrapped(line)] or [""]
    lines += [""] * bool(job.about.strip())
    return [*lines, f"Written by evoact (language version {LANGUAGE_VERSION}).", '"""']


def _parameter_lines(expression: Expression) -> list[str]:
    if not expression.parameters:
        return ["It has no parameters.", ""]
    lines = [
        f"    {name}: one per {p.scope.value}, starts at {p.initial!r}"
        for name, p in zip(expression.names, expression.parameters, strict=True)
    ]
    return ["Learnable parameters:", *lines, ""]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
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


def _trained_values(job: Job) -> list[str]:
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
    if len(line) <= _WIDTH:
        return [line]
    numbers = _wrapped(", ".join(map(repr, value)) + ",", " " * 12)
    return [f'        "{name}": [', *numbers, "        ],"]


def _class(job: Job, body: list[str]) -> list[str]:
    expression, wide = job.expression, per_channel(job.expression)
    lines = [f"class {job.class_name}(nn.Module):", *_indented(_class_docstring(job, wide), 4)]
    lines += ["", *_indented(_init(expression, wide), 4)]
    locals_ = [_local(name, p.scope) for name, p in _named(expression)]
    lines += ["", "    def forward(self, x: torch.Tensor) -> torch.Tensor:"]
    lines += _indented([*locals_, *body], 8)
    if wide:
        lines += ["", *_indented(_BROADCAST, 4)]
    if job.trained:
        lines += ["", *_indented(_trained_method(job, wide), 4)]
    return lines


def _named(expression: Expression) -> Iterable[tuple[str, Any]]:
    return zip(expression.names, expression.parameters, strict=True)


def _indented(lines: Iterable[str], spaces: int) -> list[str]:
    return [" " * spaces + line if line else "" for line in lines]


def _class_docstring(job: Job, wide: bool) -> list[str]:
    formula = str(job.expression).split(" where ")[0]
    line = f'"""{job.class_name}(x) = {formula}.'
    if len(line) > _WIDTH:
        line = '"""The function at the top of this file, as a module.'
    lines = [line, "", "Args:"]
    if wide:
        lines += ["    channels: how many channels the input has."]
        lines += ["    channel_dim: which dimension of the input holds them."]
    lines += ["    inplace: ignored; there so that the class fits where nn.ReLU does."]
    return [*lines, '"""']


def _init(expression: Expression, wide: bool) -> list[str]:
    arguments = "channels: int, channel_dim: int = 1, " if wide else ""
    lines = [f"def __init__(self, {arguments}inplace: bool = False) -> None:"]
    lines += ["    super().__init__()"]
    lines += ["    self.channel_dim = channel_dim"] * wide
    for name, p in _named(expression):
        start = (
            f"torch.full((channels,), {p.initial!r})"
            if p.scope is Scope.CHANNEL
            else f"torch.tensor({p.initial!r})"
        )
        lines.append(f"    self.{name} = nn.Parameter({start})")
    return lines


def _local(name: str, scope: Scope) -> str:
    if scope is Scope.CHANNEL:
        return f"{name} = self._broadcast(self.{name}, x)"
    return f"{name} = self.{name}.to(x.dtype)"


_BROADCAST: Final = (
    "def _broadcast(self, parameter: torch.Tensor, x: torch.Tensor) -> torch.Tensor:",
    "    shape = [1] * x.dim()",
    "    shape[self.channel_dim] = -1",
    "    return parameter.to(x.dtype).view(shape)",
)


def _trained_method(job: Job, wide: bool) -> list[str]:
    extra = ", channel_dim: int = 1" if wide else ""
    first = next((n for n, p in _named(job.expression) if p.scope is Scope.CHANNEL), "")
    made = f'cls(len(values["{first}"]), channel_dim)' if wide else "cls()"
    return [
        "@classmethod",
        f'def trained(cls, layer: str{extra}) -> "{job.class_name}":',
        '    """Return the activation with the values that a layer was trained to."""',
        "    values = TRAINED[layer]",
        f"    module = {made}",
        "    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})",
        "    return module",
    ]

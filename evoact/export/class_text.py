"""The class in a standalone Python file, line by line."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final

from evoact.export.job import Job
from evoact.export.values import needs_channels, per_channel
from evoact.language import Expression, Scope

TEXT_WIDTH: Final = 88


def class_lines(job: Job, body: list[str], *, plain: bool = False) -> list[str]:
    """Return the lines of the class.

    Args:
        job: what is exported.
        body: the statements of the function, which read `x`, the parameters by
            their names and, in a groupwise expression, `dim`.
        plain: whether the body reads the parameters of `self` instead.
    """
    expression = job.expression
    lines = [f"class {job.class_name}(nn.Module):", *_indented(_docstring(job), 4)]
    lines += ["", *_indented(_init(expression), 4)]
    lines += ["", "    def forward(self, x: torch.Tensor) -> torch.Tensor:"]
    lines += _indented(_DIMENSION, 8) if expression.is_groupwise else []
    locals_ = [] if plain else [_local(name, p.scope) for name, p in _named(expression)]
    lines += _indented([*locals_, *body], 8)
    if per_channel(expression) and not plain:
        lines += ["", *_indented(_BROADCAST, 4)]
    if job.trained:
        lines += ["", *_indented(_trained_method(job), 4)]
    return lines


def channels_text(width: Fraction) -> str:
    """Return the channels at a width, as an expression of `channels`.

    >>> [channels_text(Fraction(n, 4)) for n in (1, 2, 4, 8)]
    ['channels // 4', 'channels // 2', 'channels', '2 * channels']
    """
    return _scaled("channels", width)


def _scaled(count: str, factor: Fraction) -> str:
    if factor.denominator > 1:
        assert factor.numerator == 1, "widths are 1/4, 1/2, 1 and 2"
        return f"{count} // {factor.denominator}"
    return count if factor == 1 else f"{factor} * {count}"


def _named(expression: Expression) -> Iterable[tuple[str, Any]]:
    return zip(expression.names, expression.parameters, strict=True)


def _indented(lines: Iterable[str], spaces: int) -> list[str]:
    return [" " * spaces + line if line else "" for line in lines]


def _docstring(job: Job) -> list[str]:
    expression = job.expression
    line = f'"""{job.class_name}(x) = {str(expression).split(" where ")[0]}.'
    if len(line) > TEXT_WIDTH:
        line = '"""The function at the top of this file, as a module.'
    lines = [line, ""]
    if expression.is_groupwise:
        width = channels_text(expression.width)
        told = "as many as the input" if expression.width == 1 else f"`{width}` of them"
        lines += [f"It works across channels; the output has {told}.", ""]
    lines += ["Args:"]
    if needs_channels(expression):
        multiple = expression.channel_multiple
        wanted = f", a multiple of {multiple}" if multiple > 1 else ""
        lines += [f"    channels: how many channels the input has{wanted}."]
        lines += ["    channel_dim: which dimension of the input holds them."]
    lines += ["    inplace: ignored; there so that the class fits where nn.ReLU does."]
    return [*lines, '"""']


def _init(expression: Expression) -> list[str]:
    wide = needs_channels(expression)
    arguments = "channels: int, channel_dim: int = 1, " if wide else ""
    lines = [f"def __init__(self, {arguments}inplace: bool = False) -> None:"]
    lines += ["    super().__init__()"]
    if expression.is_groupwise:
        lines += _indented(_check(expression.channel_multiple), 4)
        lines += ["    self.channels = channels"]
    lines += ["    self.channel_dim = channel_dim"] * wide
    uses = expression.layout.parameters
    for (name, p), use in zip(_named(expression), uses, strict=True):
        start = (
            f"torch.full(({channels_text(use)},), {p.initial!r})"
            if p.scope is Scope.CHANNEL
            else f"torch.tensor({p.initial!r})"
        )
        lines.append(f"    self.{name} = nn.Parameter({start})")
    return lines


def _check(multiple: int) -> list[str]:
    if multiple == 1:
        bad, wanted = "channels < 1", "at least 1"
    else:
        bad, wanted = f"channels < 1 or channels % {multiple}", f"a multiple of {multiple}"
    return [
        f"if {bad}:",
        f'    raise ValueError(f"channels is {{channels}}; wanted {wanted}")',
    ]


_DIMENSION: Final = (
    "dim = self.channel_dim % x.dim()",
    "if x.shape[dim] != self.channels:",
    '    raise ValueError(f"input has {x.shape[dim]} channels; wanted {self.channels}")',
)

_BROADCAST: Final = (
    "def _broadcast(self, parameter: torch.Tensor, x: torch.Tensor) -> torch.Tensor:",
    "    shape = [1] * x.dim()",
    "    shape[self.channel_dim] = -1",
    "    return parameter.to(x.dtype).view(shape)",
)


def _local(name: str, scope: Scope) -> str:
    if scope is Scope.CHANNEL:
        return f"{name} = self._broadcast(self.{name}, x)"
    return f"{name} = self.{name}.to(x.dtype)"


def _trained_method(job: Job) -> list[str]:
    extra, made = _making(job.expression)
    return [
        "@classmethod",
        f'def trained(cls, layer: str{extra}) -> "{job.class_name}":',
        '    """Return the activation with the values that a layer was trained to."""',
        "    values = TRAINED[layer]",
        f"    module = {made}",
        "    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})",
        "    return module",
    ]


def _making(expression: Expression) -> tuple[str, str]:
    """Return what `trained` takes beside a layer, and how it makes a module."""
    uses = zip(_named(expression), expression.layout.parameters, strict=True)
    wide = [(name, use) for (name, p), use in uses if p.scope is Scope.CHANNEL]
    if wide:
        name, use = wide[0]
        channels = _scaled(f'len(values["{name}"])', 1 / use)
        return ", channel_dim: int = 1", f"cls({channels}, channel_dim)"
    if expression.is_groupwise:
        return ", channels: int, channel_dim: int = 1", "cls(channels, channel_dim)"
    return "", "cls()"

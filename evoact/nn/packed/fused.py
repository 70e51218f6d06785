"""Activations of a stack by generated C: one call for all slices of a place."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import torch
from torch import Tensor, nn

from evoact.language import Expression, Scope
from evoact.language.fitting import SPACING
from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed
from evoact.nn.kernels import kernels_of, library
from evoact.nn.lookup import PiecewiseTable
from evoact.nn.paths import Phase, Sharpness

_EARLY, _BLEND, _LATE, _SHARPEN = range(4)
_MODES: Final = {Phase.EARLY: _EARLY, Phase.BLEND: _BLEND, Phase.LATE: _LATE}
_PARTS: Final = frozenset({"slopes"})  # for values alone as well: half as much to compile
_Pointer, _Long, _Float = ctypes.c_void_p, ctypes.c_long, ctypes.c_float


class _Function(ctypes.Structure):
    """`struct function` of bank.c."""

    _fields_ = (
        ("run", _Pointer),
        ("parameters", _Long),
        ("values", _Pointer),
        ("gradients", _Pointer),
        ("per_channel", _Pointer),
    )


class _Job(ctypes.Structure):
    """`struct job` of bank.c."""

    _fields_ = (
        ("mode", _Long),
        ("g", _Float),
        ("early", _Function),
        ("late", _Function),
        ("intercepts", _Pointer),
        ("slopes", _Pointer),
        ("first", _Float),
        ("density", _Float),
        ("last", _Float),
        ("offset", _Long),
    )


def fusible(member: nn.Module) -> bool:
    """Whether generated C can compute a member of a bank: pointwise expressions and tables."""
    if isinstance(member, Annealed):
        return fusible(member.late) and (
            isinstance(member.early, PiecewiseTable) or fusible(member.early)
        )
    return isinstance(member, Activation) and not member.initial.is_groupwise


def compile_members(members: Sequence[nn.Module]) -> None:
    """Compile what members need, all in one go: it costs less than one after the other."""
    found = (expression_of(part) for member in members for part in _parts(member))
    kernels_of([expression for expression in found if expression], _PARTS)


def expression_of(part: nn.Module) -> Expression | None:
    """Return the expression of an activation, with its initial parameters; None of a table."""
    return part.initial if isinstance(part, Activation) else None


def _parts(member: nn.Module) -> tuple[nn.Module, ...]:
    return (member.early, member.late) if isinstance(member, Annealed) else (member,)


@cache
def _library() -> ctypes.CDLL:
    found = library((files("evoact.nn.packed") / "bank.c").read_text(encoding="utf-8"))
    found.bank_forward.argtypes = [_Pointer, _Long, _Pointer, _Long, _Long, *[_Pointer] * 3]
    found.bank_backward.argtypes = [_Pointer, _Long, _Pointer, _Long, _Long, *[_Pointer] * 2]
    found.bank_forward.restype = found.bank_backward.restype = None
    return found


class Jobs:
    """What the functions of a bank do in C; made anew as the stack changes.

    Args:
        members: `fusible` ones, whose parameters have their storage and their
            gradients by now, and keep them as long as this is in use.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        self._kept: list[Any] = []  # arrays that C has pointers to
        self.count, self.slices, self.most = len(members), 0, 0
        self.array = (_Job * len(members))()
        self._annealed: list[tuple[_Job, Annealed]] = []
        for job, member in zip(self.array, members, strict=True):
            self._fill(job, member)
        self.update()

    def _fill(self, job: Any, member: nn.Module) -> None:
        if not isinstance(member, Annealed):
            job.mode, job.late = _LATE, self._function(member)
            return
        self._annealed.append((job, member))
        job.late = self._function(member.late)
        if not isinstance(member.early, PiecewiseTable):
            job.early = self._function(member.early)
            return
        table = member.early
        job.intercepts, job.slopes = table.intercepts.data_ptr(), table.slopes.data_ptr()
        job.first, job.density = 1.0 - table.low / SPACING, 1.0 / SPACING
        job.last = table.cells - 1.0

    def _function(self, part: nn.Module) -> _Function:
        expression = expression_of(part)
        assert expression is not None, "fusible() said so"
        (kernel,) = kernels_of([expression], _PARTS)
        parameters = list(part.parameters())
        scopes = [int(p.scope is Scope.CHANNEL) for p in expression.parameters]
        arrays = [
            self._array(_Pointer, [p.data_ptr() for p in parameters]),
            self._array(_Pointer, [p.grad.data_ptr() for p in parameters if p.grad is not None]),
            self._array(_Long, scopes),
        ]
        return _Function(kernel.address, len(parameters), *arrays)

    def _array(self, kind: Any, values: Sequence[int]) -> int:
        array = (kind * max(1, len(values)))(*values)
        self._kept.append(array)
        return ctypes.addressof(array)

    def update(self) -> None:
        """Set how far each member is, and where its derivatives go."""
        moved = self.slices == 0
        for job, member in self._annealed:
            mode = _mode(member)
            moved |= mode != job.mode
            job.mode, job.g = mode, member.path.share
        if moved:
            self._lay_out()

    def _lay_out(self) -> None:
        self.slices = self.most = 0
        for job in self.array:
            job.offset = self.slices
            early, late = 1 + job.early.parameters, 1 + job.late.parameters
            own = {_EARLY: early, _BLEND: early + late}.get(job.mode, late)
            self.slices, self.most = self.slices + own, max(self.most, own)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the activations of all slices, with g as it is now."""
        self.update()
        result: Tensor = Fused.apply(x, self)  # type: ignore[no-untyped-call]  # untyped in torch
        return result


def _mode(member: Annealed) -> int:
    phase = member.phase
    if phase is Phase.BLEND and isinstance(member.path, Sharpness):
        return _SHARPEN
    return _MODES[phase]


class Fused(torch.autograd.Function):
    """The activations of all slices, and gradients left where parameters have theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, jobs: Jobs) -> Tensor:
        """Compute values, and derivatives if the input wants a gradient."""
        x = x.contiguous()
        n = x.shape[-1]
        rows = x[0].numel() // n
        wanted = ctx.needs_input_grad[0]
        y, scratch = torch.empty_like(x), x.new_empty((1 + (not wanted) * jobs.most) * rows * n)
        d = x.new_empty(jobs.slices * rows * n) if wanted else None
        _library().bank_forward(
            jobs.array, jobs.count, x.data_ptr(), rows, n, y.data_ptr(),
            None if d is None else d.data_ptr(), scratch.data_ptr(),
        )  # fmt: skip
        ctx.jobs, ctx.d, ctx.sizes = jobs, d, (rows, n)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Multiply by the derivatives."""
        gradient = gradient.contiguous()
        gx = torch.empty_like(gradient)
        rows, n = ctx.sizes
        _library().bank_backward(
            ctx.jobs.array, ctx.jobs.count, gradient.data_ptr(), rows, n,
            ctx.d.data_ptr(), gx.data_ptr(),
        )  # fmt: skip
        return gx, None

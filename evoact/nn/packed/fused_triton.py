"""Activations of a stack by generated Triton kernels: a launch for many slices of a place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from evoact.language import Expression, Scope
from evoact.language.fitting import SPACING
from evoact.language.triton_source import ENTRIES
from evoact.nn.annealed import Annealed
from evoact.nn.kernels.triton_program import (
    BLOCK,
    NONE,
    TABLE,
    Program,
    Terms,
    entries_of,
    programs_of,
    room_for_sums,
)
from evoact.nn.lookup import PiecewiseTable
from evoact.nn.packed.fused import expression_of
from evoact.nn.packed.launching import Launch, launch_each
from evoact.nn.paths import Phase, Sharpness

_EARLY, _LATE = range(2)  # the terms of a slice


class _Term(NamedTuple):
    """One of the two functions of a slice."""

    part: nn.Module
    which: int


class TritonJobs:
    """What the functions of a bank do in Triton; made anew as the stack changes.

    What changes while a stack is trained is data on its device and is written by
    `update` alone, in place: kernels that were captured in a graph read it again.

    Args:
        members: `fusible` ones, whose parameters have their storage and their
            gradients by now, and keep them as long as this is in use. All else
            of them may be on the CPU, as nothing else is read on a device.

    Attributes:
        count: of the members.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        self.count = len(members)
        self._members = members
        parts = [_parts(member) for member in members]
        found = programs_of([[e for part in pair if (e := expression_of(part))] for pair in parts])
        of_member = {k: program for program, slices in found.items() for k in slices}
        self._terms = [
            [_Term(part, _number(of_member[k], part)) for part in pair]
            for k, pair in enumerate(parts)
        ]
        self._slices = [(one, torch.tensor(slices)) for one, slices in found.items()]
        parameters = [p for pair in parts for part in pair for p in part.parameters()]
        self._values = parameters[0].detach() if parameters else torch.zeros(1)
        first = parameters[0].grad if parameters else None
        self._gradients = torch.zeros(1) if first is None else first
        self._host = self._lay_out()
        # The same memory: numbers are written one by one, which takes torch ten times as long.
        self._which, self._shares = self._host.which.numpy(), self._host.shares.numpy()
        self._state: list[Any] = [None] * self.count
        self._there: Terms | None = None
        self._launched: set[str] = set()

    def _lay_out(self) -> Terms:
        """Say where parameters and tables are, and where the shares of gradients go."""
        rows, slots, before, tables = [], [], (0, 0), 0
        self._table_at: dict[int, int] = {}
        for k, pair in enumerate(self._terms):
            row = [[0], [0]]
            for role, (part, _) in zip(_roles(pair), pair, strict=True):
                if isinstance(part, PiecewiseTable):
                    self._table_at[k], row[role] = tables, [tables]
                    tables += 3 + 2 * part.cells
                    continue
                wide = _wide(part)
                places = [_distance(p, self._values) for p in part.parameters()]
                row[role], after = entries_of(places, wide, before)
                grads = [_distance(p.grad, self._gradients) for p in part.parameters()]
                for j, (flag, place) in enumerate(zip(wide, grads, strict=True)):
                    a, b = row[role][ENTRIES * j + 1 : ENTRIES * j + 3]
                    slots.append([2 * k + role, int(flag), a, b, place])
                before = after
            rows.append(row)
        width = max(len(entries) for row in rows for entries in row) or 1
        entries = torch.zeros(self.count, 2, width, dtype=torch.int64)
        for k, row in enumerate(rows):
            for role, numbers in enumerate(row):
                entries[k, role, : len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return Terms(
            torch.full((self.count, 2), NONE, dtype=torch.int32),
            torch.ones(self.count, 2, 2),
            entries,
            torch.tensor(slots, dtype=torch.int64).view(-1, 5),
            torch.zeros(max(1, tables)),
            *before,
            BLOCK,
        )

    def update(self) -> None:
        """Bring to the device how far each member is; it does not wait for it."""
        changed, there = self._refresh(), self._there
        if there is None:  # not used yet
            return
        if "shares" in changed:
            there.which.copy_(self._host.which, non_blocking=True)
            there.shares.copy_(self._host.shares, non_blocking=True)
        if "tables" in changed:
            there.tables.copy_(self._host.tables, non_blocking=True)

    def _refresh(self) -> set[str]:
        """Write down what changed since it was last called, and say which arrays have."""
        changed = set()
        for k, member in enumerate(self._members):
            state = _state(member)
            if state == self._state[k]:
                continue
            (phase, share, position), before = state, self._state[k]
            if before is None or (phase, share) != before[:2]:
                changed.add("shares")
                self._share(k, member, phase, share)
            if position is not None and (before is None or position != before[2]):
                changed.add("tables")
                self._write_table(self._table_at[k], member.early)  # type: ignore[arg-type]  # it has a position
            self._state[k] = state
        return changed

    def _share(self, k: int, member: nn.Module, phase: Phase, share: float) -> None:
        which, shares = self._which[k], self._shares[k]
        sharpened = phase is Phase.BLEND and isinstance(member, Annealed) and isinstance(
            member.path, Sharpness)  # fmt: skip
        early = phase is not Phase.LATE and not sharpened
        late = phase is not Phase.EARLY
        pair = self._terms[k]
        which[_EARLY] = pair[0].which if early else NONE
        which[_LATE] = pair[-1].which if late else NONE
        g = np.float32(share if phase is Phase.BLEND else 1.0)
        rest = np.float32(1.0) - g if phase is Phase.BLEND else g
        shares[_EARLY] = rest, 1.0
        shares[_LATE] = g, g if sharpened else 1.0

    def _write_table(self, at: int, table: PiecewiseTable) -> None:
        row = self._host.tables[at : at + 3 + 2 * table.cells]
        row[:3] = torch.tensor([1.0 - table.low / SPACING, 1.0 / SPACING, table.cells - 1.0])
        row[3::2], row[4::2] = table.intercepts, table.slopes

    def _on(self, device: torch.device) -> Terms:
        """Return what kernels read, on the device; moved there when it is first used."""
        if self._there is None:
            self._refresh()
            self._there = self._host.to(device)
            self._slices = [(program, slices.to(device)) for program, slices in self._slices]
            self._values = self._values.to(device)
            self._gradients = self._gradients.to(device)
        return self._there

    def values(self, x: Tensor) -> Tensor:
        """Return the activations of all slices."""
        terms, y = self._on(x.device), torch.empty_like(x)
        self._each(
            "values",
            x,
            lambda program, slices: program.values(x, y, self._values, terms, slices),
        )
        return y

    def pulls(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Return the gradient of `x`; those of parameters are left where they have them."""
        terms, gx = self._on(x.device), torch.empty_like(x)
        sums = room_for_sums(x, terms)
        self._each(
            "pulls",
            x,
            lambda program, slices: program.pulls(
                x, (gradient, gx, sums), self._values, terms, slices
            ),
        )
        self._slices[0][0].gather(x, sums, self._gradients, terms)
        return gx

    def _each(self, kind: str, x: Tensor, launch: Launch) -> None:
        if x.is_cuda:
            launch_each(self._slices, launch, x, first=kind not in self._launched)
            self._launched.add(kind)
        else:
            for program, slices in self._slices:
                launch(program, slices)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the activations, with g as it is now, in the backward pass too."""
        self.update()
        result: Tensor = _Together.apply(x, self)  # type: ignore[no-untyped-call]  # untyped in torch
        return result


class _Together(torch.autograd.Function):
    """The activations of all slices from `x` alone, which is all that is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, jobs: TritonJobs) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x)
        ctx.jobs = jobs
        return jobs.values(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        jobs: TritonJobs = ctx.jobs
        return jobs.pulls(x, gradient.contiguous()), None


def _parts(member: nn.Module) -> tuple[nn.Module, ...]:
    return (member.early, member.late) if isinstance(member, Annealed) else (member,)


def _roles(pair: Sequence[_Term]) -> Iterator[int]:
    """Return which terms the parts of a member are: a single one is the late function."""
    return iter(range(2 - len(pair), 2))


def _number(program: Program, part: nn.Module) -> int:
    expression: Expression | None = expression_of(part)
    return TABLE if expression is None else program.number(expression)


def _wide(part: nn.Module) -> list[bool]:
    expression = expression_of(part)
    assert expression is not None, "tables have no parameters"
    return [parameter.scope is Scope.CHANNEL for parameter in expression.parameters]


def _distance(to: Tensor | None, origin: Tensor) -> int:
    """Return how many floats lie between the beginnings of two tensors."""
    assert to is not None, "gradients have their storage"
    return (to.data_ptr() - origin.data_ptr()) // to.element_size()


def _state(member: nn.Module) -> tuple[Phase, float, float | None]:
    """Return all that says what a member computes, but for its parameters."""
    if not isinstance(member, Annealed):
        return Phase.LATE, 1.0, None
    early = member.early
    position = early.position if isinstance(early, PiecewiseTable) else None
    return member.phase, member.path.share, position

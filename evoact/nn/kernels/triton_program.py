"""Generated Triton kernels, loaded: for CUDA, or in Triton's interpreter for tests."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from evoact.files import write_atomically
from evoact.language import Expression
from evoact.language.triton_source import ENTRIES, triton_key, triton_source
from evoact.nn.kernels.compiler import Backend
from evoact.nn.kernels.folder import kernel_folder

TABLE: Final = 0
"""The number of the look-up table in every program; functions follow."""
NONE: Final = -1

TOGETHER: Final = 16
"""Members whose functions are compiled as one: what many have in common is compiled
once, but the time rises faster than their number. For `values` and `pulls` of a bred
function the processor takes .31 s alone, .12 s among 16, .13 among 32, .18 among 64."""
_KEPT: Final = 64  # programs of a process
BLOCK: Final = 512
"""Elements that a bank computes at a time, two a thread: the compiler writes out each, in
each of many functions, and four want more registers than there are."""
ALONE: Final = 1024
"""And one function alone, which so asks for more of the memory at a time."""
_WARPS: Final = 8
_ROWS, _COLUMNS = 32, 32
_RESIDENT: Final = 8  # blocks of so many threads on a multiprocessor at a time
_WAVES, _MOST_BLOCKS = 4, 16


def interpreted() -> bool:
    """Whether Triton's interpreter stands in for a GPU, on tensors of the CPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def triton_backend() -> Backend:
    """Return whether Triton's kernels can be made here, with which version or why not.

    A GPU is not asked for: a study is resolved where there may be none.
    """
    return _backend(os.environ.get("CC", ""), os.environ.get("PATH", ""))


@cache
def _backend(wanted: str, _path: str) -> Backend:
    if importlib.util.find_spec("triton") is None:
        return Backend("torch", reason="triton is not installed; pip install triton")
    names = [wanted] if wanted else ["gcc", "clang"]
    if not (interpreted() or any(map(shutil.which, names))):  # it builds its launcher with one
        return Backend("torch", reason="triton needs a C compiler, and there is none in PATH")
    return Backend("triton", version("triton"))


class Terms(NamedTuple):
    """What the kernels read of a stack, see `triton_source`; all on its device."""

    which: Tensor
    shares: Tensor
    entries: Tensor
    slots: Tensor
    tables: Tensor
    layers: int
    """How many parameters are per layer, over all slices and terms."""
    channels: int
    """And how many per channel."""
    block: int
    """How many elements are computed at a time, and leave one share of a gradient."""

    def to(self, device: torch.device) -> Terms:
        """Return copies of the arrays on a device."""
        copies: dict[str, Any] = {
            name: array.to(device, copy=True)
            for name, array in self._asdict().items()
            if isinstance(array, Tensor)
        }
        return self._replace(**copies)


class Program:
    """The kernels of a set of functions, compiled by Triton as they are launched first.

    Args:
        expressions: pointwise ones.
    """

    def __init__(self, expressions: Sequence[Expression]) -> None:
        unique = {triton_key(expression): expression for expression in expressions}
        self._numbers = {key: number for number, key in enumerate(unique, TABLE + 1)}
        self._module = _loaded(triton_source(list(unique.values()), cuda=not interpreted()))

    def number(self, expression: Expression) -> int:
        """Return what `which` is for a function of this program."""
        return self._numbers[triton_key(expression)]

    def has(self, expressions: Sequence[Expression]) -> bool:
        """Return whether these are functions of the program."""
        return all(triton_key(expression) in self._numbers for expression in expressions)

    def values(
        self, x: Tensor, y: Tensor, parameters: Tensor, terms: Terms, slices: Tensor
    ) -> None:
        """Write the values of some slices of `x`, `(K, ..., n)`."""
        total, n = x[0].numel(), x.shape[-1]
        per = _per_program(x, len(slices), terms.block)
        self._module.values[-(-_blocks(total, terms.block) // per), len(slices)](
            x, y, parameters, terms.tables, terms.which, terms.shares, terms.entries, slices,
            total, n, terms.entries.shape[-1], per,
            BLOCK=terms.block, num_warps=_WARPS, enable_fp_fusion=False,
        )  # fmt: skip

    def pulls(
        self,
        x: Tensor,
        gradients: tuple[Tensor, Tensor, Tensor],
        parameters: Tensor,
        terms: Terms,
        slices: Tensor,
    ) -> None:
        """Write of some slices the gradient of `x`, and shares of those of parameters.

        Args:
            x: `(K, ..., n)`, without gaps.
            gradients: of `y`, read; of `x`, written; and `room_for_sums`.
            parameters: from where `entries` count.
            terms: of all slices.
            slices: which ones.
        """
        total, n = x[0].numel(), x.shape[-1]
        per = _per_program(x, len(slices), terms.block)
        self._module.pulls[-(-_blocks(total, terms.block) // per), len(slices)](
            x, *gradients, parameters, terms.tables, terms.which, terms.shares, terms.entries,
            slices, total, n, terms.entries.shape[-1], per,
            BLOCK=terms.block, num_warps=_WARPS, enable_fp_fusion=False,
        )  # fmt: skip

    def gather(self, x: Tensor, sums: Tensor, gradients: Tensor, terms: Terms) -> None:
        """Add the shares of all slices to the gradients of parameters."""
        if not len(terms.slots):
            return
        total, n = x[0].numel(), x.shape[-1]
        columns = -(-n // _COLUMNS) if terms.channels else 1
        self._module.gather[len(terms.slots), columns](
            sums, terms.which, terms.slots, gradients, _blocks(total, terms.block), total, n,
            ROWS=_ROWS, COLUMNS=_COLUMNS, enable_fp_fusion=False,
        )  # fmt: skip


def room_for_sums(x: Tensor, terms: Terms) -> Tensor:
    """Return where `pulls` leaves the shares of gradients."""
    total = x[0].numel()
    return x.new_empty(max(1, terms.layers * _blocks(total, terms.block) + terms.channels * total))


def _blocks(total: int, block: int) -> int:
    return -(-total // block)


def fills(x: Tensor, slices: int, block: int = BLOCK) -> float:
    """Return how often the blocks of some slices of `x` would fill the device."""
    processors = (
        torch.cuda.get_device_properties(x.device).multi_processor_count if x.is_cuda else 1
    )
    return _blocks(x[0].numel(), block) * slices / (processors * _RESIDENT)


def _per_program(x: Tensor, slices: int, block: int) -> int:
    """Return how many blocks a program computes: more than one where there are enough."""
    return max(1, min(_MOST_BLOCKS, int(fills(x, slices, block) / _WAVES)))


def entries_of(
    places: Sequence[int], wide: Sequence[bool], before: tuple[int, int]
) -> tuple[list[int], tuple[int, int]]:
    """Return the integers of a term, and how many parameters there are after it.

    Args:
        places: where its parameters begin.
        wide: which of them are per channel.
        before: how many others are per layer, and per channel.
    """
    layers, channels = before
    found = []
    for place, flag in zip(places, wide, strict=True):
        found += [place, layers, channels]
        layers, channels = layers + (not flag), channels + flag
    assert len(found) == ENTRIES * len(wide)
    return found, (layers, channels)


_PROGRAMS: OrderedDict[Program, None] = OrderedDict()


def programs_of(members: Sequence[Sequence[Expression]]) -> dict[Program, list[int]]:
    """Return programs and whose functions they compute: numbers of members.

    Members find the programs that they or others had before, so that nothing is
    compiled again when some leave a stack; for the others there are new ones,
    of `TOGETHER` members each.

    Args:
        members: the functions of each.
    """
    found: dict[Program, list[int]] = {}
    new = []
    for index, functions in enumerate(members):
        program = next((one for one in reversed(_PROGRAMS) if one.has(functions)), None)
        if program is None:
            new.append(index)
        else:
            found.setdefault(program, []).append(index)
    for start in range(0, len(new), TOGETHER):
        part = new[start : start + TOGETHER]
        program = Program([one for index in part for one in members[index]])
        found[program] = part
    for program in found:
        _PROGRAMS[program] = None
        _PROGRAMS.move_to_end(program)
    while len(_PROGRAMS) > max(_KEPT, len(found)):
        _PROGRAMS.popitem(last=False)
    return found


def _loaded(source: str) -> Any:
    """Return the module of a source; Triton wants it in a file."""
    name = f"triton_{hashlib.sha256(source.encode()).hexdigest()[:40]}"
    path = kernel_folder() / f"{name}.py"
    write_atomically(path, source.encode())
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def takes_device(x: Tensor) -> bool:
    """Return whether kernels can work on a tensor where it is."""
    return x.is_cuda or (interpreted() and x.device == torch.device("cpu"))

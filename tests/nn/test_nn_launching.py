"""Several programs of a bank: captured, side by side, compiled in threads.

What they compute is, to the bit, what the same programs do when they are launched one
by one, and nearly what torch's operations do. The interpreter, which `test_nn_triton`
starts, has no streams and no threads: there it is the programs and the memory of
captured steps that are tested.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import test_nn_packed as packed
import torch
from repeated_steps import OnCpu, let_kernels_repeat
from test_nn_packed import CHANNELS, bound
from torch import Tensor, nn
from triton_interpreter import DEVICE, in_triton, on_gpu

from evoact.nn import Annealed
from evoact.nn.kernels import triton_program
from evoact.nn.kernels.triton_program import fills, interpreted
from evoact.nn.packed import Bank, fused_triton, launching
from evoact.training.replay import on_cuda

EACH = 3  # members of a program
PROGRAMS = 5
SHARES = (0.2, 0.96, 0.0, 0.5, 1.0)
Slices = Sequence[tuple[Any, Tensor]]


def members() -> list[nn.Module]:
    """Functions of every kind; what no generated kernel reads may stay on the CPU."""
    torch.manual_seed(0)
    found = packed.members()
    for p in (p for module in found for p in module.parameters()):
        p.data = p.data.to(DEVICE)
    return found


def cut(monkeypatch: pytest.MonkeyPatch, each: int = EACH) -> None:
    """Let banks have new programs, of so many members each."""
    monkeypatch.setattr(triton_program, "TOGETHER", each)
    triton_program._PROGRAMS.clear()


def one_by_one(slices: Slices, launch: Callable[..., None], *_: Any, **__: Any) -> None:
    for program, own in slices:
        launch(program, own)


def told(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Slices]:
    """Return what a function of `launching` is going to be called with."""
    calls: list[Slices] = []
    function = getattr(launching, name)

    def tell(slices: Slices, launch: Any) -> None:
        calls.append(slices)
        function(slices, launch)

    monkeypatch.setattr(launching, name, tell)
    return calls


class Passes:
    """Goes forward and backward through a bank; what it reads and writes stays where it is."""

    def __init__(self, modules: list[nn.Module], rows: int) -> None:
        self.bank = bound(modules, "triton")
        self.x, self.slope = torch.zeros(2, len(modules), rows, CHANNELS, device=DEVICE)
        self.x.requires_grad_()
        self._gradients = [p.grad for m in modules for p in m.parameters() if p.grad is not None]
        self.results: list[Tensor] = []

    def __call__(self) -> None:
        for gradient in self._gradients:
            gradient.zero_()
        y = self.bank(self.x)
        (gx,) = torch.autograd.grad(y, self.x, self.slope)
        self.results = [y.detach(), gx, *self._gradients]

    def give(self, x: Tensor, slope: Tensor, g: float) -> None:
        """Write what the next passes read."""
        with torch.no_grad():
            self.x.copy_(x)
            self.slope.copy_(slope)
        anneal(self.bank, g)
        self.bank.update()


def anneal(bank: Bank, g: float) -> None:
    for index, module in enumerate(bank.members):
        if isinstance(module, Annealed):
            module.set_g((g, 1.0 - g)[index % 2])


def torchs(modules: list[nn.Module], x: Tensor, slope: Tensor, g: float) -> list[Tensor]:
    """What torch's operations give for the same."""
    bank = bound(modules, "torch")
    anneal(bank, g)
    y, gx, gradients = packed.results(bank, x, slope)
    return [y, gx, *gradients]


def assert_near(found: list[Tensor], wanted: list[Tensor]) -> None:
    for one, other in zip(found[:2], wanted[:2], strict=True):
        near = torch.isclose(one, other, rtol=1e-5, atol=1e-5)
        assert float(near.double().mean()) > 1.0 - 1e-4  # tables have edges: all of a few values
    error = 1e-4 * found[0][0, ..., 0].numel() ** 0.5  # of a sum over the rows
    for one, other in zip(found[2:], wanted[2:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=error)


@in_triton
@pytest.mark.parametrize(
    ("rows", "turns"),
    # On a GPU: less than a block, many at a time, more than it holds, several for each program.
    [(7, 3)] if interpreted() else [(7, 5), (2_000, 40), (60_000, 10), (400_000, 5)],
)
def test_captured_programs_do_what_they_do_one_by_one(
    rows: int, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch)
    modules = members()
    plain = [module.to(DEVICE) for module in copy.deepcopy(modules)]
    passes = Passes(modules, rows)
    passes()  # compiles
    side_by_side = told(monkeypatch, "_side_by_side")
    if interpreted():
        let_kernels_repeat(monkeypatch)
    again = (OnCpu() if interpreted() else on_cuda)(passes)
    again()
    captured, found = passes.results, []
    given = [
        (*torch.randn(2, len(modules), rows, CHANNELS, device=DEVICE), SHARES[turn % len(SHARES)])
        for turn in range(turns)
    ]
    for inputs in given:  # the device is not waited for
        passes.give(*inputs)
        again()
        found.append([result.clone() for result in captured])
    if not interpreted():
        small = fills(passes.x, EACH) < 1.0
        assert [len(slices) for slices in side_by_side] == [PROGRAMS] * 2 * small
    monkeypatch.setattr(fused_triton, "launch_each", one_by_one)
    for inputs, results in zip(given, found, strict=True):
        passes.give(*inputs)
        passes()
        assert all(map(torch.equal, results, passes.results))
        assert_near(results, torchs(plain, *inputs))


@in_triton
def test_bits_do_not_depend_on_how_functions_are_cut_into_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    modules, found = members(), []
    x, slope = torch.randn(2, len(modules), 130, CHANNELS, device=DEVICE)  # 650: two blocks
    for each, programs in ((EACH, PROGRAMS), (len(modules), 1)):
        cut(monkeypatch, each)
        found.append(packed.results(bound(modules, "triton"), x, slope))
        assert len(triton_program._PROGRAMS) == programs
    (y, gx, gradients), (other, other_gx, others) = found
    assert all(map(torch.equal, [y, gx, *gradients], [other, other_gx, *others]))


def compiled(modules: list[nn.Module], inputs: Tensor, folder: Path) -> list[Tensor]:
    """Return what new programs compute, which are compiled here and now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_CACHE_DIR", str(folder))
        cut(patch)
        y, gx, gradients = packed.results(bound(modules, "triton"), *inputs)
    sources = {program._module.__name__ for program in triton_program._PROGRAMS}
    assert len([*folder.rglob("*.cubin")]) == 2 * len(sources) + 1  # and `gather` of one
    return [y, gx, *gradients]


@on_gpu
def test_on_a_gpu_threads_compile_what_one_thread_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = members()
    inputs = torch.randn(2, len(modules), 130, CHANNELS, device=DEVICE)
    in_threads = told(monkeypatch, "_in_threads")
    found = [compiled(modules, inputs, tmp_path / name) for name in ("first", "second")]
    assert [len(slices) for slices in in_threads] == [PROGRAMS] * 4
    monkeypatch.setattr(fused_triton, "launch_each", one_by_one)
    wanted = compiled(modules, inputs, tmp_path / "one by one")
    assert len(in_threads) == 4
    for results in found:
        assert all(map(torch.equal, results, wanted))
    plain = [module.to(DEVICE) for module in copy.deepcopy(modules)]
    y, gx, gradients = packed.results(bound(plain, "torch"), *inputs)
    assert_near(wanted, [y, gx, *gradients])

"""Captured steps: the bookkeeping on a CPU, the graphs themselves on a GPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_training_invariance import CANDIDATES, DIVERGES, GROUPWISE, content
from torch import Tensor
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode,
)
from torch.utils._pytree import tree_leaves
from triton_interpreter import run_interpreted

from evoact.nn.kernels import triton_program
from evoact.nn.kernels.triton_program import Program, interpreted
from evoact.records import Candidate, Cohort, Evaluation, TaskSpec
from evoact.training import forming, train_cohort
from evoact.training.replay import Replay
from evoact.training.stack import Stack

has_triton = importlib.util.find_spec("triton") is not None
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def trained(candidates: list[Candidate], kernels: str = "torch", **more: Any) -> list[Evaluation]:
    task = TaskSpec(name="digits", network="mlp", epochs=4, batch_size=128)
    return train_cohort(Cohort(tuple(candidates), task, seed=5, kernels=kernels, **more))


class Repeater(TorchDispatchMode):
    """What a CUDA graph is, on a CPU: operations that are repeated on the memory they had.

    Numbers that an operation was given by the host stay what they were, and
    nothing may be read on the host: a step that does either gives other results.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        return self.do(func, args, kwargs or {})

    def do(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        with _disable_current_modes():
            done = func(*args, **kwargs)
        self._calls.append((func, args, kwargs, done))
        return done

    @torch.no_grad()
    def __call__(self) -> None:
        for func, args, kwargs, before in self._calls:
            done = func(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(done), strict=True):
                if old is not None and _memory(old) != _memory(new):  # neither a view nor in place
                    old.copy_(new)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class OnCpu:
    """Captures steps on a CPU; as the first one is repeated, so that it is taken once."""

    def __init__(self) -> None:
        self.captures = self.repeated = 0

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1
        captured: list[Repeater] = []

        def again() -> None:
            if captured:
                self.repeated += 1
                captured[0]()
                return
            captured.append(Repeater())
            with captured[0]:
                function()

        return again


def repeatable(kernel: Callable[..., None]) -> Callable[..., None]:
    """Let a kernel in Triton's interpreter be captured: it is no operation of torch."""

    def launch(*args: Any) -> None:
        mode = _get_current_dispatch_mode()
        if isinstance(mode, Repeater):
            mode.do(kernel, args, {})
        else:
            kernel(*args)

    return launch


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> OnCpu:
    """Let stacks on the CPU capture their steps."""
    capture = OnCpu()
    monkeypatch.setattr(
        forming, "Stack", lambda networks, criterion, *_: Stack(networks, criterion, capture)
    )
    return capture


def test_captured_steps_are_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = [*CANDIDATES[:9], DIVERGES, GROUPWISE]
    plain = list(map(content, trained(candidates)))
    capture = OnCpu()
    monkeypatch.setattr(
        forming, "Stack", lambda networks, criterion, *_: Stack(networks, criterion, capture)
    )
    assert list(map(content, trained(candidates))) == plain
    assert {e["status"] for e in plain} == {"ok", "diverged"}
    assert capture.captures > 2  # who is left is captured anew
    assert capture.repeated > 20


def test_fused_stacks_capture_once_for_a_shape(captured: OnCpu) -> None:
    still = [Candidate(one.late) for one in CANDIDATES[:4]]
    trained(still)
    assert captured.captures == 2  # the last batch of an epoch is smaller


def test_what_cannot_be_captured_is_done_step_by_step() -> None:
    def refuse(function: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    taken = []
    replay = Replay(lambda x, y: (taken.append(1) or x, y), refuse)
    x = torch.ones(2)
    for _ in range(6):
        assert torch.equal(replay(x, x)[0], x)
    assert replay.refused == "operation not permitted when stream is capturing"
    assert (len(taken), replay.captured) == (6, 0)


def test_a_lack_of_memory_is_not_hidden() -> None:
    def full(function: Callable[[], None]) -> Callable[[], None]:
        raise torch.OutOfMemoryError("no room")

    replay = Replay(lambda x, y: (x, y), full)
    x = torch.ones(1)
    assert [replay(x, x)[0].item() for _ in range(3)] == [1.0] * 3
    with pytest.raises(torch.OutOfMemoryError):
        replay(x, x)


def assert_near(found: list[Evaluation], wanted: list[Evaluation]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert one.status is other.status
        for entry, right in zip(one.curve[:2], other.curve[:2], strict=True):
            assert entry["loss"] == pytest.approx(right["loss"], rel=1e-3)
            assert entry["g"] == right["g"]


@pytest.mark.skipif(not interpreted(), reason="started by test_in_the_interpreter")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_triton_trains_as_torch_does(captured: OnCpu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("values", "pulls", "gather"):
        monkeypatch.setattr(Program, name, repeatable(getattr(Program, name)))
    monkeypatch.setattr(triton_program, "_BLOCK", 2**14)  # each costs a millisecond here
    candidates = CANDIDATES[:5]
    task = TaskSpec(name="digits", network="mlp", epochs=1, batch_size=120)
    torchs = train_cohort(Cohort(tuple(candidates), task, seed=5))
    captured.captures = 0
    tritons = train_cohort(Cohort(tuple(candidates), task, seed=5, kernels="triton"))
    assert_near(tritons, torchs)
    assert "triton" in tritons[0].environment["kernels"]
    assert captured.captures == 1  # whatever their phases


@pytest.mark.skipif(not has_triton, reason="triton is not installed: no wheel here")
def test_in_the_interpreter() -> None:
    assert "1 passed" in run_interpreted(__file__, "test_triton_trains")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("kernels", ["torch", "triton"])
def test_graphs_on_a_gpu(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    candidates = [*CANDIDATES[:9], DIVERGES, GROUPWISE]
    stacks = []

    def keep(networks: Any, criterion: Any, capture: Any, *_: Any) -> Stack:
        stacks.append(Stack(networks, criterion, capture))
        return stacks[-1]

    monkeypatch.setattr(forming, "Stack", keep)
    found = trained(candidates, kernels, device="cuda")
    assert all(stack.replay and not stack.replay.refused for stack in stacks)
    monkeypatch.setattr(
        forming, "Stack", lambda networks, criterion, *_: Stack(networks, criterion)
    )
    assert list(map(content, trained(candidates, kernels, device="cuda"))) == [*map(content, found)]
    assert_near(found, trained(candidates))

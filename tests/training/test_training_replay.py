"""Captured steps: the bookkeeping on a CPU, the graphs themselves on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from repeated_steps import OnCpu, let_kernels_repeat
from test_training_invariance import CANDIDATES, DIVERGES, GROUPWISE, content
from triton_interpreter import needs_triton, on_gpu, run_interpreted

from evoact.nn.kernels import triton_program
from evoact.nn.kernels.triton_program import interpreted
from evoact.nn.packed import fused_triton
from evoact.records import Candidate, Cohort, Evaluation, TaskSpec
from evoact.training import forming, train_cohort
from evoact.training.replay import Replay
from evoact.training.stack import Stack


def trained(candidates: list[Candidate], kernels: str = "torch", **more: Any) -> list[Evaluation]:
    task = TaskSpec(name="digits", network="mlp", epochs=4, batch_size=128)
    return train_cohort(Cohort(tuple(candidates), task, seed=5, kernels=kernels, **more))


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
    let_kernels_repeat(monkeypatch)
    monkeypatch.setattr(fused_triton, "BLOCK", 2**14)  # each costs a millisecond here
    candidates = CANDIDATES[:5]
    task = TaskSpec(name="digits", network="mlp", epochs=1, batch_size=120)
    torchs = train_cohort(Cohort(tuple(candidates), task, seed=5))
    captured.captures = 0
    tritons = train_cohort(Cohort(tuple(candidates), task, seed=5, kernels="triton"))
    assert_near(tritons, torchs)
    assert "triton" in tritons[0].environment["kernels"]
    assert captured.captures == 1  # whatever their phases


@needs_triton
def test_in_the_interpreter() -> None:
    assert "1 passed" in run_interpreted("test_triton_trains", __file__)


@on_gpu
@pytest.mark.parametrize(("kernels", "together"), [("torch", 16), ("triton", 16), ("triton", 2)])
def test_graphs_on_a_gpu(monkeypatch: pytest.MonkeyPatch, kernels: str, together: int) -> None:
    monkeypatch.setattr(triton_program, "TOGETHER", together)  # 10 functions: 1 or 5 programs
    triton_program._PROGRAMS.clear()
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

"""Stacks and memory: how large they may be, and what happens where that is too much."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from evoact.language import resolve
from evoact.records import Candidate, Cohort, Evaluation, Status, TaskSpec
from evoact.training import memory, most_networks, train_cohort
from evoact.training.memory import BUDGET
from evoact.training.network import PackedNetworks

TASK = TaskSpec(name="digits", network="mlp", epochs=2, batch_size=359)
TEXTS = ("relu(x)", "silu(x)", "tanh(x)", "gelu(x)", "elu(x)")


def trained(*texts: str, **more: Any) -> list[Evaluation]:
    candidates = tuple(Candidate(resolve(text)) for text in texts)
    return train_cohort(Cohort(candidates, TASK, seed=1, **more))


def content(evaluation: Evaluation) -> dict[str, Any]:
    data = evaluation.to_dict()
    del data["seconds"]
    return data


def test_a_larger_network_or_batch_leaves_room_for_fewer() -> None:
    many = most_networks(TASK)
    assert most_networks(TASK.model_copy(update={"network": "conv"})) < many
    assert most_networks(TASK.model_copy(update={"batch_size": 1077})) < many
    assert most_networks(TASK.model_copy(update={"batch_size": 10})) > many


def test_what_is_too_much_for_the_caches_is_trained_in_several_stacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = [content(e) for e in trained(*TEXTS)]
    run, sizes = PackedNetworks.__call__, []

    def seen(self: PackedNetworks, x: torch.Tensor) -> torch.Tensor:
        result = run(self, x)
        sizes.append(len(result))
        return result

    monkeypatch.setattr(PackedNetworks, "__call__", seen)
    monkeypatch.setattr(memory, "BUDGET", 2 * BUDGET // most_networks(TASK))
    assert most_networks(TASK) == 2
    assert [content(e) for e in trained(*TEXTS)] == whole
    assert set(sizes) == {1, 2}


def test_the_estimate_is_near_what_a_stack_takes() -> None:
    """In a process of its own, whose highest memory is that of the stack."""
    code = (
        "from pathlib import Path\n"
        "from evoact.language import resolve\n"
        "from evoact.records import Candidate, Cohort, TaskSpec\n"
        "from evoact.training import memory, train_cohort\n"
        "memory.BUDGET = 2**40\n"
        "task = TaskSpec(name='digits', network='conv', epochs=1, batch_size=359)\n"
        "def peak(count):\n"
        "    one = Candidate(resolve('silu(x)'))\n"
        "    train_cohort(Cohort((one,) * count, task, seed=0))\n"
        # Not ru_maxrss, which a process takes over from the one that started it.
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "print(-peak(32) + peak(96))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    each = int(done.stdout) * 1024 / 64
    estimate = memory._bytes(TaskSpec(name="digits", network="conv", epochs=1, batch_size=359))
    assert 0.3 < each / estimate < 2.0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError("no more"), Status.OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory"), Status.OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), Status.OUT_OF_MEMORY),
        (RuntimeError("something else"), Status.FAILED),
    ],
)
def test_a_stack_that_fails_is_halved_until_it_fits(
    error: Exception, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [content(e) for e in trained(*TEXTS)]
    run = PackedNetworks.__call__
    most, sizes = 2, []

    def limited(self: PackedNetworks, x: torch.Tensor) -> torch.Tensor:
        result = run(self, x)
        if not sizes or sizes[-1] != len(result):
            sizes.append(len(result))
        if len(result) > most:
            raise error
        return result

    monkeypatch.setattr(PackedNetworks, "__call__", limited)
    assert [content(e) for e in trained(*TEXTS)] == whole
    assert sizes == [5, 2, 3, 1, 2]
    most = 0
    found = trained(*TEXTS[:2])
    assert {e.status for e in found} == {status}
    assert all(str(error) in e.reason for e in found)


@pytest.mark.slow
def test_lack_of_memory_in_earnest() -> None:
    """A stack of 64 does not fit into the limit of a process; its parts do."""
    code = (
        "import resource\n"
        "from evoact.language import resolve\n"
        "from evoact.records import Candidate, Cohort, TaskSpec\n"
        "from evoact.training import memory, run, train_cohort\n"
        "memory.BUDGET = 2**40\n"
        "task = TaskSpec(name='digits', network='conv', epochs=1, batch_size=1077)\n"
        "one = Candidate(resolve('silu(x)'))\n"
        "train_cohort(Cohort((one,), task, seed=0))\n"
        "form, formed = run.form, []\n"
        "def counted(*args):\n"
        "    formed.append(len(args[1]))\n"
        "    return form(*args)\n"
        "run.form = counted\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "limit = pages * resource.getpagesize() + 500 * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "found = train_cohort(Cohort((one,) * 64, task, seed=0))\n"
        "print({e.status.value for e in found}, len({e.objectives['val_loss'] for e in found}))\n"
        "print(formed)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    what, sizes = done.stdout.splitlines()
    assert what == "{'ok'} 1"
    assert sizes.startswith("[64, 32, 32")


def test_time_is_counted_for_all_and_a_late_stack_is_halved() -> None:
    slow, *others = trained(*TEXTS, timeout=1e-9)
    assert {e.status for e in (slow, *others)} == {Status.TIMEOUT}
    assert all(e.seconds > 0 for e in others)

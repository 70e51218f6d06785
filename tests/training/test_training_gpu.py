"""What is measured on a GPU, where there is none: `benchmarks/gpu.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(ROOT)
    import gpu

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield gpu
    torch.set_num_threads(threads)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_so(tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    call = [sys.executable, "benchmarks/gpu.py", "--quick", "--json", str(file)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "No CUDA device here: nothing is measured. "
        "Where there is one: python benchmarks/gpu.py\n"
    )  # fmt: skip
    assert not file.exists()


def rows(lines: list[str]) -> dict[str, list[str]]:
    """The cells of a table by the first of each row."""
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if "|" in line]
    widths = {len(row) for row in cells}
    assert len(widths) == 1  # every row has all columns
    return {row[0]: row[1:] for row in cells[2:]}


def test_stacks_are_measured_beside_one_at_a_time(script: ModuleType) -> None:
    lines, numbers = script.stacks(2, count=8, device="cpu", kernels=("torch",))
    table = rows(lines)
    assert list(table) == [
        "a stack, torch, CUDA graphs",
        "a stack, torch",
        "one at a time, torch, CUDA graphs",
        "one at a time, torch",
    ]
    assert table["one at a time, torch"][-1] == "1.0"
    assert table["one at a time, torch, CUDA graphs"][-2] == "1.0"
    for name, (step, hour, *_) in table.items():
        steps = 3.6e9 / float(step) / float(hour.replace(",", "")) / script.EPOCHS
        assert steps == pytest.approx(30, rel=0.01)  # of an epoch: 3,000 samples by 100
        assert len(numbers["stacks"][name]) == 2
        assert numbers["making"][name] > 0.0


def test_banks_are_told_as_shares_of_copying(script: ModuleType) -> None:
    copying = script.bandwidth("cpu", 3, size=2**16)
    assert copying > 0.0
    lines, numbers = script.banks(copying, 2, "cpu", sizes=(50,), kernels=("torch",), count=6)
    ((name, taken),) = numbers["banks"].items()
    share = 5 * 4 * 50 * 6 / taken / copying  # bytes of five passes
    assert name == "torch, 50"
    assert lines[-2] == f"| 50 | torch | {1e3 * taken:.3f} | {share:.0%} |"


def test_single_activations_are_measured_in_all_ways(script: ModuleType) -> None:
    texts = ("silu", script.EXPRESSIONS[0])
    lines, numbers = script.single(1e9, 2, ("native", "naive"), "cpu", 2**12, texts)
    table = rows(lines)
    assert list(table) == [f"`{text}`" for text in texts]
    assert table[f"`{texts[1]}`"][0] == ""  # torch has no such operation
    assert set(numbers["single"]["silu"]) == {"native", "naive"}
    time, share = table["`silu`"][1].split(", ")
    taken = numbers["single"]["silu"]["naive"]
    assert float(time) == pytest.approx(1e3 * taken, abs=1e-3)
    assert share == f"{5 * 4 * 2**12 / taken / 1e9:.0%}"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_all_steps_are_captured(script: ModuleType) -> None:
    lines, numbers = script.stacks(1, count=16)
    assert not [line for line in lines if line.startswith("Not captured")]
    assert len(numbers["stacks"]) == 2 * len(script.kernels_here()) + 2
    _, numbers = script.banks(1e12, 1, sizes=(50,), count=16)
    assert len(numbers["banks"]) == len(script.kernels_here())

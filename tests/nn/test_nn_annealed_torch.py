"""Annealing within torch: compiled, in short types, checkpointed, distributed."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.nn.parallel import DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from evoact.nn import PATH_CLASSES, Annealed, AnnealScheduler, Schedule

LAYER = "x * sigmoid(beta * x) where beta = 1.0"
CHANNEL = "x * sigmoid(beta * x) where beta = 1.0 per channel"
GROUPS = "left(x) * sigmoid(beta * right(x)) where beta = 1.0 per channel"
GS = [0.0, 0.3, 0.98, 1.0]  # the ladder blends at .98 only
ANNEALED = [(path, late) for path in PATH_CLASSES for late in (LAYER, CHANNEL)]
ANNEALED += [("blend", GROUPS)]
EVERY = [(*pair, g) for pair in ANNEALED for g in GS]


def annealed(path: str, late: str, g: float = 0.0, channels: int = 4) -> Annealed:
    module = Annealed("auto", late, channels, path=path)
    module.set_g(g)
    return module


def network(path: str, late: str, g: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    width = 2 if late == GROUPS else 4
    return nn.Sequential(nn.Linear(3, 4), annealed(path, late, g), nn.Linear(width, 1))


def inputs(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# Compiling


@pytest.fixture(autouse=True)
def _no_graphs_of_others() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize(("path", "late"), ANNEALED)
def test_a_whole_training_compiles_three_graphs(path: str, late: str) -> None:
    counter = CompileCounter()
    model = network(path, late)
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = AnnealScheduler(model, Schedule("cosine", 0.2, 0.8), total_steps=20)
    x, phases = inputs(8, 3), set()
    for _ in range(21):
        phases.add(model[1].phase)
        optimiser.zero_grad()
        y = compiled(x)
        assert torch.equal(y, model(x))
        y.square().mean().backward()
        optimiser.step()
        scheduler.step()
    assert len(phases) == 3
    assert counter.frame_count == 3


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("order", ["lower_first", "upper_first"])
def test_layers_in_turn_compile_at_most_two_graphs_each_and_one(path: str, order: str) -> None:
    counter = CompileCounter()
    model = nn.Sequential(annealed(path, LAYER), annealed(path, LAYER))
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    layers, x = list(model)[:: 1 if order == "lower_first" else -1], inputs(8)
    for gs in ((0.0, 0.0), (0.98, 0.0), (0.98, 0.96), (1.0, 0.96), (1.0, 1.0)):
        for layer, g in zip(layers, gs, strict=True):
            layer.set_g(g)
        # Nor may a graph serve other phases than it was made for.
        assert torch.equal(compiled(x), model(x))
    assert counter.frame_count == 5


@pytest.mark.parametrize(("path", "late"), ANNEALED)
def test_one_graph_serves_every_g_that_blends(path: str, late: str) -> None:
    model = network(path, late, 0.82)
    # With autograd traced ahead of time, which makes a constant of what it thinks is one.
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for g in (0.96, 0.98, 0.99):
        model[1].set_g(g)
        gradients = []
        for function in (compiled, model):
            model.zero_grad()
            function(inputs(8, 3)).square().mean().backward()
            gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        torch.testing.assert_close(*gradients)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("path", "late"), ANNEALED)
def test_inductor(path: str, late: str) -> None:
    model = network(path, late)
    compiled = torch.compile(model, fullgraph=True)
    for g in (*GS, 0.5):
        model[1].set_g(g)
        torch.testing.assert_close(compiled(inputs(8, 3)), model(inputs(8, 3)))


# Waiting for the device


class Reads(TorchDispatchMode):
    """Counts what reads a number from a tensor, for which a GPU would be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if any(part in name for part in ("_local_scalar_dense", "is_nonzero", "nonzero", "equal.")):
            self.names.append(name)
        return func(*args, **(kwargs or {}))


def test_reads_are_seen() -> None:
    with Reads() as reads:
        assert float(torch.ones(())) == 1.0
    assert len(reads.names) == 1


@pytest.mark.parametrize(("path", "late", "g"), EVERY)
def test_a_step_reads_nothing_from_the_device(path: str, late: str, g: float) -> None:
    model = network(path, late)
    with Reads() as reads:
        model[1].set_g(g)
        model(inputs(8, 3)).sum().backward()
    assert reads.names == []


def test_a_scheduler_reads_nothing_from_the_device() -> None:
    for path in PATH_CLASSES:
        scheduler = AnnealScheduler(network(path, CHANNEL), total_steps=10)
        with Reads() as reads:
            for _ in range(11):
                scheduler.step(torch.ones(()))
        assert reads.names == []


# Types


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize(("path", "late", "g"), EVERY)
def test_the_result_has_the_type_of_the_input(
    path: str, late: str, g: float, dtype: torch.dtype
) -> None:
    x = 10.0 * inputs(8, 4)
    wanted = annealed(path, late, g)(x)
    for module in (annealed(path, late, g), annealed(path, late, g).to(dtype)):
        got = module(x.to(dtype))
        assert got.dtype == dtype
        torch.testing.assert_close(got.to(wanted.dtype), wanted, rtol=0.02, atol=0.05)


def test_sharpening_does_not_leave_the_range_of_float16() -> None:
    x = torch.tensor([-1000.0, 1000.0], dtype=torch.float16)
    assert annealed("sharpness", LAYER, 0.002)(x).tolist() == [0.0, 1000.0]


@pytest.mark.parametrize("path", PATH_CLASSES)
@pytest.mark.parametrize("g", GS)
def test_autocast(path: str, g: float) -> None:
    model, x = network(path, CHANNEL, g), inputs(8, 3)
    with torch.autocast("cpu", torch.bfloat16):
        y = model(x)
        hidden = model[:2](x)
    assert (hidden.dtype, y.dtype) == (torch.bfloat16, torch.bfloat16)
    torch.testing.assert_close(y.float(), model(x), rtol=0.02, atol=0.02)
    y.float().sum().backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in model.parameters())


class InFloat32(nn.Module):
    """As autocast does with functions that need it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float().tanh()


@pytest.mark.parametrize("float32_is_late", [True, False])
def test_functions_of_two_types_are_promoted(float32_is_late: bool) -> None:
    pair = ("relu(x)", InFloat32()) if float32_is_late else (InFloat32(), "relu(x)")
    module, x = Annealed(*pair), inputs(50).bfloat16().requires_grad_()
    for g in GS:
        module.set_g(g)
        with torch.autocast("cpu", torch.bfloat16):
            y = module(x)
        assert y.dtype == (torch.bfloat16 if g == float(not float32_is_late) else torch.float32)
        weight = g if float32_is_late else 1.0 - g
        exact = (1.0 - weight) * x.float().relu() + weight * x.float().tanh()
        torch.testing.assert_close(y.float(), exact, rtol=0.01, atol=0.01)
        (slope,) = torch.autograd.grad(y.sum(), x)
        assert slope.isfinite().all()


# Gradients


@pytest.mark.parametrize(("path", "late", "g"), EVERY)
def test_gradient_checkpointing(path: str, late: str, g: float) -> None:
    def gradients(recompute: bool) -> list[Tensor | None]:
        model, x = network(path, late, g), inputs(8, 3).requires_grad_()
        y = checkpoint(model, x, use_reentrant=False) if recompute else model(x)
        y.square().sum().backward()
        return [x.grad, *(p.grad for p in model.parameters())]

    for plain, recomputed in zip(gradients(False), gradients(True), strict=True):
        assert (plain is None) == (recomputed is None)
        assert plain is None or torch.equal(plain, recomputed)


@pytest.mark.parametrize(("path", "late", "g"), EVERY)
def test_gradcheck(path: str, late: str, g: float) -> None:
    module = annealed(path, late, g).double()
    # Off the knots, which are multiples of 1/16, and of the kinks at 0 and 1/8.
    x = (torch.arange(-12, 12).reshape(6, 4) / 4 + 1 / 32).double().requires_grad_()
    names = [name for name, _ in module.named_parameters()]

    def function(x: Tensor, *values: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(
            module, dict(zip(names, values, strict=True)), x
        )
        return result

    assert torch.autograd.gradcheck(function, (x, *module.parameters()), eps=1e-5, atol=1e-5)


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_g_may_change_before_the_backward_pass(path: str) -> None:
    module = annealed(path, LAYER, 0.98)
    x = inputs(8).requires_grad_()
    (wanted,) = torch.autograd.grad(module(x).sum(), x)
    y = module(x)
    module.set_g(0.95)
    (got,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(got, wanted)


# Devices and layouts


@pytest.mark.parametrize(("path", "late"), ANNEALED)
def test_meta(path: str, late: str) -> None:
    with torch.device("meta"):
        model = network(path, late)
        for g in GS:
            model[1].set_g(g)
            assert model(torch.ones(5, 3)).shape == (5, 1)
    assert "Annealed" in repr(model)
    assert all(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))
    source = network(path, late, 0.98)
    for other in (model, model.to_empty(device="cpu")):
        other.load_state_dict(source.state_dict(), assign=True)
        assert torch.equal(other(inputs(8, 3)), source(inputs(8, 3)))


@pytest.mark.parametrize(("path", "late", "g"), EVERY)
def test_channels_last(path: str, late: str, g: float) -> None:
    module, x = annealed(path, late, g), inputs(2, 4, 5, 6)
    y = module(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(y, module(x))
    if late != GROUPS:
        assert y.is_contiguous(memory_format=torch.channels_last)
        assert module(x).is_contiguous()


@pytest.mark.parametrize(("path", "late", "g"), EVERY)
def test_vmap(path: str, late: str, g: float) -> None:
    module, x = annealed(path, late, g), inputs(5, 2, 4)
    torch.testing.assert_close(torch.func.vmap(module)(x), torch.stack([module(v) for v in x]))


# Many processes


def _train_on_ranks(rank: int, world: int, file: str, results: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
    try:
        results.put((rank, [_train(rank, path) for path in PATH_CLASSES]))
        dist.barrier()
    finally:
        dist.destroy_process_group()


def _train(rank: int, path: str) -> list[Any]:
    """Return g before each step, and all weights at the end."""
    model = DistributedDataParallel(network(path, CHANNEL), find_unused_parameters=True)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = AnnealScheduler(model, Schedule("loss", 0.1, 0.9), total_steps=40)
    generator, seen = torch.Generator().manual_seed(rank), []
    for _ in range(40):
        seen.append(scheduler.get_last_g())
        optimiser.zero_grad()
        # Twice, so that buffers are broadcast while a first graph waits for its backward pass.
        views = [model(torch.randn(8, 3, generator=generator)) for _ in range(2)]
        loss = sum((view - 1.0).square().mean() for view in views)
        loss.backward()
        optimiser.step()
        scheduler.step(loss)
    return [seen, [p.tolist() for p in model.parameters()]]


@pytest.mark.slow
def test_two_processes_of_ddp(tmp_path: Path) -> None:
    context = mp.get_context("spawn")
    results = context.SimpleQueue()
    processes = [
        context.Process(target=_train_on_ranks, args=(rank, 2, str(tmp_path / "0"), results))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    try:
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    one, other = dict(results.get() for _ in range(2)).values()
    assert one == other  # g before each step, and every weight
    assert all((gs[0], gs[-1]) == (0.0, 1.0) for gs, _ in one)


@pytest.mark.parametrize("path", PATH_CLASSES)
def test_one_process_of_ddp(tmp_path: Path, path: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/0", rank=0, world_size=1)
    try:
        gs, _ = _train(0, path)
    finally:
        dist.destroy_process_group()
    assert gs == sorted(gs)
    assert (gs[0], gs[-1]) == (0.0, 1.0)

"""Banks and single activations by Triton, against plain operations."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import pytest
import test_nn_fused as fused
import test_nn_packed as packed
import torch
from test_nn_packed import CHANNELS, annealed, bound
from triton_interpreter import DEVICE, in_triton, needs_triton, on_gpu, run_interpreted

from evoact.errors import InputError
from evoact.language import parse
from evoact.nn import Activation
from evoact.nn.fused import chosen
from evoact.nn.kernels import triton_backend, triton_program
from evoact.nn.kernels.triton_program import interpreted, programs_of


@needs_triton
def test_in_the_interpreter() -> None:
    launching = Path(__file__).with_name("test_nn_launching.py")
    told = run_interpreted("not test_in_the_interpreter", __file__, launching)
    assert " passed" in told
    assert "skipped" not in told


@in_triton
@pytest.mark.parametrize("shape", [(7,), (3, 4), (150,)], ids=str)
def test_a_bank_computes_what_its_members_do(shape: tuple[int, ...]) -> None:
    eager = packed.members()
    torch.manual_seed(0)
    x, g = torch.randn(2, len(eager), *shape, CHANNELS).to(DEVICE)
    wanted = packed.results(bound(copy.deepcopy(eager), "torch"), x.cpu(), g.cpu())
    for module in eager:  # functions of g may stay behind: see TritonJobs
        for p in module.parameters():
            p.data = p.data.to(DEVICE)
    found = packed.results(bound(eager, "triton"), x, g)
    for one, other in zip(found[:2], wanted[:2], strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-5, atol=1e-5)
    assert len(found[2]) == len(wanted[2]) > 10
    for one, other in zip(found[2], wanted[2], strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-4)


@in_triton
def test_g_moves_on_without_new_kernels() -> None:
    gliding = [annealed("auto", "x * sigmoid(x)", 0.0, "ladder"), annealed("relu(x)", "tanh(x)", 0)]
    still = Activation("silu(x)")
    bank = bound([*gliding, still], "triton")
    x = torch.linspace(-2, 2, 30).view(1, 6, CHANNELS).expand(3, -1, -1)
    programs = len(triton_program._PROGRAMS)
    for g in (0.0, 0.25, 0.5, 0.97, 1.0):
        for module in gliding:
            module.set_g(g)
        y = bank(x.to(DEVICE)).cpu()
        for k, module in enumerate([*gliding, still]):
            torch.testing.assert_close(y[k], module(x[k]), rtol=1e-5, atol=1e-6)
    assert len(triton_program._PROGRAMS) == programs


@in_triton
def test_what_is_not_fusible_stands_behind() -> None:
    modules = [Activation("relu(x)"), Activation("group_sort(x, 5)", CHANNELS, -1)]
    x = torch.randn(2, 3, CHANNELS).to(DEVICE)
    found = bound(modules, "triton")(x)
    assert torch.equal(found[1], x[1].sort(-1).values)
    assert torch.equal(found[0], x[0].relu())


@in_triton
def test_nan_stays_where_it_is() -> None:
    bank = bound([annealed("auto", "silu(x)", g, "ladder") for g in (0.0, 0.5, 1.0)], "triton")
    x = torch.zeros(3, 1, CHANNELS)
    x[:, 0, 1] = torch.nan
    x[:, 0, 2] = torch.inf
    y = bank(x.to(DEVICE)).cpu()
    assert y.isnan().tolist() == [[[False, True, False, False, False]]] * 3
    assert y[:, 0, 2].tolist() == [torch.inf] * 3


@in_triton
def test_a_slice_has_the_same_bits_among_others_and_in_another_order() -> None:
    modules = packed.members()
    for module in modules:
        for p in module.parameters():
            p.data = p.data.to(DEVICE)
    x = torch.randn(len(modules), 13, CHANNELS).to(DEVICE)
    together = bound(modules, "triton")(x)
    turned = bound(modules[::-1], "triton")(x.flip(0)).flip(0)
    assert torch.equal(turned, together)
    triton_program._PROGRAMS.clear()
    for k in range(0, len(modules), 4):
        assert torch.equal(bound([modules[k]], "triton")(x[k : k + 1])[0], together[k])


@in_triton
def test_who_stays_keeps_the_program() -> None:
    functions = [[parse(f"{c}.0 * x")] for c in range(1, 40)]
    triton_program._PROGRAMS.clear()
    found = programs_of(functions)
    assert sorted(map(len, found.values())) == [7, 16, 16]
    assert sorted(k for members in found.values() for k in members) == list(range(39))
    again = programs_of(functions[::3])
    assert set(again) == set(found)
    assert len(triton_program._PROGRAMS) == 3
    other = programs_of([[parse("2.0 * x"), parse("sin(x)")]])
    assert not set(other) & set(found)


needs_cpu = pytest.mark.skipif(not interpreted(), reason="its tensors are on the CPU")


@in_triton
@needs_cpu
@pytest.mark.parametrize("text", fused.TEXTS)
def test_one_activation(text: str) -> None:
    torch.manual_seed(0)
    for shape, dim in (((4, 3), 1), ((2, 3, 5), 1), ((400, 3), -1)):
        fused.assert_same(text, "triton", torch.randn(shape), 3, dim)
    fused.test_other_layouts_and_types("triton", text)
    if text != "2.5":
        fused.test_gradients_of_gradients("triton", text)


@in_triton
@needs_cpu
def test_one_activation_keeps_its_input_and_can_be_copied() -> None:
    fused.test_only_the_input_is_kept("triton")
    fused.test_state_pickle_and_copies("triton")
    fused.test_autocast_is_that_of_plain_operations("triton")
    fused.test_groupwise_activations_are_torchs("triton")


@on_gpu
@pytest.mark.parametrize("text", fused.TEXTS)
def test_one_activation_on_a_gpu(text: str) -> None:
    torch.manual_seed(0)
    plain, quick = (module.cuda() for module in fused.pair(text, "triton"))
    for shape in ((4, 3), (5000, 3), (2, 3, 70)):
        x, slope = torch.randn(2, *shape).cuda()
        wanted = fused.gradients(plain, x, slope)
        for one, other in zip(fused.gradients(quick, x, slope), wanted, strict=False):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_the_rule_of_auto_on_cuda() -> None:
    several, single = parse("silu(x) * x"), parse("silu(x)")
    assert chosen("auto", single, "cuda") == "torch"
    assert chosen("auto", several, "cuda") == "analytic"
    assert chosen("auto", several, "cpu") != "triton"
    assert chosen("c", several, "cuda") == "c"


def test_on_the_cpu_it_goes_by_the_next_simpler_way() -> None:
    if triton_backend().name != "triton":
        with pytest.raises(InputError, match="backend is 'triton', but triton is not installed"):
            Activation("x", backend="triton")
        return
    module = Activation("x * tanh(softplus(x))", backend="triton")
    x = torch.linspace(-3, 3, 9)
    torch.testing.assert_close(module(x), torch.nn.functional.mish(x))


def test_without_triton_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    triton_program._backend.cache_clear()
    try:
        with pytest.raises(InputError, match=r"'triton', but triton is not installed.*or use 'aut"):
            Activation("x", backend="triton")
    finally:
        monkeypatch.undo()
        triton_program._backend.cache_clear()

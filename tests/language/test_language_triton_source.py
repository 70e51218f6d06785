"""Generated Triton kernels: compiled for GPUs that are not here, and run where there is none."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from language_strategies import POINTWISE
from test_language_c_source import autograd, inputs, judge, random_trees, written
from triton_interpreter import DEVICE, in_triton, needs_triton, run_interpreted

from evoact.errors import InputError
from evoact.language import PRIMITIVES, ZOO, Scope, parse, resolve
from evoact.language.triton_source import triton_source
from evoact.nn import Activation
from evoact.nn.packed import Bank

ROWS = [PRIMITIVES[name] for name in POINTWISE]
CHANNELS = 3


@needs_triton
def test_in_the_interpreter():
    told = run_interpreted("not test_in_the_interpreter and not compile", __file__)
    assert " passed" in told
    assert "skipped" not in told


def in_a_bank(expressions, x: np.ndarray, g: np.ndarray, values=None):
    """Values, gradients of `x` and of parameters of each, on the same inputs."""
    members = [Activation(e, CHANNELS, -1).to(DEVICE) for e in expressions]
    for member, its in zip(members, values or [None] * len(members), strict=True):
        for j, p in enumerate(member.parameters()):
            p.grad = torch.ones_like(p)  # gradients are added
            if its is not None:
                p.data = torch.tensor(its[j], device=DEVICE)
    bank = Bank(CHANNELS, -1, "triton")
    bank.set(members)
    given, slope = (torch.from_numpy(a).to(DEVICE).expand(len(members), *a.shape) for a in (x, g))
    leaf = given.clone().requires_grad_()
    y = bank(leaf)
    y.backward(slope)
    grads = [[p.grad.cpu().numpy() - 1.0 for p in m.parameters()] for m in members]
    return y.detach().cpu().numpy(), leaf.grad.cpu().numpy(), grads


def check(expressions, x: np.ndarray, g: np.ndarray) -> None:
    """Compare with autograd in float64."""
    found = in_a_bank(expressions, x, g)
    for expression, y, gx, grads in zip(expressions, *found, strict=True):
        values = [np.float32(p.initial) for p in expression.parameters]
        wanted, slopes = autograd(expression, x, values, torch.float64)
        for got, right in ((y, wanted), (gx, g * slopes[0])):
            usual = np.isfinite(right) & (np.abs(right) < 1e30)
            error = np.abs(got - right)[usual] / np.maximum(np.abs(right[usual]), 1.0)
            assert error.max(initial=0.0) < 4e-6, str(expression)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(right), err_msg=str(expression))
        for parameter, got, slope in zip(expression.parameters, grads, slopes[1:], strict=True):
            shares = g * slope
            axis = 0 if parameter.scope is Scope.CHANNEL else None
            right, size = shares.sum(axis=axis), np.abs(shares).sum(axis=axis)
            usual = np.isfinite(size)
            assert (np.abs(got - right)[usual] <= 4e-6 * (1.0 + size[usual])).all(), str(expression)


def given(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x, g = np.random.default_rng(seed).normal(size=(2, rows, CHANNELS)).astype(np.float32)
    return 4.0 * np.where(x == 0.0, np.float32(1.0), x), g


@in_triton
def test_every_pointwise_row():
    expressions = [written(row, scope) for row in ROWS for scope in ("layer", "channel")]
    mix = "a * x * step(x) + 2.0 ** x + b * gelu(x) where a = 1.0 per channel, b = 1.0"
    # 570 values: more than a block has.
    check([*expressions, parse(mix)], *given(190))


@in_triton
def test_the_zoo_and_what_is_not_finite():
    expressions = [e for e in (parse(named.text) for named in ZOO.values()) if not e.is_groupwise]
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 30.0, -30.0, 200.0, -200.0, 1e-30, -1e-3, 1.1]
    x = np.array(special, np.float32).reshape(-1, CHANNELS)
    g = np.ones_like(x)
    y, gx, _ = in_a_bank(expressions[::5], x, g)
    for expression, got, slope in zip(expressions[::5], y, gx, strict=True):
        values = [np.float32(p.initial) for p in expression.parameters]
        for dtype in (torch.float32, torch.float64):  # one of them knows no better
            wanted, slopes = autograd(expression, x, values, dtype)
            near = np.isclose(got, wanted, rtol=1e-4, atol=1e-4, equal_nan=True)
            if near.all():
                break
        assert near.all(), (str(expression), got, wanted)
        usual = np.isfinite(slopes[0]) & np.isfinite(x) & (x != 0.0)  # there are kinks
        assert np.allclose(slope[usual], slopes[0][usual], rtol=1e-3, atol=1e-4), str(expression)


@in_triton
def test_random_trees():
    # Not with parameters that start at 0, where torch's forms may have a kink.
    trees = [e for e in random_trees(60) if all(p.initial for p in e.parameters)]
    assert len(trees) > 30
    assert sum(len(e.parameters) for e in trees) > 5
    (x, *_), given = inputs(trees[0], 0), [inputs(e, 0)[1] for e in trees]
    found = in_a_bank(trees, x, np.ones_like(x), given)
    for expression, values, y, gx, grads in zip(trees, given, *found, strict=True):
        slopes, tolerance = judge(expression, x, values, y, gx[None])
        for p, got, right, near in zip(
            expression.parameters, grads, slopes[1:], tolerance[1:], strict=True
        ):
            axis = 0 if p.scope is Scope.CHANNEL else None
            error = np.abs(got - right.sum(axis=axis))
            known = np.isfinite(near).all(axis=axis)
            allowed = (near + 1e-6 * np.abs(right)).sum(axis=axis)
            assert (~known | (error <= allowed + 1e-6)).all(), str(expression)


@needs_triton
@pytest.mark.parametrize(("capability", "cuda"), [(80, False), (80, True), (90, True)])
def test_kernels_compile_for_gpus(tmp_path: Path, monkeypatch, capability: int, cuda: bool):
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    texts = ["a * tanh(x) + b where a = 1.0, b = 0.0 per channel", "erfc(x) + sinh(cos(x))"]
    text = triton_source([resolve(text) for text in texts], cuda=cuda)
    (tmp_path / "generated.py").write_text(text)
    spec = importlib.util.spec_from_file_location("generated", tmp_path / "generated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    types = {"which_at": "*i32", "entries_at": "*i64", "slices_at": "*i64", "slots_at": "*i64"}
    sizes = {"BLOCK": 256, "ROWS": 32, "COLUMNS": 32}
    for name in ("values", "pulls", "gather"):
        kernel = getattr(module, name)
        signature = {
            argument: "constexpr" if argument in sizes
            else types.get(argument, "*fp32" if argument.endswith("_at") else "i32")
            for argument in kernel.arg_names
        }  # fmt: skip
        constants = {
            argument: sizes[argument] for argument in kernel.arg_names if argument in sizes
        }
        source = ASTSource(kernel, signature=signature, constexprs=constants)
        target = GPUTarget("cuda", capability, 32)
        made = triton.compile(source, target=target, options={"enable_fp_fusion": False})
        assert f"sm_{capability}" in made.asm["ptx"]
        assert len(made.asm["cubin"]) > 1000
    assert ("libdevice.tanh(a)" in text) is cuda


def test_the_steps_are_those_of_c():
    text = triton_source([parse("0.5 * x * sigmoid(a * x) where a = 1e-3")])
    kernel = text[text.index("def values") : text.index("def pulls")]
    assert "= sigmoid_(t" in kernel
    assert not re.search(r"(?<![\w.])\d+(\.\d*)?(e-?\d+)?f\b", text)  # no literals of C
    assert "erfc_" not in text
    compile(text, "generated", "exec")


def test_groupwise_expressions_are_refused():
    with pytest.raises(InputError, match="'softmax\\(x\\)' is groupwise"):
        triton_source([parse("softmax(x)")])

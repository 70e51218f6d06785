"""Activations in one piece: the same function, gradients and gradients of gradients."""

import copy
import io
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.func import functional_call, jvp, vmap

from evoact.errors import InputError
from evoact.export import export
from evoact.language import ZOO, parse
from evoact.nn import Activation
from evoact.nn.fused import chosen, made
from evoact.nn.fused.analytic import _PIECE
from evoact.nn.kernels import available, backend

TEXTS = [
    "silu(x)",
    "x * tanh(softplus(x))",
    "x * sigmoid(b * x) + 0.5 * tanh(min(x, x * x)) where b = 1.2",
    "max(a * x, x) + b where a = 0.25 per channel, b = 0.5",
    "if_positive(x, a, b * x) where a = 2.0 per channel, b = 0.5 per channel",
    "x * step(x) + sign(b * x) where b = 0.5",
    "b * exp(-square(c)) where b = 2.0, c = 0.5 per channel",
    "a ** x + x ** 2.0 where a = 1.5",
    "0.5 * (signed_sqrt(x) + erf(erf(x)) * square(x))",
    "2.5",
]
BACKENDS = ["analytic", pytest.param("c", marks=pytest.mark.skipif(
    not available(), reason="no C compiler that serves"))]  # fmt: skip
needs_compiler = pytest.mark.skipif(not available(), reason="no C compiler that serves")


def pair(text: str, kind: str, channels: int = 3, dim: int = 1) -> tuple[Activation, Activation]:
    fused = Activation(text, channels, dim, backend=kind)
    for index, parameter in enumerate(fused.parameters()):
        parameter.data *= 1.0 + 0.1 * torch.arange(parameter.numel()).view(parameter.shape) + index
    plain = copy.deepcopy(fused)
    plain.backend = "torch"
    return plain, fused


def gradients(module: nn.Module, x: Tensor, slope: Tensor) -> list[Tensor]:
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = module(leaf)
    inputs = [leaf, *module.parameters()]
    if not y.requires_grad:
        return [y]
    found = torch.autograd.grad(y, inputs, slope, allow_unused=True)
    return [y, *(torch.zeros_like(i) if g is None else g for g, i in zip(found, inputs))]  # noqa: B905


def assert_same(text: str, kind: str, x: Tensor, channels: int = 3, dim: int = 1) -> None:
    plain, fused = pair(text, kind, channels, dim)
    plain, fused = plain.to(x.dtype), fused.to(x.dtype)
    slope = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(x)
    wanted = gradients(plain, x, slope)
    got = gradients(fused, x, slope)
    for one, other in zip(got, wanted + [torch.zeros_like(x)] * len(got), strict=False):
        torch.testing.assert_close(one, other, rtol=2e-5, atol=1e-5 * max(1.0, x.numel() / 500))
    with torch.no_grad():
        torch.testing.assert_close(fused(x), wanted[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    ("shape", "dim"), [((7, 3), 1), ((4, 3, 5), 1), ((2, 3, 5, 7), 1), ((5, 4, 3), -1),
                       ((3, 8), 0), ((3,), 0), ((0, 3), 1)]
)  # fmt: skip
def test_the_same_as_plain_operations(kind, text, shape, dim):
    torch.manual_seed(0)
    assert_same(text, kind, 2 * torch.randn(shape), dim=dim)


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("text", TEXTS)
def test_other_layouts_and_types(kind, text):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 7)
    assert_same(text, kind, x.to(memory_format=torch.channels_last))
    assert_same(text, kind, torch.randn(5, 3, 2).transpose(0, 2), dim=1)
    assert_same(text, kind, torch.randn(4, 6)[:, ::2])
    assert_same(text, kind, torch.randn(3).expand(4, 3))
    assert_same(text, kind, torch.randn(4, 3, dtype=torch.float64))


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("text", TEXTS)
def test_long_inputs_are_cut_into_pieces(kind, text):
    torch.manual_seed(0)
    for shape in ((2 * _PIECE // 3 + 17, 3), (3, 3, _PIECE)):
        assert_same(text, kind, torch.randn(shape))


@pytest.mark.parametrize("kind", BACKENDS)
@pytest.mark.parametrize("text", [text for text in TEXTS if text != "2.5"])
def test_gradients_of_gradients(kind, text):
    plain, fused = pair(text, kind)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    found = []
    for module in (plain, fused):
        leaf = x.clone().requires_grad_()
        inputs = [leaf, *module.parameters()]
        y = module(leaf)
        first = torch.autograd.grad(
            y, inputs, torch.ones_like(y), create_graph=True, allow_unused=True
        )
        total = sum(g.square().sum() for g in first if g is not None) + y.sum()
        second = torch.autograd.grad(total, inputs, allow_unused=True)
        found.append([torch.zeros_like(i) if g is None else g for g, i in zip(second, inputs)])  # noqa: B905
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)


def test_analytic_passes_the_check_of_second_gradients():
    module = Activation(TEXTS[2], backend="analytic").double()
    x = torch.randn(6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, x)
    assert torch.autograd.gradgradcheck(module, x)


@pytest.mark.parametrize("kind", BACKENDS)
def test_only_the_input_is_kept(kind):
    module = Activation(TEXTS[2], backend=kind)
    x = torch.randn(1000, requires_grad=True)
    kept = set()
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.add(t.data_ptr()) or t, lambda t: t
    ):
        y = module(x)
    assert kept == {x.data_ptr(), module.b.data_ptr()}
    y.sum().backward()
    assert not made(module.expression()).keeps_slopes
    assert made(parse(TEXTS[-2])).keeps_slopes
    y2 = module(x.detach())  # gradients of the parameters alone
    y2.sum().backward()


@pytest.mark.parametrize("kind", BACKENDS)
def test_the_zoo_is_the_same(kind):
    texts = [named.text for named in ZOO.values() if not parse(named.text).is_groupwise]
    torch.manual_seed(0)
    for text in texts[::6]:
        x = 2 * torch.randn(8, 3, dtype=torch.float64 if kind == "analytic" else torch.float32)
        plain, fused = pair(text, kind)
        plain, fused = plain.to(x.dtype), fused.to(x.dtype)
        for one, other in zip(gradients(fused, x, torch.ones_like(x)),
                              gradients(plain, x, torch.ones_like(x)), strict=False):  # fmt: skip
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4, equal_nan=True)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", [*BACKENDS, "auto"])
def test_what_is_traced_or_transformed_is_plain_operations(kind, tmp_path: Path):
    module = Activation(TEXTS[3], 3, backend=kind)
    x = torch.randn(4, 3)
    program = torch.export.export(module, (x,), dynamic_shapes=({0: Dim("n")},))
    names = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert names
    assert all(name.startswith("aten.") for name in names)
    torch.export.save(program, tmp_path / "a.pt2")
    again = torch.export.load(tmp_path / "a.pt2").module()
    torch.testing.assert_close(again(x), module(x))
    graph = torch.fx.experimental.proxy_tensor.make_fx(module)(x)
    assert all("aten" in str(n.target) for n in graph.graph.nodes if n.op == "call_function")
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), module(x))
    parameters = dict(module.named_parameters())
    each = vmap(lambda one: functional_call(module, parameters, (one[None],))[0])(x)
    torch.testing.assert_close(each, module(x))
    _, tangent = jvp(module, (x,), (torch.ones_like(x),))
    assert tangent.shape == x.shape


@pytest.mark.parametrize("kind", BACKENDS)
def test_exports_of_a_fused_activation_are_those_of_a_plain_one(kind, tmp_path: Path):
    for name in (kind, "torch"):
        module = Activation("x * sigmoid(b * x) where b = 1.5", backend=name)
        export(module.expression(), tmp_path / name, formats=("source", "state"))
    files = sorted(path.name for path in (tmp_path / "torch").iterdir())
    for file in files:
        assert (tmp_path / kind / file).read_bytes() == (tmp_path / "torch" / file).read_bytes()


@pytest.mark.parametrize("kind", BACKENDS)
def test_autocast_is_that_of_plain_operations(kind):
    plain, fused = pair(TEXTS[2], kind)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(fused(torch.ones(4)), plain(torch.ones(4)))


@pytest.mark.parametrize("kind", [*BACKENDS, "auto", "torch"])
def test_state_pickle_and_copies(kind):
    module = Activation(TEXTS[3], 3, backend=kind)
    assert list(module.state_dict()) == ["a", "b"]
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    others = [pickle.loads(pickle.dumps(module)), copy.deepcopy(module),
              torch.load(buffer, weights_only=False)]  # fmt: skip
    for other in others:
        assert other.backend == kind
        torch.testing.assert_close(other(torch.ones(2, 3)), module(torch.ones(2, 3)))


def test_a_module_pickled_before_there_was_a_choice_is_torchs():
    module = Activation("x + 1.0")
    state = {k: v for k, v in module.__getstate__().items() if k != "_backend"}
    old = Activation.__new__(Activation)
    old.__setstate__(state)
    assert old.backend == "torch"
    assert old(torch.ones(1)).item() == 2.0


def test_the_backend_is_checked():
    with pytest.raises(InputError, match=r"backend is 'analitic'.*did you mean 'analytic'"):
        Activation("x", backend="analitic")
    module = Activation("x * x")
    module.backend = "analytic"
    assert module.backend == "analytic"


def test_without_a_compiler(monkeypatch):
    module = Activation("x * sin(x) + 0.123", backend="auto")
    pickled = pickle.dumps(Activation("x * sin(x)", backend="c")) if available() else None
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(InputError, match=r"backend is 'c', but no cc, gcc or clang in PATH"):
        Activation("x", backend="c")
    assert backend().name == "torch"
    torch.testing.assert_close(module(torch.ones(2)), torch.ones(2).sin() + 0.123)
    if pickled:  # it still works, by torch
        other = pickle.loads(pickled)
        torch.testing.assert_close(other(torch.ones(2)), torch.ones(2).sin())


def test_the_rule_of_auto(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert chosen("auto", parse("silu(x)")) == "torch"
    assert chosen("auto", parse("silu(x) * x")) == "analytic"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert chosen("auto", parse("silu(x)")) == ("c" if available() else "torch")
    assert chosen("torch", parse("silu(x) * x")) == "torch"


@pytest.mark.parametrize("kind", BACKENDS)
def test_groupwise_activations_are_torchs(kind):
    module = Activation("group_max(x, 2)", 4, backend=kind)
    assert module(torch.ones(2, 4)).shape == (2, 2)

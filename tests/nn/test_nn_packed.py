"""Banks of activations by generated C, against the modules one by one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from evoact.nn import Activation, Annealed
from evoact.nn.kernels import available, backend
from evoact.nn.packed import Bank, fusible

CHANNELS = 5
LATE = "x * sigmoid(a * x) + b * tanh(x) where a = 1.2, b = 0.3 per channel"
EARLY = "max(x, s * x) where s = 0.25"

pytestmark = pytest.mark.skipif(not available(), reason=str(backend()))


def annealed(early: str, late: str, g: float, path: str = "blend") -> Annealed:
    module = Annealed(early, late, CHANNELS, -1, path=path)
    module.set_g(g)
    return module


def members() -> list[nn.Module]:
    """One of each kind, in each phase."""
    found: list[nn.Module] = [Activation("relu(x)"), Activation(LATE, CHANNELS, -1)]
    for g in (0.0, 0.3, 1.0):
        found.append(annealed(EARLY, LATE, g))
        found.append(annealed("max(x, c * x) where c = 0.1 per channel", "tanh(x)", g))
        found.append(annealed("auto", LATE.replace(" per channel", ""), g, "sharpness"))
    for g in (0.0, 0.2, 0.97, 1.0):  # a table until .95
        found.append(annealed("auto", "x * sigmoid(x)", g, "ladder"))
    return found


def bound(modules: list[nn.Module], kernels: str) -> Bank:
    for module in modules:
        for p in module.parameters():
            p.grad = torch.zeros_like(p)
    bank = Bank(CHANNELS, -1, kernels)
    bank.set(modules)
    return bank


def results(bank: Bank, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    x = x.clone().requires_grad_()
    y = bank(x)
    y.backward(g)
    assert x.grad is not None
    gradients = [p.grad for m in bank.members for p in m.parameters() if p.grad is not None]
    return y.detach(), x.grad, gradients


@pytest.mark.parametrize("shape", [(7,), (3, 4), (1, 2, 3)], ids=str)
def test_a_bank_in_c_computes_what_its_members_do(shape: tuple[int, ...]) -> None:
    eager = members()
    assert all(map(fusible, eager))
    torch.manual_seed(0)
    x, g = torch.randn(2, len(eager), *shape, CHANNELS)
    wanted = results(bound(copy.deepcopy(eager), "torch"), x, g)
    found = results(bound(eager, "c"), x, g)
    for one, other in zip(found[:2], wanted[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert len(found[2]) == len(wanted[2]) > 10
    for one, other in zip(found[2], wanted[2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert sum(float(one.abs().sum() > 0) for one in found[2]) > 10


def test_values_are_the_same_without_gradients() -> None:
    modules = members()
    bank = bound(modules, "c")
    x = torch.randn(len(modules), 9, CHANNELS)
    with_gradient = bank(x.clone().requires_grad_())
    with torch.no_grad():
        assert torch.equal(bank(x), with_gradient)


def test_a_slice_has_the_same_bits_among_others() -> None:
    modules = members()
    x = torch.randn(len(modules), 13, CHANNELS)
    together = bound(modules, "c")(x)
    for k, module in enumerate(modules):
        assert torch.equal(bound([module], "c")(x[k : k + 1])[0], together[k])


def test_g_moves_on() -> None:
    gliding, still = annealed("relu(x)", "tanh(x)", 0.0), Activation("silu(x)")
    bank = bound([gliding, still], "c")
    x = torch.linspace(-2, 2, 10).view(1, 2, CHANNELS).expand(2, -1, -1)
    for g in (0.0, 0.25, 0.5, 1.0):
        gliding.set_g(g)
        torch.testing.assert_close(bank(x)[0], gliding(x[0]))
        torch.testing.assert_close(bank(x)[1], still(x[1]))


def test_what_is_not_fusible_stands_behind() -> None:
    modules = [Activation("relu(x)"), Activation("group_sort(x, 5)", CHANNELS, -1)]
    assert [fusible(m) for m in modules] == [True, False]
    assert not fusible(nn.ReLU())
    x = torch.randn(2, 3, CHANNELS)
    found = bound(modules, "c")(x)
    assert torch.equal(found[1], x[1].sort(-1).values)
    assert torch.equal(found[0], x[0].relu())


def test_nan_stays_where_it_is() -> None:
    bank = bound([annealed("auto", "silu(x)", g, "ladder") for g in (0.0, 0.5, 1.0)], "c")
    x = torch.zeros(3, 1, CHANNELS)
    x[:, 0, 1] = torch.nan
    x[:, 0, 2] = torch.inf
    y = bank(x)
    assert y.isnan().tolist() == [[[False, True, False, False, False]]] * 3
    assert y[:, 0, 2].tolist() == [torch.inf] * 3

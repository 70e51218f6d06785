"""The zoo as a whole: names, sources, texts, values and gradients."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from evoact.errors import InputError
from evoact.language import (
    PRIMITIVES,
    ZOO,
    Expression,
    ExpressionError,
    known_as,
    named,
    parse,
    resolve,
)
from evoact.language.primitives import RESERVED
from evoact.language.zoo import Named, Zoo
from evoact.nn import Activation

NAMES = list(ZOO)
CHANNELS = 12
GRID = torch.cat([torch.linspace(-20.0, 20.0, 4001), torch.zeros(1)])
FAMILIES = {
    "adaptive",
    "algebraic",
    "exponential",
    "gated",
    "groupwise",
    "periodic",
    "piecewise",
    "radial",
    "rectified",
    "sigmoidal",
    "smooth",
    "threshold",
    "unit",
}
# Rows that are another row's function of another pre-activation.
SAME_FUNCTION = {"gaussian_rbf": "gaussian", "conic_sigmoid": "sigmoid"}


def inputs(expression: Expression, dtype: torch.dtype = torch.float32) -> Tensor:
    """The grid in one channel; many unequal channels where they meet."""
    if expression.is_groupwise:
        generator = torch.Generator().manual_seed(0)
        return (5.0 * torch.randn(400, CHANNELS, generator=generator)).clamp(-20, 20).to(dtype)
    return GRID.to(dtype)[:, None]


def module(name: str) -> Activation:
    expression = named(name)
    return Activation(expression, channels=CHANNELS if expression.is_groupwise else 1)


def value_and_gradient(function: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """In double, of a sum with unequal weights: the plain sum of a softmax is constant."""
    x = x.clone().requires_grad_()
    y = function(x).double()
    weights = torch.linspace(0.5, 1.0, y.shape[1], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * y).sum(), x)
    return y.detach(), gradient.double()


# Names and sources


def test_the_zoo_is_large() -> None:
    assert len(ZOO) >= 350
    assert len(ZOO) == len(NAMES) == len(set(NAMES))


def test_every_name_and_alias_is_unique_and_well_formed() -> None:
    assert len(ZOO.words) == len(set(ZOO.words))
    for word in ZOO.words:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", word), word
        assert word not in RESERVED


@pytest.mark.parametrize(
    "second",
    [Named("a", "x", 2000, "p", "unit"), Named("b", "x", 2000, "p", "unit", aliases=("a",))],
)
def test_a_name_has_one_row(second: Named) -> None:
    with pytest.raises(ValueError, match=r"named twice: \['a'\]"):
        Zoo((Named("a", "x", 2000, "p", "unit"), second))


def test_every_row_has_a_source() -> None:
    for name, row in ZOO.items():
        assert row.name == name
        assert 1943 <= row.year <= 2026, name
        assert len(row.paper) > 8, name
        assert row.family in FAMILIES, name
        assert row.preactivation in {"inner", "distance", "conic"}, name
    assert {row.family for row in ZOO.values()} == FAMILIES


def test_the_years_fit_the_papers() -> None:
    for row in ZOO.values():
        first = row.paper.partition(";")[0]
        years = [2000 + int(short) for short in re.findall(r"arXiv (\d\d)\d\d\.\d{4,5}", first)]
        years += [int(year) for year in re.findall(r"(?<![\d.])(?:19|20)\d\d(?![\d.])", first)]
        # A paper may have appeared before or after its preprint.
        assert not years or min(years) - 3 <= row.year <= max(years) + 2, (row, years)


@pytest.mark.parametrize("word", [word for word in ZOO.words if word in PRIMITIVES])
def test_a_primitive_of_that_name_is_that_function(word: str) -> None:
    root = named(word).root
    assert getattr(root, "primitive", None) is PRIMITIVES[word] or word == "identity"


@pytest.mark.parametrize("name", [name for name in NAMES if ZOO[name].aliases])
def test_aliases_are_the_same_row(name: str) -> None:
    for alias in ZOO[name].aliases:
        assert ZOO[alias] is ZOO[name]
        assert named(alias) == named(name) == resolve(alias)
        assert alias in ZOO
        assert alias not in NAMES


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown function 'mishh'; did you mean 'mish'"):
        named("mishh")
    with pytest.raises(ExpressionError, match="unknown function 'logistik'; did you mean"):
        resolve("logistik")
    with pytest.raises(KeyError):
        ZOO["nothing"]


def test_what_is_no_name_is_a_formula() -> None:
    assert resolve("x * tanh(x)") == parse("x * tanh(x)") == named("lisht")
    assert resolve(" swish ") == named("swish")


def test_import_parses_nothing() -> None:
    code = (
        "from evoact.language import ZOO; from evoact.language.zoo import lookup; "
        "print(lookup._parsed.cache_info().currsize, lookup._index.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0"]


# Texts


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_of_the_language(name: str) -> None:
    expression = named(name)
    assert parse(str(expression)) == expression
    assert parse(str(expression.canonical())).canonical() == expression.canonical()


@pytest.mark.parametrize("name", NAMES)
def test_known_by_its_own_name(name: str) -> None:
    """So no two rows are one function, but for those of other pre-activations."""
    assert known_as(named(name)) == SAME_FUNCTION.get(name, name)


def test_the_famous_name_wins() -> None:
    assert known_as(parse("x * sigmoid(x)")) == "silu"
    assert known_as(parse("max(0, x)")) == "relu"
    assert known_as(parse("exp(-square(x))")) == "gaussian"
    assert known_as(parse("sigmoid(right(x)) * left(x)")) == "glu"
    assert known_as(parse("x + 17 * tanh(x)")) is None
    assert known_as(parse("group_sort(x, 3)")) is None


# Values and gradients


@pytest.mark.parametrize("name", NAMES)
def test_finite_in_double(name: str) -> None:
    expression = named(name)
    assert np.isfinite(expression.numpy()(inputs(expression, torch.float64).numpy())).all()


@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradients_are_finite_in_single(name: str) -> None:
    function = module(name)
    x = inputs(named(name)).requires_grad_()
    y = function(x)
    assert torch.isfinite(y).all()
    y.sum().backward()
    for tensor in (x, *function.parameters()):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()


def reference(name: str) -> nn.Module:
    result: nn.Module = eval(f"nn.{ZOO[name].torch}", {"nn": nn})
    return result


TORCH = [name for name in NAMES if ZOO[name].torch]
# Points where the derivative is not defined and conventions differ.
KINKS = {
    "hard_sigmoid": (-3.0, 3.0),
    "hardswish": (-3.0, 3.0),
    "hardtanh": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
    "prelu": (0.0,),
    "shared_prelu": (0.0,),
    "celu": (0.0,),
    "softshrink": (-0.5, 0.5),
    "hardshrink": (-0.5, 0.5),
    "thresholded_relu": (1.0,),
}


@pytest.mark.parametrize("name", TORCH)
def test_equals_torch(name: str) -> None:
    """Ours in float32 against torch in float64."""
    x = inputs(named(name))
    if kinks := KINKS.get(name):
        near = (x[:, :1] - torch.tensor(kinks)).abs().min(dim=1).values < 1e-5
        assert near.sum() >= len(kinks)
        assert_close(module(name)(x[near]), reference(name)(x[near]), rtol=1e-6, atol=1e-6)
        x = x[~near]
    value, gradient = value_and_gradient(module(name), x)
    wanted_value, wanted_gradient = value_and_gradient(reference(name).double(), x.double())
    assert_close(value, wanted_value, rtol=1e-6, atol=1e-6)
    assert_close(gradient, wanted_gradient, rtol=1e-6, atol=1e-6)


def test_all_of_torch_is_there() -> None:
    """Every activation of torch.nn but those that are layers or act on images."""
    others = {"MultiheadAttention", "Softmax2d"}
    ours = {str(ZOO[name].torch).partition("(")[0] for name in TORCH}
    missing = set(nn.modules.activation.__all__) - others - ours
    assert not missing
    assert "Identity" in ours
    assert {"GELU()", "GELU(approximate='tanh')"} <= {ZOO[name].torch for name in TORCH}

"""Expressions as torch modules."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from evoact.errors import InputError
from evoact.language import PRIMITIVES, Expression, Kind, parse
from evoact.nn import Activation

PRELU = "max(x, 0) + a * min(x, 0) where a = 0.25 per channel"
SWISH = "x * sigmoid(beta * x) where beta = 1.5"


def test_per_layer_parameter() -> None:
    module = Activation(SWISH)
    assert {name: p.shape for name, p in module.named_parameters()} == {"beta": torch.Size([])}
    x = torch.randn(4, 3, 5)
    torch.testing.assert_close(module(x), x * torch.sigmoid(1.5 * x))
    module(x).sum().backward()
    assert module.beta.grad is not None
    assert module.beta.grad.abs() > 0


@pytest.mark.parametrize(
    ("shape", "channel_dim"),
    [((8, 3), 1), ((8, 3, 5), 1), ((8, 3, 5, 7), 1), ((8, 5, 3), -1), ((3, 8), 0), ((3,), 0)],
)
def test_per_channel_parameter(shape: tuple[int, ...], channel_dim: int) -> None:
    module = Activation(PRELU, channels=3, channel_dim=channel_dim)
    assert module.a.shape == (3,)
    assert (module.a == 0.25).all()
    slopes = torch.tensor([0.1, 0.2, 0.3])
    module.a.data = slopes
    x = torch.randn(shape)
    wanted = nn.functional.prelu(x.movedim(channel_dim, -1).reshape(-1, 3), slopes)
    got = module(x).movedim(channel_dim, -1).reshape(-1, 3)
    torch.testing.assert_close(got, wanted)
    module(x).sum().backward()
    negative = x.clamp(max=0).movedim(channel_dim, -1).reshape(-1, 3).sum(0)
    torch.testing.assert_close(module.a.grad, negative)


def test_channels_must_be_those_of_the_input() -> None:
    with pytest.raises(InputError, match="wanted 3 channels in dimension 1"):
        Activation(PRELU, channels=3)(torch.zeros(2, 4))


@pytest.mark.parametrize("channels", [None, 0, -2])
def test_channels_are_needed_per_channel_only(channels: int | None) -> None:
    Activation(SWISH, channels=channels)
    with pytest.raises(InputError, match=f"channels is {channels}, but parameter 'a' is per ch"):
        Activation(PRELU, channels=channels)


@pytest.mark.parametrize("channels", ["8", 8.0, True, [8], torch.tensor([8, 8])])
@pytest.mark.parametrize("text", [SWISH, PRELU, "group_sort(x, 2)"])
def test_channels_are_an_integer(text: str, channels: Any) -> None:
    with pytest.raises(InputError) as caught:
        Activation(text, channels=channels)
    assert str(caught.value) == (
        f"channels is {channels!r}, a {type(channels).__name__}; wanted an integer, such as 64"
    )


@pytest.mark.parametrize("dim", ["1", 1.0, True, None])
def test_channel_dim_is_an_integer(dim: Any) -> None:
    with pytest.raises(InputError, match=r"channel_dim is .*; wanted an integer, such as 1"):
        Activation(PRELU, 8, dim)


@pytest.mark.parametrize("channels", [np.int64(8), torch.tensor(8)])
def test_integers_of_other_libraries_are_channels(channels: Any) -> None:
    module = Activation(PRELU, channels)
    assert module.channels == 8
    assert type(module.channels) is int
    assert module(torch.zeros(2, 8)).shape == (2, 8)


GLU = "left(x) * sigmoid(beta * right(x)) where beta = 1 per channel"


@pytest.mark.parametrize(
    ("shape", "dim"), [((2, 6), 1), ((2, 6, 5), 1), ((2, 5, 6), -1), ((6,), 0)]
)
def test_groupwise(shape: tuple[int, ...], dim: int) -> None:
    module = Activation(GLU, channels=6, channel_dim=dim)
    assert module.beta.shape == (3,)  # the channels of the half that it scales
    x = torch.randn(shape)
    torch.testing.assert_close(module(x), nn.functional.glu(x, dim))
    module(x).sum().backward()
    assert module.beta.grad is not None


def test_groupwise_needs_whole_groups() -> None:
    with pytest.raises(InputError, match="channels is None, but the expression is groupwise"):
        Activation("group_max(x, 2)")
    with pytest.raises(InputError, match=r"channels is 6, .* needs a multiple of 4"):
        Activation("group_sort(x, 4)", 6)
    with pytest.raises(InputError, match="wanted 4 channels in dimension 1"):
        Activation("full_sort(x)", 4)(torch.zeros(2, 3))


@pytest.mark.parametrize("text", ["2.5", "a where a = 2.5", "a where a = 2.5 per channel"])
def test_what_does_not_depend_on_x_has_its_shape(text: str) -> None:
    result = Activation(text, channels=3)(torch.randn(2, 3, 4))
    assert result.shape == (2, 3, 4)
    assert (result == 2.5).all()


def test_takes_the_place_of_relu() -> None:
    x = torch.randn(5)
    before = x.clone()
    torch.testing.assert_close(Activation("relu(x)", inplace=True)(x), torch.relu(x))
    assert torch.equal(x, before)
    with pytest.raises(TypeError):
        Activation("relu(x)", None, 1, True)  # by name only


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_result_has_the_dtype_of_the_input(dtype: torch.dtype) -> None:
    x = torch.linspace(-2, 2, 9, dtype=dtype)
    for text in (SWISH, "x + 0.1", "max(x, 0.1)", "clamp(x, -1, 1)"):
        assert Activation(text)(x).dtype == dtype


def test_given_as_text_or_expression() -> None:
    expression = parse(SWISH)
    assert Activation(SWISH).expression() == Activation(expression).expression() == expression
    assert Activation(SWISH).expression().names == ("beta",)


def test_equal_expressions_with_other_names() -> None:
    """The compiled function is shared by expressions that differ in names only."""
    x = torch.randn(7)
    one, other = Activation("p * x + q where p = 1, q = 2"), Activation("q * x + p where p=2, q=1")
    torch.testing.assert_close(one(x), x + 2)
    torch.testing.assert_close(other(x), x + 2)
    assert [name for name, _ in other.named_parameters()] == ["q", "p"]


NAMES_TAKEN = [
    *("training", "forward", "half", "expression", "channels", "channel_dim", "__class__"),
    *("_function", "_expression", "_parameters"),
]


@pytest.mark.parametrize("name", NAMES_TAKEN)
def test_names_of_a_module_are_taken(name: str) -> None:
    text = f"x * {name} where {name} = 2"
    with pytest.raises(InputError, match=f"parameter name '{name}' is taken by torch.nn.Module"):
        Activation(text)
    assert float(Activation(parse(text).canonical())(torch.tensor(3.0)).detach()) == 6.0


def test_trained_values_are_in_the_expression() -> None:
    module = Activation("b * max(x, 0) + a * min(x, 0) where a = 1 per channel, b = 2", channels=2)
    with torch.no_grad():
        module.b.fill_(0.5)
        module.a.fill_(9.0)
    trained = module.expression()
    assert str(trained).endswith("where b = 0.5, a = 1.0 per channel")  # no single value of a
    assert repr(module) == f"Activation({trained})"


def test_deepcopy_is_independent() -> None:
    module = Activation(SWISH)
    copied = copy.deepcopy(module)
    with torch.no_grad():
        copied.beta.fill_(0.0)
    x = torch.randn(6)
    torch.testing.assert_close(module(x), x * torch.sigmoid(1.5 * x))
    torch.testing.assert_close(copied(x), x / 2)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_pickle(name: str) -> None:
    """Whole modules can be saved, with every primitive."""
    text = {Kind.NUMBER: "0.5", Kind.INTEGER: "2", Kind.FRACTION: "0.5", Kind.VALUE: "a * x"}
    arguments = ", ".join(text[kind] for kind in PRIMITIVES[name].signature)
    module = Activation(f"{name}({arguments}) where a = 2 per channel", channels=4, channel_dim=0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(3.0)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    x = torch.rand(4) + 0.5
    assert torch.equal(loaded(x), module(x))
    assert loaded.expression() == module.expression()


def test_state_dict_round_trip() -> None:
    model = nn.Sequential(nn.Linear(3, 3), Activation(PRELU, 3), Activation(SWISH))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_()
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = nn.Sequential(nn.Linear(3, 3), Activation(PRELU, 3), Activation(SWISH))
    other.load_state_dict(torch.load(file, weights_only=True))
    x = torch.randn(4, 3)
    assert torch.equal(other(x), model(x))
    assert other[2].expression() == model[2].expression()
    with pytest.raises(RuntimeError, match="size mismatch for a"):
        Activation(PRELU, 4).load_state_dict(model[1].state_dict())


def test_weights_by_double() -> None:
    module = Activation("a * x where a = 0.1").double()
    assert module(torch.ones((), dtype=torch.float64)).dtype == torch.float64
    assert isinstance(module.expression(), Expression)


def test_errors_of_the_text_come_through() -> None:
    with pytest.raises(InputError, match="did you mean 'sigmoid'"):
        Activation("sigmoidd(x)")


@pytest.mark.parametrize("text", ["a * x where a = 1.0 per channel", "group_sort(x, 2)"])
@pytest.mark.parametrize(("channel_dim", "shape"), [(1, (2, 1, 5)), (7, (2, 4)), (-3, (2, 4))])
def test_channels_that_are_not_there_are_refused(
    text: str, channel_dim: int, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match=f"wanted 4 channels in dimension {channel_dim}"):
        Activation(text, 4, channel_dim)(torch.zeros(shape))

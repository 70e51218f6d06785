"""Widths: what joins, what is refused, and how many channels a parameter has."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from evoact.errors import InputError
from evoact.language import WIDTHS, ExpressionError, parse

RATIOS = [
    ("x", 1, 1),
    ("relu(x)", 1, 1),
    ("group_max(x, 2)", Fraction(1, 2), 2),
    ("group_max(x, 4)", Fraction(1, 4), 4),
    ("group_max(group_max(x, 2), 2)", Fraction(1, 4), 4),
    ("group_max(concat(x, -x), 8)", Fraction(1, 4), 4),
    ("group_sort(x, 3)", 1, 3),
    ("group_sort(left(x), 3)", Fraction(1, 2), 6),
    ("full_sort(x)", 1, 1),
    ("concat(relu(x), relu(-x))", 2, 1),
    ("left(concat(x, x))", 1, 1),
    ("left(x) * sigmoid(right(x))", Fraction(1, 2), 2),
    ("partial(relu(x), 0.3)", 1, 1),
    ("softmax(x)", 1, 1),
    ("concat(1.0, x)", 2, 1),
    ("concat(group_max(x, 2), 0.5)", 1, 2),
]


@pytest.mark.parametrize(("text", "width", "multiple"), RATIOS, ids=[t for t, *_ in RATIOS])
def test_width_and_multiple(text: str, width: Fraction, multiple: int) -> None:
    expression = parse(text)
    assert expression.width == width
    assert expression.width in WIDTHS
    assert expression.channel_multiple == multiple
    channels = 12 * multiple
    x = np.random.default_rng(0).standard_normal((3, channels))
    result = expression.numpy()(x)
    assert result.shape == (3, channels * width)
    moved = expression.numpy()(x.T, channel_dim=0)
    np.testing.assert_array_equal(moved, result.T)


REFUSED = [
    ("group_max(x, 3)", "'group_max' gives 1/3 of the channels of x", 0),
    ("left(left(left(x)))", "'left' gives 1/8", 0),
    ("concat(concat(x, x), concat(x, x))", "'concat' gives 4", 0),
    ("x + left(x)", "'add' joins values of widths 1/2 and 1", 2),
    ("concat(x, left(x))", "'concat' joins values of widths 1/2 and 1", 0),
    ("partial(left(x), 0.5)", "'partial' joins values of widths 1/2 and 1", 0),
    ("1.0 + tanh(x * concat(x, x))", "'mul' joins values of widths 1 and 2", 13),
    ("group_sort(x, 1)", "argument 2 of 'group_sort' is 1.0; wanted an integer from 2", 14),
    ("group_sort(x, 2.5)", "is 2.5; wanted an integer", 14),
    ("group_sort(x, x)", "argument 2 of 'group_sort' must be a number", 14),
    ("partial(x, 1.0)", "is 1.0; wanted a number between 0 and 1", 11),
]


@pytest.mark.parametrize(("text", "message", "position"), REFUSED, ids=[t for t, *_ in REFUSED])
def test_refused_with_its_place(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert message in str(error.value)
    assert error.value.position == position


def test_parameter_per_channel_has_the_width_of_its_use() -> None:
    expression = parse(
        "a * concat(x, -x) + concat(b * x, left(c * concat(x, x))) "
        "where a = 1.0 per channel, b = 1.0 per channel, c = 2.0 per channel"
    )
    assert expression.layout.parameters == (2, 1, 2)


def test_parameter_per_channel_at_two_widths_is_refused() -> None:
    with pytest.raises(ExpressionError, match="'a' is per channel and used at widths 1 and 2"):
        parse("concat(a * x, x) + a where a = 1.0 per channel")
    assert parse("concat(a * x, x) + a where a = 1.0").width == 2  # per layer it may


def test_values_equal_in_all_channels_pass_through() -> None:
    assert str(parse("x + group_max(2.0, 2)")) == "x + 2.0"
    assert str(parse("left(x) + left(a) where a = 1.0")) == "left(x) + a where a = 1.0"
    assert "group_max" in str(parse("left(x) + group_max(a, 2) where a = 1.0 per channel"))
    x = np.zeros((1, 8))
    halves = parse("x + left(concat(1.0, 2.0))").numpy()(x)
    assert halves.tolist() == [[1.0] * 8]
    quarters = parse("left(x) + right(softmax(3.0))").numpy()(x)
    np.testing.assert_allclose(quarters, np.full((1, 4), 1 / 8))


def test_what_does_not_read_x_takes_the_width_it_needs() -> None:
    x = np.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(parse("concat(1.0, 2.0) + x").numpy()(x), np.add(x, [1, 1, 2, 2]))
    np.testing.assert_array_equal(parse("softmax(3.0) * x").numpy()(x), x / 4)


def test_groups_are_of_neighbours() -> None:
    x = np.array([[3.0, 1.0, -2.0, 5.0]])
    assert parse("group_max(x, 2)").numpy()(x).tolist() == [[3.0, 5.0]]
    assert parse("group_sort(x, 2)").numpy()(x).tolist() == [[1.0, 3.0, -2.0, 5.0]]
    assert parse("partial(relu(x), 0.5)").numpy()(-x).tolist() == [[0.0, 0.0, 2.0, -5.0]]


def test_channels_must_fill_the_groups() -> None:
    with pytest.raises(InputError, match=r"channels is 6, .* needs a multiple of 4"):
        parse("group_max(x, 4)").numpy()(np.zeros((2, 6)))
    with pytest.raises(InputError, match=r"has shape .* needs a channel dimension"):
        parse("group_max(x, 4)").numpy()(0.0)


def test_cost_counts_the_width() -> None:
    tanh = parse("tanh(x)").cost
    concat = parse("concat(x, x)").cost
    assert parse("tanh(concat(x, x))").cost == pytest.approx(2 * tanh + concat)
    assert parse("tanh(left(x))").cost == pytest.approx(tanh / 2 + parse("left(x)").cost)

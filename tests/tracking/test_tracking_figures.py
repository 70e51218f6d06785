import numpy as np
import pytest

from evoact.errors import InputError
from evoact.language import ZOO, named, parse
from evoact.tracking import function_figure, save_figure


def lines_of(axes):
    return [line for line in axes.get_lines() if len(line.get_xdata()) > 2]


def test_function_and_derivative():
    figure = function_figure(parse("x * x"))
    left, right = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["x", "x"]
    assert (left.get_ylabel(), right.get_ylabel()) == ("f(x)", "f'(x)")
    assert figure.get_suptitle() == "x * x"
    x, y = lines_of(left)[0].get_data()
    shown = np.abs(y) < 10
    np.testing.assert_allclose(y[shown], x[shown] ** 2)
    x, slope = lines_of(right)[0].get_data()
    np.testing.assert_allclose(slope, 2 * x, atol=1e-5)


@pytest.mark.parametrize("name", ["relu", "gelu", "snake", "prelu", "hardtanh"])
def test_named_functions_have_finite_axes(name):
    for axes in function_figure(named(name)).axes:
        assert np.isfinite(axes.get_ylim()).all()
    assert name in ZOO


def test_what_is_not_finite_is_a_gap():
    left, _ = function_figure(parse("log(x)")).axes
    x, y = lines_of(left)[0].get_data()
    assert np.isnan(y[x <= 0]).all()
    assert np.isfinite(y[x > 0]).all()


def test_sides_of_a_pole_are_not_joined():
    left, _ = function_figure(parse("1 / (x - 0.0011)")).axes
    x, y = lines_of(left)[0].get_data()
    assert np.isnan(y[np.searchsorted(x, 0.0011)])
    assert left.get_ylim()[1] < 12


def test_a_function_without_any_finite_value_still_has_axes():
    figure = function_figure(parse("log(-1 - abs(x))"))
    assert figure.axes[0].get_ylim() == pytest.approx((-1, 1))


def test_trained_layers_are_drawn():
    params = {"act0": {"a0": 2.0}, "act1": {"a0": [1.0, 3.0]}, "act2": {"a0": 0.5}}
    left, _ = function_figure(parse("a0 * x where a0 = 1.0"), params=params).axes
    slopes = [line.get_ydata()[-1] / 5.0 for line in lines_of(left)]
    assert slopes == pytest.approx([2.0, 2.0, 0.5, 1.0])
    assert left.get_legend() is not None


def test_params_of_another_expression_are_refused():
    with pytest.raises(InputError, match=r"layer 'act0' has \['b'\], not 'a'"):
        function_figure(parse("a * x where a = 1.0"), params={"act0": {"b": 1.0}})


def test_long_formulas_are_wrapped_within_the_figure():
    figure = function_figure(parse(" + ".join(["sigmoid(x)"] * 60)))
    figure.canvas.draw()
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert figure.get_suptitle().endswith("...")


def test_titles_are_not_read_as_markup():
    figure = function_figure(parse("x"), title="$\\frac{ 5 $ a_b")
    figure.canvas.draw()
    assert figure.get_suptitle() == "$\\frac{ 5 $ a_b"


def labels(axes):
    return [line.get_label() for line in lines_of(axes)]


@pytest.mark.parametrize(
    ("text", "jumps"), [("step(x)", [0]), ("window(x)", [-1, 1]), ("multistep(x, 2)", [-0.5, 0.5])]
)
def test_jumps_are_gaps(text, jumps):
    left, right = function_figure(parse(text)).axes
    x, y = lines_of(left)[0].get_data()
    assert x[np.isnan(y)] == pytest.approx(jumps, abs=0.0051)
    slope = lines_of(right)[0].get_ydata()
    assert np.nanmax(np.abs(slope)) == 0


@pytest.mark.parametrize(
    ("text", "bends"),
    [("relu(x)", [0]), ("max(x, tanh(2 * x))", [-0.958, 0, 0.958]), ("tanh(50 * x)", [])],
)
def test_slopes_have_gaps_where_they_jump(text, bends):
    _, right = function_figure(parse(text)).axes
    x, slope = lines_of(right)[0].get_data()
    missing = x[np.isnan(slope)]
    assert all(np.abs(missing - bend).min() < 0.0051 for bend in bends)
    assert all(np.abs(np.array(bends) - x).min() < 0.0051 for x in missing)


def test_steep_slopes_and_kinks_are_no_jumps():
    for text in ("tanh(1e5 * x)", "relu(x)", "1e4 * abs(x)", "sqrt(abs(x))"):
        left, _ = function_figure(parse(text)).axes
        assert np.isfinite(lines_of(left)[0].get_ydata()).all()


def test_gates_are_drawn_against_both_halves():
    figure = function_figure(parse("left(x) * sigmoid(right(x))"))
    title = figure.get_suptitle().splitlines()
    assert title[1] == "width 1/2: 2 channels in, 1 out"
    assert title[2] == "slices: input x1 or x2 varies, the other at -1, 0 or 1"
    value, slope, other, other_slope = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["x1", "x1", "x2", "x2"]
    assert (value.get_ylabel(), slope.get_ylabel()) == ("y", "dy/dx1")
    assert labels(value) == ["y1, x2 = -1", "y1, x2 = 0", "y1, x2 = 1"]
    for line, gate in zip(lines_of(value), (-1, 0, 1), strict=True):
        x, y = line.get_data()
        np.testing.assert_allclose(y, x / (1 + np.exp(-gate)))
    for line, size in zip(lines_of(other_slope), (-1, 0, 1), strict=True):
        x, y = line.get_data()
        sigmoid = 1 / (1 + np.exp(-x))
        np.testing.assert_allclose(y, size * sigmoid * (1 - sigmoid), atol=1e-6)
    assert labels(other)[0] == "y1, x1 = -1"


@pytest.mark.parametrize("name", ["concat(relu(x), relu(-x))", "partial(relu(x), 0.8)"])
def test_outputs_of_one_channel_each_are_branches_of_one_panel(name):
    left, _ = function_figure(parse(name)).axes
    first, second = lines_of(left)
    x, y = first.get_data()
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    other = np.maximum(-x, 0) if "concat" in name else x
    np.testing.assert_array_equal(second.get_ydata(), other)
    assert labels(left) == (["y1(x1)", "y3(x1)"] if "concat" in name else ["y1(x1)", "y3(x3)"])


def test_figures_say_which_channels_they_show():
    told = {
        "partial(relu(x), 0.8)": "slices: each output against the one input that it reads",
        "group_sort(x, 4)": "slices: input x1 varies, the others at -1, 0 or 1 (all alike)",
        "full_sort(x)": "slices: input x1 varies, the other at -1, 0 or 1",
    }
    for text, line in told.items():
        assert function_figure(parse(text)).get_suptitle().splitlines()[-1] == line
    assert function_figure(parse("relu(x)")).get_suptitle() == "relu(x)"


def test_sorted_channels_take_turns():
    left, _ = function_figure(parse("group_sort(x, 4)")).axes
    assert labels(left)[::3] == ["y1, others = -1", "y4, others = -1"]
    smallest, largest = lines_of(left)[1], lines_of(left)[4]
    np.testing.assert_array_equal(smallest.get_ydata(), np.minimum(smallest.get_xdata(), 0))
    np.testing.assert_array_equal(largest.get_ydata(), np.maximum(largest.get_xdata(), 0))


def test_trained_layers_of_a_gate_are_drawn_with_the_other_half_open():
    params = {"act1": {"a": [2.0, 4.0]}, "act2": {"a": [1.0]}}
    expression = parse("a * left(x) * relu(right(x)) where a = 1.0 per channel")
    left = function_figure(expression, params=params).axes[0]
    slopes = [line.get_ydata()[-1] / 5.0 for line in lines_of(left)]
    assert slopes == pytest.approx([3.0, 1.0, 0.0, 0.0, 1.0])
    assert labels(left)[0] == "trained, by layer, x2 = 1"


@pytest.mark.parametrize(
    "text",
    [
        "log_softmax(log(x))",
        "left(left(x)) * step(right(right(x)))",
        "concat(0.5, 1.0)",
        "a where a = 1.0 per channel",
        "group_max(concat(x, full_sort(1.0 / x)), 8)",
        "partial(softmax(x), 1e-9)",
        "partial(0.5 * x, 0.25)",
        "group_sort(x, 1000)",
    ],
)
def test_no_expression_is_too_odd_to_draw(text):
    figure = function_figure(parse(text))
    figure.canvas.draw()
    assert len(figure.axes) >= 2


def test_too_many_channels_are_said_not_drawn():
    figure = function_figure(parse("group_sort(group_sort(x, 1021), 1019)"))
    figure.canvas.draw()
    assert figure.axes == []
    assert figure.get_suptitle().endswith("1040399 channels are too many to draw")


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_is_drawn(name):
    figure = function_figure(named(name))
    for axes in figure.axes:
        assert np.isfinite(axes.get_ylim()).all()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_files_have_the_same_bytes_each_time(tmp_path, suffix):
    paths = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for path in paths:
        save_figure(function_figure(named("silu")), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        save_figure(function_figure(named("relu")), tmp_path / "figure.bmp")

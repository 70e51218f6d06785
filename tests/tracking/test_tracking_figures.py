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

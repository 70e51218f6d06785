"""Every function of the zoo and random trees in every format, against numpy in float64.

Graphs are made and compiled for many functions at once, so that it takes minutes.
The tolerance of each value is what rounding in its type can do to it, see `rounding`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from language_strategies import tree, usual_number
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.export import (
    FORMATS,
    export,
    jax_source,
    keras_source,
    load_state,
    standalone_source,
    triton_file,
)
from evoact.export import onnx as onnx_models
from evoact.export.foreign import TAILS
from evoact.export.job import Job, make_job
from evoact.export.rounding import rounded
from evoact.export.values import activation
from evoact.language import ZOO, Expression, FloatArray, named, parse
from evoact.nn import Activation

TOGETHER = 50
CHANNELS = 144
TREES = 500


@cache
def everything() -> tuple[Expression, ...]:
    return (*map(named, ZOO), *trees(TREES))


def trees(count: int) -> list[Expression]:
    """Different trees, whose groups fill the channels."""
    rng, found = Random(9), dict[str, Expression]()
    depths = [depth for depth in range(1, 6) for _ in range(depth)]
    while len(found) < count:
        expression = tree(rng, rng.choice(depths), numbers=usual_number)
        if expression and CHANNELS % expression.channel_multiple == 0:
            found.setdefault(str(expression), expression)
    return list(found.values())


@cache
def x() -> FloatArray:
    """Numbers that every type holds: small, usual and large ones."""
    scale = np.array([0.1, 1.0, 1.0, 2.0, 5.0, 20.0])[:, None]
    drawn = scale * np.random.default_rng(0).standard_normal((len(scale), CHANNELS))
    found: FloatArray = torch.tensor(drawn).bfloat16().double().numpy()
    return found


def job(expression: Expression) -> Job:
    return make_job(expression.canonical(), channels=CHANNELS)


def reference(expression: Expression) -> Activation:
    one = job(expression)
    return activation(one.expression, one.layers[0])


def assert_right(expression: Expression, got: Any, dtype: torch.dtype, tails: float = 0.0) -> None:
    module = reference(expression)
    values = [p.detach().to(dtype).double().numpy() for p in module.parameters()]
    known = rounded(module.initial, x(), values, dtype, tails=tails)
    found = np.asarray(got, float)
    assert found.shape == known.values.shape, str(expression)
    wrong = np.argwhere(known.differs(found))
    if len(wrong):
        at = tuple(wrong[0])
        raise AssertionError(
            f"{expression} gives {found[at]!r} for {x()[at[0], at[1] % CHANNELS]!r}; "
            f"wanted {known.values[at]!r} within {known.tolerance[at]:.2g}"
        )


class Bundle(nn.Module):
    """Many modules of the same input."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(modules)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(member(x) for member in self.members)


def in_source(part: Sequence[Expression], dtype: torch.dtype) -> Iterator[Any]:
    for expression in part:
        one = job(expression)
        scope: dict[str, Any] = {"__name__": "standalone"}
        exec(standalone_source(one.expression), scope)
        module = scope["Activation"](*[CHANNELS] * (one.layers[0].channels is not None))
        result = module(torch.tensor(x(), dtype=dtype))
        assert result.dtype == dtype
        yield result.detach().double().numpy()


def in_state(part: Sequence[Expression], folder: Path) -> Iterator[Any]:
    for expression in part:
        one = job(expression)
        names = FORMATS["state"].write(one, folder)
        module = load_state(folder / names[1], channels=one.layers[0].channels)
        yield module(torch.tensor(x(), dtype=torch.float32)).detach().numpy()


def in_pt2(part: Sequence[Expression], folder: Path) -> Iterator[Any]:
    bundle = Bundle([reference(expression) for expression in part])
    dynamic = ({0: torch.export.Dim("batch", min=1)},)
    example = (torch.zeros(2, CHANNELS),)
    torch.export.save(
        torch.export.export(bundle, example, dynamic_shapes=(dynamic[0],)), folder / "it.pt2"
    )
    module = torch.export.load(folder / "it.pt2").module()
    yield from (y.detach().numpy() for y in module(torch.tensor(x(), dtype=torch.float32)))


def in_onnx(part: Sequence[Expression], folder: Path) -> Iterator[Any]:
    import onnx

    for expression in part:
        one = job(expression)
        (name,) = FORMATS["onnx"].write(one, folder)
        onnx.checker.check_model(folder / name, full_check=True)
        yield onnx_models.read(one, folder, one.layers[0]).values(x().astype(np.float32))


def in_jax(part: Sequence[Expression], dtype: str) -> Iterator[Any]:
    import jax
    import jax.numpy as jnp

    made = []
    for expression in part:
        scope: dict[str, Any] = {"__name__": "standalone"}
        exec(jax_source.source(job(expression)), scope)
        wide = any(p.shape for p in reference(expression).parameters())
        made.append((scope["activation"], scope["init"](*[CHANNELS] * wide)))

    def all_of(given: Any) -> list[Any]:
        return [function(given, params) for function, params in made]

    for y in jax.jit(all_of)(jnp.asarray(x(), dtype)):
        assert y.dtype == dtype
        yield np.asarray(y.astype(jnp.float32))


def in_keras(part: Sequence[Expression], folder: Path) -> Iterator[Any]:
    for expression in part:
        one = job(expression)
        keras_source_file = FORMATS["keras"].write(one, folder)
        assert keras_source_file == ["activation_keras.py"]
        yield keras_source.read(one, folder, one.layers[0]).values(x().astype(np.float32))


INTERPRETED = """
import importlib.util, json, sys, warnings
import torch
warnings.simplefilter("ignore")
told = []
paths, x, dtype = json.load(sys.stdin)
for path, *arguments in paths:
    spec = importlib.util.spec_from_file_location("exported", path)
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    y = exported.Activation(*arguments)(torch.tensor(x, dtype=getattr(torch, dtype)))
    assert y.dtype == getattr(torch, dtype)
    told.append(y.tolist())
json.dump(told, sys.stdout)
"""


def in_triton(part: Sequence[Expression], folder: Path, dtype: str) -> Iterator[Any]:
    """In Triton's interpreter, which is decided on where it is imported."""
    paths = []
    for index, expression in enumerate(part):
        one = job(expression)
        path = folder / f"it{index}.py"
        path.write_text(triton_file.source(one))
        wide = any(p.shape for p in reference(expression).parameters())
        paths.append([str(path), *[CHANNELS] * wide])
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED],
        input=json.dumps([paths, x().tolist(), dtype]),
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    yield from json.loads(done.stdout)


Run = Callable[[Sequence[Expression], Path], Iterator[Any]]
RUNS: dict[str, tuple[Run, torch.dtype, float]] = {
    "source": (lambda part, _: in_source(part, torch.float32), torch.float32, 0.0),
    "source in float64": (lambda part, _: in_source(part, torch.float64), torch.float64, 0.0),
    "source in float16": (lambda part, _: in_source(part, torch.float16), torch.float16, 0.0),
    "source in bfloat16": (lambda part, _: in_source(part, torch.bfloat16), torch.bfloat16, 0.0),
    "state": (in_state, torch.float32, 0.0),
    "pt2": (in_pt2, torch.float32, 0.0),
    "onnx": (in_onnx, torch.float32, TAILS),
    "jax": (lambda part, _: in_jax(part, "float32"), torch.float32, TAILS),
    "jax in bfloat16": (lambda part, _: in_jax(part, "bfloat16"), torch.bfloat16, 2.0**-7),
    "keras": (in_keras, torch.float32, TAILS),
    "triton": (lambda *given: in_triton(*given, "float32"), torch.float32, TAILS),
    "triton in float16": (lambda *given: in_triton(*given, "float16"), torch.float16, 2.0**-11),
    "triton in bfloat16": (lambda *given: in_triton(*given, "bfloat16"), torch.bfloat16, 2.0**-8),
}  # fmt: skip
# Some seconds a graph or a process; other tests try pt2 on single functions.
SLOW = ("pt2", "jax in bfloat16", "triton in float16", "triton in bfloat16")


def check(what: str, part: Sequence[Expression], folder: Path) -> None:
    run, dtype, tails = RUNS[what]
    if what.startswith("triton"):  # kernels are pointwise
        part = [expression for expression in part if not expression.is_groupwise]
    wrong = []
    for expression, got in zip(part, run(part, folder), strict=True):
        try:
            assert_right(expression, got, dtype, tails)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join([what, *wrong])


def test_every_format_is_run() -> None:
    assert {what.partition(" ")[0] for what in RUNS} == set(FORMATS)


@pytest.mark.parametrize("what", [what for what in RUNS if what not in SLOW])
def test_a_sample_in_every_format(what: str, tmp_path: Path) -> None:
    check(what, everything()[::173], tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("what", RUNS)
def test_the_zoo_and_random_trees_in_every_format(what: str, tmp_path: Path) -> None:
    for start in range(0, len(everything()), TOGETHER):
        check(what, everything()[start : start + TOGETHER], tmp_path)


@pytest.mark.parametrize("name", ["jax", "keras"])
def test_trained_values_and_gradients(name: str, tmp_path: Path) -> None:
    """Written, read back, run and differentiated: what `export` itself checks."""
    trained = {"act1": {"a": [0.5, 1.5], "ops": 2.0}, "act2": {"a": [1.0, 2.0, 3.0], "ops": -0.5}}
    text = "a * left(x) * step(ops * right(x)) where a = 1.0 per channel, ops = 1.0"
    (path,) = export(text, tmp_path, formats=name, params="trained", trained=trained)
    assert path.name == f"activation_{name}.py"
    assert '"act2": {' in path.read_text()


# Keras' back end torch asks numpy for what is deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("power", [-0.5, 0.5])
def test_other_libraries_keep_the_guard_of_signed_pow_in_float16(
    power: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There 1e-12 is 0, and 0 to a negative power is infinite."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import jax
    import jax.numpy as jnp
    import keras

    one = make_job(parse(f"signed_pow(x, {power})"))
    given = np.array([0.0, -6e-8, 1e-6, -2e-4, 0.01, -9.0, 200.0], np.float16)
    wanted = one.expression.numpy()(given.astype(float)).astype(np.float16)
    scope: dict[str, Any] = {"__name__": "standalone"}
    exec(jax_source.source(one), scope)
    y, slopes = jax.vjp(lambda x: scope["activation"](x, {}), jnp.asarray(given))
    np.testing.assert_array_almost_equal_nulp(np.asarray(y), wanted, 1)
    assert not np.isnan(np.asarray(slopes(jnp.ones_like(y))[0])).any()
    exec(keras_source.source(one), scope)
    layer = scope["Activation"](dtype="float16")
    result = layer(keras.ops.convert_to_tensor(given)).detach().numpy()
    np.testing.assert_array_almost_equal_nulp(result, wanted, 1)


# Keras' back end torch asks numpy for what is deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_keras_layer_is_saved_in_a_model(tmp_path: Path) -> None:
    trained = {"act1": {"a": [0.5, 1.5, 2.0], "b": 2.0}}
    text = "a * x * sigmoid(b * x) where a = 1.0 per channel, b = 1.0"
    (path,) = export(text, tmp_path, formats="keras", params="trained", trained=trained)
    import keras

    scope: dict[str, Any] = {"__name__": "standalone"}
    exec(path.read_text(), scope)
    model = keras.Sequential([keras.Input((3,)), scope["Activation"].trained("act1")])
    given = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    wanted = model.predict(given, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(given, verbose=0), wanted)
    exact = np.array([0.5, 1.5, 2.0]) * given / (1.0 + np.exp(-2.0 * given.astype(float)))
    np.testing.assert_allclose(wanted, exact, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_triton_trains_and_knows_its_channels(tmp_path: Path) -> None:
    """Values and gradients of a file, checked by `export` itself."""
    trained = {"act1": {"a": [0.5, 1.5], "b": 2.0}, "act2": {"a": [1.0, 2.0, 3.0], "b": -0.5}}
    text = "a * x * sigmoid(b * x) + step(x) where a = 1.0 per channel, b = 1.0"
    export(text, tmp_path, formats="triton", params="trained", trained=trained)
    with pytest.raises(InputError, match="is groupwise, and Triton kernels"):
        export("left(x)", tmp_path, formats="triton")

"""ONNX models, in onnxruntime: what they keep, and what is seen where they are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from evoact.errors import InputError
from evoact.export import ExportError, export, needs
from evoact.export.foreign import check_foreign
from evoact.export.onnx import Model
from evoact.export.onnx_torch import FUNCTIONAL, TORCH, recorded
from evoact.nn import Activation

SWISH = "x * sigmoid(beta * x) where beta = 1.0"


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A trained gate of two layers: one graph each."""
    trained = {"act1": {"a": [0.5, 1.5], "b": 2.0}, "act2": {"a": [1.0, 2.0, 3.0], "b": -0.5}}
    text = "a * left(x) * sigmoid(b * right(x)) where a = 1.0 per channel, b = 1.0"
    folder = tmp_path_factory.mktemp("onnx")
    return export(text, folder, formats="onnx", params="trained", trained=trained)


def test_a_model_a_layer_with_its_parameters(layers: list[Path]) -> None:
    assert [path.name for path in layers] == ["activation.act1.onnx", "activation.act2.onnx"]
    for path, a, b in zip(layers, ([0.5, 1.5], [1.0, 2.0, 3.0]), (2.0, -0.5), strict=True):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        found = {i.name: numpy_helper.to_array(i).tolist() for i in model.graph.initializer}
        assert (found["p_a"], found["p_b"]) == (a, b)
        told = {entry.key: entry.value for entry in model.metadata_props}
        assert json.loads(told["evoact.json"])["channels"] == 2 * len(a)
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()


@pytest.mark.parametrize("batch", [1, 2, 33])
def test_any_batch(layers: list[Path], batch: int) -> None:
    x = np.random.default_rng(0).normal(size=(batch, 4)).astype(np.float32)
    (y,) = onnxruntime.InferenceSession(layers[0]).run(None, {"x": x})
    wanted = np.array([0.5, 1.5]) * x[:, :2] / (1.0 + np.exp(-2.0 * x[:, 2:].astype(float)))
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


def test_pointwise_models_take_any_features(tmp_path: Path) -> None:
    (path,) = export(SWISH, tmp_path, formats="onnx")
    session = onnxruntime.InferenceSession(path)
    for shape in ((1, 1), (5, 9)):
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        (y,) = session.run(None, {"x": x})
        np.testing.assert_allclose(y, x / (1.0 + np.exp(-x.astype(float))), rtol=1e-5, atol=1e-6)
    wrong = Activation(SWISH)
    check_foreign(Model(path.read_bytes()), wrong, what="it")
    with pytest.raises(ExportError, match="it: result is"):
        check_foreign(Model(path.read_bytes()), Activation(f"1.00001 * {SWISH}"), what="it")
    with torch.no_grad():
        wrong.get_parameter("beta").fill_(1.5)
    with pytest.raises(ExportError, match="it: parameter 'beta' holds other values"):
        check_foreign(Model(path.read_bytes()), wrong, what="it")


def test_the_identity_is_a_model(tmp_path: Path) -> None:
    (path,) = export("x", tmp_path, formats="onnx")
    (y,) = onnxruntime.InferenceSession(path).run(["y"], {"x": np.ones((2, 3), np.float32)})
    assert y.tolist() == [[1.0] * 3] * 2


def test_infinity_is_kept(tmp_path: Path) -> None:
    (path,) = export("max(0.5, min(x, 3.0)) + max(x, -1.0)", tmp_path, formats="onnx")
    x = np.array([[np.inf, -np.inf, np.nan]], np.float32)
    (y,) = onnxruntime.InferenceSession(path).run(["y"], {"x": x})
    np.testing.assert_array_equal(y, np.array([[np.inf, -0.5, np.nan]], np.float32))


def test_a_graph_is_what_a_person_would_draw(tmp_path: Path) -> None:
    """What is used twice is one node; there is none that nothing reads."""
    (path,) = export("a * left(x) * silu(right(x)) where a = 2.0", tmp_path, formats="onnx")
    graph = onnx.load(path).graph
    assert [node.name for node in graph.node] == ["split_0", "mul_1", "sigmoid_2", "mul_3", "mul_4"]
    assert [i.name for i in graph.initializer] == ["p_a", "c0"]
    told = [dim.dim_param or dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim]
    assert told == ["batch", 32]


AGAIN = """
import sys
from evoact.export import export
for index, text in enumerate(sys.argv[2:]):
    export(text, sys.argv[1], formats="onnx", stem=f"it{index}")
"""


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    texts = [
        SWISH,
        "group_sort(a * x, 2) + softplus(x) where a = 1.0 per channel",
        "erfc(x) ** 3.0",
    ]
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "other"), *texts]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "1"})
    for index, text in enumerate(texts):
        (path,) = export(text, tmp_path, formats="onnx", stem=f"it{index}")
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: TORCH.lgamma(2.0 * x), "'lgamma'"),
        (lambda x: FUNCTIONAL.mish(2.0 * x), "'mish'"),
        (lambda x: x.cumsum(1), "'cumsum'"),
        (lambda x: x % 2.0, "%: 'Value' and 'float'"),
        (lambda x: FUNCTIONAL.silu(x, inplace=True), "'inplace'"),
    ],
)
def test_an_operation_that_is_not_known_is_named(function: Callable[..., Any], told: str) -> None:
    with pytest.raises(ExportError, match=f"cannot write this operation: .*{told}"):
        recorded(function, {}, None)


def test_without_its_packages_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(InputError, match=r"needs onnxruntime .* pip install 'evoact\[onnx\]'"):
        export(SWISH, tmp_path / "out", formats=["source", "onnx"])
    assert not list((tmp_path / "out").iterdir())

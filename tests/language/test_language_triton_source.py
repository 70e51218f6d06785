"""Generated Triton kernels, run by Triton's interpreter: no GPU is needed."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from language_strategies import POINTWISE
from test_language_c_source import autograd, written

from evoact.errors import InputError
from evoact.language import PRIMITIVES, Scope, parse
from evoact.language.triton_source import triton_source

ROWS = [PRIMITIVES[name] for name in POINTWISE]
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed: no wheel here"
)
BLOCK, CHANNELS = 64, 3
# Runs every kernel of a file and saves what it gives; the interpreter is chosen at import.
RUN = """
import importlib.util, json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
spec = importlib.util.spec_from_file_location("generated", sys.argv[1] + "/generated.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
block, channels = 64, 3
x, g = torch.from_numpy(np.load(sys.argv[1] + "/inputs.npy"))
total, results = x.numel(), {}
programs = -(-total // block)
for name, sizes in json.load(open(sys.argv[1] + "/kernels.json")).items():
    given = [torch.full((size,), 0.75) for size in sizes]
    y, gx = torch.empty_like(x), torch.empty_like(x)
    sums = [torch.zeros(total if size > 1 else programs) for size in sizes]
    more = dict(total=total, n=channels, BLOCK=block)
    getattr(module, name + "_values")[(programs,)](x, *given, y, **more)
    getattr(module, name + "_pulls")[(programs,)](x, *given, g, gx, *sums, **more)
    results[name + "_y"], results[name + "_gx"] = y.numpy(), gx.numpy()
    for j, total_ in enumerate(sums):
        results[f"{name}_g{j}"] = total_.numpy()
np.savez(sys.argv[1] + "/results.npz", **results)
"""


@needs_triton
def test_every_pointwise_row_in_the_interpreter(tmp_path: Path):
    expressions = {
        f"{row.name}_{scope}": written(row, scope) for row in ROWS for scope in ("layer", "channel")
    }
    expressions["mix"] = parse(
        "a * x * step(x) + 2.0 ** x + b * gelu(x) where a = 1.0 per channel, b = 1.0"
    )
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, 70, CHANNELS)).astype(np.float32)
    inputs[0] = 4.0 * np.where(inputs[0] == 0.0, 1.0, inputs[0])
    np.save(tmp_path / "inputs.npy", inputs)
    (tmp_path / "generated.py").write_text(triton_source(expressions))
    sizes = {
        name: [CHANNELS if p.scope is Scope.CHANNEL else 1 for p in expression.parameters]
        for name, expression in expressions.items()
    }
    (tmp_path / "kernels.json").write_text(json.dumps(sizes))
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    subprocess.run([sys.executable, "-c", RUN, str(tmp_path)], check=True, env=environment)
    with np.load(tmp_path / "results.npz") as results:
        for name, expression in expressions.items():
            check(name, expression, inputs, results)


def check(name, expression, inputs, results) -> None:
    x, g = inputs
    wanted, slopes = autograd(expression, x, [np.float32(0.75)] * len(expression.parameters),
                              torch.float64)  # fmt: skip
    for got, right in ((results[f"{name}_y"], wanted), (results[f"{name}_gx"], g * slopes[0])):
        usual = np.isfinite(right)
        error = np.abs(got - right)[usual] / np.maximum(np.abs(right[usual]), 1.0)
        assert error.max() < 3e-6, name
        np.testing.assert_array_equal(np.isnan(got), np.isnan(right), err_msg=name)
    for j, parameter in enumerate(expression.parameters):
        shares = (g * slopes[1 + j]).reshape(-1)
        got = results[f"{name}_g{j}"]
        if parameter.scope is Scope.LAYER:  # a sum for each program
            padded = np.pad(shares, (0, -len(shares) % BLOCK)).reshape(-1, BLOCK)
            size, shares = np.abs(padded).sum(axis=1), padded.sum(axis=1)
        else:
            size = np.maximum(np.abs(shares), 1.0)
        usual = np.isfinite(shares)
        assert (np.abs(got - shares)[usual] <= 3e-6 * size[usual]).all(), name


def test_the_steps_are_those_of_c():
    text = triton_source({"f": parse("0.5 * x * sigmoid(a * x) where a = 1e-3")})
    kernel = text[text.index("def f_values") :]
    assert "= sigmoid_(t" in kernel
    assert not re.search(r"(?<![\w.])\d+(\.\d*)?(e-?\d+)?f\b", text)  # no literals of C
    assert "erfc_" not in text
    compile(text, "generated", "exec")


def test_groupwise_expressions_are_refused():
    with pytest.raises(InputError, match="'softmax\\(x\\)' is groupwise"):
        triton_source({"f": parse("softmax(x)")})

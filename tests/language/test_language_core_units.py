"""How many functions are among the core units of the literature: `benchmarks/core_units.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from evoact.language import FingerprintIndex, parse

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "core_units.py"


@pytest.fixture(scope="module")
def core_units() -> ModuleType:
    spec = importlib.util.spec_from_file_location("core_units", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_ninth_name(core_units: ModuleType) -> None:
    chosen = core_units.names()[:: core_units.QUICK]
    forms = core_units.canonical_forms(chosen)
    functions = core_units.representatives(forms, FingerprintIndex())
    useful = [e for e in functions if core_units.is_useful(e)]
    classes = core_units.representatives(useful, FingerprintIndex(affine=True))
    assert len(chosen) == 567
    assert len(set(forms)) == len({str(e) for e in forms}) == 421
    assert (len(functions), len(useful), len(classes)) == (396, 354, 290)


@pytest.mark.slow
def test_all_names(core_units: ModuleType) -> None:
    """The published count is 2,913."""
    found = core_units.counts(core_units.names())
    assert found["text"] == 3129
    assert found["functions"] == 2857
    assert found["useful"] == 2457
    assert found["classes"] == 1701
    assert found["rounded"] == pytest.approx(2795, abs=3)  # depends on the library of functions
    assert found["bits64"] == pytest.approx(2906, abs=30)
    assert found["bits32"] == pytest.approx(2908, abs=30)


SAME = [
    ("zero(x) + tanh(x)", "one(x) * tanh(x)"),
    ("identity(x) * sigmoid(x)", "max(silu(x), silu(x))"),
    ("exp(x) - expm1(x)", "one(x) ** square(x)"),
    ("softplus(x) + log_sigmoid(x)", "identity(x) + zero(x)"),
    ("max(x, -x)", "max(abs(x), zero(x))"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_names_of_one_function_have_one_text(a: str, b: str) -> None:
    assert parse(a).canonical() == parse(b).canonical()


def test_what_differs_far_out_alone_is_not_merged() -> None:
    """Samples in [-5, 5] do not see it: `x ** x` is defined for negative integers."""
    index = FingerprintIndex()
    index.add(parse("x ** x"), "it")
    assert index.find(parse("x ** abs(x)")) is None

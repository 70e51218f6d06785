"""Compiling, caching and loading of kernels."""

import ctypes
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from evoact.errors import EvoactError, InputError
from evoact.language import parse
from evoact.nn.kernels import available, backend, kernels_of
from evoact.nn.kernels.compiler import library
from evoact.nn.kernels.folder import kernel_folder, why_unsafe
from evoact.nn.kernels.kernel import _LOADED

needs_compiler = pytest.mark.skipif(not available(), reason="no C compiler that serves")
X = np.float32([-1.0, 0.5, 2.0])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A new cache; what was loaded before is forgotten."""
    monkeypatch.setenv("EVOACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("evoact.nn.kernels.kernel._LOADED", {})
    return tmp_path / "cache"


def libraries(cache):
    return sorted(path.name for path in (cache / "kernels").iterdir())


@needs_compiler
def test_functions_are_compiled_together_and_once(cache):
    texts = ["x * tanh(x)", "a * x where a = 2.0", "sin(x)"]
    first = kernels_of([parse(text) for text in texts])
    assert len(libraries(cache)) == 1
    assert stat.S_IMODE((cache / "kernels").stat().st_mode) == 0o700
    # Values and names of parameters are arguments, not part of the function.
    (same,) = kernels_of([parse("b * x where b = 3.0")])
    assert same.address == first[1].address != first[0].address
    assert same.parameters == 1
    assert len(libraries(cache)) == 1
    kernels_of([parse("cos(x)"), parse("sin(x)")])
    assert len(libraries(cache)) == 2
    assert same(X, [3.0])[0].tolist() == (3 * X).tolist()


@needs_compiler
def test_an_address_can_be_called(cache):
    (kernel,) = kernels_of([parse("a * x where a = 2.0 per channel")])
    function = ctypes.CFUNCTYPE(None, *kernel.run.argtypes)(kernel.address)
    x, a = np.float32([1.0, 2.0, 3.0, 4.0]), np.float32([10.0, 100.0])
    y, d = np.zeros(4, np.float32), np.zeros(13, np.float32)
    parameters = (ctypes.c_void_p * 1)(a.ctypes.data)
    function(x.ctypes.data, parameters, 2, 2, y.ctypes.data, d.ctypes.data, 8)
    assert y.tolist() == [10.0, 200.0, 30.0, 400.0]
    assert d[:4].tolist() == [10.0, 100.0, 10.0, 100.0]
    assert d[8:12].tolist() == x.tolist()
    assert not d[4:8].any()


@needs_compiler
def test_another_process_loads_what_one_compiled(cache, monkeypatch):
    kernels_of([parse("x * erf(x)")])
    before = (cache / "kernels" / libraries(cache)[0]).stat()
    _forget(monkeypatch)
    kernels_of([parse("x * erf(x)")])
    assert (cache / "kernels" / libraries(cache)[0]).stat() == before


@needs_compiler
def test_a_damaged_library_is_compiled_again(cache):
    library("void damaged(float *x) { *x = 1.0f; }")
    (file,) = (cache / "kernels").iterdir()
    file.unlink()  # not written over: it is in use
    file.write_bytes(b"half a library")
    assert library("void damaged(float *x) { *x = 1.0f; }").damaged


def _forget(monkeypatch):
    monkeypatch.setattr("evoact.nn.kernels.kernel._LOADED", {})


@needs_compiler
def test_processes_may_race(cache):
    code = (
        "from evoact.language import parse\n"
        "from evoact.nn.kernels import kernels_of\n"
        "print(kernels_of([parse('x * atan(x)')])[0]([1.0])[0])\n"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)
    ]
    told = {process.communicate(timeout=120)[0] for process in racing}
    assert told == {b"[0.7853982]\n"}
    assert len(libraries(cache)) == 1
    assert libraries(cache)[0].endswith(".so")


@needs_compiler
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720])
def test_a_folder_that_others_can_write_is_not_used(cache, monkeypatch, mode):
    (cache / "kernels").mkdir(parents=True)
    (cache / "kernels").chmod(mode)
    assert "can be written by others" in why_unsafe(cache / "kernels")
    (kernel,) = kernels_of([parse("x + 1.0")])
    assert kernel(X)[0].tolist() == [0.0, 1.5, 3.0]
    assert libraries(cache) == []
    private = kernel_folder()
    assert cache not in private.parents
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_folder_in_one_that_others_can_write_is_not_used(cache):
    (cache / "kernels").mkdir(parents=True, mode=0o700)
    cache.chmod(0o777)
    assert why_unsafe(cache / "kernels").startswith(f"{cache} can be written by others")
    cache.chmod(0o1777)  # as /tmp is: only owners may rename
    assert why_unsafe(cache / "kernels") is None


def test_a_folder_of_another_user_is_not_used(cache, monkeypatch):
    (cache / "kernels").mkdir(parents=True, mode=0o700)
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    assert "belongs to user" in why_unsafe(cache / "kernels")


def test_a_cache_that_cannot_be_made_is_done_without(cache):
    cache.write_text("a file")
    assert cache not in kernel_folder().parents


def test_without_a_compiler_there_is_a_reason(cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert not available()
    assert str(backend()).startswith("torch (no cc, gcc or clang in PATH")
    with pytest.raises(EvoactError, match="no C kernels: no cc, gcc or clang in PATH"):
        kernels_of([parse("x + 2.0")])


def test_the_compiler_that_a_user_names_is_taken(cache, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert backend().reason.startswith("$CC is 'no-such-compiler', which is no command")


def test_a_compiler_that_does_not_serve_is_told(cache, monkeypatch, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\n[ $# = 1 ] && echo broken 1.0 || { echo no luck >&2; exit 1; }\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    assert backend().name == "torch"
    assert "does not serve" in backend().reason
    assert "no luck" in backend().reason
    assert libraries(cache) == []


@needs_compiler
def test_the_backend_names_its_compiler():
    assert backend().name == "c"
    assert backend().compiler
    assert str(backend()) == f"c ({backend().compiler})"


def test_groupwise_expressions_are_refused():
    with pytest.raises(InputError, match="groupwise"):
        kernels_of([parse("softmax(x)")])


def test_nothing_is_loaded_twice():
    assert len({id(function) for function in _LOADED.values()}) == len(_LOADED)

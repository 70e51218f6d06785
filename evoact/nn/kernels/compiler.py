"""The system's C compiler: which one, whether it serves, and how it is called."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from evoact.errors import EvoactError
from evoact.nn.kernels.folder import kernel_folder

# Rounded as written (no contraction, no reassociation) and by no rule of the
# compiler's own (no built-in functions: gcc would join sin and cos to one call
# that has no vector form): values are the same bits with and without derivatives.
FLAGS: Final = (
    "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off",
    "-fno-builtin", "-fopenmp-simd", "-fPIC", "-shared",
)  # fmt: skip
_WIDE: Final = ("-mprefer-vector-width=512",)  # of x86: the widest that it has
_LIBRARIES: Final = ("-lmvec", "-lm")
_NAMES: Final = ("cc", "gcc", "clang")
_SECONDS: Final = 300


@dataclass(frozen=True)
class Backend:
    """What computes fused activations, for a record or a printed line.

    Attributes:
        name: `c`, or `torch` where there is no compiler that serves.
        compiler: such as `gcc 12.2.0`; empty without one.
        reason: why it is not C; empty if it is.
    """

    name: str
    compiler: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.compiler or self.reason})"


@dataclass(frozen=True)
class _Compiler:
    command: tuple[str, ...]
    version: str

    def compile(self, source: str, target: Path) -> None:
        """Compile and link a library.

        Raises:
            EvoactError: the compiler failed; the message has its last lines.
        """
        wide = _WIDE if platform.machine() in ("x86_64", "AMD64") else ()
        call = [*self.command, *FLAGS, *wide, "-x", "c", "-", "-o", str(target), *_LIBRARIES]
        try:
            done = subprocess.run(  # noqa: S603  # the user's compiler, our own source
                call, input=source.encode(), capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EvoactError(f"{self.command[0]} failed: {error}") from error
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
            raise EvoactError(f"{self.command[0]} failed: {' | '.join(told)}")


def available() -> bool:
    """Return whether C can be compiled, linked with vector mathematics, and loaded."""
    return backend().name == "c"


def backend() -> Backend:
    """Return what computes fused activations here, and with which compiler or why not.

    The compiler is `$CC`, else the first of cc, gcc and clang in PATH.
    """
    return _backend(os.environ.get("CC", ""), os.environ.get("PATH", ""))


@cache
def _backend(wanted: str, _path: str) -> Backend:
    if not hasattr(os, "getuid"):
        return Backend("torch", reason="kernels in C need a POSIX system")
    compiler = _found(wanted)
    if compiler is None:
        what = f"$CC is {wanted!r}, which is no command" if wanted else "no cc, gcc or clang"
        return Backend("torch", reason=f"{what} in PATH; install a C compiler for faster training")
    try:
        _probe(compiler)
    except (EvoactError, OSError) as error:
        return Backend("torch", reason=f"{compiler.version} does not serve: {error}")
    return Backend("c", compiler.version)


def _probe(compiler: _Compiler) -> None:
    """Compile and load a function that calls a vector function."""
    text = (
        '__attribute__((simd("notinbranch"), const)) float expf(float);\n'
        "void probe(float *x) { for (int i = 0; i < 16; i++) x[i] = expf(x[i]); }\n"
    )
    _loaded(compiler, text)


def library(source: str) -> ctypes.CDLL:
    """Return the loaded library of a C source, compiled if no process has done so before.

    Raises:
        EvoactError: there is no compiler, or it failed.
    """
    compiler = _found(os.environ.get("CC", ""))
    if compiler is None:
        raise EvoactError(f"no C kernels: {backend().reason}")
    return _loaded(compiler, source)


def _loaded(compiler: _Compiler, source: str) -> ctypes.CDLL:
    path = _library(compiler, source)
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # not whole, as after a loss of power: once more
        path.unlink(missing_ok=True)
        return ctypes.CDLL(str(_library(compiler, source)))


def _library(compiler: _Compiler, source: str) -> Path:
    key = "\0".join([source, " ".join([*FLAGS, *_WIDE, *_LIBRARIES]), compiler.version, _cpu()])
    folder = kernel_folder()
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.so"
    if not path.exists():
        # To a name of its own, then moved: another process sees a whole file or none.
        descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        os.close(descriptor)
        try:
            compiler.compile(source, Path(temporary))
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return path


def _found(wanted: str) -> _Compiler | None:
    """Return `$CC`, or the first compiler in PATH."""
    for name in [wanted] if wanted else _NAMES:
        words = shlex.split(name)
        if words and (path := shutil.which(words[0])):
            return _known((path, *words[1:]), os.stat(path).st_mtime_ns)
    return None


@cache
def _known(command: tuple[str, ...], _changed: int) -> _Compiler:
    """Return a compiler with its version, asked once."""

    def ask(option: str) -> str:
        done = subprocess.run(  # noqa: S603  # the user's compiler
            [*command, option], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        return done.stdout.strip()

    try:
        first = ask("--version").partition("\n")[0]
        number = ask("-dumpfullversion") or ask("-dumpversion")
    except (OSError, subprocess.TimeoutExpired):
        return _Compiler(command, Path(command[0]).name)
    family = "clang" if "clang" in first else "gcc" if "gcc" in first or "cc " in first else first
    return _Compiler(command, f"{family} {number}".strip())


@cache
def _cpu() -> str:
    """Return what `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "cpu family", "model\t", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))

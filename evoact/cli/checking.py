"""`evoact doctor`: whether an installation, and a task of the user's own, do what they must."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoact.cli.looking import wide_console
from evoact.cli.main import FAILED as EXIT_FAILED
from evoact.errors import EvoactError, InputError
from evoact.language import resolve
from evoact.records import SHIPPED, Candidate, Cohort, EvaluateSpec, SearchSpec, TaskSpec
from evoact.study import load_space, make_evaluator, named_task, versions_here
from evoact.tracking import prepare_store, tracking_uri
from evoact.training import (
    FAILED,
    OK,
    WARNING,
    Finding,
    code_folders,
    contract,
    prepared_task,
    resolve_kernels,
)

_STYLES: Final = {OK: "green", WARNING: "yellow", FAILED: "bold red"}
_SHOWN: Final = ("python", "evoact", "torch", "ray", "mlflow", "numpy", "deap")
_EPOCHS: Final = 1


def run_doctor(task: str | None, runs_dir: Path, as_json: bool) -> None:
    """Test the installation, then the task; exit with 1 if anything failed."""
    spec = None if task is None else _task(task)
    console = wide_console()
    found = []
    for title, tests in _parts(spec, runs_dir):
        findings = list(tests)
        found += findings
        if not as_json:
            console.print(_table(title, findings))
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))  # noqa: T201  # for programs
    else:
        _say_verdict(console, found)
    if any(one.verdict == FAILED for one in found):
        sys.exit(EXIT_FAILED)


def _task(task: str) -> TaskSpec:
    """Return the task of a class or of a space's file, with the settings that it has there."""
    if Path(task).suffix in {".yaml", ".yml"}:
        spec = load_space(task).task
    elif ":" in task or task in SHIPPED:
        spec = named_task(task)
    else:
        raise InputError(
            f"--task is {task!r}; wanted module:Class, such as my_package.tasks:MyTask, or the "
            "YAML file of a search space, whose task is tested with its options"
        )
    if spec.use is None:
        raise InputError(
            f"--task is {task!r}, whose task is {spec.label}; wanted one of your own, with "
            "task.use: module:Class"
        )
    return spec


def _parts(spec: TaskSpec | None, runs_dir: Path) -> Iterator[tuple[str, Iterator[Finding]]]:
    """Yield the parts of the tests; each test is made when it is asked for."""
    yield "Installation", _installation(runs_dir)
    if spec is not None:
        yield f"Task {spec.use}", contract(spec)
    yield "Ray", iter([_tried("a training on Ray", lambda: _on_ray(spec), _RAY_CURE)])


_RAY_CURE: Final = (
    "search with --executor inline meanwhile; Ray needs free memory, and some room in /tmp"
)


def _installation(runs_dir: Path) -> Iterator[Finding]:
    versions = versions_here(resolve_kernels("auto"))
    yield Finding("versions", OK, ", ".join(f"{name} {versions[name]}" for name in _SHOWN))
    yield _compiler()
    yield _device()
    yield _tried(
        "runs folder and MLflow",
        lambda: _store(runs_dir),
        "choose a folder you may write to by --runs-dir, or tracking: {mlflow: off}",
    )


def _compiler() -> Finding:
    found = resolve_kernels("auto")
    if found.name == "c":
        return Finding("compiler", OK, str(found))
    return Finding(
        "compiler",
        WARNING,
        f"none: activations are computed by torch, more slowly ({found.reason})",
        "install gcc or clang, or name one by the variable CC",
    )


def _device() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding("device", OK, "CPU; torch finds no GPU")
    return Finding("device", OK, f"{torch.cuda.get_device_name()} (evaluate.gpus_per_worker: 1)")


def _store(runs_dir: Path) -> str:
    uri = tracking_uri("embedded", runs_dir)
    assert uri is not None, "only off has none"
    try:
        prepare_store(uri)
    except OSError as error:
        raise InputError(f"{runs_dir} cannot be written: {error.strerror}") from error
    return f"{runs_dir / 'mlflow.db'} is ready"


def _on_ray(task: TaskSpec | None) -> str:
    """Train one network for one epoch on a worker of a cluster that is started for it."""
    base = TaskSpec(name="digits") if task is None else prepared_task(task)
    short = base.model_copy(update={"epochs": _EPOCHS})
    spec = SearchSpec(task=short, evaluate=EvaluateSpec(executor="ray", workers=1))
    evaluator = make_evaluator(spec, paths=code_folders(spec))
    try:
        cohort = Cohort((Candidate(resolve("relu")),), short, seed=0)
        ((evaluation,),) = evaluator.evaluate([cohort])
    finally:
        evaluator.close()
    if not evaluation.is_ok:
        raise InputError(f"{evaluation.status}: {evaluation.reason}")
    return f"a cluster starts, and a worker trains {short.label}"


def _tried(what: str, test: Callable[[], str], cure: str) -> Finding:
    try:
        return Finding(what, OK, test())
    except EvoactError as error:
        return Finding(what, FAILED, str(error), cure)


def _table(title: str, findings: list[Finding]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("test", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    for one in findings:
        told = Text.assemble(one.told, (f"\ncure: {one.cure}" if one.cure else "", "italic"))
        table.add_row(one.what, Text(one.verdict, style=_STYLES[one.verdict]), told)
    return table


def _say_verdict(console: Console, found: list[Finding]) -> None:
    failed = [one.what for one in found if one.verdict == FAILED]
    warned = [one.what for one in found if one.verdict == WARNING]
    if failed:
        console.print(Text(f"Failed: {', '.join(failed)}."))
    if warned:
        console.print(Text(f"Worth a look: {', '.join(warned)}."))
    if not failed:
        console.print(Text("Ready to search."))

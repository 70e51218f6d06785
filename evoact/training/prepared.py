"""Whether the tasks that users bring are there and measure what a search asks for."""

from __future__ import annotations

from pathlib import Path

from evoact.errors import InputError
from evoact.records import LATENCY, SHIPPED, SearchSpec, TaskSpec, is_measured
from evoact.tasks import Task, code_folder, with_head
from evoact.training.contract import check_step
from evoact.training.resident import task_of

_NOISY = "val_noisy_accuracy"


def prepared(spec: SearchSpec) -> SearchSpec:
    """Import, load and try the tasks that a user brought; those of evoact need nothing.

    Returns:
        The specification with paths that hold wherever a worker runs.

    Raises:
        InputError: there is no such class or file, it is not what it must be, or it
            does not measure the objectives.
    """
    if not any(task.is_brought for task in spec.all_tasks):
        return spec
    tasks = tuple(prepared_task(task) for task in spec.all_tasks)
    for task in tasks:
        _check_measures(spec, task)
    return spec.model_copy(update={"task": tasks[0], "tasks": tasks if spec.tasks else ()})


def prepared_task(task: TaskSpec) -> TaskSpec:
    """Return a task whose path holds wherever a worker runs; what a user brought is tried.

    Raises:
        InputError: likewise.
    """
    if not task.is_brought:
        return task
    if task.arrays is not None:
        task = task.model_copy(update={"arrays": str(Path(task.arrays).resolve())})
    made = task_of(task)
    for head in task.head:  # for classes alone, which a file tells when it is read
        with_head(made.criterion, head)
    if task.use is not None:
        check_step(made, task)
    return task


def metric_of(task: TaskSpec) -> tuple[str, bool]:
    """Return what counts of a task, and whether more of it is better.

    >>> metric_of(TaskSpec(name="digits"))
    ('accuracy', True)
    """
    if not task.is_brought:
        return "accuracy", True
    name, direction = next(iter(task_of(task).criterion.metrics.items()))
    return name, direction == "max"


def code_folders(spec: SearchSpec) -> list[str]:
    """Return the folders that workers must have on Python's path, for the user's classes."""
    own = [task.use for task in spec.all_tasks if task.use not in (None, *SHIPPED.values())]
    found = [code_folder(use) for use in own if use is not None]
    return list(dict.fromkeys(path for path in found if not _is_installed(path)))


def _is_installed(folder: str) -> bool:
    return Path(folder).name in ("site-packages", "dist-packages")


def _check_measures(spec: SearchSpec, task: TaskSpec) -> None:
    known = measured_by(task_of(task))
    if task.arrays is not None and "val_accuracy" in known:
        known[_NOISY] = "max"
    listed = ", ".join(f"{name} ({better})" for name, better in known.items())
    for name in spec.measures:
        if not is_measured(name) or name == LATENCY:
            continue
        if name not in known:
            first, better = next(iter(known.items()))
            raise InputError(
                f"objectives: {name} is asked for, but task {task.label} measures {listed}; "
                f"wanted such as objectives: {{{first}: {better}}}"
            )
        asked = spec.objectives.get(name, known[name])
        if asked != known[name]:
            raise InputError(
                f"objectives.{name} is {asked}, but task {task.label} says that {known[name]} is "
                "better; wanted the same in both"
            )


def measured_by(task: Task) -> dict[str, str]:
    """Return the names of what a task measures at every epoch, and what is better.

    >>> from evoact.tasks import make_task
    >>> measured_by(make_task("digits", "mlp", 0))
    {'val_accuracy': 'max', 'val_loss': 'min'}
    """
    return {
        **{f"val_{n}": better for n, better in task.criterion.metrics.items()},
        "val_loss": "min",
    }

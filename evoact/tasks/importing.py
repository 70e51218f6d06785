"""The class of a user's task: the one place where code of the user is imported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from evoact.errors import InputError, nearest
from evoact.tasks.data import Part, Splits
from evoact.tasks.splitting import array_of
from evoact.tasks.task import Task
from evoact.tasks.user import UserCriterion, UserNetwork, UserTask, check_metrics


def import_class(use: str) -> type[UserTask]:
    """Import `module:Class`, from the working folder or the path of Python.

    Raises:
        InputError: there is none, or it is no `UserTask`.
    """
    module_name, _, name = use.partition(":")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # anything may happen in a module of the user's
        raise _cannot(use, error, here) from error
    found = getattr(module, name, None)
    if not isinstance(found, type):
        known = [n for n, value in vars(module).items() if _is_task(value)]
        listed = f"; it has {', '.join(known)}" if known else ""
        raise InputError(
            f"task.use is {use!r}, but {module_name} has no class {name}"
            f"{nearest(name, known)}{listed}"
        )
    if not _is_task(found):
        raise InputError(
            f"task.use is {use!r}, which is no evoact.tasks.UserTask; wanted "
            f"class {name}(evoact.tasks.UserTask)"
        )
    return found


def _is_task(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, UserTask) and value is not UserTask


def _cannot(use: str, error: BaseException, here: str) -> InputError:
    module = use.partition(":")[0]
    if isinstance(error, ModuleNotFoundError) and error.name and module.startswith(error.name):
        return InputError(
            f"task.use is {use!r}, but there is no module {error.name!r} in {here} nor on Python's "
            "path; start evoact in the folder that holds it, or install it"
        )
    told = f"{type(error).__name__}: {error}"
    return InputError(f"task.use is {use!r}, but importing {module} fails: {told}")


def code_folder(use: str) -> str:
    """Return the folder that must be on Python's path for a class to be imported."""
    top = use.partition(":")[0].partition(".")[0]
    import_class(use)
    file = getattr(sys.modules[top], "__file__", None)
    if file is None:  # a package without an __init__
        return str(Path(next(iter(sys.modules[top].__path__))).resolve().parent)
    path = Path(file).resolve()
    return str(path.parent.parent if path.name == "__init__.py" else path.parent)


def make_user_task(use: str, options: Mapping[str, Any]) -> UserTask:
    """Return an instance of a user's task.

    Raises:
        InputError: there is no such class, it lacks a method, or refuses the options.
    """
    made = import_class(use)
    missing = sorted(getattr(made, "__abstractmethods__", ()))
    if missing:
        raise InputError(
            f"task.use is {use!r}, which has no {' and no '.join(missing)}; "
            f"write {' and '.join(f'{name}()' for name in missing)}, see evoact.tasks.UserTask"
        )
    try:
        task = made(**options)
    except Exception as error:  # as in `import_class`
        told = f"{type(error).__name__}: {error}"
        raise InputError(f"task.use {use!r} with task.options {dict(options)}: {told}") from error
    check_metrics(task)
    return task


def own_task(use: str, options: Mapping[str, Any], split_seed: int) -> Task:
    """Return a user's task as candidates are trained on it, with its data loaded.

    Raises:
        InputError: something of it is not what it must be.
    """
    made = make_user_task(use, options)
    try:
        splits = checked_splits(made.data(split_seed), type(made).__name__)
    except InputError as error:
        raise InputError(f"task.use {use!r}: {error}") from error
    except Exception as error:  # as in `import_class`
        told = f"{type(error).__name__}: {error}"
        raise InputError(f"task.use {use!r}: data({split_seed}) fails: {told}") from error
    return Task(splits, UserNetwork(made), UserCriterion(made), keeps_weights=True)


def checked_splits(splits: Any, name: str) -> Splits:
    """Return the data of a user's task as arrays of float32 and int64.

    Raises:
        InputError: they are no `Splits`, or sizes differ.
    """
    if not isinstance(splits, Splits):
        raise InputError(
            f"{name}.data gave a {type(splits).__name__}; wanted evoact.tasks.split(x, y, "
            "split_seed), or Splits(Part(x, y), Part(x, y), Part(x, y))"
        )
    found = []
    for where in ("train", "validation", "test"):
        part = getattr(splits, where)
        x, y = array_of(part.x, f"{where}.x"), array_of(part.y, f"{where}.y")
        if not len(x) or len(x) != len(y):
            raise InputError(
                f"{name}.data: {where}.x has shape {x.shape} and {where}.y {y.shape}; wanted as "
                "many samples in both, one at least"
            )
        found.append(Part(x, y))
    return Splits(*found)

"""The task that an argument names: a data set, or the section of a space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evoact.errors import InputError, nearest
from evoact.records import SHIPPED, TASKS, TaskSpec
from evoact.study.space import load_space


def named_task(task: str | Path | TaskSpec, **changes: Any) -> TaskSpec:
    """Return the specification of a task, with other settings than its own.

    Args:
        task: the name of a shipped task, a class of the user's as `module:Class`, the path of
            a space's YAML file, or a specification.
        changes: keys of the section `task`; None changes nothing.

    Raises:
        InputError: there is no such task or file, or a value is not what it must be.

    >>> named_task("digits", epochs=5, network=None).epochs
    5
    """
    base = task if isinstance(task, TaskSpec) else _found(task)
    given = {key: value for key, value in changes.items() if value is not None}
    return _read({**base.model_dump(), **given})


def _read(data: dict[str, Any]) -> TaskSpec:
    try:
        return TaskSpec.model_validate(data)
    except ValidationError as error:
        raise InputError(_told(error)) from error


def _found(task: str | Path) -> TaskSpec:
    known = (*TASKS, *SHIPPED)
    if str(task) in known:
        return TaskSpec(name=str(task))
    if ":" in str(task):
        return _read({"use": str(task)})
    if Path(task).suffix in {".yaml", ".yml"}:
        return load_space(task).task
    raise InputError(
        f"task is {str(task)!r}{nearest(str(task), known)}; wanted {', '.join(known)}, "
        "module:Class, or the YAML file of a search space, such as search_spaces/quickstart.yaml"
    )


def _told(error: ValidationError) -> str:
    def line(item: Any) -> str:
        message = item["msg"].removeprefix("Value error, ")
        return f"{item['loc'][0]} is {item['input']!r}; {message[0].lower()}{message[1:]}"

    return "\n".join(line(item) for item in error.errors(include_url=False))

"""Whether what a file said has the types that its record is declared with."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, Final, TypeVar, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter

_STRICT: Final = ConfigDict(strict=True, arbitrary_types_allowed=True)
Checked = TypeVar("Checked")


def checked(record: Checked) -> Checked:
    """Return a dataclass, if its fields are of their types; nothing is converted.

    Raises:
        ValueError: one is not.

    >>> from evoact.records import StudyFinished
    >>> checked(StudyFinished("99061f"))
    StudyFinished(winner='99061f')
    >>> checked(StudyFinished(7))
    Traceback (most recent call last):
    ...
    ValueError: winner of StudyFinished is 7, of type int
    """
    kind: Any = type(record)
    for name, adapter in _adapters(kind).items():
        value = getattr(record, name)
        try:
            adapter.validate_python(value)
        except ValueError as error:
            raise ValueError(
                f"{name} of {kind.__name__} is {repr(value)[:80]}, of type {type(value).__name__}"
            ) from error
    return record


@cache
def _adapters(record: Any) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(record)
    return {f.name: _adapter(hints[f.name]) for f in fields(record)}


def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=_STRICT)
    except PydanticUserError:  # a dataclass takes none; what is in it was checked itself
        return TypeAdapter(hint)

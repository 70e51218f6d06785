"""What the arguments of shipped tasks are read with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evoact.errors import InputError, integer, nearest


def sizes_of(hidden: Sequence[int]) -> tuple[int, ...]:
    """Return hidden sizes as a user gave them.

    Raises:
        InputError: there are none, or one is no integer from 1 on.
    """
    sizes = tuple(integer(n, "hidden", 64) for n in hidden)
    if not sizes or min(sizes) < 1:
        raise InputError(f"hidden is {list(hidden)}; wanted sizes from 1 on, such as [64, 64]")
    return sizes


def one_of(value: Any, name: str, known: Sequence[str]) -> str:
    """Return an argument that is one of those known.

    Raises:
        InputError: it is not.
    """
    if value not in known:
        near = nearest(str(value), known)
        raise InputError(f"{name} is {value!r}{near}; wanted {', '.join(known)}")
    return str(value)

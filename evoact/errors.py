"""The root of every error that evoact raises on purpose.

`EvoactError` is what a user catches. `InputError` marks what the user can
cure by changing an argument, a file or a flag: the command line turns it into
one message and exit code 2. Everything else ends in exit code 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from operator import index
from typing import Final, SupportsIndex

_ALIKE: Final = 0.65


class EvoactError(Exception):
    """Root of all errors raised by evoact."""


class InputError(EvoactError, ValueError):
    """An argument, key, file or expression is not what it must be."""


class StudyError(EvoactError, RuntimeError):
    """A search cannot go on; what was evaluated stays in its journal."""


def integer(value: object, name: str, example: int) -> int:
    """Return an integer as an `int`; those of numpy and torch are integers too.

    Args:
        value: what was given.
        name: of the argument, for the message.
        example: of what it may be, likewise.

    Raises:
        InputError: it is none; True, 8.0 and "8" are none.

    >>> integer(8, "channels", 64)
    8
    """
    try:
        if isinstance(value, SupportsIndex) and not isinstance(value, bool):
            return index(value)
    except TypeError:  # an array of several, or of what is no integer
        pass
    raise InputError(
        f"{name} is {value!r}, a {type(value).__name__}; wanted an integer, such as {example}"
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``"; did you mean 'tanh'?"``, or nothing.

    Only what differs by a slip of the fingers is named, upper and lower case being alike.

    >>> nearest("Sigmoi", ["tanh", "sigmoid"])
    "; did you mean 'sigmoid'?"
    >>> nearest("nosuch", ["tanh", "sech"])
    ''
    """
    words = {word.lower(): word for word in known}
    matches = get_close_matches(name.lower(), words, n=1, cutoff=_ALIKE)
    return f"; did you mean {words[matches[0]]!r}?" if matches else ""

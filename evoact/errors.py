"""The root of every error that evoact raises on purpose.

`EvoactError` is what a user catches. `InputError` marks what the user can
cure by changing an argument, a file or a flag: the command line turns it into
one message and exit code 2. Everything else ends in exit code 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class EvoactError(Exception):
    """Root of all errors raised by evoact."""


class InputError(EvoactError, ValueError):
    """An argument, key, file or expression is not what it must be."""


class StudyError(EvoactError, RuntimeError):
    """A search cannot go on; what was evaluated stays in its journal."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``"; did you mean 'tanh'?"``, or nothing.

    >>> nearest("sigmoi", ["tanh", "sigmoid"])
    "; did you mean 'sigmoid'?"
    >>> nearest("zzz", ["tanh", "sigmoid"])
    ''
    """
    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ""

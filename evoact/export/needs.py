"""Packages that a format needs beside torch, and how to get them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from evoact.errors import InputError


def missing(packages: Sequence[str]) -> list[str]:
    """Return which of some packages are not installed."""
    return [name for name in packages if find_spec(name) is None]


def require(name: str, packages: Sequence[str], cure: str) -> None:
    """Refuse a format whose packages are not installed.

    Args:
        name: of the format.
        packages: that it needs.
        cure: the command that installs them.

    Raises:
        InputError: one is missing.

    >>> require("state", ["json"], "pip install json")
    """
    if lacking := missing(packages):
        raise InputError(
            f"format is {name!r}, which needs {' and '.join(lacking)} to write or check its "
            f"file, and {'it is' if len(lacking) == 1 else 'they are'} not installed; "
            f"{cure}, or leave the format out"
        )

"""Reading texts of older language versions.

Each version only added primitives so far. A text of an older version means
the same now, but for a parameter whose name has become a primitive's or a
reserved one: that is renamed.
"""

from __future__ import annotations

from itertools import pairwise

from evoact.errors import InputError
from evoact.language.primitives import LANGUAGE_VERSION, PRIMITIVES, RESERVED, SOURCE_NAMES
from evoact.language.tokens import tokenize


def migrated(text: str, version: int) -> tuple[str, dict[str, str]]:
    """Return a text of an older version as one of this, and the renamed parameters.

    Args:
        text: an expression.
        version: the language version that it was written in.

    Returns:
        The text, and `{new name: old name}` of the parameters that were renamed.

    Raises:
        InputError: the version is not one that this evoact can read.

    >>> migrated("step * relu(x) where step = 0.5", 1)
    ('step_ * relu(x) where step_ = 0.5', {'step_': 'step'})
    """
    if not 1 <= version <= LANGUAGE_VERSION:
        raise InputError(
            f"language_version is {version}; this evoact reads 1 to {LANGUAGE_VERSION}: "
            "upgrade evoact"
        )
    if version == LANGUAGE_VERSION:
        return text, {}
    tokens = tokenize(text)
    bound = {
        name.text for name, sign in pairwise(tokens) if name.kind == "name" and sign.text == "="
    }
    taken = {*bound, *PRIMITIVES, *RESERVED, *SOURCE_NAMES}
    renamed = {
        old: _free(old, taken)
        for old in sorted(bound)
        if old in PRIMITIVES or old in RESERVED | SOURCE_NAMES
    }
    for token in reversed(tokens):
        if token.kind == "name" and token.text in renamed:
            end = token.position + len(token.text)
            text = text[: token.position] + renamed[token.text] + text[end:]
    return text, {new: old for old, new in renamed.items()}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name

"""Texts of the table of primitives, as trees."""

from __future__ import annotations

from functools import cache

from evoact.language.text import parse
from evoact.language.tree import Node


@cache
def parsed_text(text: str) -> tuple[Node, tuple[str, ...]]:
    """Read a text in `a`, `b`, `c`; return the tree and the names of its parameters."""
    names = [name for name in "abc" if _reads(text, name)]
    where = " where " + ", ".join(f"{name} = 1.0" for name in names) if names else ""
    expression = parse(text + where)
    return expression.root, expression.names


def _reads(text: str, name: str) -> bool:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    return name in words

"""From text to tokens, within the bounds of the language."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from evoact.language.tree import ExpressionError

MAX_CHARACTERS: Final = 4096

_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol>\*\*|[-+*/(),=])"
)


class Token(NamedTuple):  # twice as fast to make as a dataclass, and there are thousands
    """A piece of text: its kind (`number`, `name`, `symbol`, `end`) and place."""

    kind: str
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens; the last one has kind `end`.

    Raises:
        ExpressionError: too long, or a character that is not of the language.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            f"expression has {len(text)} characters; at most {MAX_CHARACTERS} are allowed",
            text,
            MAX_CHARACTERS,
        )
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(_strange(text[position]), text, position)
        kind = match.lastgroup or ""
        if kind == "number" and text[match.end() : match.end() + 1].isidentifier():
            raise ExpressionError("a number runs into a name", text, match.end())
        if kind != "space":
            tokens.append(Token(kind, match.group(), position))
        position = match.end()
    return [*tokens, Token("end", "end of text", len(text))]


def _strange(character: str) -> str:
    if not character.isascii():
        return f"character {character!a} is not ASCII"
    return (
        f"unexpected character {character!r}; an expression has names, numbers, "
        "+ - * / **, parentheses and commas"
    )

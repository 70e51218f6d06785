"""A generator of hostile files, and an ear for whatever they would make Python do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

ACTING = {"exec", "compile", "import", "subprocess", "os", "socket", "marshal", "pickle", "ctypes"}
READING = {"os.listdir", "os.scandir", "os.getxattr", "os.listxattr"}
HEARD: list[str] = []
_LISTENING = [False]

# fmt: off
TEXTS = [
    "__import__('os').system('touch fuzzed')", "!!python/object/apply:os.system [touch fuzzed]",
    "!!python/name:os.system", "!!python/module:os", "!!python/object/new:type [x]", "!!binary x",
    "!!timestamp 2001-99-99", "!!set {a, b}", "!!omap [a: 1]",
    "!!int x", "!!float .nan", "!<tag:x>",
    "&a [*a]", "*a", "&a", "<<: *a", "<<: 1", "? [a, b] : c", "? {a: b} : c",
    "[", "{", "]", "}", ":",
    "- ", "---", "...", "%YAML 9.9", "\t", "\x00", "\ufeff", "\u2028", "\U0001f4a3", "0x", "0o9",
    "1e999", "-1", "0", ".inf", ".nan",
    "9" * 400, "1_0", "12:30:45", "2001-02-30", "~", "null", "yes",
    "[" * 60, "{a: " * 60, "a" * 5_000,
    "=cmd|' /C calc'!A0", '"', "'", "\\", ",", "\r", "\n", "\n  ",
    "../../etc/passwd", "x where a = 1", "relu(", "'x", "expression", "where",
    "<script>", "%s%n", "{0}",
]
VALUES: list[Any] = [
    None, True, False, -1, 0, 1,
    10**400, -(10**18), 1e308, float("inf"), float("nan"), 0.5, "", "x",
    [], {}, [[]], [None], {"": None}, {"type": "evaluated"},
    [1] * 300, "a" * 5_000, "relu(x)", "NaN",
    *TEXTS[:6],
]
# fmt: on


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _LISTENING[0] or event in READING:
        return
    acts = event.partition(".")[0] in ACTING
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        acts = bool(set(mode or "") & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR))
    if acts:
        HEARD.append(f"{event} {ascii(arguments)[:200]}")


sys.addaudithook(_hear)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect what is executed, imported, started, connected to or written meanwhile."""
    HEARD.clear()
    _LISTENING[0] = True
    try:
        yield HEARD
    finally:
        _LISTENING[0] = False


def mutated_text(rng: Random, text: str) -> str:
    """A text after a few accidents."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 0, 1, 2, 5, 30]))
        new = rng.choice([rng.choice(TEXTS), rng.choice(TEXTS), "", text[start:end] * 3])
        text = text[:start] + new + text[end:]
    return text


def mutated_bytes(rng: Random, data: bytes) -> bytes:
    """Bytes after a few accidents, or cut."""
    if rng.random() < 0.2:
        return data[: rng.randrange(len(data) + 1)]
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(found) + 1)
        found[start : start + rng.choice([0, 1, 4])] = rng.randbytes(rng.choice([0, 1, 4]))
    return bytes(found)


def mutated_data(rng: Random, data: Any) -> Any:
    """JSON data of which one part is replaced, left out, renamed or given twice."""
    data = json.loads(json.dumps(data))
    inner = data
    while isinstance(inner, dict | list) and inner:
        key = rng.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        if not isinstance(inner[key], dict | list) or not inner[key] or rng.random() < 0.3:
            _harm(rng, inner, key)
            return data
        inner = inner[key]
    return rng.choice(VALUES)


def _harm(rng: Random, around: Any, key: Any) -> None:
    what = rng.randrange(4)
    if what == 0:
        del around[key]
    elif what == 1 and isinstance(around, dict):
        around[rng.choice(TEXTS)] = around.pop(key)
    elif what == 1:
        around.append(around[key])
    else:
        around[key] = rng.choice(VALUES)

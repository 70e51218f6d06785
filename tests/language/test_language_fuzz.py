"""Whatever text comes in: an expression, or an error that points into the text, soon."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from evoact.language import PRIMITIVES, ZOO, Expression, ExpressionError, parse

LIMIT = 0.05  # seconds

CRAFTED = [
    "x<" * 100_000,
    "-" * 100_000 + "x",
    "-" * 4_000 + "x",
    "--1" * 1_300,
    "x" + "**x" * 1_300,
    "x" + "**-x" * 1_000,
    "2" + "**2" * 1_300,
    "9**9**9**9",
    "x" + "+x" * 2_000,
    "x" + "-1" * 2_000,
    "x" + "*x" * 2_000,
    "x" + "/3" * 2_000,
    "1" + "*1.1" * 1_000,
    "(" * 100_000,
    "(" * 4_000 + "x" + ")" * 90,
    "(" * 64 + "x" + ")" * 64,
    "relu(" * 800 + "x",
    "max(" * 500 + "x" + ",x)" * 500,
    "max(" + "x," * 2_000 + "x)",
    "concat(" * 60 + "x" + ",x)" * 60,
    "left(" * 60 + "x" + ")" * 60,
    "group_max(x, " + "9" * 400 + ")",
    "1e400",
    "1e-400",
    "1e99999999999999999999",
    "9" * 4_096,
    "0." + "0" * 4_000 + "1",
    "exp(exp(exp(9)))",
    "\x00",
    "x\x00+ 1",
    "\ufeffx",
    "x\u2028+ 1",
    "\U0001f4a3(x)",
    "\ud800",
    "\uff58 + 1",  # full-width x
    "\u0445 + 1",  # Cyrillic ha
    "x \u2212 1",  # minus sign
    "x \u00d7 2",
    "re\u0405u(x)",
    "x\u0301",
    "\u0661 * x",  # Arabic-Indic one: a digit to str.isdigit
    "\u00b2 * x",
    "__import__('os').system('touch fuzzed')",
    '__import__("os").system("touch fuzzed")',
    "__import__(os)",
    "eval(x)",
    "exec(x)",
    "open(x)",
    "().__class__.__bases__",
    "x.__class__",
    "x if x else x",
    "lambda: x",
    "lambda x: x",
    "(lambda)(x)",
    "f'{x}'",
    'f"{__import__(chr(111))}"',
    "{x}",
    "[x for x in x]",
    "x := 1",
    "x; x",
    "*x",
    "**x",
    "x where",
    "where",
    "where where where",
    "x where x = 1",
    "a * x where a",
    "a * x where a =",
    "a * x where a = -",
    "a * x where a = " + "-" * 4_000 + "1",
    "a * x where a = 1e400",
    "a * x where a = 1 per",
    "a * x where a = 1 per layer per layer",
    "a * x where a = 1,",
    "a * x where a = 1, a = 2",
    "a * x where __class__ = 1",
    ", ".join(f"a{i} = 1" for i in range(400)),
    " + ".join(f"a{i}" for i in range(60)) + " where " + ", ".join(f"a{i}=1" for i in range(60)),
    "group_max(x, 0)",
    "group_max(x, -2)",
    "group_max(x, 2.0000001)",
    "group_max(x, 1e300)",
    "group_max(, 2)",
    "partial(x, 1e-400)",
    "partial(x, x)",
    "multistep(2, x)",
    "",
    " " * 4_097,
    "\n" * 5_000,
]
SEEDS = [
    *(row.text for row in ZOO.values()),
    "group_max(concat(x, -x), 4)",
    "partial(silu(x), 0.25)",
    "a * group_sort(b * x, 2) where a = 1 per channel, b = 0.5",
    "multistep(x, 7)",
]  # fmt: skip
PIECES = [
    *PRIMITIVES, "x", "a", "e", "pi", "where", "per", "layer", "channel", "=", ",", "(", ")", "+",
    "-", "*", "/", "**", " ", "0", "1", "2", "3.5", "1e308", "1e-308", ".", "e9", "_", "\x00", "\t",
    "'", '"', "\\", "#", ":", ";", "<", "[", "{", "@", "\u0445", "\uff11", "\u2212", "\U0001f600",
    "lambda", "None", "__import__", "x, 2)", "x, 0.5)", " where a = 1", " per channel",
]  # fmt: skip


def mutated(rng: Random) -> str:
    """A text of the zoo after a few accidents."""
    text = rng.choice(SEEDS)
    for _ in range(rng.randint(1, 6)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 0, 1, 1, 2, 5, 20]))
        new = rng.choice(
            ["", rng.choice(PIECES), text[end:start:-1], text[start:end] * 2, soup(rng)]
        )
        text = text[:start] + new + text[end:]
        if rng.random() < 0.05:
            text *= rng.choice([2, 3, 30])
    return text


def soup(rng: Random) -> str:
    """Pieces of the language in any order."""
    return "".join(rng.choice(PIECES) for _ in range(rng.choice([1, 2, 5, 20])))


def noise(rng: Random) -> str:
    """Characters in any order, mostly ASCII."""
    limit = rng.choice([0x7F, 0x7F, 0xFF, 0xFFFF, 0x10FFFF])
    return "".join(chr(rng.randint(0, limit)) for _ in range(rng.choice([1, 3, 10, 100])))


def nested(rng: Random) -> str:
    """Long chains and deep nests, sometimes whole."""
    depth = rng.choice([3, 30, 64, 65, 200, 2000])
    head = rng.choice(["(", "-", "relu(", "max(x,", "x**", "x+", "x*(", "2**", "left(", "-(", "x/"])
    return head * depth + "x" + ")" * rng.choice([0, depth, depth * head.count("(")])


def texts(count: int) -> Iterator[str]:
    rng = Random(20)
    yield from CRAFTED
    makers = [mutated, mutated, mutated, soup, noise, nested]
    for _ in range(count - len(CRAFTED)):
        yield rng.choice(makers)(rng)


_EVENTS: list[tuple[str, str]] = []
_LISTENING = [False]


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of everything by which a text could act."""
    if _LISTENING[0] and event.partition(".")[0] in {
        "compile", "exec", "import", "open", "os", "subprocess", "socket", "code", "marshal",
    }:  # fmt: skip
        _EVENTS.append((event, ascii(arguments)[:200]))


sys.addaudithook(_hear)


@contextmanager
def listening() -> Iterator[None]:
    _LISTENING[0] = True
    try:
        yield
    finally:
        _LISTENING[0] = False


def outcome(text: str) -> Expression | ExpressionError:
    """Any other exception is a failure of the test."""
    with listening():
        try:
            return parse(text)
        except ExpressionError as error:
            return error


def seconds(text: str) -> float:
    start = time.thread_time()
    outcome(text)
    return time.thread_time() - start


def check(text: str) -> bool:
    """Whether the text is an expression; all else must be a good error."""
    start = time.perf_counter()
    result = outcome(text)
    took = time.perf_counter() - start
    if took > LIMIT:  # or the machine was busy elsewhere: so now without that
        assert min(seconds(text) for _ in range(3)) < LIMIT, ascii(text)[:200]
    if isinstance(result, Expression):
        assert parse(str(result)) == result
        return True
    assert result.position is not None, ascii(text)[:200]
    assert 0 <= result.position <= len(text)
    *_, shown, pointer = str(result).split("\n")
    assert pointer.strip() == "^"
    assert len(shown) < 80
    place = text[result.position : result.position + 1]
    if place.isprintable() and place:
        assert shown[pointer.index("^")] == place
    return False


def fuzz(count: int) -> None:
    check("sigmoid(x)")  # loads what it needs
    read = sum(map(check, texts(count)))
    assert 0.02 * count < read < 0.5 * count  # both ends of the fuzzer's work are there
    assert not _EVENTS, _EVENTS[:5]


def test_some_texts() -> None:
    fuzz(3_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_texts() -> None:
    fuzz(100_000)


def test_code_that_runs_would_be_seen() -> None:
    with listening():
        eval("1 + 1")
    assert {event for event, _ in _EVENTS} >= {"compile", "exec"}
    _EVENTS.clear()


@pytest.mark.parametrize("make", [mutated, soup, noise, nested])
def test_the_fuzzer_makes_what_it_says(make: Callable[[Random], str]) -> None:
    rng = Random(1)
    assert len({make(rng) for _ in range(300)}) > 50

"""How many different functions are among the core units `binary(unary(x), unary(x))`?

27 unary and 7 binary primitives give 5,103 names. Counts how many functions
they are by canonical text, by canonical text and fingerprint, and up to output
scale, shift, sign and input sign; and how many a count of sampled values finds,
which is how the published 2,913 came about. Says which names the two disagree on.

    python benchmarks/core_units.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoact.language import (
    PRIMITIVES,
    Expression,
    FingerprintIndex,
    fingerprint,
    is_constant,
    is_finite_near_zero,
    parse,
)

UNARY = (
    "zero",
    "one",
    "identity",
    "neg",
    "abs",
    "reciprocal",
    "square",
    "exp",
    "erf",
    "erfc",
    "sinh",
    "cosh",
    "tanh",
    "expm1",
    "sigmoid",
    "log_sigmoid",
    "asinh",
    "atan",
    "bessel_i0e",
    "bessel_i1e",
    "relu",
    "elu",
    "selu",
    "silu",
    "softplus",
    "softsign",
    "hard_sigmoid",
)
BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "max": "", "min": ""}
QUICK = 9  # every ninth name

PUBLISHED = 2913
EXACT = 2796
CLASSES = (743, 1344)


def main() -> None:
    """Count, print Markdown tables, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"every {QUICK}th name only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    options = parser.parse_args()
    chosen = names()[:: QUICK if options.quick else 1]
    start = time.process_time()
    result: dict[str, Any] = {"names": len(chosen), **counts(chosen)}
    seconds = time.process_time() - start
    result["disagreements"] = disagreements(chosen)
    print(f"{len(chosen)} names; counted in {seconds:.1f} s of one CPU\n")
    print("| what is counted as one | functions |\n|---|---:|")
    for key, title in TITLES.items():
        print(f"| {title} | {result[key]:,} |")
    print(f"| published (all names) | {PUBLISHED:,} |")
    print("\n| names that one count merges and the other does not | pairs | examples |")
    print("|---|---:|---|")
    for reason, found in result["disagreements"].items():
        print(f"| {reason} | {found['pairs']} | {'; '.join(found['examples'])} |")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


TITLES = {
    "text": "one canonical text",
    "functions": "one canonical text or fingerprint",
    "useful": "the same, only functions that are finite near 0 and not constant",
    "classes": "of these, one up to output scale, shift, sign and input sign",
    "rounded": "one vector of 1,000 samples to 8 decimals, float64",
    "bits64": "one vector of 1,000 samples to the bit, float64",
    "bits32": "one vector of 1,000 samples to the bit, float32",
}


def names() -> list[str]:
    """Return the 5,103 names as texts of the language."""
    return [
        f"{unary_text(f)} {BINARY[b]} {unary_text(g)}" if BINARY[b] else f"{b}({f}(x), {g}(x))"
        for b, f, g in product(BINARY, UNARY, UNARY)
    ]


def unary_text(name: str) -> str:
    """Return a unary of x that may stand beside any operator."""
    return "(-x)" if name == "neg" else f"{name}(x)"


def counts(chosen: list[str]) -> dict[str, int]:
    """Return how many functions each way of counting finds."""
    forms = canonical_forms(chosen)
    useful = [e for e in representatives(forms, FingerprintIndex()) if is_useful(e)]
    return {
        "text": len({str(e) for e in forms}),
        "functions": len(representatives(forms, FingerprintIndex())),
        "useful": len(useful),
        "classes": len(representatives(useful, FingerprintIndex(affine=True))),
        "rounded": len(set(sampled(chosen, np.float64, 8))),
        "bits64": len(set(sampled(chosen, np.float64, None))),
        "bits32": len(set(sampled(chosen, np.float32, None))),
    }


def canonical_forms(chosen: Iterable[str]) -> list[Expression]:
    """Return the canonical expression of each name."""
    return [parse(name).canonical() for name in chosen]


def representatives(expressions: Iterable[Expression], index: FingerprintIndex) -> list[Expression]:
    """Return the first expression of each class of an index."""
    found = []
    for expression in dict.fromkeys(expressions):
        if index.find(expression) is None:
            index.add(expression, str(expression))
            found.append(expression)
    return found


def is_useful(expression: Expression) -> bool:
    """Whether a search would train a function: finite near 0 and not constant."""
    values = fingerprint(expression)
    return is_finite_near_zero(values) and not is_constant(values)


def samples(dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
    """Return 1,000 normal samples clipped to [-5, 5]."""
    return np.clip(np.random.default_rng(0).standard_normal(1000), -5.0, 5.0).astype(dtype)


def sampled(
    chosen: Iterable[str], dtype: type[np.floating[Any]], decimals: int | None
) -> list[bytes]:
    """Return the values of each name at the samples, rounded, as bytes; NaN is NaN."""
    x = samples(dtype)
    of = {name: PRIMITIVES[name].numpy(x).astype(dtype) for name in UNARY}
    values = {}
    with np.errstate(all="ignore"):
        for text, (b, f, g) in zip(names(), product(BINARY, UNARY, UNARY), strict=True):
            value = PRIMITIVES[b].numpy(of[f], of[g])
            value = value if decimals is None else np.round(value, decimals)
            values[text] = np.where(np.isnan(value), np.nan, value + dtype(0.0)).tobytes()
    return [values[name] for name in chosen]


def disagreements(chosen: list[str]) -> dict[str, dict[str, Any]]:
    """Return how often, and where, samples to 8 decimals and our classes disagree.

    A pair is a name and the first name of its class by the one count, which by
    the other are two functions.
    """
    ours, theirs = our_classes(chosen), sampled(chosen, np.float64, 8)
    reasons: dict[str, list[str]] = {}
    for one, other, merged in ((ours, theirs, "ours"), (theirs, ours, "samples")):
        first: dict[Any, int] = {}
        seen = set()
        for place, key in enumerate(one):
            start = first.setdefault(key, place)
            if other[start] != other[place] and (key, other[place]) not in seen:
                seen.add((key, other[place]))
                pair = chosen[start], chosen[place]
                reasons.setdefault(reason(merged, *pair), []).append(f"`{pair[0]}`, `{pair[1]}`")
    return {
        why: {"pairs": len(found), "examples": found[:3]} for why, found in sorted(reasons.items())
    }


def our_classes(chosen: list[str]) -> list[str]:
    """Return the label of the class of each name."""
    index, labels = FingerprintIndex(), []
    for expression in canonical_forms(chosen):
        label = index.find(expression)
        if label is None:
            label = str(expression)
            index.add(expression, label)
        labels.append(label)
    return labels


def reason(merged: str, a: str, b: str) -> str:
    """Return why one count merges two names and the other does not."""
    x = samples(np.float64)
    first, second = parse(a).numpy()(x), parse(b).numpy()(x)
    finite = np.isfinite(first), np.isfinite(second)
    if merged == "ours":
        if not np.array_equal(*finite):
            return "merged by ours: one is not finite where the other is (u / u is 1)"
        if not finite[0].all():
            return "merged by ours: both not finite, by NaN here and infinity there"
        return "merged by ours: they differ by rounding"
    far = np.array([-30.0, -10.0, -5.0, 5.0, 10.0, 30.0])
    values = parse(a).canonical().numpy()(far), parse(b).canonical().numpy()(far)
    if not np.allclose(*values, rtol=1e-8, atol=1e-8, equal_nan=True):
        return "merged by samples: they differ far out"
    if not finite[0].any():
        return "merged by samples: nowhere finite"
    return "merged by samples: they differ in between, or where not finite"


if __name__ == "__main__":
    main()

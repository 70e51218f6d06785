"""Whether a node is odd or even, by the parities of its parts."""

from __future__ import annotations

from evoact.language.facts.graph import Graph
from evoact.language.primitives import PRIMITIVES


def parity(graph: Graph, root: int) -> str:
    """Return `odd`, `even`, `both` (zero) or `no` (not seen to be either)."""
    found: dict[int, str] = {}
    for node in range(root + 1):
        op, args, numbers = graph.items[node]
        inner = [found[arg] for arg in args]
        if op == "x":
            found[node] = "odd"
        elif op == "const":
            found[node] = "even" if numbers[0] else "both"
        elif all(part in ("even", "both") for part in inner):
            found[node] = "even"
        else:
            found[node] = _call(graph, op, args, inner)
    return found[root]


def _call(graph: Graph, op: str, args: tuple[int, ...], inner: list[str]) -> str:
    if op in ("add", "sub"):
        rest = {part for part in inner if part != "both"}
        return rest.pop() if len(rest) == 1 else "no"
    if op in ("mul", "div"):
        if "both" in inner:
            return "both" if op == "mul" else "no"
        return "no" if "no" in inner else "even" if inner[0] == inner[1] else "odd"
    if op in ("hyp", "hyp_slope"):
        return "no" if inner[0] != "odd" else "even" if op == "hyp" else "odd"
    if op == "neg":
        return inner[0]
    if op == "pow":
        exponent = graph.number(args[1])
        whole = inner[0] == "odd" and exponent is not None and exponent.is_integer()
        return ("odd" if exponent % 2 else "even") if whole and exponent is not None else "no"
    if op in ("max", "min"):  # max(a, -a) is |a|, and max(f(x), f(-x)) is even
        a, b = args
        return "even" if inner == ["odd", "odd"] and graph.minus(a) == b else "no"
    traits = PRIMITIVES[op].traits if op in PRIMITIVES else None
    if traits is None or traits.parity is None or inner[0] != "odd":
        return "no"
    return traits.parity

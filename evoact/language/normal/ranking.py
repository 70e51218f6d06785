"""An order of the parameters that does not depend on their names.

Parameters with equal initial values and scopes are told apart by how they are
used (colour refinement). Those that are still alike are tried in each order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import groupby, permutations, product
from typing import Final

from evoact.language.normal.terms import Term
from evoact.language.tree import Parameter

MAX_ORDERS: Final = 24
MAX_WORK: Final = 2048
"""Orders times nodes of the term: a large one is written in one order only."""

# Operations whose writing depends on the order of their arguments through a sign.
_ALIKE: Final = {"max": "extremum", "min": "extremum", "log_sigmoid": "softplus"}
_UNORDERED: Final = frozenset({"sum", "prod", "max", "min", "=add", "=mul", "=max", "=min"})


def first_order(parameters: Sequence[Parameter]) -> list[int]:
    """Return the indices of the parameters, ordered by what is bound to them."""
    return sorted(range(len(parameters)), key=lambda index: _bound(parameters[index]))


def has_ties(parameters: Sequence[Parameter]) -> bool:
    """Whether two parameters have the same initial value and scope."""
    return len({_bound(p) for p in parameters}) < len(parameters)


def _bound(parameter: Parameter) -> tuple[float, str]:
    return parameter.initial, parameter.scope.value


def orders(term: Term, parameters: Sequence[Parameter], ranked: list[int]) -> list[list[int]]:
    """Return the orders of the parameters, several where some cannot be told apart.

    Args:
        term: where the parameters are used, by rank.
        parameters: those of the expression.
        ranked: the index of the parameter of each rank.
    """
    colours = _Refinement(term, [str(_bound(parameters[index])) for index in ranked]).colours()
    keyed = sorted((_bound(parameters[index]), colours[rank], index)
                   for rank, index in enumerate(ranked))  # fmt: skip
    classes = [[entry[2] for entry in group] for _, group in groupby(keyed, lambda e: e[:2])]
    count = math.prod(math.factorial(len(members)) for members in classes)
    if count > min(MAX_ORDERS, max(1, MAX_WORK // term.size)):
        return [[index for members in classes for index in members]]
    return [[i for part in choice for i in part] for choice in product(*map(permutations, classes))]


class _Refinement:
    """Colours of parameters: equal for those that can be exchanged.

    Signs are left out: which of two parameters has the minus in `(a - b) * x`
    depends on their order.
    """

    def __init__(self, term: Term, colours: list[str]) -> None:
        self.term, self.start = term, colours

    def colours(self) -> list[str]:
        """Return the colour of each parameter, by rank."""
        colours = [_digest(colour) for colour in self.start]
        for _ in colours:
            uses: list[list[str]] = [[] for _ in colours]
            signatures: dict[Term, str] = {}
            for rank, context in self._contexts(self.term, "", colours, signatures):
                uses[rank].append(context)
            finer = [_digest(old, *sorted(use)) for old, use in zip(colours, uses, strict=True)]
            if len(Counter(finer)) == len(Counter(colours)):
                return finer
            colours = finer
        return colours

    def _contexts(
        self, term: Term, above: str, colours: list[str], known: dict[Term, str]
    ) -> Iterator[tuple[int, str]]:
        if term.op == "param":
            yield int(term.value), above
        own = _digest(above, self._signature(term, colours, known))
        for place, (arg, label) in enumerate(_labelled(term)):
            here = label if term.op in _UNORDERED else f"{label}{place}"
            trivial = term.op == "prod" and len(term.args) == 1 and label == "1.0"
            yield from self._contexts(arg, above if trivial else _digest(own, here), colours, known)

    def _signature(self, term: Term, colours: list[str], known: dict[Term, str]) -> str:
        if term not in known:
            known[term] = self._fresh_signature(term, colours, known)
        return known[term]

    def _fresh_signature(self, term: Term, colours: list[str], known: dict[Term, str]) -> str:
        if term.op == "param":
            return colours[int(term.value)]
        parts = [self._signature(arg, colours, known) + label for arg, label in _labelled(term)]
        if term.op == "prod" and len(parts) == 1 and abs(term.value) == term.data[1] == 1.0:
            return self._signature(term.args[0], colours, known)
        if term.op in _UNORDERED:
            parts.sort()
        data = term.data[:1] if term.op in {"sum", "prod"} else term.data
        sizes = sorted(map(abs, data))
        return _digest(_ALIKE.get(term.op, term.op), *map(repr, sizes), *parts)


def _labelled(term: Term) -> list[tuple[Term, str]]:
    """Return the arguments, each with its exponent or the size of its coefficient."""
    if term.op not in {"sum", "prod"}:
        return [(arg, "") for arg in term.args]
    numbers = [repr(abs(n) if term.op == "sum" else n) for n in term.data[1:]]
    return list(zip(term.args, numbers, strict=True))


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()

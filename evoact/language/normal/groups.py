"""What sorting, halving and joining channels do to one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from evoact.language.normal.algebra import add, split
from evoact.language.normal.terms import INPUT, ONE, Term, num

_LARGEST_GROUP: Final = 1024
_SORTS: Final = frozenset({"group_sort", "full_sort"})


def _sorted_within(term: Term, k: float) -> bool:
    """Whether groups of `k` channels are unions of groups that are sorted already."""
    return term.op == "group_sort" and not term.hard and k % term.args[1].value == 0


def _group_max(u: Term, k: Term) -> Term | None:
    from evoact.language.normal.calls import apply

    if u.hard:  # channels are tied: the order decides which gets the gradient
        return None
    if _sorted_within(u, k.value):
        return apply("group_max", u.args[0], k)
    if u.op == "group_max" and u.args[1].value * k.value <= _LARGEST_GROUP:
        return apply("group_max", u.args[0], num(u.args[1].value * k.value))
    return None


def _group_sort(u: Term, k: Term) -> Term | None:
    from evoact.language.normal.calls import apply

    if u.hard:
        return None
    if u.op == "full_sort" or (u.op == "group_sort" and u.args[1].value % k.value == 0):
        return u  # sorted already
    return apply("group_sort", u.args[0], k) if _sorted_within(u, k.value) else None


def _full_sort(u: Term) -> Term | None:
    from evoact.language.normal.calls import apply

    if u.hard or u.op not in _SORTS:
        return None
    return u if u.op == "full_sort" else apply("full_sort", u.args[0])


def _left(u: Term) -> Term | None:
    return u.args[0] if u.op == "concat" else None


def _right(u: Term) -> Term | None:
    return u.args[1] if u.op == "concat" else None


def _concat(a: Term, b: Term) -> Term | None:
    return a.args[0] if a.op == "left" and b.op == "right" and a.args == b.args else None


def _partial(a: Term, fraction: Term) -> Term | None:
    from evoact.language.normal.calls import apply

    if a is INPUT:
        return a
    if a.op == "partial":
        return apply("partial", a.args[0], num(min(a.args[1].value, fraction.value)))
    return None


def _softmax(name: str) -> Callable[[Term], Term | None]:
    def softmax(u: Term) -> Term | None:
        """Return it without a constant added to all the channels, which has no effect."""
        from evoact.language.normal.calls import apply

        factor, inner = split(u)
        if inner.op != "sum" or inner.value == 0.0:
            return None
        return apply(name, add([(1.0, u), (-factor * inner.value, ONE)]))

    return softmax


GROUPWISE: Final[dict[str, Callable[..., Term | None]]] = {
    "group_max": _group_max,
    "group_sort": _group_sort,
    "full_sort": _full_sort,
    "left": _left,
    "right": _right,
    "concat": _concat,
    "partial": _partial,
    "softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"),
}

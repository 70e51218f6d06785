"""Who takes part in a comparison: the functions asked about, and those beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from evoact.comparison.plan import CONTESTANT, RESCALED, Entrant
from evoact.errors import InputError
from evoact.language import Expression, Match, nearest_named, resolve
from evoact.records import Anneal, Candidate, TaskSpec
from evoact.tracking import BASELINE, CONTROL
from evoact.training import count_parameters

BASELINES: Final = ("relu", "silu", "gelu")
_LONGEST_LABEL: Final = 28


def entrants_of(
    expressions: Sequence[str | Expression | Candidate],
    baselines: Sequence[str | Expression] = BASELINES,
    *,
    anneal: Anneal | None = None,
    controls: bool = False,
    rescaled: bool = True,
) -> tuple[Entrant, ...]:
    """Return all who take part, contestants first, each before its controls and rival.

    Baselines, controls and rescaled named functions are trained as the field
    does: without annealing.

    Args:
        expressions: the functions asked about: names, texts, expressions, or candidates
            of a study, which keep their own annealing.
        baselines: those that each is compared with, likewise.
        anneal: how those that are no candidates are annealed; None for not at all.
        controls: whether an annealed contestant's late and early function are
            trained alone as well.
        rescaled: whether each contestant that is no named function gets the
            best `a * f(b * x) + c` of the nearest one as a rival.

    Raises:
        InputError: an expression is not one, is given twice, or there is
            nobody to compare with.

    >>> [(e.role, e.label) for e in entrants_of(["2 * relu(x)"], ["silu"])]
    [('contestant', '2 * relu(x)'), ('rescaled', 'relu'), ('baseline', 'silu')]
    """
    contestants = _labelled(expressions, CONTESTANT, anneal)
    if controls and all(one.candidate.anneal is None for one in contestants):
        raise InputError(
            "controls are asked for, but nothing is annealed: give an early function or a path "
            "(--early auto, --path ladder), or leave controls out"
        )
    known = _labelled(baselines, BASELINE, None)
    if all(one.candidate == other.candidate for one in contestants for other in known):
        raise InputError(
            f"baselines are {[e.label for e in known]} and expressions are "
            f"{[e.label for e in contestants]}; wanted at least one baseline that is another "
            "function"
        )
    found: list[Entrant] = []
    for one in contestants:
        found += [one, *(_controls(one) if controls else []), *(_rival(one) if rescaled else [])]
    return (*found, *known)


def check_task(entrants: Sequence[Entrant], task: TaskSpec) -> None:
    """Raise `InputError` if a network of someone could not be built."""
    for entrant in entrants:
        try:
            count_parameters(entrant.candidate, task)
        except InputError as error:
            raise InputError(f"{entrant.label}: {error}") from error


def _labelled(
    expressions: Sequence[str | Expression | Candidate], role: str, anneal: Anneal | None
) -> list[Entrant]:
    if isinstance(expressions, str | Expression | Candidate) or not expressions:
        raise InputError(f"{role}s are {expressions!r}; wanted a list of one or more functions")
    found: dict[str, Entrant] = {}
    for given in expressions:
        if isinstance(given, Candidate):
            candidate, text = replace(given, origin=role, parents=(), predicted=None), given.text
        else:
            late = resolve(given) if isinstance(given, str) else given
            candidate, text = Candidate(late, anneal, origin=role), " ".join(str(given).split())
        if candidate.id in found:
            raise InputError(f"{role} {text!r} is {found[candidate.id].label!r}; give it once")
        labels = {entrant.label for entrant in found.values()}
        label = (
            f"annealed {text}" if candidate.anneal else text
        )  # a baseline may be of the same function
        found[candidate.id] = Entrant(_label(label, candidate, labels), role, candidate)
    return list(found.values())


def _label(text: str, candidate: Candidate, taken: set[str]) -> str:
    if len(text) <= _LONGEST_LABEL:
        return text
    short = f"{text[: _LONGEST_LABEL - 3]}..."
    return short if short not in taken else f"{short} {candidate.short_id}"


def _controls(one: Entrant) -> list[Entrant]:
    """Return the late and the early function alone; nobody where nothing is annealed."""
    alone = {"static late": one.candidate.late, "static early": one.candidate.early}
    return [
        Entrant(label, CONTROL, _alone(one, expression, CONTROL), one.label)
        for label, expression in alone.items()
        if expression is not None and one.candidate.early is not None
    ]


def _alone(one: Entrant, expression: Expression, role: str) -> Candidate:
    return Candidate(expression, origin=role, head=one.candidate.head)


def nearest_of(expression: Expression) -> Match | None:
    """Return the nearest named function, if it can be compared with any."""
    matches = nearest_named(expression)
    return matches[0] if matches else None


def is_named(match: Match | None) -> bool:
    """Return whether it is the function of the zoo itself, neither scaled nor shifted."""
    return match is not None and match.same and match.effort == 0


def _rival(one: Entrant) -> list[Entrant]:
    """Return the nearest named function, rescaled to be as near as can be, if any is near."""
    late = one.candidate.late
    match = nearest_of(late)
    if match is None or is_named(match) or not match.is_near:
        return []
    # A fit has six digits; of what is that function already, all stand in the text.
    is_it = match.same and len(match.expression.parameters) == len(late.parameters)
    try:
        candidate = _alone(one, late if is_it else match.expression, RESCALED)
    except InputError:  # too large for the language, with its constants
        return []
    return [Entrant(match.name, RESCALED, candidate, one.label)]

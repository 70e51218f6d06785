"""Which offspring become candidates, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from evoact.evolution.genes import fitting_genes
from evoact.evolution.individual import Individual
from evoact.evolution.screens import Screens
from evoact.language import Expression, ExpressionError, FingerprintIndex
from evoact.language.standard import standardised
from evoact.records import Anneal, Candidate, Rejected, SearchSpec
from evoact.records.anneal import BLEND

Key = tuple[str, Anneal | None, str | None]
"""Function, annealing genes and head."""


class Admission:
    """Makes candidates of offspring, no two of them one function with the same genes.

    With `normalise: full`, functions that differ by output scale, shift and
    sign, and by the sign of the input, count as one.

    Args:
        space: its limits, normalisation and screens.
    """

    def __init__(self, space: SearchSpec) -> None:
        self._normalise = space.language.normalise
        self._screens = Screens(space)
        self._functions = FingerprintIndex(affine=self._normalise == "full")
        self._seen: dict[Key, str] = {}

    def admit(
        self, child: Individual, bred: Expression, origin: str, parents: tuple[str, ...]
    ) -> Candidate | Rejected:
        """Return the candidate that an offspring becomes, or why it does not.

        Its late function is the standardised expression; the offspring's tree
        stays as it was bred, so that scales and shifts do not pile up.

        Args:
            child: the offspring; the limits of size hold for its tree.
            bred: the expression of its tree.
            origin: how it was made.
            parents: the ids of the candidates that it was made of.
        """
        expression = bred.canonical()
        if (reason := self._screens.of_bred(child, expression)) is not None:
            return Rejected(str(expression), reason, origin=origin)
        try:
            late = standardised(expression, self._normalise).canonical()
        except ExpressionError as error:
            reason = f"not standardised: {error.message}"
            return Rejected(str(expression), reason, origin=origin)
        genes = fitting_genes(child.anneal, late)
        candidate = Candidate(late, genes, origin, parents, head=child.head)
        function = self._functions.find(late)
        if (known := self._known(candidate, function)) is not None:
            return Rejected(candidate.text, "duplicate", known, origin)
        # After that, as it takes longest.
        if (reason := self._screens.of_scored(late)) is not None:
            return Rejected(candidate.text, reason, origin=origin)
        self._remember(candidate, function)
        return candidate

    def forget(self, candidates: Iterable[Candidate]) -> None:
        """Let candidates come again that were admitted and never trained."""
        gone = {candidate.id for candidate in candidates}
        if gone:
            self._seen = {key: known for key, known in self._seen.items() if known not in gone}

    def _known(self, candidate: Candidate, function: str | None) -> str | None:
        """Return the id of an equal candidate, or None for one that is new."""
        keys = _keys(candidate, function) if function else ()
        return next((self._seen[key] for key in keys if key in self._seen), None)

    def _remember(self, candidate: Candidate, function: str | None) -> None:
        if function is None:
            function = candidate.id
            self._functions.add(candidate.late, function)
        self._seen |= dict.fromkeys(_keys(candidate, function), candidate.id)


def _keys(candidate: Candidate, function: str) -> tuple[Key, ...]:
    """Return by what a candidate is known.

    Its genes as they are and with the early function that is derived: equal
    trainings are found by either.
    """
    head = candidate.head
    return (function, candidate.anneal, head), (function, _explicit(candidate), head)


def _explicit(candidate: Candidate) -> Anneal | None:
    genes = candidate.anneal
    if genes is None or genes.path != BLEND:
        return genes
    return replace(genes, early=candidate.early)

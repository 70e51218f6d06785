"""Which offspring become candidates, and why the others do not."""

from __future__ import annotations

from dataclasses import replace

from evoact.evolution.genes import fitting_genes
from evoact.evolution.individual import Individual
from evoact.language import (
    Expression,
    ExpressionError,
    FingerprintIndex,
    fingerprint,
    is_constant,
    is_finite_near_zero,
)
from evoact.language.standard import standardised
from evoact.records import Anneal, Candidate, LanguageSpec, Rejected
from evoact.records.anneal import BLEND


class Admission:
    """Makes candidates of offspring, no two of them one function with the same genes.

    With `normalise: full`, functions that differ by output scale, shift and
    sign, and by the sign of the input, count as one.

    Args:
        language: limits and normalisation.
    """

    def __init__(self, language: LanguageSpec) -> None:
        self._language = language
        self._functions = FingerprintIndex(affine=language.normalise == "full")
        self._seen: dict[tuple[str, Anneal | None], str] = {}

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
        if (reason := self._fault(child, expression)) is not None:
            return Rejected(str(expression), reason)
        try:
            late = standardised(expression, self._language.normalise).canonical()
        except ExpressionError as error:
            return Rejected(str(expression), f"not standardised: {error.message}")
        candidate = Candidate(late, fitting_genes(child.anneal, late), origin, parents)
        if (known := self._known(candidate)) is not None:
            return Rejected(candidate.text, "duplicate", known)
        return candidate

    def _fault(self, child: Individual, expression: Expression) -> str | None:
        limits = self._language
        if len(child) > limits.max_nodes or child.height > limits.max_depth:
            return "too large"
        values = fingerprint(expression)
        if not is_finite_near_zero(values):
            return "not finite on normal inputs"
        return "constant" if is_constant(values) else None

    def _known(self, candidate: Candidate) -> str | None:
        """Return the id of an equal candidate, or None for one that is new and now known."""
        function = self._functions.find(candidate.late)
        if function is None:
            function = candidate.id
            self._functions.add(candidate.late, function)
        # Genes as they are and with the early function that is derived: equal
        # trainings are found by either.
        keys = [(function, candidate.anneal), (function, _explicit(candidate))]
        known = next((self._seen[key] for key in keys if key in self._seen), None)
        if known is None:
            self._seen |= dict.fromkeys(keys, candidate.id)
        return known


def _explicit(candidate: Candidate) -> Anneal | None:
    genes = candidate.anneal
    if genes is None or genes.path != BLEND:
        return genes
    return replace(genes, early=candidate.early)

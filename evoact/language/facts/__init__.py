"""Facts of expressions: what can be proved of a function from its tree."""

from evoact.language.facts.collect import facts_of
from evoact.language.facts.facts import Fact, Facts, Knot

__all__ = ["Fact", "Facts", "Knot", "facts_of"]

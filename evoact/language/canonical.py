"""The canonical writing of an expression: the text that is its identity."""

from evoact.language.normal import canonical

__all__ = ["canonical"]

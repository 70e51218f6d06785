"""The normal form: one writing for all that algebra says is the same function.

A tree is read into terms (`reading`), whose constructors keep each in its one
form (`algebra`, `extrema`, `calls`, `groups`, and the table `rules`), and
written back (`writing`); parameters are ordered by their use (`ranking`).
"""

from evoact.language.normal import rules
from evoact.language.normal.form import canonical

rules.load()

__all__ = ["canonical"]

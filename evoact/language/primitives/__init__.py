"""The one table of primitives: everything else derives from its rows.

To add a primitive, add a row. Its numpy function is the oracle; its torch
template is what networks train with and what exports contain.

The costs are those of a forward and backward pass over a million float32
elements on one CPU thread, in units of ReLU's, to two digits (measured by
`benchmarks/primitives.py`).
"""

from __future__ import annotations

import keyword
from types import MappingProxyType
from typing import Final

from evoact.language.primitives.arithmetic import ARITHMETIC, COMPARISON, GUARDED
from evoact.language.primitives.groupwise import GROUPWISE
from evoact.language.primitives.row import (
    ATOM,
    NEGATION,
    POWER,
    PRODUCT,
    SUM,
    WIDTHS,
    Kind,
    Primitive,
    Traits,
)
from evoact.language.primitives.smooth import ACTIVATIONS, SMOOTH
from evoact.language.primitives.thresholds import THRESHOLDS

LANGUAGE_VERSION: Final = 2
RESERVED: Final = frozenset({"x", "where", "per", "pi", "e"})
# Names that generated source uses, and so no parameter may have.
SOURCE_NAMES: Final = frozenset(
    {"torch", "F", "self", "dim", "__debug__", "_", "case", "match", "type", *keyword.kwlist}
)

_ROWS: Final = (
    *ARITHMETIC,
    *GUARDED,
    *COMPARISON,
    *SMOOTH,
    *ACTIVATIONS,
    *THRESHOLDS,
    *GROUPWISE,
)
PRIMITIVES: Final = MappingProxyType({row.name: row for row in _ROWS})
assert len(PRIMITIVES) == len(_ROWS), "a primitive is named twice"

__all__ = [
    "ATOM",
    "LANGUAGE_VERSION",
    "NEGATION",
    "POWER",
    "PRIMITIVES",
    "PRODUCT",
    "RESERVED",
    "SOURCE_NAMES",
    "SUM",
    "WIDTHS",
    "Kind",
    "Primitive",
    "Traits",
]

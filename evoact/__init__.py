"""evoact discovers neural-network activation functions.

The public names are listed in `__all__`; heavy modules (torch, ray, mlflow)
are imported when a name that needs them is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from evoact.errors import EvoactError, InputError, StudyError

if TYPE_CHECKING:
    from evoact.api import compare, diagnose, search
    from evoact.comparison import ComparisonResult
    from evoact.evolution import Evolution
    from evoact.language import Expression, ExpressionError, parse, self_normalising
    from evoact.nn import Activation, Annealed, AnnealScheduler, Schedule, SwapReport, finish, swap
    from evoact.records import Anneal, Candidate, Evaluation, SearchSpec, Status
    from evoact.study import Study, load_space

_HOMES: Final = {
    "Activation": "evoact.nn",
    "Anneal": "evoact.records",
    "AnnealScheduler": "evoact.nn",
    "Annealed": "evoact.nn",
    "Candidate": "evoact.records",
    "ComparisonResult": "evoact.comparison",
    "Evaluation": "evoact.records",
    "Evolution": "evoact.evolution",
    "Expression": "evoact.language",
    "ExpressionError": "evoact.language",
    "Schedule": "evoact.nn",
    "SearchSpec": "evoact.records",
    "Status": "evoact.records",
    "Study": "evoact.study",
    "SwapReport": "evoact.nn",
    "compare": "evoact.api",
    "diagnose": "evoact.api",
    "finish": "evoact.nn",
    "load_space": "evoact.study",
    "parse": "evoact.language",
    "search": "evoact.api",
    "self_normalising": "evoact.language",
    "swap": "evoact.nn",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'evoact' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Activation",
    "Anneal",
    "AnnealScheduler",
    "Annealed",
    "Candidate",
    "ComparisonResult",
    "Evaluation",
    "EvoactError",
    "Evolution",
    "Expression",
    "ExpressionError",
    "InputError",
    "Schedule",
    "SearchSpec",
    "Status",
    "Study",
    "StudyError",
    "SwapReport",
    "compare",
    "diagnose",
    "finish",
    "load_space",
    "parse",
    "search",
    "self_normalising",
    "swap",
]

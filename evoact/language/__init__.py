"""The language of activation functions: expressions as data.

Imports neither torch nor ray nor mlflow.
"""

from evoact.language.evaluate import ArrayFunction
from evoact.language.fingerprint import (
    FingerprintIndex,
    fingerprint,
    is_constant,
    is_finite_near_zero,
    same_values,
)
from evoact.language.gaussian import gaussian_moments, initialisation_gain
from evoact.language.primitives import LANGUAGE_VERSION, PRIMITIVES, Kind, Primitive
from evoact.language.source import torch_body
from evoact.language.text import parse
from evoact.language.tree import (
    MAX_DEPTH,
    MAX_NODES,
    Call,
    Const,
    Expression,
    ExpressionError,
    FloatArray,
    Node,
    Param,
    Parameter,
    Scope,
    X,
    call,
    finite,
    walk,
)
from evoact.language.zoo import ZOO, known_as, named, resolve

__all__ = [
    "LANGUAGE_VERSION",
    "MAX_DEPTH",
    "MAX_NODES",
    "PRIMITIVES",
    "ZOO",
    "ArrayFunction",
    "Call",
    "Const",
    "Expression",
    "ExpressionError",
    "FingerprintIndex",
    "FloatArray",
    "Kind",
    "Node",
    "Param",
    "Parameter",
    "Primitive",
    "Scope",
    "X",
    "call",
    "fingerprint",
    "finite",
    "gaussian_moments",
    "initialisation_gain",
    "is_constant",
    "is_finite_near_zero",
    "known_as",
    "named",
    "parse",
    "resolve",
    "same_values",
    "torch_body",
    "walk",
]

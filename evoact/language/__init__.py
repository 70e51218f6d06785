"""The language of activation functions: expressions as data.

Imports neither torch nor ray nor mlflow.
"""

from evoact.language.c_source import VALUES_AND_SLOPES, c_kernel, c_source
from evoact.language.early import PATHS, auto_early, cheap_early, ladder, sharp_limit
from evoact.language.evaluate import ArrayFunction, check_channels
from evoact.language.expression import Expression
from evoact.language.facts import Fact, Facts, Knot
from evoact.language.facts.account import saved_elements
from evoact.language.fingerprint import (
    FingerprintIndex,
    fingerprint,
    is_constant,
    is_finite_near_zero,
    same_values,
)
from evoact.language.fitting import fit_piecewise, rms_error
from evoact.language.gaussian import gaussian_moments, initialisation_gain
from evoact.language.homotopy import SHARPEST, homotopy, ladder_place
from evoact.language.linearity import is_affine
from evoact.language.migrate import migrated
from evoact.language.nearest import Match
from evoact.language.nearest import nearest as nearest_named
from evoact.language.piecewise import PiecewiseLinear
from evoact.language.primitives import LANGUAGE_VERSION, PRIMITIVES, WIDTHS, Kind, Primitive
from evoact.language.selfnormalising import SelfNormalising, self_normalising
from evoact.language.signal import Signal, signal_at_depth
from evoact.language.source import torch_body
from evoact.language.standard import standardised, strip_affine
from evoact.language.text import parse
from evoact.language.torch_slopes import torch_slopes
from evoact.language.tree import (
    MAX_DEPTH,
    MAX_NODES,
    Call,
    Const,
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
from evoact.language.zoo import ZOO, Named, known_as, named, resolve

__all__ = [
    "LANGUAGE_VERSION",
    "MAX_DEPTH",
    "MAX_NODES",
    "PATHS",
    "PRIMITIVES",
    "SHARPEST",
    "VALUES_AND_SLOPES",
    "WIDTHS",
    "ZOO",
    "ArrayFunction",
    "Call",
    "Const",
    "Expression",
    "ExpressionError",
    "Fact",
    "Facts",
    "FingerprintIndex",
    "FloatArray",
    "Kind",
    "Knot",
    "Match",
    "Named",
    "Node",
    "Param",
    "Parameter",
    "PiecewiseLinear",
    "Primitive",
    "Scope",
    "SelfNormalising",
    "Signal",
    "X",
    "auto_early",
    "c_kernel",
    "c_source",
    "call",
    "cheap_early",
    "check_channels",
    "fingerprint",
    "finite",
    "fit_piecewise",
    "gaussian_moments",
    "homotopy",
    "initialisation_gain",
    "is_affine",
    "is_constant",
    "is_finite_near_zero",
    "known_as",
    "ladder",
    "ladder_place",
    "migrated",
    "named",
    "nearest_named",
    "parse",
    "resolve",
    "rms_error",
    "same_values",
    "saved_elements",
    "self_normalising",
    "sharp_limit",
    "signal_at_depth",
    "standardised",
    "strip_affine",
    "torch_body",
    "torch_slopes",
    "walk",
]

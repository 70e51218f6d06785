"""Putting new activations into models that exist."""

from evoact.nn.swap.functional import FunctionalCall
from evoact.nn.swap.report import SwapReport, SwapWarning
from evoact.nn.swap.swap import swap

__all__ = ["FunctionalCall", "SwapReport", "SwapWarning", "swap"]

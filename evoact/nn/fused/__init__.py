"""Activations in one piece: forward and backward pass without a graph of operations."""

from evoact.nn.fused.analytic import analytic
from evoact.nn.fused.choice import BACKENDS, chosen, is_traced
from evoact.nn.fused.compiled import compiled, takes
from evoact.nn.fused.source import Made, made

__all__ = ["BACKENDS", "Made", "analytic", "chosen", "compiled", "is_traced", "made", "takes"]

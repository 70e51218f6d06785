"""Evolution: DEAP's genetic programming behind ask and tell."""

from evoact.evolution.evolution import Evolution

__all__ = ["Evolution"]

"""Expressions as torch modules, and annealing between two of them."""

from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed, Phase
from evoact.nn.init import initialise
from evoact.nn.preactivation import Conic, Distance
from evoact.nn.schedules import SHAPES, AnnealScheduler, Schedule

__all__ = [
    "SHAPES",
    "Activation",
    "AnnealScheduler",
    "Annealed",
    "Conic",
    "Distance",
    "Phase",
    "Schedule",
    "initialise",
]

"""Expressions as torch modules, and annealing between two of them."""

from evoact.nn.activation import Activation
from evoact.nn.annealed import Annealed, finish
from evoact.nn.init import initialise
from evoact.nn.lookup import PiecewiseTable
from evoact.nn.paths import PATH_CLASSES, Path, Phase
from evoact.nn.preactivation import Conic, Distance
from evoact.nn.scheduler import AnnealScheduler
from evoact.nn.schedules import BY, LAYERS, SHAPES, Schedule
from evoact.nn.swap import FunctionalCall, SwapReport, SwapWarning, swap

__all__ = [
    "BY",
    "LAYERS",
    "PATH_CLASSES",
    "SHAPES",
    "Activation",
    "AnnealScheduler",
    "Annealed",
    "Conic",
    "Distance",
    "FunctionalCall",
    "Path",
    "Phase",
    "PiecewiseTable",
    "Schedule",
    "SwapReport",
    "SwapWarning",
    "finish",
    "initialise",
    "swap",
]

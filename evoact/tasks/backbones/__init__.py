"""Deep networks, norm-constrained ones and trees, to be used from a task's `model(activation)`.

They have no skips and, but for `oyallon_network`, no normalisation: whether such a network
trains, and what it can say, is decided by weights and activations.
"""

from evoact.tasks.backbones.convolutional import MeanOfPlaces, oyallon_network
from evoact.tasks.backbones.dense import INITIAL, perceptron, plain_network
from evoact.tasks.backbones.dirac import DiracLinear, dirac_network
from evoact.tasks.backbones.lipschitz import BjorckLinear, lipschitz_network, orthonormalised
from evoact.tasks.backbones.selfnormalising import AlphaDropout, selfnormalising_network
from evoact.tasks.backbones.trees import BinaryTree

__all__ = [
    "INITIAL",
    "AlphaDropout",
    "BinaryTree",
    "BjorckLinear",
    "DiracLinear",
    "MeanOfPlaces",
    "dirac_network",
    "lipschitz_network",
    "orthonormalised",
    "oyallon_network",
    "perceptron",
    "plain_network",
    "selfnormalising_network",
]

"""Stacks of networks that are trained as one."""

from evoact.nn.packed.bank import Alone, Bank, Place, early_parameters, late_parameters
from evoact.nn.packed.layers import PackedLayer
from evoact.nn.packed.pack import banks, pack, packed_layers, unpackable
from evoact.nn.packed.products import Weights
from evoact.nn.packed.rows import Rows

__all__ = [
    "Alone",
    "Bank",
    "PackedLayer",
    "Place",
    "Rows",
    "Weights",
    "banks",
    "early_parameters",
    "late_parameters",
    "pack",
    "packed_layers",
    "unpackable",
]

"""Stacks of networks that are trained as one."""

from evoact.nn.packed.bank import Alone, Bank, Place, early_parameters, late_parameters
from evoact.nn.packed.fused import compile_members, fusible
from evoact.nn.packed.layers import PackedLayer
from evoact.nn.packed.pack import banks, own_row, pack, packed_layers, set_row, unpackable
from evoact.nn.packed.products import Weights, matmul_in_pairs
from evoact.nn.packed.rows import Rows

__all__ = [
    "Alone",
    "Bank",
    "PackedLayer",
    "Place",
    "Rows",
    "Weights",
    "banks",
    "compile_members",
    "early_parameters",
    "fusible",
    "late_parameters",
    "matmul_in_pairs",
    "own_row",
    "pack",
    "packed_layers",
    "set_row",
    "unpackable",
]

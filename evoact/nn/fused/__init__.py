"""Activations in one piece: forward and backward pass without a graph of operations.

`torch.compile` is not among the ways. It fuses as well, but generated C is
about as fast or faster: over torch's own operations .61 against .99 in the mean
of six functions, over autograd on six bred expressions .07 to .35 against .12
to .57, slower on two of them by up to a fifth (benchmarks/results/kernels/).
It costs seconds of compiling for each function, where C takes tenths for a
whole cohort, and has a third set of last bits that a study must not mix. So no
training is long enough for it: `auto` takes C on the CPU. On CUDA Triton, which is
what `torch.compile` would write, is for those who ask for it, until it is measured
there. A model that is compiled as a whole
has plain operations for its activations, which torch then fuses itself.
"""

from evoact.nn.fused.analytic import analytic
from evoact.nn.fused.by_triton import triton_gradients, triton_takes, triton_values
from evoact.nn.fused.choice import BACKENDS, chosen, is_traced
from evoact.nn.fused.compiled import Way, c_gradients, c_values, compiled, takes
from evoact.nn.fused.source import Made, made

C = Way(c_values, c_gradients)
TRITON = Way(triton_values, triton_gradients)

__all__ = [
    "BACKENDS",
    "TRITON",
    "C",
    "Made",
    "analytic",
    "chosen",
    "compiled",
    "is_traced",
    "made",
    "takes",
    "triton_takes",
]

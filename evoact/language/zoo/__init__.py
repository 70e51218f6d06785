"""The activation functions of the literature, as expressions.

Left out, as no functions of x and of learned numbers alone: what is nothing
without randomness (NReLU, RT-ReLU, EReLU, EELU, ProbAct, HeLU), needs statistics
of a batch, layer or training (Dice, ABReLU, AOAF, DLReLU, SQMAX, k-WTA, VBAF),
has a convolution or a network inside (FReLU of 2020, SCAA, DY-ReLU, APReLU,
meta-ACON, NIN), depends on the layer's number (All-ReLU) or is defined on (0, 1)
only (SBAF). Left out too: fractional derivatives (FALU, FracReLU, ...), which are
series, and the mollified kinks of piecewise functions (...Plus) but for squareplus.
"""

from evoact.language.zoo.catalogue import ZOO, Zoo
from evoact.language.zoo.entry import Named, Preactivation
from evoact.language.zoo.lookup import known_as, named, resolve

__all__ = ["ZOO", "Named", "Preactivation", "Zoo", "known_as", "named", "resolve"]

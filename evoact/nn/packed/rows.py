"""The numbers of a stack of networks: one row for each network, in blocks.

A block holds what one layer has of them, `(K, size)`, contiguous, so that it
can be an operand of a batched product; all blocks are one tensor, so that an
optimiser's step is a few operations. The last block holds the parameters of
activations, whose number differs from network to network: rows end with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Rows:
    """A number for each parameter of each network.

    Args:
        sizes: of the blocks, in one network.
        rows: of each network, as long as the blocks together, or shorter at the end.

    Attributes:
        flat: all numbers.
        blocks: views of it, `(K, size)` each.

    >>> rows = Rows([2, 1], [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0])])
    >>> rows.flat.tolist()
    [1.0, 2.0, 4.0, 5.0, 3.0, 0.0]
    >>> rows.row(1).tolist()
    [4.0, 5.0, 0.0]
    """

    def __init__(self, sizes: Sequence[int], rows: Sequence[Tensor]) -> None:
        count = len(rows)
        self.flat = torch.zeros(count * sum(sizes), device=rows[0].device)
        parts = self.flat.split([count * size for size in sizes])
        self.blocks = [part.view(count, size) for part, size in zip(parts, sizes, strict=True)]
        for k, row in enumerate(rows):
            start = 0
            for block in self.blocks:
                part = row[start : start + block.shape[1]]
                block[k, : len(part)] = part
                start += block.shape[1]

    def row(self, k: int) -> Tensor:
        """Return a copy of the numbers of network `k`."""
        return torch.cat([block[k] for block in self.blocks])

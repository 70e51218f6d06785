"""Networks whose graph is a binary tree: for functions of functions of two numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.tasks.user import MakeActivation


class BinaryTree(nn.Sequential):
    """A binary tree of small networks, each of which sees the two below it alone.

    A node takes two numbers to one: `2 -> hidden -> 1`, with an activation between. Of
    `leaves` inputs there are `leaves - 1` nodes, of `4 hidden + 1` parameters each where
    the activation keeps the width. For a function that is such a tree of functions
    `h(a, b)`, deep networks of this graph need a number of parameters that grows with the
    number of inputs, shallow ones one that grows exponentially with it (Poggio et al.
    2016, "Why and when can deep, but not shallow, networks avoid the curse of
    dimensionality", arXiv 1611.00740, theorems 1 to 3).

    The nodes of a level have weights of their own and share the parameters of their
    activation, if it has any; groups of channels lie within a node.

    Args:
        activation: makes activations, as `UserTask.model` is given it.
        leaves: numbers of the input; a power of 2.
        hidden: channels of a node before its activation.

    Shapes: input `(..., leaves)`, result `(..., 1)`.

    Raises:
        InputError: `leaves` is no power of 2 from 2 on, or `hidden` is not positive.

    >>> def relu(channels, channel_dim=1):
    ...     act = nn.ReLU()
    ...     act.out_channels = channels
    ...     return act
    >>> tree = BinaryTree(relu, leaves=8, hidden=24)
    >>> tree(torch.ones(5, 8)).shape, sum(p.numel() for p in tree.parameters())
    (torch.Size([5, 1]), 679)
    """

    def __init__(self, activation: MakeActivation, leaves: int, hidden: int) -> None:
        leaves, hidden = integer(leaves, "leaves", 8), integer(hidden, "hidden", 24)
        if leaves < 2 or leaves & (leaves - 1):
            raise InputError(f"leaves is {leaves}; wanted a power of 2 from 2 on, such as 8")
        if hidden < 1:
            raise InputError(f"hidden is {hidden}; wanted 1 or more")
        levels = []
        while leaves > 1:
            leaves //= 2
            levels.append(Level(activation, leaves, hidden))
        super().__init__(*levels)


class Level(nn.Module):
    """The nodes of one level of a tree: `(..., 2 nodes)` to `(..., nodes)`."""

    leading_dims = True

    def __init__(self, activation: MakeActivation, nodes: int, hidden: int) -> None:
        super().__init__()
        self.act = activation(hidden, -1)
        after = int(self.act.out_channels)  # type: ignore[arg-type]  # a number, see `MakeActivation`
        self.expand = nn.ModuleList(nn.Linear(2, hidden) for _ in range(nodes))
        self.join = nn.ModuleList(nn.Linear(after, 1) for _ in range(nodes))

    def forward(self, x: Tensor) -> Tensor:
        """Return what each node makes of its two numbers."""
        pairs = x.unflatten(-1, (-1, 2)).unbind(-2)
        wide = [layer(pair) for layer, pair in zip(self.expand, pairs, strict=True)]
        acted = self.act(torch.stack(wide, dim=-2)).unbind(-2)
        joined = [layer(one) for layer, one in zip(self.join, acted, strict=True)]
        return torch.cat(joined, dim=-1)

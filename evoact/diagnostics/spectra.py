"""How many directions features use."""

from __future__ import annotations

import torch
from torch import Tensor

from evoact.errors import InputError


def effective_rank(features: Tensor) -> float:
    """Return `exp(H)`, H being the entropy of the singular values divided by their sum.

    Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality";
    of features minus their means, so of the square roots of the covariance's
    eigenvalues. Between 1 and the rank, which it is where all singular values are
    equal; 0 for features that never change.

    Args:
        features: `(samples, features)`.

    Raises:
        InputError: another shape, or numbers that are not finite.

    >>> round(effective_rank(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])), 6)
    2.0
    >>> effective_rank(torch.ones(4, 2))
    0.0
    """
    if features.dim() != 2 or not features.isfinite().all():
        raise InputError(
            f"features are of shape {tuple(features.shape)}, finite or not; wanted (samples, "
            "features), all finite"
        )
    exact = features.double()
    values = torch.linalg.svdvals(exact - exact.mean(dim=0))
    total = values.sum()
    if not total > 1e-12 * exact.abs().sum():  # rounding of what is subtracted
        return 0.0
    shares = values / total
    return float(torch.exp(-torch.special.xlogy(shares, shares).sum()))

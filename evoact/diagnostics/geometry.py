"""Where the classes lie in the features of a layer: contraction, separation, neighbours.

After Oyallon 2017, "Building a regular decision boundary with deep networks",
arXiv 1703.01775, who follows them through the layers of a trained network. Features
are `(samples, features)`, labels `(samples,)`; standardise them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from evoact.errors import InputError

ORDERS: Final = tuple(range(2, 32))
"""The numbers of neighbours that local support vectors are asked about."""


def standardise(features: Tensor, *others: Tensor) -> list[Tensor]:
    """Return features with mean 0 and variance 1, in float64, and others by the same numbers.

    What never changes stays 0.

    >>> one, other = standardise(torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0]]))
    >>> one.tolist(), other.tolist()
    ([[-1.0], [1.0]], [[3.0]])
    """
    first = features.double()
    mean, deviation = first.mean(dim=0), first.std(dim=0, correction=0)
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    return [(part.double() - mean) / deviation for part in (features, *others)]


def contraction(features: Tensor, labels: Tensor) -> float:
    """Return the variance within classes over the total: `tr S_W / tr S_T`.

    1 where class means are all the same, 0 where each class is one point.

    Raises:
        InputError: shapes do not fit, or all features are the same.

    >>> contraction(torch.tensor([[0.0], [2.0], [4.0], [6.0]]), torch.tensor([0, 0, 1, 1]))
    0.2
    """
    features = _checked(features, labels)
    total = (features - features.mean(dim=0)).square().sum()
    if not total > 0:
        raise InputError("features are the same for all samples; wanted some that vary")
    within = torch.zeros((), dtype=torch.float64)
    for label in labels.unique():
        own = features[labels == label]
        within += (own - own.mean(dim=0)).square().sum()
    return float(within / total)


def separation(features: Tensor, labels: Tensor) -> float:
    """Return the mean distance to the nearest of another class, over that to the nearest of one's.

    Above 1 classes are further apart than their own members are; it is infinite where each
    sample has a twin of its class. Of all samples whose class has others.

    Raises:
        InputError: shapes do not fit, or there are no two classes, of which one has two samples.

    >>> separation(torch.tensor([[0.0], [1.0], [5.0], [7.0]]), torch.tensor([0, 0, 1, 1]))
    3.166667
    """
    features = _checked(features, labels)
    distances = _distances(features, features)
    distances.fill_diagonal_(torch.inf)
    same = labels[:, None] == labels
    own = distances.masked_fill(~same, torch.inf).amin(dim=1)
    other = distances.masked_fill(same, torch.inf).amin(dim=1)
    known = own.isfinite() & other.isfinite()
    if not known.any():
        raise InputError(
            f"labels are of {len(labels.unique())} class(es), none with two samples and another "
            "class beside it; wanted two classes or more"
        )
    nearest = own[known].sum()
    return round(float(other[known].sum() / nearest), 6) if nearest > 0 else float("inf")


def nearest_neighbour_accuracy(
    features: Tensor,
    labels: Tensor,
    queries: Tensor | None = None,
    query_labels: Tensor | None = None,
) -> float:
    """Return how often the nearest sample is of the same class (Cover & Hart 1967).

    Args:
        features: among which neighbours are looked for.
        labels: of them.
        queries: whose neighbours; without, each of `features` has its nearest other.
        query_labels: of them.

    >>> x, y = torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([0, 0, 1])
    >>> round(nearest_neighbour_accuracy(x, y), 4)
    0.6667
    >>> nearest_neighbour_accuracy(x, y, torch.tensor([[4.0], [-1.0]]), torch.tensor([1, 0]))
    1.0
    """
    features = _checked(features, labels)
    if queries is None or query_labels is None:
        distances, wanted = _distances(features, features).fill_diagonal_(torch.inf), labels
    else:
        distances, wanted = _distances(_checked(queries, query_labels), features), query_labels
    return float((labels[distances.argmin(dim=1)] == wanted).double().mean())


def local_support_vectors(
    features: Tensor, labels: Tensor, orders: Sequence[int] = ORDERS
) -> dict[int, int]:
    """Return how many samples are on the wrong side of their k neighbours, for each k up to now.

    The local support vectors of order k are the samples that were misclassified by the majority
    of their nearest others for each order until k (Oyallon 2017, section 4.3): the
    points by which a local classifier draws its boundary. A class that has as
    many neighbours as the own is no majority against it.

    Args:
        features: `(samples, features)`, more samples than the largest order.
        labels: `(samples,)`.
        orders: numbers of neighbours, rising.

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [2.1]])
    >>> local_support_vectors(x, torch.tensor([0, 0, 0, 1]), orders=(1, 2, 3))
    {1: 2, 2: 1, 3: 1}
    """
    features = _checked(features, labels)
    if orders[-1] >= len(features):
        raise InputError(
            f"orders go to {orders[-1]} neighbours, of {len(features)} samples; wanted fewer"
        )
    distances = _distances(features, features).fill_diagonal_(torch.inf)
    near = labels[distances.argsort(dim=1, stable=True)[:, : orders[-1]]]
    classes = labels.unique()
    votes = (near[:, :, None] == classes).cumsum(dim=1)  # (samples, neighbours, classes)
    own = (labels[:, None] == classes)[:, None, :]
    mine = votes.masked_fill(~own, -1).amax(dim=2)
    others = votes.masked_fill(own, -1).amax(dim=2)
    wrong = others > mine
    left, found = torch.ones(len(features), dtype=torch.bool), {}
    for order in orders:
        left &= wrong[:, order - 1]
        found[order] = int(left.sum())
    return found


def _distances(one: Tensor, other: Tensor) -> Tensor:
    # Not by products of matrices, which leave rounding where two points are one.
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")


def _checked(features: Tensor, labels: Tensor) -> Tensor:
    if features.dim() != 2 or labels.shape != features.shape[:1]:
        raise InputError(
            f"features are of shape {tuple(features.shape)} and labels of {tuple(labels.shape)}; "
            "wanted (samples, features) and (samples,)"
        )
    return features.double()

"""What can be had back of a layer's input from its output."""

from __future__ import annotations

import torch
from torch import Tensor

from evoact.errors import InputError


def information_lost(
    inputs: Tensor, outputs: Tensor, held_out: tuple[Tensor, Tensor] | None = None
) -> float:
    """Return the share of the inputs' variance that no affine map of the outputs gives back.

    The best affine decoder is fitted by least squares and measured on other samples, which
    it cannot have learnt by heart: `sum |x - x'|^2 / sum |x - mean|^2`, at most 1, where
    decoding fails altogether. 0 for what is invertible by a linear map, as
    `concat(relu(x), relu(-x))` is (Shang et al. 2016, arXiv 1603.05201). For one normal
    number it is one less the squared correlation: about .267 for ReLU, from
    `1 - (1/2)^2 / (1/2 - 1 / (2 pi))`, and 1 for even functions.

    Args:
        inputs: `(samples, features)`.
        outputs: `(samples, features)`, of the same samples.
        held_out: inputs and outputs that it is measured on; without, every other
            sample is, and it is fitted to those between.

    Raises:
        InputError: shapes do not fit, or there are fewer than 4 samples.

    >>> x = torch.linspace(-1.0, 1.0, 40).view(-1, 2)
    >>> round(information_lost(x, 3.0 * x + 1.0), 6)
    0.0
    """
    if inputs.dim() != 2 or outputs.dim() != 2 or not 4 <= len(inputs) == len(outputs):
        raise InputError(
            f"inputs are of shape {tuple(inputs.shape)} and outputs of {tuple(outputs.shape)}; "
            "wanted (samples, features) of the same 4 samples or more"
        )
    fitted = inputs.double(), _with_ones(outputs)
    if held_out is None:
        fitted, measured = (
            (fitted[0][::2], fitted[1][::2]),
            (fitted[0][1::2], fitted[1][1::2]),
        )
    else:
        measured = held_out[0].double(), _with_ones(held_out[1])
    # Outputs may be fewer than features, or the same ones twice: the least solution.
    decoder = torch.linalg.lstsq(fitted[1], fitted[0], driver="gelsd").solution
    kept, given = measured[0], measured[1] @ decoder
    total = (kept - kept.mean(dim=0)).square().sum()
    if not total > 0:
        raise InputError("inputs are the same for all samples; wanted some that vary")
    return float(((kept - given).square().sum() / total).clamp(max=1.0))


def _with_ones(outputs: Tensor) -> Tensor:
    ones = torch.ones(len(outputs), 1, dtype=torch.float64)
    return torch.cat([outputs.double(), ones], dim=1)


def crelu_reconstruction_error(weight: Tensor, inputs: Tensor) -> float:
    """Return the relative error of inputs reconstructed from CReLU's outputs.

    With `y = [relu(W x), relu(-W x)]` it is `x' = W^+ (y_first - y_second)` for the
    pseudoinverse `W^+` (Shang et al. 2016, arXiv 1603.05201), exact where W has full
    column rank; else what lies in its null space is lost. In 2-norms over all samples.

    Args:
        weight: `(units, features)`.
        inputs: `(samples, features)`.

    >>> x = torch.tensor([[3.0, 4.0]])
    >>> round(crelu_reconstruction_error(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), x), 6)
    0.0
    >>> round(crelu_reconstruction_error(torch.tensor([[1.0, 0.0]]), x), 6)
    0.8
    """
    if weight.dim() != 2 or inputs.dim() != 2 or weight.shape[1] != inputs.shape[1]:
        raise InputError(
            f"weight is of shape {tuple(weight.shape)} and inputs of {tuple(inputs.shape)}; wanted "
            "(units, features) and (samples, features)"
        )
    w, x = weight.double(), inputs.double()
    z = x @ w.T
    difference = z.relu() - (-z).relu()
    given = difference @ torch.linalg.pinv(w).T
    return float(torch.linalg.vector_norm(x - given) / torch.linalg.vector_norm(x))


def filter_pairing(weight: Tensor) -> Tensor:
    """Return, for each filter, the cosine of the one that is most opposite to it.

    Shang et al. 2016 (arXiv 1603.05201, section 2.1) saw that first layers of
    ReLU networks learn filters in pairs of opposite phase, cosines near -1, far
    below those of random filters: what CReLU makes superfluous.

    Args:
        weight: of a linear or convolutional layer, `(filters, ...)`, two filters or more.

    Returns:
        Cosines, `(filters,)`; 0 with a filter that is 0.

    >>> filter_pairing(torch.tensor([[1.0, 0.0], [-2.0, 0.0], [0.0, 1.0]])).tolist()
    [-1.0, -1.0, 0.0]
    """
    if weight.dim() < 2 or len(weight) < 2:
        raise InputError(f"weight is of shape {tuple(weight.shape)}; wanted two filters or more")
    unit = torch.nn.functional.normalize(weight.detach().double().flatten(1), dim=1)
    cosines = (unit @ unit.T).fill_diagonal_(torch.inf)
    return cosines.amin(dim=1)

"""Deep networks without skips: whether an activation lets them train at all."""

from __future__ import annotations

from typing import Final

from torch import nn

from evoact.errors import InputError, integer
from evoact.tasks.backbones import (
    INITIAL,
    dirac_network,
    plain_network,
    selfnormalising_network,
)
from evoact.tasks.data import Splits, load
from evoact.tasks.shipped.making import one_of
from evoact.tasks.user import MakeActivation, UserTask

DATA: Final = ("digits", "mnist1d")
BACKBONES: Final = ("plain", "dirac", "selfnormalising")
_FEATURES: Final = {"digits": 64, "mnist1d": 40}
_CLASSES: Final = 10


class Deep(UserTask):
    """A deep dense network without skips or normalisation, judged by its accuracy.

    Args:
        data: `digits` or `mnist1d`, as the tasks of these names have them.
        backbone: `plain`, `dirac` or `selfnormalising`; see `evoact.tasks.backbones`.
        depth: how many hidden layers.
        width: channels of each, before the activation.
        initial: how a plain network's first weights are drawn, of `he` (the default),
            `lecun` and `orthogonal`; the others have their own.
        dropout: rate of the alpha dropout of a self-normalising network.

    Raises:
        InputError: an argument is not what it must be, or none of this backbone.

    >>> Deep(depth=30).data(0).train.x.shape
    (1077, 64)
    """

    def __init__(
        self,
        data: str = "digits",
        backbone: str = "plain",
        depth: int = 50,
        width: int = 32,
        initial: str | None = None,
        dropout: float = 0.0,
    ) -> None:
        self.name = one_of(data, "data", DATA)
        self.backbone = one_of(backbone, "backbone", BACKBONES)
        self.hidden = (_from_1(width, "width"),) * _from_1(depth, "depth")
        if initial is not None and backbone != "plain":
            raise InputError(f"initial is {initial!r}, which {backbone} networks do not have")
        if dropout != 0.0 and backbone != "selfnormalising":
            raise InputError(f"dropout is {dropout}, which {backbone} networks do not have")
        self.initial = one_of("he" if initial is None else initial, "initial", tuple(INITIAL))
        self.dropout = float(dropout)

    def data(self, split_seed: int) -> Splits:
        """Return the data, standardised."""
        return load(self.name, split_seed)

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the network."""
        inputs = _FEATURES[self.name]
        if self.backbone == "dirac":
            return dirac_network(activation, inputs, self.hidden, _CLASSES)
        if self.backbone == "selfnormalising":
            return selfnormalising_network(activation, inputs, self.hidden, _CLASSES, self.dropout)
        return plain_network(activation, inputs, self.hidden, _CLASSES, self.initial)


def _from_1(value: int, name: str) -> int:
    number = integer(value, name, 50)
    if number < 1:
        raise InputError(f"{name} is {value}; wanted 1 or more, such as 50")
    return number

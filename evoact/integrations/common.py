"""What the callbacks of all training loops share."""

from __future__ import annotations

import warnings

from torch import nn

from evoact.errors import InputError
from evoact.nn import AnnealScheduler, finish


class MissingPackageError(InputError, ImportError):
    """An optional package is not installed."""


def missing(extra: str) -> MissingPackageError:
    """Return the error for an extra of evoact that is not installed.

    >>> str(missing("lightning"))
    "lightning is not installed; pip install 'evoact[lightning]'"
    """
    return MissingPackageError(f"{extra} is not installed; pip install 'evoact[{extra}]'")


def finish_after(model: nn.Module, scheduler: AnnealScheduler) -> None:
    """Replace annealed modules by their late functions after a training.

    Warns:
        UserWarning: g is not 1, so that the model computes something else afterwards.
    """
    g = scheduler.get_last_g()
    if g < 1.0:
        warnings.warn(
            f"the training ended at g = {g:.3g} and finish=True takes the late functions all the "
            "same, with which the model was not trained; wanted g = 1: train on, let the "
            "schedule end earlier, or finish=False",
            stacklevel=2,
        )
    finish(model)

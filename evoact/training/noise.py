"""A noisy copy of the validation data: how well a network stands what it was not trained on."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import torch

from evoact.records import Cohort
from evoact.training.forming import resident
from evoact.training.loop import OnDevice

NOISY: Final = "val_noisy_accuracy"
_STREAM: Final = 7  # of draws, next to those of the split


def noisy_validation(cohort: Cohort) -> OnDevice:
    """Return the validation data of a cohort with normal noise on each feature.

    Of the task alone, so that all candidates, and all seeds, meet the same copy.
    """
    spec = cohort.task
    return _noisy(spec.name, spec.network, spec.split_seed, cohort.device, spec.noise)


@cache
def _noisy(name: str, network: str, split_seed: int, device: str, noise: float) -> OnDevice:
    clean = resident(name, network, split_seed, None, device).validation
    rng = np.random.default_rng(np.random.SeedSequence([split_seed, _STREAM]))
    draws = rng.standard_normal(tuple(clean.x.shape), dtype=np.float32)
    return OnDevice(clean.x + noise * torch.from_numpy(draws).to(device), clean.y)

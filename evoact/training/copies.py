"""Copies of the validation data: how well a network stands what it was not trained on.

They are of the task alone, so that all candidates, and all seeds, meet the same copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
import torch

from evoact.records import Cohort
from evoact.tasks import load, shifted
from evoact.training.resident import OnDevice, resident

_NOISE, _SHIFT = 7, 8  # streams of draws, next to those of the split


def _noisy_validation(cohort: Cohort) -> OnDevice:
    """Return the validation data of a cohort with normal noise on each feature."""
    clean, spec = resident(cohort.task, cohort.device).validation, cohort.task
    draws = _rng(spec.split_seed, _NOISE).standard_normal(tuple(clean.x.shape), dtype=np.float32)
    return OnDevice(clean.x + spec.noise * torch.from_numpy(draws).to(cohort.device), clean.y)


def _shifted_validation(cohort: Cohort) -> OnDevice:
    """Return the validation data of a cohort, each sample shifted to one side."""
    spec = cohort.task
    return _shifted(spec.name, spec.split_seed, spec.validation_seed, cohort.device, spec.shift)


@cache
def _shifted(
    name: str, split_seed: int, validation_seed: int | None, device: str, shift: int
) -> OnDevice:
    clean = load(name, split_seed, validation_seed=validation_seed).validation
    return OnDevice.of(shifted(name, clean, shift, _rng(split_seed, _SHIFT)), device)


def _rng(split_seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([split_seed, stream]))


COPIES: Final[Mapping[str, Callable[[Cohort], OnDevice]]] = MappingProxyType(
    {"val_noisy_accuracy": _noisy_validation, "val_shifted_accuracy": _shifted_validation}
)
"""By the objective that is measured on them."""

"""The random numbers that models of users draw while they are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch


class Noise:
    """The random numbers of one model: dropout, and whatever else it draws while it is trained.

    Others that are trained in between change nothing of them.

    Args:
        draws: seeds them.
        device: of the training.
    """

    def __init__(self, draws: torch.Generator, device: str) -> None:
        self._devices = [torch.cuda.current_device()] if device == "cuda" else []
        with torch.random.fork_rng(devices=self._devices):
            torch.manual_seed(draws.initial_seed())
            self._keep()

    def _keep(self) -> None:
        self._cpu = torch.random.get_rng_state()
        self._cuda = [torch.cuda.get_rng_state(one) for one in self._devices]

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        return {"cpu": self._cpu, "cuda": self._cuda}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._cpu, self._cuda = state["cpu"], state["cuda"]

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Draw from them; what others draw from is put back afterwards."""
        with torch.random.fork_rng(devices=self._devices):
            torch.random.set_rng_state(self._cpu)
            for one, state in zip(self._devices, self._cuda, strict=True):
                torch.cuda.set_rng_state(state, one)
            yield
            self._keep()

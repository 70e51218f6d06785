"""What a swap did, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from evoact.errors import InputError
from evoact.nn.scheduler import AnnealScheduler
from evoact.nn.schedules import Schedule
from evoact.nn.swap.functional import FunctionalCall
from evoact.nn.swap.places import Place


class SwapWarning(UserWarning):
    """A swap replaced nothing."""


@dataclass(frozen=True, slots=True)
class SwapReport:
    """What `swap` did to a model.

    Args:
        replaced: qualified name -> what was put in place of what.
        adapted: qualified name -> what was put in place of a layer whose input changed its width.
        skipped: qualified name -> why a module of the class was left as it was.
        functional: activations that the model calls as functions, out of reach.
        untraced: why functional calls could not be looked for; "" if they were.
    """

    replaced: Mapping[str, str]
    adapted: Mapping[str, str]
    skipped: Mapping[str, str]
    functional: tuple[FunctionalCall, ...]
    untraced: str
    _model: nn.Module = field(repr=False)
    _places: tuple[Place, ...] = field(repr=False)
    _schedule: Schedule | None = field(repr=False)
    _switches: tuple[tuple[nn.Module, str, Any], ...] = field(repr=False)

    def undo(self) -> None:
        """Put the old modules back; in the mode, train or eval, of those that go."""
        for place in self._places:
            place.put(place.module.train(place.current.training))
        for module, name, value in self._switches:
            setattr(module, name, value)

    def scheduler(self, total_steps: int, *, steps_per_epoch: int | None = None) -> AnnealScheduler:
        """Return what takes the model from its old activations to the new ones.

        Args:
            total_steps: optimiser steps of the whole training.
            steps_per_epoch: for schedules by epoch.

        Raises:
            InputError: the swap was not annealed.
        """
        if self._schedule is None:
            raise InputError(
                "anneal was None: the new functions are in place already; wanted "
                "swap(..., anneal='linear')"
            )
        return AnnealScheduler(
            self._model, self._schedule, total_steps, steps_per_epoch=steps_per_epoch
        )

    def __str__(self) -> str:
        lines = [f"replaced {len(self.replaced)}"]
        lines += [f"  {name}: {what}" for name, what in self.replaced.items()]
        if self.adapted:
            lines += [f"adapted to new widths, with fresh weights: {len(self.adapted)}"]
            lines += [f"  {name}: {what}" for name, what in self.adapted.items()]
        if self.skipped:
            lines += [f"skipped {len(self.skipped)}"]
            lines += [f"  {name}: {why}" for name, why in self.skipped.items()]
        if self.functional:
            lines += [f"not reached, called as functions: {len(self.functional)}"]
            lines += [f"  {call}" for call in self.functional]
        if self.untraced:
            lines += [
                f"functional calls are not known: {self.untraced}; pass example_inputs to see them"
            ]
        return "\n".join(lines)

"""One candidate in a stack: what is its own while it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from evoact.nn import Activation, AnnealScheduler, Schedule
from evoact.nn.packed import early_parameters, fusible, late_parameters
from evoact.records import Candidate
from evoact.training.adam import RowState


def schedule_of(candidate: Candidate) -> Schedule:
    """Return the schedule that a candidate's genes say; g is 1 at once without genes."""
    genes = candidate.anneal
    if genes is None:
        return Schedule(end=0.0)
    return Schedule(genes.schedule, genes.start, genes.end, genes.layers, genes.by)


@dataclass(eq=False)
class Member:
    """A candidate in training.

    Attributes:
        position: of its candidate in the cohort.
        candidate: which.
        modules: its activations, one a place.
        scheduler: sets their g.
        state: its numbers, while it is in no stack.
        curve: one mapping an epoch.
        joins: after how many epochs it enters the stack.
        leader: of whose training it takes over the beginning.
        seconds: its share of the time that stacks took.
    """

    position: int
    candidate: Candidate
    modules: Sequence[nn.Module]
    scheduler: AnnealScheduler
    state: RowState
    curve: list[dict[str, float]] = field(default_factory=list)
    joins: int = 0
    leader: Member | None = None
    seconds: float = 0.0

    def parameters(self) -> list[nn.Parameter]:
        """Return its activations' parameters: those of all early functions before the late ones.

        While g is 0 the late ones have no gradient, and a row without them
        takes the same steps.
        """
        early = [p for module in self.modules for p in early_parameters(module)]
        return early + [p for module in self.modules for p in late_parameters(module)]

    @property
    def is_fusible(self) -> bool:
        """Whether generated C can compute its activations."""
        return all(map(fusible, self.modules))

    def skip(self, steps: int) -> None:
        """Count optimiser steps that were taken before it joined."""
        if steps:
            self.scheduler.load_state_dict({**self.scheduler.state_dict(), "steps": steps})

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must hold besides `state`."""
        return {
            "curve": self.curve,
            "joins": self.joins,
            "seconds": self.seconds,
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Be as a checkpoint says."""
        self.curve, self.joins = state["curve"], state["joins"]
        self.seconds = state["seconds"]
        self.scheduler.load_state_dict(state["scheduler"])

    def trained(self, places: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the parameters of the late functions, `{place: {name: values}}`."""
        named = zip(places, self.modules, strict=True)
        found = {place: _values(getattr(module, "late", module)) for place, module in named}
        return {place: values for place, values in found.items() if values}


def trained_parameters(network: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the parameters of the late activations in a network, `{layer: {name: values}}`."""
    found: dict[str, dict[str, Any]] = {}
    for layer, module in network.named_modules():
        if isinstance(module, Activation) and layer.rpartition(".")[2] != "early":
            found[layer.removesuffix(".late")] = _values(module)
    return {layer: values for layer, values in found.items() if values}


def _values(module: nn.Module) -> dict[str, Any]:
    return {name: p.detach().cpu().tolist() for name, p in module.named_parameters()}

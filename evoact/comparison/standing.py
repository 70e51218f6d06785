"""How each entrant of a comparison did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evoact.comparison.plan import Entrant, Setting
from evoact.tracking import TEST, VALIDATION, Contestant, annealing_text


@dataclass(frozen=True, slots=True)
class Tried:
    """A setting of the grid, tried with the tuning seeds.

    `score`, in the `metric` that counts, and `loss` are means over validation data; None
    if every training failed.
    """

    setting: Setting
    score: float | None
    loss: float | None
    failed: int
    metric: str = "accuracy"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "learning_rate": self.setting.learning_rate,
            "gain": self.setting.gain,
            f"val_{self.metric}": self.score,
            "val_loss": self.loss,
            "failed": self.failed,
        }


@dataclass(frozen=True)
class Standing:
    """How an entrant did.

    Attributes:
        entrant: who.
        measured: accuracies by seed.
        setting: what was chosen for it on validation data.
        tried: all of the grid.
        parameters: of the whole trained network.
        activation_parameters: those of its activations among them.
    """

    entrant: Entrant
    measured: Contestant
    setting: Setting
    tried: tuple[Tried, ...]
    parameters: int
    activation_parameters: int

    @property
    def is_at_edge(self) -> bool:
        """Whether the rate is an end of a grid that has a middle: a better one may lie beyond."""
        rates = {one.setting.learning_rate for one in self.tried}
        return len(rates) > 2 and self.setting.learning_rate in (min(rates), max(rates))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: who, what was chosen for it, and all that it reached."""
        entrant, measured = self.entrant, self.measured
        return {
            "label": entrant.label,
            "role": entrant.role,
            "of": entrant.of or None,
            "id": entrant.candidate.id,
            "expression": entrant.candidate.text,
            "annealing": annealing_text(entrant.candidate),
            "learning_rate": self.setting.learning_rate,
            "gain": self.setting.gain,
            "parameters": self.parameters,
            "activation_parameters": self.activation_parameters,
            "validation": _values(measured, VALIDATION),
            "test": _values(measured, TEST),
            "failed": measured.failed,
            "tuning": [tried.to_dict() for tried in self.tried],
        }


def _values(measured: Contestant, measure: str) -> dict[str, Any]:
    interval = measured.interval(measure)
    by_seed = {str(seed): value for seed, value in measured.values(measure).items()}
    if interval is None:
        return {"mean": None, "low": None, "high": None, "by_replicate": by_seed}
    bounds = (None, None) if interval.n == 1 else (interval.low, interval.high)
    return {"mean": interval.mean, "low": bounds[0], "high": bounds[1], "by_replicate": by_seed}

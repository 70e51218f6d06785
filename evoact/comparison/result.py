"""What a comparison found: frozen, comparable, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evoact.comparison.entrants import is_named, nearest_of
from evoact.comparison.plan import CONTESTANT, RESCALED, Entrant, Plan
from evoact.comparison.standing import Standing
from evoact.stats import BOOTSTRAP_FROM, smallest_p_value
from evoact.tracking import (
    BASELINE,
    CONTROL,
    SIGNIFICANT,
    TEST,
    VALIDATION,
    Comparison,
    compare_family,
    comparison_row,
    judged,
    novelty_text,
    too_few,
)

MEASURES: Final = (VALIDATION, TEST)
RIVALS: Final = (BASELINE, RESCALED, CONTROL)
_FAMILIES: Final = {
    BASELINE: "baselines",
    RESCALED: "rescaled named functions",
    CONTROL: "controls",
}
_CONTROLS: Final = {"static late": "its late function", "static early": "its early function"}


@dataclass(frozen=True)
class ComparisonResult:
    """What a comparison found.

    Two results are equal when what was trained is; times are not compared.

    Attributes:
        plan: who was trained on what, from which seeds.
        standings: how each entrant did, in their order.
        environment: device, precision, threads and versions of the trainings.
        latency: time of each function over ReLU's, by its text and by how it
            is computed (`torch`, `c`).
    """

    plan: Plan
    standings: tuple[Standing, ...]
    environment: Mapping[str, Any]
    latency: Mapping[str, Mapping[str, float]] = field(compare=False)

    def comparisons(self, role: str = BASELINE, measure: str | None = None) -> list[Comparison]:
        """Return the paired differences of contestants to their rivals.

        Those of one measure are a family: Holm's correction is over all of them.

        Args:
            role: of the rivals: `baseline`, `rescaled` or `control`.
            measure: `validation accuracy` or `test accuracy`; both by default.
        """
        measured = {one.entrant: one.measured for one in self.standings}
        pairs = [(measured[a], measured[b]) for a, b in self.plan.rivals(role)]
        measures = MEASURES if measure is None else (measure,)
        return [one for m in measures for one in compare_family(pairs, m)]

    @property
    def interval(self) -> str:
        """How the intervals of differences are made."""
        return "BCa bootstrap" if self.plan.seeds >= BOOTSTRAP_FROM else "paired t"

    def verdict(self) -> list[str]:
        """Return in words what came out, whether or not anything is better."""
        sentences = []
        for standing in self.standings:
            if standing.entrant.role == CONTESTANT:
                sentences += [known_as_text(standing.entrant), *self._judgements(standing.entrant)]
        return [*sentences, *self._too_few(), *self._edges(), *self._failures()]

    def _judgements(self, contestant: Entrant) -> list[str]:
        found = [
            judged(one, one.who, _whom(one, role))
            for role in RIVALS
            for one in self._distinct(role)
            if one.who == contestant.label
        ]
        return found or [f"Every training of {contestant.label} or of its rivals failed."]

    def _distinct(self, role: str) -> list[Comparison]:
        """Return comparisons in test accuracy, but for those of a function with itself."""
        same = {(a.label, b.label) for a, b in self.plan.rivals(role) if a.candidate == b.candidate}
        found = self.comparisons(role, TEST)
        return [one for one in found if (one.who, one.baseline) not in same]

    def _too_few(self) -> list[str]:
        """Say once for each family that no difference could have been shown."""
        said = {
            f"Against {_FAMILIES[role]}: {text}"
            for role in RIVALS
            for one in self._distinct(role)
            if (text := too_few(one, "comparison", "seeds"))
        }
        return sorted(said)

    def _edges(self) -> list[str]:
        found = [
            f"{_told(one.entrant)} ({one.setting.learning_rate:g})"
            for one in self.standings
            if one.is_at_edge
        ]
        if not found:
            return []
        return [
            "Learning rates at an end of the grid, beyond which a better one may lie (widen "
            f"rates): {', '.join(found)}."
        ]

    def _failures(self) -> list[str]:
        failed = [
            f"{_told(one.entrant)}: {one.measured.failed}"
            for one in self.standings
            if one.measured.failed
        ]
        if not failed:
            return []
        return [f"Trainings that failed and are left out, with their pairs: {', '.join(failed)}."]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain data, for JSON; `latency` alone differs from run to run."""
        plan = self.plan
        return {
            "task": plan.task.model_dump(mode="json", exclude={"learning_rate"}),
            "seed": plan.seed,
            "replicates": list(plan.replicates),
            "tuning_replicates": list(plan.tuning_replicates),
            "rates": list(plan.rates),
            "gains": list(plan.gains),
            "kernels": plan.kernels,
            "interval": self.interval,
            "environment": dict(self.environment),
            "contestants": [one.to_dict() for one in self.standings],
            "comparisons": [_row(one, role) for role in RIVALS for one in self.comparisons(role)],
            "verdict": self.verdict(),
            "latency": {text: dict(ways) for text, ways in self.latency.items()},
        }


def known_as_text(entrant: Entrant) -> str:
    """Say which named function a contestant is, rescaled or not, or is next to."""
    late = entrant.candidate.late
    match = nearest_of(late)
    if match is not None and match.same and not is_named(match):
        return f"{entrant.label} is {match.name}, rescaled: {match.text}. It is no new function."
    return novelty_text(late, entrant.label)


def _whom(one: Comparison, role: str) -> str:
    if role == RESCALED:
        return f"the best rescaling of {one.baseline}"
    return f"{_CONTROLS[one.baseline]} alone" if role == CONTROL else one.baseline


def _told(entrant: Entrant) -> str:
    if entrant.role == RESCALED:
        return f"{entrant.label} rescaled"
    return f"{entrant.label} of {entrant.of}" if entrant.of else entrant.label


def _row(one: Comparison, role: str) -> dict[str, Any]:
    return {
        "who": one.who,
        "role": role,
        **comparison_row(one),
        "family": one.family,
        "smallest_p": smallest_p_value(one.paired.n, one.family),
        "significant": one.corrected < SIGNIFICANT,
    }

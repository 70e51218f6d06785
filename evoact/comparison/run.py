"""The trainings of a comparison: settings are tuned first, then fresh seeds are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

from evoact.comparison.plan import Entrant, Plan, Setting
from evoact.comparison.result import ComparisonResult
from evoact.comparison.standing import Standing, Tried
from evoact.nn.latency import relative_latency
from evoact.records import Candidate, Cohort, Evaluation, cut
from evoact.study import Evaluator
from evoact.tracking import contestant_of
from evoact.training import count_parameters

# So many networks are trained as one stack; results do not depend on it (on a CPU).
_COHORT: Final = 8

Tell = Callable[[str], None]


def run_comparison(
    plan: Plan, evaluator: Evaluator, tell: Tell = lambda _: None
) -> ComparisonResult:
    """Train all entrants of a plan, and return what was found.

    The test set is read once for each reported network, when its training has
    ended; all that is chosen was chosen before, on validation data.

    Args:
        plan: who, on what, from which seeds.
        evaluator: trains; it stays open.
        tell: is told how far it is, a line at a time.

    Raises:
        StudyError: training cannot go on.
    """
    tried = _tune(plan, evaluator, tell)
    chosen = {candidate: choose(tried[candidate.id]).setting for candidate in plan.candidates}
    tell(f"{plan.seeds} fresh seeds: {len(chosen) * plan.seeds} trainings")
    reported = _train(evaluator, _reported_cohorts(plan, chosen))
    standings = tuple(
        _standing(plan, entrant, tried[entrant.candidate.id], reported[entrant.candidate.id])
        for entrant in plan.entrants
    )
    environment = next(e.environment for found in reported.values() for e in found)
    tell("latency")
    ways = ("torch", "c") if plan.kernels == "c" else ("torch",)
    latency = relative_latency([c.late for c in plan.candidates], ways)
    return ComparisonResult(plan, standings, environment, latency)


def _tune(plan: Plan, evaluator: Evaluator, tell: Tell) -> dict[str, list[Tried]]:
    """Try every setting for every candidate, each with the tuning seeds.

    One setting after the other: evaluations do not say of which they are.
    """
    tried: dict[str, list[Tried]] = {candidate.id: [] for candidate in plan.candidates}
    for setting in plan.settings:
        cohorts = [
            _cohort(plan, group, setting, replicate, test=False)
            for replicate in plan.tuning_replicates
            for group in cut(plan.candidates, _COHORT)
        ]
        if cohorts:
            count = len(plan.candidates) * len(plan.tuning_replicates)
            told = f", gain {setting.gain}" if len(plan.gains) > 1 else ""
            tell(f"tuning: learning rate {setting.learning_rate:g}{told}: {count} trainings")
        found = _train(evaluator, cohorts)
        for candidate in plan.candidates:
            tried[candidate.id].append(_summary(setting, found.get(candidate.id, [])))
    return tried


def _summary(setting: Setting, evaluations: Sequence[Evaluation]) -> Tried:
    good = [e.objectives for e in evaluations if e.is_ok]
    if not good:
        return Tried(setting, None, None, len(evaluations))
    accuracy, loss = (fmean(o[name] for o in good) for name in ("val_accuracy", "val_loss"))
    return Tried(setting, accuracy, loss, len(evaluations) - len(good))


def choose(tried: Sequence[Tried]) -> Tried:
    """Return what was best on validation data.

    Settings at which fewest trainings failed come first, then the mean
    accuracy counts, then the loss; the earlier in the grid of equal ones.
    """

    def merit(one: Tried) -> tuple[int, float, float]:
        if one.accuracy is None or one.loss is None:
            return -one.failed, 0.0, 0.0
        return -one.failed, one.accuracy, -one.loss

    return max(tried, key=merit)


def _reported_cohorts(plan: Plan, chosen: Mapping[Candidate, Setting]) -> list[Cohort]:
    groups: dict[Setting, list[Candidate]] = {}
    for candidate, setting in chosen.items():
        groups.setdefault(setting, []).append(candidate)
    return [
        _cohort(plan, part, setting, replicate, test=True)
        for replicate in plan.replicates
        for setting, group in groups.items()
        for part in cut(group, _COHORT)
    ]


def _cohort(
    plan: Plan, group: tuple[Candidate, ...], setting: Setting, replicate: int, *, test: bool
) -> Cohort:
    task = plan.task.model_copy(update={"learning_rate": setting.learning_rate})
    return Cohort(
        group,
        task,
        plan.seed,
        replicate,
        test=test,
        kernels=plan.kernels,
        gain=setting.gain,
    )


def _train(evaluator: Evaluator, cohorts: Iterable[Cohort]) -> dict[str, list[Evaluation]]:
    """Return evaluations by candidate, in the order of their seeds whoever ended first."""
    found: dict[str, list[Evaluation]] = {}
    for evaluations in evaluator.evaluate(list(cohorts)):
        for evaluation in evaluations:
            found.setdefault(evaluation.candidate_id, []).append(evaluation)
    return {of: sorted(each, key=lambda e: e.replicate) for of, each in found.items()}


def _standing(
    plan: Plan, entrant: Entrant, tried: Sequence[Tried], reported: Sequence[Evaluation]
) -> Standing:
    parameters, own = count_parameters(entrant.candidate, plan.task)
    return Standing(
        entrant,
        contestant_of(entrant.label, entrant.role, entrant.candidate, reported),
        choose(tried).setting,
        tuple(tried),
        parameters,
        own,
    )

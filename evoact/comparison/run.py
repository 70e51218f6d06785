"""The trainings of a comparison: settings are tuned first, then fresh seeds are reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from evoact.comparison.journal import ComparisonJournal
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
    plan: Plan, evaluator: Evaluator, journal: ComparisonJournal, tell: Tell = lambda _: None
) -> ComparisonResult:
    """Train all entrants of a plan, and return what was found.

    The test set is read once for each reported network, when its training has
    ended; all that is chosen was chosen before, on validation data. What the
    journal holds is not trained again.

    Args:
        plan: who, on what, from which seeds.
        evaluator: trains; it stays open.
        journal: of this plan; it stays open.
        tell: is told how far it is, a line at a time.

    Raises:
        StudyError: training cannot go on; what was trained is kept.
    """
    run = _Run(plan, evaluator, journal, tell)
    tried = run.tune()
    chosen = {c: choose(tried[c.id], plan.maximises).setting for c in plan.candidates}
    reported = run.train(f"{plan.seeds} fresh seeds", chosen, plan.replicates, test=True)
    standings = tuple(
        _standing(plan, entrant, tried[entrant.candidate.id], reported[entrant.candidate.id])
        for entrant in plan.entrants
    )
    environment = next(e.environment for found in reported.values() for e in found)
    if journal.latency is None:
        tell("latency")
        ways = ("torch", "c") if plan.kernels == "c" else ("torch",)
        journal.finish(relative_latency([c.late for c in plan.candidates], ways))
    assert journal.latency is not None, "finish() keeps it"
    return ComparisonResult(plan, standings, environment, journal.latency)


@dataclass(frozen=True)
class _Run:
    """The trainings of a plan, of which the journal holds some."""

    plan: Plan
    evaluator: Evaluator
    journal: ComparisonJournal
    tell: Tell

    def tune(self) -> dict[str, list[Tried]]:
        """Try every setting for every candidate, each with the tuning seeds."""
        plan = self.plan
        tried: dict[str, list[Tried]] = {candidate.id: [] for candidate in plan.candidates}
        for setting in plan.settings:
            gain = f", gain {setting.gain}" if len(plan.gains) > 1 else ""
            what = f"tuning: learning rate {setting.learning_rate:g}{gain}"
            alike = dict.fromkeys(plan.candidates, setting)
            found = self.train(what, alike, plan.tuning_replicates, test=False)
            for of, evaluations in found.items():
                tried[of].append(_summary(setting, evaluations, plan))
        return tried

    def train(
        self,
        what: str,
        chosen: Mapping[Candidate, Setting],
        replicates: Sequence[int],
        *,
        test: bool,
    ) -> dict[str, list[Evaluation]]:
        """Return evaluations by candidate, in the order of their seeds whoever ended first."""
        cohorts = self._cohorts(chosen, replicates, test)
        missing = sum(len(cohort.candidates) for cohort in cohorts)
        if replicates:
            count = len(chosen) * len(replicates)
            kept = f", {count - missing} of them kept" if missing < count else ""
            self.tell(f"{what}: {count} trainings{kept}")
        if cohorts:
            self.journal.ask(chosen, replicates)
        for evaluations in self.evaluator.evaluate(cohorts):
            self.journal.record(evaluations)
        found = {of.id: [self._kept(of, s, r) for r in replicates] for of, s in chosen.items()}
        return {of: [e for e in each if e is not None] for of, each in found.items()}

    def _cohorts(
        self, chosen: Mapping[Candidate, Setting], replicates: Sequence[int], test: bool
    ) -> list[Cohort]:
        """Return what is still to be trained, cut as it would be without a journal."""
        groups: dict[Setting, list[Candidate]] = {}
        for candidate, setting in chosen.items():
            groups.setdefault(setting, []).append(candidate)
        parts = [
            (
                tuple(c for c in part if self._kept(c, setting, replicate) is None),
                setting,
                replicate,
            )
            for replicate in replicates
            for setting, group in groups.items()
            for part in cut(group, _COHORT)
        ]
        return [self._cohort(*part, test=test) for part in parts if part[0]]

    def _kept(self, candidate: Candidate, setting: Setting, replicate: int) -> Evaluation | None:
        return self.journal.evaluation(candidate, setting, replicate)

    def _cohort(
        self, group: tuple[Candidate, ...], setting: Setting, replicate: int, *, test: bool
    ) -> Cohort:
        plan = self.plan
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


def _summary(setting: Setting, evaluations: Sequence[Evaluation], plan: Plan) -> Tried:
    good = [e.objectives for e in evaluations if e.is_ok]
    if not good:
        return Tried(setting, None, None, len(evaluations), plan.metric)
    score, loss = (fmean(o[name] for o in good) for name in (f"val_{plan.metric}", "val_loss"))
    return Tried(setting, score, loss, len(evaluations) - len(good), plan.metric)


def choose(tried: Sequence[Tried], maximises: bool = True) -> Tried:
    """Return what was best on validation data.

    Settings at which fewest trainings failed come first, then the mean
    score counts, then the loss; the earlier in the grid of equal ones.
    """

    def merit(one: Tried) -> tuple[int, float, float]:
        if one.score is None or one.loss is None:
            return -one.failed, 0.0, 0.0
        return -one.failed, one.score if maximises else -one.score, -one.loss

    return max(tried, key=merit)


def _standing(
    plan: Plan, entrant: Entrant, tried: Sequence[Tried], reported: Sequence[Evaluation]
) -> Standing:
    parameters, own = count_parameters(entrant.candidate, plan.task)
    return Standing(
        entrant,
        contestant_of(
            entrant.label,
            entrant.role,
            entrant.candidate,
            reported,
            metric=plan.metric,
            maximises=plan.maximises,
        ),
        choose(tried, plan.maximises).setting,
        tuple(tried),
        parameters,
        own,
    )

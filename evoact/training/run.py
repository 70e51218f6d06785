"""The training of a cohort on one task, from rung to rung."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch

from evoact.language.measures import STATIC, measure
from evoact.nn.latency import relative_latency
from evoact.records import LATENCY, Cohort, Evaluation, Status
from evoact.training.checkpoint import CohortFile
from evoact.training.copies import COPIES
from evoact.training.forming import data_of, form
from evoact.training.inside import measured_inside
from evoact.training.loop import TimedOut, Training, steps_per_epoch
from evoact.training.member import Member
from evoact.training.stack import Stack

_ALWAYS: Final = ("cost", "nodes")

GoesOn = Callable[[str, int, float], bool]
"""Whether a candidate goes on: of its id, the rung, and its merit there."""


@dataclass
class Run:
    """The training of a cohort, and what was found so far, by position."""

    cohort: Cohort
    environment: dict[str, Any]
    file: CohortFile
    goes_on: GoesOn | None = None
    found: dict[int, Evaluation] = field(default_factory=dict)
    rung: int = 0

    def train(self) -> None:
        """Train all of them to their ends, from where a checkpoint left off."""
        rungs = self.cohort.halving.rungs if self.cohort.halving else ()
        trainings = self.begun()
        for rung in range(self.rung, len(rungs)):
            trainings = self.advance(trainings, rungs[rung])
            self.halve(trainings, rung)
            self.rung = rung + 1
        for training in self.advance(trainings, self.cohort.task.epochs):
            self.finish(training, training.members)

    @property
    def evaluations(self) -> list[Evaluation]:
        """What was found, in the order of the candidates."""
        return [self.found[position] for position in range(len(self.cohort.candidates))]

    def begun(self) -> list[Training]:
        """Return the trainings as the file has them, else new ones."""
        try:
            if state := self.file.load():
                return self.resumed(state)
        except Exception as error:  # whatever a file that is not ours may lead to
            self.file.leave(error)
            self.found, self.rung = {}, 0
        return self.form(range(len(self.cohort.candidates)))

    def resumed(self, state: Mapping[str, Any]) -> list[Training]:
        """Return the trainings that a checkpoint has."""
        self.rung = state["rung"]
        self.found = {int(k): Evaluation.from_dict(one) for k, one in state["found"].items()}
        trainings = []
        for one in state["trainings"]:
            (training,) = self.form(sorted(map(int, one["members"])))
            training.load_state_dict(one)
            trainings.append(training)
        return trainings

    def keep(self, trainings: Iterable[Training]) -> None:
        """Write a checkpoint of these trainings, and of what was found."""
        if self.file.is_kept:
            found = {str(k): evaluation.to_dict() for k, evaluation in self.found.items()}
            states = [training.state_dict() for training in trainings if training.members]
            self.file.save({"rung": self.rung, "found": found, "trainings": states})

    def form(self, positions: Iterable[int]) -> list[Training]:
        """Return new trainings of the candidates at these positions."""
        return list(form(self.cohort, list(positions), self.fail))

    def advance(self, trainings: Iterable[Training], epochs: int) -> list[Training]:
        """Train until so many epochs are done; return the trainings that got there."""
        there: list[Training] = []
        waiting = list(trainings)
        while waiting:
            training = waiting.pop(0)
            members = training.members
            training.after_epoch = partial(self.between, there, training, waiting)
            try:
                training.run(epochs)
            except Exception as error:  # whose fault it is shows when each is alone
                if len(members) == 1:
                    self.fail(members[0].position, error, members[0].seconds)
                    continue
                half = len(members) // 2
                for part in (members[:half], members[half:]):
                    waiting += self.form(member.position for member in part)
                continue
            self.note(training)
            there.append(training)
        return there

    def between(self, there: list[Training], training: Training, waiting: list[Training]) -> None:
        """Write a checkpoint between two epochs, if it is time to."""
        if self.file.is_due:
            self.note(training)
            self.keep([*there, training, *waiting])

    def note(self, training: Training) -> None:
        """Write down who left a training."""
        for member, reason in training.diverged.items():
            self.end(member.position, Status.DIVERGED, member.seconds, reason=reason)

    def halve(self, trainings: Iterable[Training], rung: int) -> None:
        """Let only the best candidates of all trainings go on."""
        running = [member for training in trainings for member in training.members]
        kept = self._kept(running, rung)
        for training in trainings:
            leaving = [member for member in training.members if member.position not in kept]
            self.finish(training, leaving, rung)
            training.keep([member for member in training.members if member.position in kept])

    def _kept(self, running: list[Member], rung: int) -> set[int]:
        """Return the positions of those that go on."""
        halving = self.cohort.halving
        assert halving is not None

        def merit(member: Member) -> float:
            value = halving.merit(self.objectives(member)[halving.objective])
            return value if math.isfinite(value) else -math.inf

        if halving.across:
            assert self.goes_on is not None, "whoever trains across cohorts knows the others"
            ids = {m.position: self.cohort.candidates[m.position].id for m in running}
            return {m.position for m in running if self.goes_on(ids[m.position], rung, merit(m))}
        running = sorted(running, key=lambda m: (merit(m), -m.position), reverse=True)
        return {m.position for m in running[: math.ceil(len(running) / halving.reduction)]}

    @staticmethod
    def objectives(member: Member) -> dict[str, float]:
        """Return what a member's training measured after the epochs that it has had."""
        return {name: v for name, v in member.curve[-1].items() if name.startswith("val_")}

    def static(self, member: Member) -> dict[str, float]:
        """Return what follows from a member's function alone; what is infinite is left out."""
        asked = [name for name in STATIC if name in (*_ALWAYS, *self.cohort.objectives)]
        found = {name: measure(name, member.candidate.late) for name in asked}
        return {name: v for name, v in found.items() if v is not None and math.isfinite(v)}

    def on_copies(self, stack: Stack) -> dict[Member, dict[str, float]]:
        """Return the accuracies on copies of the validation data, of those asked for."""
        found: dict[Member, dict[str, float]] = {member: {} for member in stack.members}
        for name, copy in COPIES.items():
            if name in self.cohort.objectives:
                scores = stack.score(copy(self.cohort), name.removesuffix("_accuracy"))
                for member, score in zip(stack.members, scores, strict=True):
                    found[member][name] = score[name]
        return found

    def timed(self, member: Member) -> dict[str, float]:
        """Return how long the function takes on this machine, over relu, if it is asked for."""
        if LATENCY not in self.cohort.objectives:
            return {}
        late, way = member.candidate.late, self.cohort.kernels
        return {LATENCY: relative_latency([late], (way,), self.cohort.device)[str(late)][way]}

    def finish(
        self, training: Training, members: Sequence[Member], rung: int | None = None
    ) -> None:
        """Write down the scores of members that are done; without a rung, at the end of all."""
        data, halving = data_of(self.cohort), self.cohort.halving
        tests: dict[Member, dict[str, float]] = {}
        if self.cohort.test:
            scores = training.stack.score(data.test, "test")
            tests = dict(zip(training.stack.members, scores, strict=True))
        copies = self.on_copies(training.stack)
        for member in members:
            assert member.scheduler.get_last_g() == 1.0, "candidates are scored at g = 1 only"
            inside = measured_inside(self.cohort, training.stack, member, self.cohort.objectives)
            objectives = {**self.objectives(member), **copies[member], **inside}
            measured = {**objectives, **tests.get(member, {})}
            if not all(map(math.isfinite, measured.values())):
                reason = f"validation or test gave {measured}"
                self.end(member.position, Status.DIVERGED, member.seconds, reason=reason)
                continue
            in_epoch = steps_per_epoch(len(data.train), self.cohort.task.batch_size)
            self.end(
                member.position,
                Status.OK,
                member.seconds,
                objectives={**objectives, **self.static(member), **self.timed(member)},
                rung=rung if rung is not None else len(halving.rungs) if halving else 0,
                epochs=len(member.curve),
                test=tests.get(member, {}),
                curve=tuple(member.curve),
                steps=len(member.curve) * in_epoch,
                shared_steps=member.joins * in_epoch,
                params=member.trained(training.stack.places),
            )

    def fail(self, position: int, error: Exception, seconds: float = 0.0) -> None:
        """Make a fault the status of a candidate."""
        status, reason = Status.FAILED, f"{type(error).__name__}: {error}"
        if isinstance(error, TimedOut):
            status, reason = Status.TIMEOUT, str(error)
        elif _is_lack_of_memory(error):
            status, reason = Status.OUT_OF_MEMORY, str(error) or "out of memory"
        self.end(position, status, seconds, reason=reason)

    def end(self, position: int, status: Status, seconds: float, **more: Any) -> None:
        """Write down how a candidate's training ended."""
        self.found[position] = Evaluation(
            self.cohort.candidates[position].id,
            status,
            replicate=self.cohort.replicate,
            environment=self.environment,
            seconds=seconds,
            **{"epochs": self.cohort.task.epochs, **more},
        )


def _is_lack_of_memory(error: Exception) -> bool:
    # On a CPU torch raises a RuntimeError that says so.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )

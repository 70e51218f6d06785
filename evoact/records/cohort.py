"""The unit of work: some candidates, and how to train each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from evoact.records.candidate import Candidate
from evoact.records.task_spec import TaskSpec

GAINS: Final = ("own", "relu")


@dataclass(frozen=True, slots=True)
class Halving:
    """Successive halving (Jamieson & Talwalkar 2016).

    After each rung the best `1 / reduction` of the candidates that are left go
    on, rounded up; the others are scored where they are. Within a cohort, or
    across trials of one candidate each (ASHA, Li et al. 2020).

    Attributes:
        rungs: epochs after which candidates are compared, rising.
        reduction: how many times fewer go on.
        objective: by what they are compared, of those that training measures.
        maximise: whether more of it is better.
        across: whether a candidate is compared with those that other cohorts
            brought to the rung before it, and not with its own cohort.
    """

    rungs: tuple[int, ...]
    reduction: int
    objective: str
    maximise: bool
    across: bool = False

    def merit(self, value: float) -> float:
        """Return a value of the objective so that more is better, whatever it is."""
        return value if self.maximise else -value


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where and how often the state of a training is kept, to go on from if it is interrupted.

    Attributes:
        folder: for the files, in that of a study; where that is not seen, as it may be on
            other machines, nothing is kept.
        every: seconds of training between two states.
    """

    folder: str
    every: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """Candidates that one worker trains, each from the same seed.

    Attributes:
        candidates: what to train.
        task: what to train on; the first of `tasks`, where there are several.
        tasks: all of them, on each of which each candidate is trained; empty for one alone.
        seed: the study's seed; with `replicate` it decides initial weights
            and data order, for all candidates alike.
        replicate: 0 in the search; 1, 2, ... are fresh seeds.
        timeout: seconds that one candidate's training may take.
        device: `"cpu"` or `"cuda"`.
        test: whether to measure on the test set after training.
        share_prefix: whether candidates with one early function are trained
            together until g rises; it changes no result.
        kernels: what computes activations: generated `"c"` (on the CPU) or
            `"triton"` (on CUDA), or `"torch"`; the last bits differ.
        halving: which candidates stop early; with it an evaluation depends on
            the others in the cohort, or on those that got to a rung before.
        objectives: what is measured besides accuracy, loss, cost and nodes.
        gain: by what the first weights after activations are scaled: for the
            `"own"` function, or as for `"relu"` whatever the function.
        checkpoint: whether to go on with an interrupted training; it changes no result.
    """

    candidates: tuple[Candidate, ...]
    task: TaskSpec
    seed: int
    replicate: int = 0
    timeout: float = 600.0
    device: str = "cpu"
    test: bool = False
    share_prefix: bool = False
    kernels: str = "torch"
    halving: Halving | None = None
    objectives: tuple[str, ...] = ()
    gain: str = GAINS[0]
    tasks: tuple[TaskSpec, ...] = ()
    checkpoint: Checkpoint | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what is sent to a worker."""
        return {
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "task": self.task.model_dump(mode="json"),
            "seed": self.seed,
            "replicate": self.replicate,
            "timeout": self.timeout,
            "device": self.device,
            "test": self.test,
            "share_prefix": self.share_prefix,
            "kernels": self.kernels,
            "halving": asdict(self.halving) if self.halving else None,
            "objectives": list(self.objectives),
            "gain": self.gain,
            "tasks": [task.model_dump(mode="json") for task in self.tasks],
            "checkpoint": asdict(self.checkpoint) if self.checkpoint else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cohort:
        """Read what `to_dict` wrote."""
        candidates = tuple(Candidate.from_dict(item) for item in data["candidates"])
        halving = data["halving"] and Halving(
            **{**data["halving"], "rungs": tuple(data["halving"]["rungs"])}
        )
        read = {
            "candidates": candidates,
            "task": TaskSpec(**data["task"]),
            "tasks": tuple(TaskSpec(**task) for task in data["tasks"]),
            "halving": halving,
            "objectives": tuple(data["objectives"]),
            "checkpoint": data["checkpoint"] and Checkpoint(**data["checkpoint"]),
        }
        return cls(**{**data, **read})


def cut(candidates: Iterable[Candidate], size: int) -> list[tuple[Candidate, ...]]:
    """Cut candidates into groups of `size`, in their order; the last may be smaller.

    >>> [len(group) for group in cut([Candidate(e) for e in _three()], 2)]
    [2, 1]
    """
    items = list(candidates)
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]


def _three() -> list[Any]:
    from evoact.language import named

    return [named(name) for name in ("relu", "silu", "gelu")]

"""Studies as real records, small enough to compute every number by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from evoact.language import resolve
from evoact.records import (
    Anneal,
    Candidate,
    ConfirmationAsked,
    ControlsAsked,
    Evaluated,
    Evaluation,
    GenerationAsked,
    GenerationTold,
    History,
    Listener,
    Record,
    Rejected,
    SearchSpec,
    Status,
    StudyFinished,
    StudyStarted,
)

EPOCHS = 3
# Each generation; the first text of the second wins the search.
GENERATIONS = (
    ("relu", "silu", "-tanh(x)", "exp(exp(x))"),
    ("x * sigmoid(b * x) + 0.5 * tanh(x) where b = 1.5", "atan(x)", "mish", "log(x)"),
)
SCORES = ((0.60, 0.61, 0.50, None), (0.66, 0.55, 0.64, None))
SPEC = {
    "name": "demo",
    "evolution": {"population": 4, "generations": 2},
    "evaluate": {
        "confirm": {"top": 2, "seeds": 8, "baselines": ["relu", "gelu"], "controls": False}
    },
}


def candidate(text: str) -> Candidate:
    genes = Anneal(resolve("relu"), "cosine", 0.0, 0.5) if "where" in text else None
    return Candidate(resolve(text), genes, origin="crossover")


def evaluation(
    who: Candidate, accuracy: float | None, replicate: int = 0, test: float | None = None
) -> Evaluation:
    if accuracy is None:
        reason = "loss nan in epoch 1"
        return Evaluation.failed(who, reason, Status.DIVERGED, replicate=replicate, seconds=0.5)
    curve = [
        {
            "epoch": e,
            "loss": 2.0 / e,
            "grad_norm": None if e == 1 else 1.0 / e,
            "val_accuracy": accuracy * e / EPOCHS,
            "g": (e - 1) / (EPOCHS - 1),
        }
        for e in range(1, EPOCHS + 1)
    ]
    scores = {"val_accuracy": accuracy, "cost": who.late.cost, "nodes": float(who.late.nodes)}
    return replace(
        Evaluation.ok(who, **scores),
        replicate=replicate,
        epochs=EPOCHS,
        curve=tuple(curve),
        test={} if test is None else {"test_accuracy": test},
        seconds=1.5,
    )


@dataclass
class Study:
    """The records of one study; every part can be replaced."""

    spec: dict = field(default_factory=lambda: dict(SPEC))
    generations: Sequence = GENERATIONS
    scores: Sequence = SCORES
    gain: float = 0.02
    """By how much the winner beats relu under fresh seeds."""
    replicates: int = 8
    failing: tuple[int, ...] = ()
    """Replicates in which gelu fails."""
    winner: str | None = GENERATIONS[1][0]
    finalists: tuple[str, ...] = (GENERATIONS[1][0], "mish")
    controls: bool = False
    """Whether the winner's late and early function are trained alone."""

    def search(self) -> list[Record]:
        spec = SearchSpec.model_validate(self.spec).model_dump(mode="json")
        records: list[Record] = [StudyStarted("demo", 7, spec, {"evoact": "0.1.0"})]
        for number, (texts, scores) in enumerate(zip(self.generations, self.scores, strict=True)):
            rejected = (Rejected("x + 0.0", "duplicate", "abc"),) * number
            people = tuple(map(candidate, texts))
            records.append(GenerationAsked(number, people, rejected))
            records += [
                Evaluated(evaluation(who, score)) for who, score in zip(people, scores, strict=True)
            ]
            records.append(GenerationTold(number))
        return records

    def confirmation(self) -> list[Record]:
        finalists = {text: candidate(text) for text in self.finalists}
        baselines = {n: Candidate(resolve(n), origin="baseline") for n in ("relu", "gelu")}
        replicates = tuple(range(1, self.replicates + 1))
        records: list[Record] = [ConfirmationAsked(finalists, baselines, replicates)]
        everyone = {c.id: (label, c) for label, c in [*finalists.items(), *baselines.items()]}
        for replicate in replicates:
            for label, who in everyone.values():
                value = self.accuracy(label, replicate)
                test = None if value is None else value - 0.01
                records.append(Evaluated(evaluation(who, value, replicate, test)))
        winner = None if self.winner is None else candidate(self.winner).id
        if self.controls:
            records += self.controlled(replicates)
        return [*records, StudyFinished(winner)]

    def controlled(self, replicates: Sequence[int]) -> list[Record]:
        """The early function is a baseline too: only the late one is trained."""
        winner = candidate(self.winner)
        late = Candidate(winner.late, origin="control")
        labels = {"static late": late, "static early": Candidate(winner.early, origin="control")}
        values = [0.61 + 0.001 * replicate for replicate in replicates]
        return [
            ControlsAsked(winner.id, labels),
            *(
                Evaluated(evaluation(late, value, replicate, value - 0.01))
                for replicate, value in zip(replicates, values, strict=True)
            ),
        ]

    def accuracy(self, label: str, replicate: int) -> float | None:
        base = 0.6 + 0.001 * replicate  # the seed moves all alike
        if label == "gelu":
            return None if replicate in self.failing else base - 0.03
        if label == self.winner:
            return base + self.gain + 0.0005 * replicate
        return base if label == "relu" else base + 0.001

    def records(self) -> list[Record]:
        return [*self.search(), *self.confirmation()]


def replay(records: Sequence[Record], *listeners: Listener) -> History:
    history = History()
    for record in records:
        history.apply(record)
        for listener in listeners:
            listener.on_record(record, history)
    return history


@pytest.fixture
def study() -> type[Study]:
    return Study


@pytest.fixture
def play() -> Callable[..., History]:
    return replay

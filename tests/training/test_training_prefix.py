"""The part of a training that candidates share: trained once, with the same bits."""

from __future__ import annotations

from typing import Any

import pytest

from evoact.language import parse, resolve
from evoact.nn.kernels import available
from evoact.records import Anneal, Candidate, Cohort, Evaluation, Status, TaskSpec
from evoact.training import forming as module
from evoact.training import train_cohort
from evoact.training.prefix import Prefixes, prefix_epochs

EPOCHS, STEPS = 6, 11  # an epoch has 11 steps
LATE = (
    "silu(x)",
    "x * sigmoid(beta * x) where beta = 1.0",
    "max(x, a * x) where a = 0.25 per channel",
)


def gliding(late: str, early: str | None = "relu(x)", **genes: Any) -> Candidate:
    first = None if early is None else parse(early)
    return Candidate(resolve(late), Anneal(first, **{"start": 0.5, "end": 0.7, **genes}))


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PREFIXES", Prefixes())


def trained(
    *candidates: Candidate, share: bool = True, network: str = "mlp", **more: Any
) -> list[Evaluation]:
    task = TaskSpec(name="digits", network=network, epochs=EPOCHS, batch_size=100)
    return train_cohort(Cohort(candidates, task, seed=3, share_prefix=share, **more))


def content(evaluation: Evaluation) -> dict[str, Any]:
    assert evaluation.status is Status.OK, evaluation.reason
    data = evaluation.to_dict()
    del data["seconds"]
    data.pop("shared_steps", None)
    return data


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_shared_prefix_gives_the_same_bits(network: str) -> None:
    candidates = [gliding(text) for text in LATE]
    anew = trained(*candidates, share=False, network=network)
    shared = trained(*candidates, network=network)
    assert [content(e) for e in shared] == [content(e) for e in anew]
    assert [e.shared_steps for e in anew] == [0, 0, 0]
    assert [e.shared_steps for e in shared] == [0, 3 * STEPS, 3 * STEPS]
    assert {e.steps for e in shared} == {EPOCHS * STEPS}


def test_a_longer_prefix_goes_on_from_a_shorter_one() -> None:
    candidates = [gliding("silu(x)", start=start, end=0.8) for start in (0.2, 0.7, 0.4, 0.0)]
    candidates.append(gliding("tanh(x)", schedule="loss", start=0.4, layers="lower_first"))
    anew = trained(*candidates, share=False)
    shared = trained(*candidates)
    assert [content(e) for e in shared] == [content(e) for e in anew]
    assert [e.shared_steps for e in shared] == [1 * STEPS, 0, 2 * STEPS, 0, 2 * STEPS]


@pytest.mark.skipif(not available(), reason="there is no C compiler")
def test_what_other_kernels_computed_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = gliding("silu(x)", "softplus(x)")  # whose last bits differ
    alone = trained(candidate, kernels="c")
    monkeypatch.setattr(module, "_PREFIXES", Prefixes())
    assert content(trained(candidate, kernels="torch")[0]) != content(alone[0])
    (after,) = trained(candidate, kernels="c")
    assert content(after) == content(alone[0])
    assert after.shared_steps == 0


def test_the_order_does_not_matter() -> None:
    candidates = [gliding(text) for text in LATE]
    forward = {e.candidate_id: content(e) for e in trained(*candidates)}
    backward = {e.candidate_id: content(e) for e in trained(*reversed(candidates))}
    assert forward == backward


@pytest.mark.parametrize(
    "second",
    [
        gliding("tanh(x)", "abs(x)"),
        gliding("tanh(x)", "0.5 * x"),
        gliding("tanh(x)", None),
        gliding("tanh(x)", None, path="ladder"),
        Candidate(resolve("tanh")),
    ],
    ids=["early", "gain", "auto", "ladder", "static"],
)
def test_what_differs_is_not_shared(second: Candidate) -> None:
    assert [e.shared_steps for e in trained(gliding("silu(x)"), second)] == [0, 0]


def test_seeds_are_not_mixed() -> None:
    one = gliding("silu(x)")
    assert trained(one)[0].shared_steps == 0
    assert trained(one, replicate=1)[0].shared_steps == 0
    assert trained(one)[0].shared_steps == 3 * STEPS


def test_a_prefix_that_diverges_is_the_status_of_each() -> None:
    wild = [gliding(text, "1e30 * square(square(x))") for text in LATE[:2]]
    calm = gliding("silu(x)")
    found = trained(*wild, calm)
    assert [e.status for e in found] == [Status.DIVERGED, Status.DIVERGED, Status.OK]


def test_only_the_last_states_are_kept() -> None:
    prefixes = Prefixes(kept=2)
    module._PREFIXES = prefixes
    for early in ("relu(x)", "abs(x)", "x"):
        trained(gliding("silu(x)", early))
    assert trained(gliding("tanh(x)", "abs(x)"))[0].shared_steps == 3 * STEPS
    assert trained(gliding("tanh(x)", "relu(x)"))[0].shared_steps == 0


@pytest.mark.parametrize(
    ("start", "epochs", "prefix"), [(0.0, 9, 0), (0.3, 10, 3), (0.29, 10, 2), (0.1, 5, 0)]
)
def test_prefixes_are_whole_epochs(start: float, epochs: int, prefix: int) -> None:
    assert prefix_epochs(start, epochs) == prefix

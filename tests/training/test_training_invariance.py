"""Composition invariance: an evaluation has the same bits whoever its neighbours are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from evoact.language import parse, resolve
from evoact.nn.kernels import available, backend
from evoact.records import Anneal, Candidate, Cohort, Evaluation, Status, TaskSpec
from evoact.training import memory, train_cohort

EPOCHS = 4
EARLY = ("relu(x)", "max(x, 0.1 * x)", "leaky_relu(x, 0.5)")
TEXTS = (
    "relu(x)",
    "x * sigmoid(a * x) where a = 1.0",
    "tanh(x) + b * x where b = 0.1 per channel",
    "x * tanh(softplus(x))",
    "gaussian(x) + sin(2.0 * x)",
    "max(x, a * x) where a = 0.25 per channel",
    "signed_sqrt(x) + erf(x) * square(x)",
    "safe_div(x, 1.0 + abs(x)) + asinh(x)",
)
DIVERGES = Candidate(resolve("log(x)"))
GROUPWISE = Candidate(resolve("group_sort(x, 2)"))  # a stack of its own, in the same cohort


def genes(index: int) -> Anneal | None:
    early = parse(EARLY[index % 3])
    kinds = (
        None,
        Anneal(early, "linear", 0.0, 0.5),
        Anneal(None, "cosine", 0.1, 0.6, path="ladder"),
        Anneal(early, "loss", 0.2, 0.7, layers="lower_first"),
        Anneal(None, "sqrt", 0.0, 0.4, path="sharpness"),
    )
    return kinds[index % len(kinds)]


def made(index: int) -> Candidate:
    late, how = resolve(TEXTS[index % 8]), genes(index)
    if how and how.path == "sharpness":
        late = resolve(("silu(x)", "softplus(x)")[index % 2])
    return Candidate(late, how)


CANDIDATES = [made(index) for index in range(32)]


KERNELS = [
    pytest.param("c", marks=pytest.mark.skipif(not available(), reason=str(backend()))),
    "torch",
]


def trained(
    candidates: list[Candidate], how: tuple[str, str], batch_size: int = 359, **more: Any
) -> list[Evaluation]:
    network, kernels = how
    task = TaskSpec(name="digits", network=network, epochs=EPOCHS, batch_size=batch_size)
    return train_cohort(Cohort(tuple(candidates), task, seed=5, kernels=kernels, **more))


def content(evaluation: Evaluation) -> dict[str, Any]:
    data = evaluation.to_dict()
    del data["seconds"], data["shared_steps"]
    return data


@pytest.fixture(scope="module", autouse=True)
def _one_stack() -> Iterator[None]:
    """Let all candidates of a width be one stack, however large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "BUDGET", 2**40)
        yield


@pytest.fixture(scope="module", params=["mlp", "conv", "attention"])
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=KERNELS)
def how(request: pytest.FixtureRequest, network: str) -> tuple[str, str]:
    return network, str(request.param)


@pytest.fixture(scope="module")
def alone(how: tuple[str, str]) -> dict[int, dict[str, Any]]:
    """Evaluations of some candidates, each in a cohort of its own."""
    return {i: content(trained([CANDIDATES[i]], how)[0]) for i in (0, 1, 2, 9, 12, 18, 31)}


@pytest.mark.parametrize("size", [2, 7, 32])
def test_cohorts_of_any_size(
    size: int, how: tuple[str, str], alone: dict[int, dict[str, Any]]
) -> None:
    for first in {0, 32 - size}:
        last = first + size
        found = trained(CANDIDATES[first:last], how)
        assert {e.status for e in found} == {Status.OK}
        for index in alone.keys() & set(range(first, last)):
            assert content(found[index - first]) == alone[index]


def test_neighbours_that_leave(how: tuple[str, str], alone: dict[int, dict[str, Any]]) -> None:
    late = Candidate(resolve("1e19 * square(x)"), Anneal(parse("relu(x)"), "linear", 0.5, 0.6))
    among = [DIVERGES, CANDIDATES[1], late, GROUPWISE, CANDIDATES[9], DIVERGES, CANDIDATES[18]]
    found = trained(among, how, test=True)
    statuses = [e.status.value for e in found]
    assert statuses == ["diverged", "ok", "diverged", "ok", "ok", "diverged", "ok"]
    assert "in epoch 1" in found[0].reason
    assert "in epoch 1" not in found[2].reason  # it left a stack that had shrunk before
    for place, index in ((1, 1), (4, 9), (6, 18)):
        assert {**content(found[place]), "test": {}} == alone[index]


def test_a_last_batch_of_one_sample(how: tuple[str, str]) -> None:
    few = CANDIDATES[:3]  # 1077 = 2 * 538 + 1
    for candidate, evaluation in zip(few, trained(few, how, 538), strict=True):
        assert content(trained([candidate], how, 538)[0]) == content(evaluation)

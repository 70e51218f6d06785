"""The surrogate: features of functions, predictions, what is chosen, and searches with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from evoact.errors import InputError
from evoact.evolution import Evolution
from evoact.evolution.surrogate import (
    LEAST,
    Model,
    Surrogate,
    choose,
    expected_improvement,
    features,
    is_used,
)
from evoact.evolution.surrogate.proposing import MOST
from evoact.language import parse, standardised
from evoact.records import Anneal, Candidate, Evaluation, SearchSpec, Status


def candidate(text: str, anneal: Anneal | None = None) -> Candidate:
    return Candidate(parse(text), anneal)


def distance(one: Candidate, other: Candidate) -> float:
    return float(np.linalg.norm(features(one) - features(other)))


# Features


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("max(x, 0)", "(x + abs(x)) / 2"),
        ("silu(x)", "-silu(x)"),
        ("silu(x)", "silu(-x)"),
        ("exp(-x)", "exp(x)"),
    ],
)
def test_features_are_those_of_the_function_up_to_signs(one: str, other: str) -> None:
    assert distance(candidate(one), candidate(other)) < 1e-6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("silu(x)", "3 * silu(x) - 7"),
        ("tanh(x)", "sigmoid(2 * x)"),
        ("square(x)", "2 - 5 * square(x)"),
    ],
)
def test_features_know_scale_and_shift_unless_a_search_takes_them_away(one, other) -> None:
    assert distance(candidate(one), candidate(other)) > 0.3
    standard = [Candidate(standardised(parse(text), "full")) for text in (one, other)]
    assert distance(*standard) < 1e-4


def test_features_tell_functions_parameters_and_genes_apart() -> None:
    base = candidate("tanh(x)")
    near, far = candidate("erf(x)"), candidate("square(x)")
    assert 0.01 < distance(base, near) < 0.5 * distance(base, far)
    assert distance(candidate("tanh(a * x) where a = 1.0"), base) > 0.3
    annealed = [
        candidate("tanh(x)", Anneal(None, s, 0.0, 0.5, "ladder")) for s in ("linear", "sqrt")
    ]
    assert distance(annealed[0], base) > 0.3
    assert distance(*annealed) > 0.3
    early = [candidate("tanh(x)", Anneal(parse(text))) for text in ("relu(x)", "abs(x)")]
    assert distance(*early) > 0.3


@pytest.mark.parametrize(
    "text", ["1 / x", "exp(exp(x))", "log(x)", "x ** x", "step(x)", "sin(30 * x)"]
)
def test_features_of_wild_functions_are_finite(text: str) -> None:
    assert np.isfinite(features(candidate(text))).all()


# Model


def on_a_line(count: int, noise: float = 0.0, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 6.0, (count, 1))
    return x, np.sin(x[:, 0]) + noise * rng.standard_normal(count)


def test_predictions_and_their_deviations_are_those_of_the_function() -> None:
    x, y = on_a_line(150, noise=0.1)
    model = Model().fit(x, y)
    assert 0.05 < model.noise < 0.2
    new, told = on_a_line(400, noise=0.1, seed=1)
    posterior = model.posterior(new)
    assert stats.spearmanr(posterior.mean, told).statistic > 0.95
    within = np.abs(told - posterior.mean) < 1.96 * posterior.sd_of_measurement
    assert 0.85 < within.mean() < 0.995
    away = model.posterior(np.array([[3.0], [60.0]]))
    assert away.sd[1] > 3.0 * away.sd[0]
    assert away.mean[1] == pytest.approx(y.mean(), abs=1e-6)


def test_the_posterior_is_that_of_scikit_learn_and_beliefs_are_new_data() -> None:
    x, y = on_a_line(40, noise=0.1)
    model = Model().fit(x, y)
    new = np.linspace(0.0, 9.0, 11)[:, None]
    posterior = model.posterior(new)
    process, shift, scale = model._process, model._shift, model._scale
    mean, sd = process.predict(new, return_std=True)
    assert posterior.mean == pytest.approx(shift + scale * mean)
    assert posterior.sd_of_measurement == pytest.approx(scale * sd, rel=1e-5)
    for index in (9, 4):
        posterior.believe(index)
    more = np.concatenate([x, new[[9, 4]]])
    process.optimizer, process.kernel = None, process.kernel_
    process.fit(more, np.concatenate([(y - shift) / scale, mean[[9, 4]]]))
    mean, sd = process.predict(new, return_std=True)
    assert posterior.mean == pytest.approx(shift + scale * mean, abs=1e-5)
    assert posterior.sd_of_measurement == pytest.approx(scale * sd, rel=1e-4)


def test_an_outlier_does_not_hide_the_others() -> None:
    x, y = on_a_line(60, noise=0.02)
    y[7] = -1e6
    posterior = Model().fit(x, y).posterior(x)
    kept = np.arange(60) != 7
    assert stats.spearmanr(posterior.mean[kept], y[kept]).statistic > 0.9


# Acquisition


@pytest.mark.parametrize(
    ("mean", "sd", "best"), [(0.1, 0.5, 0.3), (0.9, 0.2, 0.3), (-1.0, 1.0, 0.5)]
)
def test_expected_improvement_is_its_integral(mean: float, sd: float, best: float) -> None:
    def improved(v: float) -> float:
        return (v - best) * float(stats.norm.pdf(v, mean, sd))

    expected = integrate.quad(improved, best, mean + 12.0 * sd)[0]
    found = expected_improvement(np.array([mean]), np.array([sd]), best)
    assert found[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("acquisition", ["upper_bound", "expected_improvement"])
def test_a_batch_is_diverse(acquisition: str) -> None:
    """Of three groups of equal points each gives one, before a group gives its second."""
    x, y = on_a_line(30)
    groups = np.repeat([[7.0], [8.0], [9.0]], 4, axis=0)
    chosen = choose(Model().fit(x, y).posterior(groups), 3, acquisition, best=1.0)
    assert sorted(index // 4 for index in chosen) == [0, 1, 2]


def test_what_waits_is_not_chosen_again() -> None:
    x, y = on_a_line(30)
    groups = np.repeat([[7.0], [8.0], [9.0]], 2, axis=0)
    first, *_ = choose(Model().fit(x, y).posterior(groups), 1, "upper_bound", best=1.0)
    order = np.concatenate([groups[[first]], groups])
    chosen = choose(Model().fit(x, y).posterior(order), 2, "upper_bound", best=1.0, waiting=1)
    assert first // 2 not in {(index - 1) // 2 for index in chosen}
    assert 0 not in chosen


# Surrogate


def worth(one: Candidate) -> float:
    """A landscape that only the function decides: how near it is to x * tanh(x) beside x."""
    target = features(candidate("x * tanh(x) + 0.7 * x"))
    return 0.9 - 0.3 * float(np.linalg.norm(features(one) - target))


def test_failures_count_as_the_worst_and_lower_rungs_for_no_more_than_higher() -> None:
    texts = [f"tanh({k} * x)" for k in range(1, 13)]
    surrogate = Surrogate()
    for k, one in enumerate(map(candidate, texts)):
        value = None if k > 9 else 0.5 + k / 100 if k < 6 else 0.99
        surrogate.learn(one, value, standing=int(k < 6))
    told = dict(surrogate.choose([candidate(t) for t in ("tanh(8 * x)", "tanh(4 * x)")], 2))
    assert told[0].mean < told[1].mean < 0.6


def test_what_is_minimised_is_predicted_in_its_own_unit() -> None:
    seen = [candidate(f"tanh({k} * x)") for k in range(1, 12)]
    surrogate = Surrogate(sign=-1.0)
    surrogate.fit(seen, [0.1 * k for k in range(1, 12)])
    pool = [candidate(text) for text in ("tanh(1.1 * x)", "tanh(9.9 * x)")]
    ((place, told),) = surrogate.choose(pool, 1)
    assert place == 0
    assert 0.0 < told.mean < 0.6


def test_of_many_evaluations_it_learns_from_the_best_and_the_latest() -> None:
    seen = [candidate(f"tanh({1 + k / 100} * x)") for k in range(MOST + 60)]
    values: list[float | None] = [k / 1000 if k else 0.9 for k in range(MOST + 60)]
    surrogate = Surrogate().fit(seen, values)
    surrogate.choose(seen[:2], 1)
    assert len(surrogate._model._process.X_train_) == MOST
    assert features(seen[0]) in surrogate._model._process.X_train_


# Searches


def space(surrogate: str = "on", **evolution: Any) -> SearchSpec:
    return SearchSpec(
        evolution={"population": 8, "generations": 8, "surrogate": surrogate, **evolution},
        language={"max_nodes": 9, "parameters": "none"},
        anneal={"early": ["none"], "evolve": False},
    )


def searched(spec: SearchSpec, seed: int, generations: int) -> list[Candidate]:
    evolution, found = Evolution(spec, seed), list[Candidate]()
    for _ in range(generations):
        asked = evolution.ask()
        found += asked
        evolution.tell([
            Evaluation.failed(c, "diverged") if c.id[0] == "f"
            else Evaluation.ok(c, val_accuracy=worth(c))
            for c in asked
        ])  # fmt: skip
    return found


def best(found: list[Candidate]) -> float:
    return max(worth(c) for c in found)


def test_a_search_with_a_surrogate_finds_more_than_a_random_one() -> None:
    seeds = range(3)
    on = [best(searched(space(offspring=4), seed, 4)) for seed in seeds]
    random = [best(searched(space("off", algorithm="random"), seed, 4)) for seed in seeds]
    assert np.mean(on) > np.mean(random) + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["gp", "aging", "random"])
def test_with_each_algorithm_over_seeds(algorithm: str) -> None:
    seeds = range(8)
    on = [best(searched(space(algorithm=algorithm), seed, 6)) for seed in seeds]
    off = [best(searched(space("off", algorithm="random"), seed, 6)) for seed in seeds]
    assert stats.wilcoxon(on, off, alternative="greater").pvalue < 0.05


def test_predictions_come_with_what_the_surrogate_chose() -> None:
    found = searched(space(offspring=4), 0, 3)
    assert all(c.predicted is None for c in found[:LEAST])
    assert all(c.predicted is not None and c.predicted.sd > 0.0 for c in found[LEAST:])
    assert len({c.id for c in found}) == len(found)
    again = Candidate.from_dict(found[-1].to_dict())
    assert again.predicted == found[-1].predicted
    assert "predicted" not in found[0].to_dict()


def test_a_surrogate_begins_as_a_search_without_one() -> None:
    on, off = (searched(space(value), 1, 1) for value in ("on", "off"))
    assert on == off


@pytest.mark.parametrize("algorithm", ["gp", "aging", "random"])
def test_steady_state_with_a_surrogate_repeats(algorithm: str) -> None:
    spec = space(mode="steady_state", algorithm=algorithm, offspring=3)
    runs = []
    for _ in range(2):
        evolution = Evolution(spec, seed=3)
        waiting, found = [evolution.ask(4), evolution.ask(4)], list[Candidate]()
        for _ in range(5):
            for c in waiting.pop(0):
                evolution.tell([Evaluation.ok(c, val_accuracy=worth(c))])
            waiting.append(evolution.ask(4))
            found += waiting[-1]
        assert len({c.id for c in found}) == len(found)
        runs.append([(c.id, c.predicted) for c in found])
    assert runs[0] == runs[1]
    assert runs[0][-1][1] is not None


def test_a_small_space_is_searched_to_its_end() -> None:
    spec = SearchSpec(
        evolution={"population": 8, "surrogate": "on", "offspring": 2, "seeds": []},
        language={
            "primitives": ["add", "tanh", "abs", "relu"], "max_nodes": 4, "max_depth": 2,
            "constants": False, "parameters": "none",
        },
        anneal={"early": ["none"], "evolve": False},
    )  # fmt: skip
    evolution, sizes = Evolution(spec, seed=0), []
    while asked := evolution.ask():
        sizes.append(len(asked))
        evolution.tell([Evaluation.ok(c, val_accuracy=worth(c)) for c in asked])
    assert sizes == [8, 1]


def test_limits_and_several_tasks_are_learnt_from() -> None:
    data = space(offspring=3).model_dump(mode="json") | {
        "tasks": [{"name": "digits"}, {"name": "mnist1d"}],
        "constraints": ["val_loss <= 1.0"],
    }
    del data["task"]
    evolution, loose = Evolution(SearchSpec.model_validate(data), seed=0), 3
    for _ in range(2):
        asked = evolution.ask()
        evolution.tell(
            Evaluation(
                c.id,
                Status.OK,
                objectives={
                    f"{task}.{name}": value
                    for task, shift in (("digits-mlp", 0.3), ("mnist1d-mlp", 0.0))
                    for name, value in (
                        ("val_accuracy", worth(c) - shift), ("val_loss", 2.0 if k < loose else 0.5)
                    )
                },
            )
            for k, c in enumerate(asked)
        )  # fmt: skip
    assert all(c.predicted is not None for c in asked)
    assert all(-0.5 < c.predicted.mean < 0.76 for c in asked if c.predicted)
    assert evolution._surrogate is not None
    standings = [seen.standing for seen in evolution._surrogate._seen]
    assert standings == 2 * [-1, -1, -1, 0, 0, 0, 0, 0]


# Keys


def test_auto_is_on_where_a_surrogate_is_of_use() -> None:
    assert is_used(space("auto"))
    assert not is_used(space("auto", algorithm="random"))
    assert not is_used(space("auto", generations=4))
    assert not is_used(space("off"))
    groupwise = space("auto").model_dump(mode="json")
    groupwise["language"] |= {"primitives": ["add", "group_sort"], "widths": ["1"]}
    assert not is_used(SearchSpec.model_validate(groupwise))
    assert is_used(SearchSpec(evolution={"surrogate": True}))  # YAML 1.1 reads on as true


def test_on_is_refused_where_none_is_possible() -> None:
    with pytest.raises(
        ValueError, match=r"evolution.surrogate\n.*is on, but it predicts .*group_sort"
    ):
        SearchSpec(language={"primitives": ["add", "group_sort"]}, evolution={"surrogate": "on"})
    with pytest.raises(ValueError, match="no objective is measured by training"):
        SearchSpec(objectives={"cost": "min"}, evolution={"surrogate": "on"})
    spec = space()
    warm = spec.evolution.model_copy(update={"warm_start": ("group_sort(x, 2)",)})
    with pytest.raises(InputError, match=r"evolution.surrogate is on, but .*group_sort"):
        Evolution(spec.model_copy(update={"evolution": warm}))

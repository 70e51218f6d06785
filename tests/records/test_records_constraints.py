"""Constraints: a small grammar that is parsed, with errors that name what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evoact.errors import InputError
from evoact.language import named, parse
from evoact.records import Cohort, Constraint, SearchSpec, TaskSpec
from evoact.study import dump_space, space_from_text


@pytest.mark.parametrize(
    ("text", "function", "holds"),
    [
        ("cost <= 1", "relu", True),
        ("cost<1", "relu", False),
        ("cost < 1.5", "relu", True),
        ("nodes >= 3", "relu", False),
        ("nodes > 1", "relu", True),
        ("lipschitz <= 1", "tanh", True),
        ("lipschitz <= 1", "silu", False),
        ("lipschitz <= 1e9", "square", False),
        ("lipschitz <= 9", "left(x) - right(x)", False),  # not known
        ("smoothness >= 0.7", "relu", True),
        ("smoothness > 0.8", "relu", False),
        ("sparsity >= 0.5", "relu", True),
        ("pieces <= 4", "abs(abs(x) - 1)", True),
        ("pieces <= 3", "abs(abs(x) - 1)", False),
        ("pieces <= 1e9", "silu", False),
        ("pieces <= 4", "group_max(x, 2)", False),  # not known
        ("piecewise_linear: true", "relu", True),
        ("piecewise_linear: true", "silu", False),
        ("piecewise_linear: false", "silu", True),
        ("continuous: true", "step(x)", False),
        ("bounded: true", "tanh", True),
        ("one_lipschitz: true", "tanh", True),
        ("gradient_norm_preserving: true", "abs", True),
        ("monotone: increasing", "tanh", True),
        ("monotone: no", "silu", True),
        ("parity: odd", "tanh", True),
        ("parity: even", "tanh", False),
    ],
)
def test_what_holds(text: str, function: str, holds: bool) -> None:
    expression = named(function) if function.isalnum() else parse(function)
    constraint = Constraint.parse(text)
    assert constraint.holds(expression) is holds
    assert Constraint.parse(str(constraint)) == constraint


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("cost", "constraints[0]: 'cost' is no constraint; wanted such as 'cost <= 2'"),
        ("cost == 2", "'cost == 2' is no constraint"),
        ("cost <= two", "'two' is no finite number; cost is a number; wanted such as cost <= 2"),
        ("cost <= inf", "'inf' is no finite number"),
        ("cost <= nan", "'nan' is no finite number"),
        ("cost: 2", "cost is a number; wanted such as cost <= 2"),
        ("cots <= 2", "unknown name 'cots'; did you mean 'cost'?"),
        ("val_accuracy: true", "val_accuracy is a number; wanted such as val_accuracy <= 2"),
        ("val_los <= 1", "unknown name 'val_los'; did you mean 'val_loss'?"),
        ("latency <= 2", "but evolution.mode is generational, whose results do not depend on"),
        ("piecewise_linear <= 1", "piecewise_linear is a fact; wanted piecewise_linear: true or f"),
        ("{piecewise_linear: 1}", "wanted piecewise_linear: true or false"),
        ("{monotone: up}", "wanted monotone: increasing or decreasing or constant or no"),
        ("__import__('os').getcwd() <= 1", "is no constraint"),
        ("cost <= 2 and nodes <= 3", "is no constraint"),
        ("{cost: 1, nodes: 2}", "constraints[0]: "),
        ("3", "constraints[0]: "),
        ("lipschitz <= 1", "but language.normalise full makes the variance 1"),
        ("{one_lipschitz: true}", "wanted language.normalise: none or scale"),
    ],
)
def test_what_is_refused(listed: str, message: str) -> None:
    entry = listed if listed.startswith(("{", "3")) else f'"{listed}"'
    with pytest.raises(InputError) as caught:
        space_from_text(f"name: demo\nconstraints:\n- {entry}\n", "space.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("space.yaml:3: constraints[0]")


def test_yaml_may_leave_quotes_out() -> None:
    text = "constraints:\n- cost <= 2\n- piecewise_linear: true\n- monotone: no\n- parity: odd\n"
    spec = space_from_text(text, "space.yaml")
    assert spec.constraints == (
        "cost <= 2", "piecewise_linear: true", "monotone: no", "parity: odd",
    )  # fmt: skip
    assert space_from_text(dump_space(spec), "again") == spec
    assert space_from_text("name: demo", "space.yaml").constraints == ()


@pytest.mark.parametrize(
    "objective", ["lipschitz", "smoothness", "sparsity", "val_noisy_accuracy", "zero_fraction"]
)
def test_objectives_are_known(objective: str) -> None:
    spec = SearchSpec(objectives={"val_accuracy": "max", objective: "max"})
    assert spec.signed({"val_accuracy": 0.5, objective: 0.25}) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("primary", "why"),
    [
        ("val_noisy_accuracy", "is measured at the end alone"),
        ("effective_rank", "is measured at the end alone"),
        ("val_shifted_accuracy", "is measured at the end alone"),
        ("smoothness", "needs no training"),
    ],
)
def test_rungs_need_an_objective_that_is_measured_there(primary: str, why: str) -> None:
    text = f"objectives: {{{primary}: max}}\nevaluate: {{rungs: [49]}}\nanneal: {{early: [none]}}\n"
    with pytest.raises(InputError, match=why):
        space_from_text(text, "space.yaml")


def test_cohorts_say_what_is_measured() -> None:
    tasks = (TaskSpec(noise=0.5), TaskSpec(name="digits"))
    asked = ("val_accuracy", "sparsity")
    cohort = Cohort((), tasks[0], seed=0, objectives=asked, tasks=tasks)
    data: dict[str, Any] = json.loads(json.dumps(cohort.to_dict()))
    assert data["objectives"] == ["val_accuracy", "sparsity"]
    assert Cohort.from_dict(data) == cohort

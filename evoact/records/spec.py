"""The specification of a search: what the YAML of a search space means.

Every key has its default here and nowhere else. Reading files, and turning
validation errors into messages with line numbers, is `evoact.study.space`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from statistics import fmean
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)

from evoact.errors import nearest
from evoact.language import PRIMITIVES, Expression, resolve
from evoact.language.measures import STATIC
from evoact.records.anneal_spec import AnnealSpec, check_epochs, check_widths_of_early, suiting
from evoact.records.constraints import (
    LATENCY,
    MEASURED,
    Constraint,
    ConstraintText,
    check_steepness,
    is_measured,
    is_of_every_epoch,
    parsed,
)
from evoact.records.evaluate_spec import EvaluateSpec
from evoact.records.evolution_spec import EvolutionSpec, check_first
from evoact.records.measured import check_measures
from evoact.records.migrate_spec import SPEC_VERSION, migrated_spec
from evoact.records.possible import (
    check_primitives,
    check_seed,
    check_shape,
    check_widths,
    read_width,
    read_widths,
    width_text,
)
from evoact.records.rungs import check_rungs
from evoact.records.section import Positive, Section, known_value, one_of, read_switch, refuse
from evoact.records.shape import Shape, read_shape
from evoact.records.task_spec import TaskSpec, check_tasks, tasks_read

OBJECTIVES: Final = (*MEASURED, *STATIC)
# One thread in every executor: the same order of sums everywhere, and two
# workers on two cores do not fight for them.
THREADS: Final = 1
DTYPE: Final = "float32"

WidthRatio = Annotated[
    Fraction, BeforeValidator(read_width), PlainSerializer(width_text, when_used="json")
]


class LanguageSpec(Section):
    """Which expressions the search may compose.

    `widths` are the width ratios that candidates may have. All candidates have
    the `shape`, such as `binary(unary(x), unary(x))`: `unary`, `binary` and
    `ternary` stand for primitives listed, `constant` and `parameter` for
    numbers. `normalise: full` trains each expression with mean 0 and variance 1
    under N(0, 1), and once for all that differ by scale, shift and sign;
    `scale` makes the mean square 1 and keeps zeros at zero; `none` takes
    expressions as they are bred. The limits hold for the expression as bred.
    """

    primitives: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "add",
        "sub",
        "mul",
        "max",
        "min",
        "neg",
        "abs",
        "square",
        "sigmoid",
        "tanh",
        "erf",
        "atan",
        "asinh",
        "softplus",
        "relu",
        "gaussian",
        "sin",
        "safe_div",
        "signed_sqrt",
    )
    parameters: Literal["none", "per_layer", "per_channel"] = "per_layer"
    constants: bool = True
    max_nodes: Annotated[int, Field(ge=1, le=128)] = 15
    max_depth: Annotated[int, Field(ge=1, le=32)] = 6
    shape: str | None = None
    widths: Annotated[tuple[WidthRatio, ...], BeforeValidator(read_widths)] = (Fraction(1),)
    normalise: Literal["full", "scale", "none"] = "full"

    @field_validator("primitives")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in PRIMITIVES:
                raise ValueError(f"unknown primitive {name!r}{nearest(name, PRIMITIVES)}")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"primitive {twice!r} is listed twice")
        return names

    @field_validator("widths")
    @classmethod
    def _different(cls, widths: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        if len(set(widths)) < len(widths):
            twice = next(width for width in widths if widths.count(width) > 1)
            raise ValueError(f"width {twice} is listed twice")
        return widths

    @field_validator("shape")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        return text if text is None else str(read_shape(text))

    @model_validator(mode="after")
    def _possible(self) -> LanguageSpec:
        check_shape(self)
        check_widths(self)
        check_primitives(self)
        return self

    @property
    def shape_tree(self) -> Shape | None:
        """The shape that all candidates have, if there is one."""
        return None if self.shape is None else read_shape(self.shape)


def _objective(name: str) -> str:
    return name if is_measured(name) else known_value(name, OBJECTIVES)


class TrackingSpec(Section):
    """Where the search is shown: `embedded`, `off`, or an MLflow tracking URI."""

    mlflow: Annotated[str, BeforeValidator(read_switch)] = "embedded"


class RunSpec(Section):
    """What a study resolved once and for all before its first evaluation."""

    seed: int
    cohort: Positive
    dtype: str
    threads: Positive
    device: str
    kernels: Annotated[str, one_of(("c", "torch", "triton"))]
    versions: dict[str, str]


class SearchSpec(Section):
    """A search space and how to search it: the whole YAML file.

    With several `tasks`, each candidate is trained on all of them, and `task` is the
    first; `evaluate.combine` says how candidates are compared.

    >>> spec = SearchSpec(name="demo", evolution={"population": 8})
    >>> spec.evolution.population, spec.evolution.generations
    (8, 8)
    """

    spec_version: Literal[4] = SPEC_VERSION
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "search"
    task: TaskSpec = TaskSpec()
    tasks: tuple[TaskSpec, ...] = ()
    language: LanguageSpec = LanguageSpec()
    anneal: AnnealSpec = AnnealSpec()
    evolution: EvolutionSpec = EvolutionSpec()
    objectives: Annotated[
        dict[Annotated[str, AfterValidator(_objective)], Literal["max", "min"]],
        Field(min_length=1),
    ] = Field(default={"val_accuracy": "max"})
    constraints: tuple[ConstraintText, ...] = ()
    evaluate: EvaluateSpec = EvaluateSpec()
    tracking: TrackingSpec = TrackingSpec()
    run: RunSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_now(cls, data: Any) -> Any:
        return tasks_read(migrated_spec(data))

    @model_validator(mode="after")
    def _reachable(self) -> SearchSpec:
        for text in self.evolution.seeds:
            check_seed(text, self.language)
        for text in self.evolution.warm:
            check_seed(text, self.language, "evolution.warm_start")
        check_first(self.evolution)
        self.__dict__["anneal"] = suiting(self.anneal, self.language.widths)
        check_widths_of_early(self.anneal, self.language.widths)
        check_tasks(self)
        for task in self.all_tasks:
            check_epochs(self.anneal, task.epochs)
        check_rungs(self)
        check_measures(self)
        check_steepness(self.conditions(), self.language.normalise)
        if self.evolution.surrogate == "on" and (reason := self.why_no_surrogate):
            refuse(("evolution", "surrogate"), f"is on, but {reason}; wanted auto or off", "on")
        return self

    def seed_expressions(self) -> tuple[Expression, ...]:
        """Return the expressions that the first generation starts from."""
        return tuple(resolve(text) for text in self.evolution.seeds)

    def warm_expressions(self) -> tuple[Expression, ...]:
        """Return those that enter it after the seeds: found by an earlier search."""
        return tuple(resolve(text) for text in self.evolution.warm)

    def conditions(self) -> tuple[Constraint, ...]:
        """Return what an expression must fulfil to be trained."""
        return tuple(c for c in map(parsed, self.constraints) if not c.is_measured)

    def limits(self) -> tuple[Constraint, ...]:
        """Return what a candidate must fulfil when it is trained, to be ranked by its values."""
        return tuple(c for c in map(parsed, self.constraints) if c.is_measured)

    @property
    def all_tasks(self) -> tuple[TaskSpec, ...]:
        """What each candidate is trained on: one task or several."""
        return self.tasks or (self.task,)

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the names of a measure in an evaluation: one of each task where it is of tasks.

        >>> tasks = [{"name": "digits"}, {"name": "mnist1d", "network": "conv"}]
        >>> SearchSpec(tasks=tasks).keys("val_loss")
        ('digits-mlp.val_loss', 'mnist1d-conv.val_loss')
        >>> SearchSpec(tasks=tasks).keys("cost")
        ('cost',)
        """
        if not self.tasks or not is_measured(name) or name == LATENCY:
            return (name,)
        return tuple(task.key(name) for task in self.tasks)

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of all that is measured of a candidate: objectives, and what has limits."""
        return tuple(dict.fromkeys([*self.objectives, *(limit.name for limit in self.limits())]))

    def violation(self, objectives: Mapping[str, float]) -> float:
        """Return by how much measured values break the limits, in all; 0 if they keep them.

        Of several tasks each has to keep them.

        Who keeps them is better than who does not, and of two who do not the one that
        breaks them less is (Deb et al. 2002, "A fast and elitist multiobjective genetic
        algorithm: NSGA-II", VI).

        >>> SearchSpec(constraints=["val_loss <= 1.5"]).violation({"val_loss": 3.0})
        1.0
        """
        limits = ((limit, key) for limit in self.limits() for key in self.keys(limit.name))
        return sum(limit.excess(objectives[key]) for limit, key in limits)

    @property
    def primary(self) -> str:
        """The objective that ranks the hall of fame: the first one."""
        return next(iter(self.objectives))

    @property
    def metric(self) -> str:
        """What is reported of those who were confirmed: `accuracy`, or what the user measures.

        >>> SearchSpec(task="shop:Demand", objectives={"cost": "min", "val_r2": "max"}).metric
        'r2'
        """
        if not any(task.is_brought for task in self.all_tasks):
            return "accuracy"
        found = (name for name in self.objectives if is_of_every_epoch(name))
        return next(found, "val_loss").removeprefix("val_")

    @property
    def maximises(self) -> bool:
        """Whether more of the `metric` is better."""
        default = "min" if self.metric == "loss" else "max"
        return self.objectives.get(f"val_{self.metric}", default) == "max"

    @property
    def trained(self) -> tuple[str, ...]:
        """The objectives that training measures; the others follow from the function."""
        return tuple(name for name in self.objectives if name not in STATIC)

    def predicted(self, objectives: Mapping[str, float]) -> float:
        """Return what a surrogate predicts of what was measured.

        That is the first trained objective; on several tasks its mean over them.
        """
        return fmean(objectives[key] for key in self.keys(self.trained[0]))

    @property
    def why_no_surrogate(self) -> str | None:
        """Why no surrogate can predict what candidates are worth, if none can."""
        groupwise = [name for name in self.language.primitives if PRIMITIVES[name].is_groupwise]
        groupwise += [
            text
            for text in (*self.evolution.seeds, *self.evolution.warm)
            if resolve(text).is_groupwise
        ]
        if groupwise:
            return f"it predicts functions of one number alone, and {groupwise[0]!r} is none"
        return None if self.trained else "no objective is measured by training"

    @property
    def most_controls(self) -> int:
        """How many controls a winner has at most: its late and its early function alone."""
        confirm = self.evaluate.confirm
        return 2 if confirm.controls and confirm.top and not self.anneal.is_off else 0

    def signed(self, objectives: Mapping[str, float]) -> tuple[float, ...]:
        """Return the objectives' values so that more is better in each.

        >>> spec = SearchSpec(objectives={"val_accuracy": "max", "cost": "min"})
        >>> spec.signed({"cost": 2.0, "val_accuracy": 0.5})
        (0.5, -2.0)
        """
        return tuple(
            objectives[name] if direction == "max" else -objectives[name]
            for name, direction in self.objectives.items()
        )

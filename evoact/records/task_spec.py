"""The `task` and `tasks` sections of a specification: what candidates are trained on."""

from __future__ import annotations

import re
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from evoact.records.section import (
    SCALAR_TOO,
    Positive,
    Section,
    known_value,
    one_of,
    refuse,
)

if TYPE_CHECKING:
    from evoact.records.spec import SearchSpec

TASKS: Final = ("digits", "mnist1d", "mnist1d_shuffled")
GENERATED: Final = ("mnist1d",)  # test parts of these can be made anew
NETWORKS: Final = ("mlp", "deep", "conv", "attention")
ARRAY_NETWORKS: Final = ("mlp", "deep")  # for rows of numbers, without any neighbourhood
HEADS: Final = ("softmax", "linear", "expgb", "pow3gb")
OWN: Final = "own"
"""What the network of a user's own task is called."""
SHIPPED: Final = MappingProxyType(
    {
        name: f"evoact.tasks.shipped:{made}"
        for name, made in {
            "image": "Image",
            "burgers": "Burgers",
            "heat": "Heat",
            "characters": "Characters",
            "diabetes": "Diabetes",
            "wine": "Wine",
            "breast_cancer": "BreastCancer",
            "compositional": "Compositional",
            "rings": "Rings",
            "cifar10": "Cifar10",
            "cifar100": "Cifar100",
            "deep": "Deep",
            "cones": "Cones",
        }.items()
    }
)
"""Tasks that come as classes, like those of users, and have a name besides."""

_USE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_LOSS: Final = "val_loss"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
_DATA: Final = frozenset(
    {
        "use",
        "options",
        "arrays",
        "target",
        "kind",
        "name",
        "network",
        "split_seed",
        "test_seed",
        "validation_seed",
    }
)


class TaskSpec(Section):
    """What a candidate is trained on.

    `width` says how a network's hidden sizes are fitted to an activation that
    works on groups of channels or changes their number. `equal_parameters`
    scales all sizes by one factor, so that candidates of any width ratio have
    about as many weights; `round` takes the nearest multiple of the group;
    `strict` takes the sizes as they are, and such a candidate fails where the
    group does not divide them.

    `noise` is that of the copy of the validation data which `val_noisy_accuracy`
    is measured on: normal, in standard deviations of the features. `shift` is that of
    the one for `val_shifted_accuracy`: so many positions of a signal, or rows or columns
    of an image.

    With `test_seed` the test part is no longer that of the data set, but 10,000
    samples that its generator makes from this seed: nobody has seen them. With
    `validation_seed` as many are made to validate, and all others than the test part
    train: of what a validation accuracy varies by from network to network, most is
    due to the few samples that it is measured on.

    `head` is what the outputs of classes are taken for: `softmax`, with the cross-entropy, or
    a function of each output by itself that errors are taken of, straight through:
    `linear`, `expgb` or `pow3gb` (Oland et al. 2017, see `evoact.tasks.heads`). Of several
    each candidate has one, as a gene; the first is that of seeds and baselines. Tasks that
    are classes have losses of their own.

    Tasks in `SHIPPED` have networks and `options` of their own: a class, with a name. A task
    of the user's own is `use: package.module:Class`, made with `options`; the
    text alone says the same. With `arrays`, the path of an .npz or .csv file, a network
    of evoact learns its rows: `target` is the column of a .csv to be predicted (the
    last by default), `kind` whether it is a class or a number (`auto`: text and
    integers are classes). Both have `name` to be told apart by.

    >>> TaskSpec.model_validate("shop.tasks:Demand").label
    'Demand'
    >>> TaskSpec(name="image").use
    'evoact.tasks.shipped:Image'
    >>> TaskSpec(arrays="data/wine.csv").label
    'wine-mlp'
    """

    use: str | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)
    arrays: str | None = None
    target: str | None = None
    kind: Literal["auto", "classification", "regression"] = "auto"
    name: str = "mnist1d"
    network: str = "mlp"
    epochs: Positive = 50
    batch_size: Positive = 100
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    split_seed: Annotated[int, Field(ge=0)] = 0
    width: Literal["equal_parameters", "round", "strict"] = "equal_parameters"
    head: Annotated[tuple[Annotated[str, one_of(HEADS)], ...], SCALAR_TOO, Field(min_length=1)] = (
        HEADS[:1]
    )
    noise: Annotated[float, Field(gt=0)] = 0.3
    shift: Annotated[int, Field(ge=1, le=7)] = 1
    test_seed: Annotated[int, Field(ge=0)] | None = None
    validation_seed: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """Read a text as a class, and give what is not shipped the name that it has itself."""
        if isinstance(data, str):
            data = {"use": data}
        if not isinstance(data, dict):
            return data
        use, arrays, name = data.get("use"), data.get("arrays"), data.get("name")
        if use is None and arrays is None and isinstance(name, str):
            use = SHIPPED.get(name)
            data = {**data, "use": use}
        if isinstance(use, str):
            return {"name": use.rpartition(":")[2], "network": OWN, **data}
        if isinstance(arrays, str):
            return {"name": re.sub(r"\W", "_", PurePath(arrays).stem)[:40], **data}
        return data

    @field_validator("use")
    @classmethod
    def _class(cls, use: str | None) -> str | None:
        if use is not None and not _USE.fullmatch(use):
            raise ValueError(
                f"{use!r} names no class; wanted module:Class, such as my_package.tasks:MyTask"
            )
        return use

    @field_validator("options", "target", "kind")
    @classmethod
    def _of_its_source(cls, value: Any, info: ValidationInfo) -> Any:
        key = "use" if info.field_name == "options" else "arrays"
        if value not in ({}, None, "auto") and info.data.get(key, "wrong") is None:
            raise ValueError(f"{value!r} is without task.{key}, which alone has {info.field_name}")
        return value

    @field_validator("arrays")
    @classmethod
    def _file(cls, arrays: str | None, info: ValidationInfo) -> str | None:
        if arrays is not None and info.data.get("use") is not None:
            raise ValueError(f"{arrays!r} is beside task.use; wanted one of both")
        if arrays is not None and PurePath(arrays).suffix not in (".npz", ".csv"):
            raise ValueError(f"{arrays!r} is no .npz or .csv file; wanted the path of one")
        return arrays

    @field_validator("name")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        if not {"use", "arrays"} <= info.data.keys():
            return name  # one of them is wrong, which is told
        if info.data["use"] is None and info.data["arrays"] is None:
            return known_value(name, (*TASKS, *SHIPPED))
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name; wanted letters, digits, '_' and '-', at most 41"
            )
        return name

    @field_validator("network")
    @classmethod
    def _available(cls, network: str, info: ValidationInfo) -> str:
        if not {"use", "arrays"} <= info.data.keys():
            return network
        if info.data["use"] is not None:
            return known_value(network, (OWN,))
        return known_value(network, ARRAY_NETWORKS if info.data["arrays"] else NETWORKS)

    @field_validator("head")
    @classmethod
    def _of_classes(cls, heads: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        no_classes = info.data.get("use") is not None or info.data.get("kind") == "regression"
        other = next((head for head in heads if head != HEADS[0]), None)
        if other and no_classes:
            why = "a task with a loss of its own" if info.data.get("use") else "kind: regression"
            raise ValueError(f"{other!r} is for classes, beside {why}; wanted {HEADS[0]}")
        if len(set(heads)) < len(heads):
            twice = next(head for head in heads if heads.count(head) > 1)
            raise ValueError(f"{twice!r} is listed twice; list it once")
        return heads

    @model_validator(mode="after")
    def _generated(self) -> TaskSpec:
        seeds = {"test_seed": self.test_seed, "validation_seed": self.validation_seed}
        given = {key: seed for key, seed in seeds.items() if seed is not None}
        for key, seed in given.items():
            if self.name not in GENERATED:
                raise ValueError(
                    f"{key} is {seed}, but {self.name} is not generated; wanted null, "
                    f"or name: {' or '.join(GENERATED)}"
                )
        if len(given) == 2 and self.test_seed == self.validation_seed:
            raise ValueError(
                f"validation_seed is {self.validation_seed} and test_seed as well, which would "
                "make the same samples; wanted two numbers"
            )
        return self

    def __hash__(self) -> int:
        """Return a hash of all keys; pydantic's own cannot take a mapping."""
        return hash(self.model_dump_json())

    @property
    def is_brought(self) -> bool:
        """Whether the user brings it: a class or a file, and with it what is measured."""
        return self.use is not None or self.arrays is not None

    @property
    def source(self) -> str:
        """What decides data and network, as text: equal for tasks that differ in training alone."""
        return self.model_dump_json(include=set(_DATA))

    @property
    def label(self) -> str:
        """What it is called among several tasks.

        >>> TaskSpec(name="digits").label
        'digits-mlp'
        """
        return self.name if self.use is not None else f"{self.name}-{self.network}"

    def key(self, name: str) -> str:
        """Return what a measure of this task is called among several: `digits-mlp.val_loss`."""
        return f"{self.label}.{name}"


def tasks_read(data: Any) -> Any:
    """Return a specification's plain data with `task` being the first of `tasks`.

    >>> tasks_read({"tasks": [{"name": "digits"}]})
    {'task': {'name': 'digits'}, 'tasks': []}
    """
    tasks = data.get("tasks") if isinstance(data, dict) else None
    if not isinstance(tasks, list | tuple) or not tasks:
        return data
    alone = len(tasks) == 1 and data.get("task", tasks[0]) == tasks[0]
    return {"task": tasks[0], **data, "tasks": [] if alone else tasks}


def check_heads(spec: SearchSpec) -> None:
    """Raise `ValidationError` where candidates of several heads cannot be compared."""
    heads = spec.task.head
    for place, task in enumerate(spec.tasks):
        if task.head != heads:
            text = (
                f"is {', '.join(task.head)}, but that of the first task is {', '.join(heads)}, and "
                "a candidate has one head on all tasks; wanted the same"
            )
            refuse(("tasks", place, "head"), text, list(task.head))
    if len(heads) > 1 and _LOSS in spec.measures:
        text = (
            f"is {', '.join(heads)}, whose losses are not of one kind, but {_LOSS} is an objective "
            "or has a limit; wanted val_accuracy in its place, or one head"
        )
        refuse(("task", "head"), text, list(heads))


def check_tasks(spec: SearchSpec) -> None:
    """Raise `ValidationError` for several tasks that cannot be told apart, or compared."""
    check_heads(spec)
    if not spec.tasks:
        return
    labels = [task.label for task in spec.tasks]
    for place, label in enumerate(labels):
        if label in labels[:place]:
            text = f"is {label} once more; wanted tasks that differ in name or network"
            refuse(("tasks", place), text, label)
    if spec.task != spec.tasks[0]:
        text = f"is {spec.task.label}, beside tasks: {', '.join(labels)}; wanted one of both keys"
        refuse(("task",), text, spec.task.label)
    if spec.evaluate.rungs:
        rungs = list(spec.evaluate.rungs)
        text = (
            f"is {rungs}, with {len(labels)} tasks, on some of which a candidate might stop and on "
            "others not; wanted no rungs, or one task"
        )
        refuse(("evaluate", "rungs"), text, rungs)

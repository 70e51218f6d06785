"""The `task` and `tasks` sections of a specification: what candidates are trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from evoact.records.section import Positive, Section, one_of, refuse

if TYPE_CHECKING:
    from evoact.records.spec import SearchSpec

TASKS: Final = ("digits", "mnist1d", "mnist1d_shuffled")
GENERATED: Final = ("mnist1d",)  # test parts of these can be made anew
NETWORKS: Final = ("mlp", "deep", "conv", "attention")


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
    samples that its generator makes from this seed: nobody has seen them.
    """

    name: Annotated[str, one_of(TASKS)] = "mnist1d"
    network: Annotated[str, one_of(NETWORKS)] = "mlp"
    epochs: Positive = 50
    batch_size: Positive = 100
    learning_rate: Annotated[float, Field(gt=0)] = 1e-2
    split_seed: Annotated[int, Field(ge=0)] = 0
    width: Literal["equal_parameters", "round", "strict"] = "equal_parameters"
    noise: Annotated[float, Field(gt=0)] = 0.3
    shift: Annotated[int, Field(ge=1, le=7)] = 1
    test_seed: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _generated(self) -> TaskSpec:
        if self.test_seed is not None and self.name not in GENERATED:
            raise ValueError(
                f"test_seed is {self.test_seed}, but {self.name} is not generated; wanted null, "
                f"or name: {' or '.join(GENERATED)}"
            )
        return self

    @property
    def label(self) -> str:
        """What it is called among several tasks.

        >>> TaskSpec(name="digits").label
        'digits-mlp'
        """
        return f"{self.name}-{self.network}"

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


def check_tasks(spec: SearchSpec) -> None:
    """Raise `ValidationError` for several tasks that cannot be told apart, or compared."""
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

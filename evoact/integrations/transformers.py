"""Annealing in the Trainer of transformers, and activations by name in its configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from evoact.errors import InputError
from evoact.integrations.common import finish_after, missing
from evoact.language import ZOO, Expression, parse
from evoact.nn import Activation, AnnealScheduler, Schedule

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
    from transformers.activations import ACT2FN
    from transformers.trainer_callback import ExportableState
except ImportError as error:
    raise missing("transformers") from error


def register(name: str, expression: Expression | str) -> str:
    """Let configurations name an activation: `BertConfig(hidden_act="evoact:NAME")`.

    Each layer gets a module of its own, with its own parameters, and models that
    are saved and loaded keep them; who loads one registers the name before. All
    of the zoo is registered by the import of this module. What works across
    channels or has a parameter for each is put in by `evoact.swap` alone, as
    transformers tells no channels.

    Returns:
        What the configuration is given, `evoact:NAME`.

    Raises:
        InputError: the expression cannot be read or needs channels, or the name
            stands for another one.

    >>> register("wave", "x * sigmoid(b * x) where b = 1.0")
    'evoact:wave'
    >>> ACT2FN["evoact:wave"]
    Activation(x * sigmoid(b * x) where b = 1.0)
    """
    expression = parse(expression) if isinstance(expression, str) else expression
    Activation(expression)  # says why, if it needs channels
    key = f"evoact:{name}"
    before = dict.get(ACT2FN, key)
    if before is not None and parse(before[1]["expression"]) != expression:
        raise InputError(
            f"name {name!r} stands for {before[1]['expression']} already; wanted another name"
        )
    ACT2FN[key] = (Activation, {"expression": str(expression)})
    return key


class AnnealCallback(TrainerCallback, ExportableState):
    """Sets g in the `Annealed` modules of a model while transformers' Trainer trains it.

    It steps once for each optimiser step and goes on from a checkpoint, whether
    `restore_callback_states_from_checkpoint` is set or not. `anneal_g` is added
    to `state.log_history`, and to the logs that callbacks after this one get;
    those of `report_to` stand before.

    Args:
        schedule: a `Schedule`, the name of one, or a mapping of its arguments.
            `loss` needs a model that returns its loss, as those of transformers
            do when they get labels.
        finish: whether the late functions replace the annealed modules after
            the training. Checkpoints written before hold the annealed ones.

    Raises:
        InputError: when the training starts: the model has nothing to anneal.

    >>> callback = AnnealCallback("cosine")
    >>> # transformers.Trainer(model, args, callbacks=[callback], ...).train()
    """

    def __init__(
        self, schedule: Schedule | str | Mapping[str, Any] = "linear", finish: bool = False
    ) -> None:
        if isinstance(schedule, str):
            schedule = Schedule(schedule)
        elif isinstance(schedule, Mapping):
            schedule = Schedule(**schedule)
        self.schedule, self.finish = schedule, finish
        self.scheduler: AnnealScheduler | None = None
        self._losses: list[Tensor] = []
        self._hook: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Find what there is to anneal, and go on where a checkpoint was."""
        model: nn.Module = kwargs["model"]
        by_epoch = self.schedule.by == "epoch"
        epoch = math.ceil(state.max_steps / state.num_train_epochs) if by_epoch else None
        self.scheduler = AnnealScheduler(
            model, self.schedule, state.max_steps, steps_per_epoch=epoch
        )
        if state.global_step:
            self.scheduler.load_state_dict(self._saved(state))
            # The Trainer cannot save what a checkpoint it has read did not have.
            _stored(state).setdefault(type(self).__name__, self.state())
        self._unhook()
        if self.schedule.name == "loss":
            self._hook = model.register_forward_hook(self._listen)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Step the schedule: the optimiser has."""
        assert self.scheduler is not None, "the Trainer calls on_train_begin first"
        self.scheduler.step(sum(self._losses) / len(self._losses) if self._losses else None)
        self._losses = []

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add g to the logs."""
        if self.scheduler is not None:
            g = self.scheduler.get_last_g()
            kwargs["logs"]["anneal_g"] = g
            if state.log_history:  # it holds a copy, made before
                state.log_history[-1]["anneal_g"] = g

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave the late functions alone in the model, if that is wanted."""
        self._unhook()
        if self.finish and self.scheduler is not None:
            finish_after(kwargs["model"], self.scheduler)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold: the arguments and where the schedule is."""
        steps = None if self.scheduler is None else self.scheduler.state_dict()
        return {
            "args": {"schedule": asdict(self.schedule), "finish": self.finish},
            "attributes": {"saved": steps},
        }

    def _saved(self, state: TrainerState) -> dict[str, Any]:
        assert self.scheduler is not None, "made by the caller"
        # Read here, as the Trainer hands it over only if it is told to.
        stored = _stored(state).get(type(self).__name__, {})
        saved = stored.get("attributes", {}).get("saved") if isinstance(stored, dict) else None
        # A checkpoint from before this callback was added knows the number of steps alone.
        return saved or {**self.scheduler.state_dict(), "steps": state.global_step}

    def _unhook(self) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _listen(self, model: nn.Module, _: Any, outputs: Any) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else None
        if model.training and isinstance(loss, Tensor):
            self._losses.append(loss.detach())


def _stored(state: TrainerState) -> dict[str, Any]:
    """Return the states of callbacks by name, which a checkpoint holds and its type hides."""
    stored: Any = state.stateful_callbacks
    return stored if isinstance(stored, dict) else {}


for _row in ZOO.values():
    ACT2FN.setdefault(f"evoact:{_row.name}", (Activation, {"expression": _row.text}))

"""Annealing in a real training of transformers' Trainer: steps, checkpoints, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

from evoact.errors import InputError
from evoact.integrations.transformers import AnnealCallback
from evoact.nn import Annealed, AnnealScheduler, Schedule, swap


def gpt() -> GPT2LMHeadModel:
    """A language model of 2 layers; its activation is on its way to another."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=11,
            n_positions=8,
            n_embd=8,
            n_layer=2,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    act = type(model.transformer.h[0].mlp.act)
    report = swap(
        model, act, "x * sigmoid(b * x) where b = 1.0 per channel", anneal=True, **EXAMPLE
    )
    assert list(report.replaced) == ["transformer.h.0.mlp.act", "transformer.h.1.mlp.act"]
    return model


IDS = torch.randint(0, 11, (32, 8), generator=torch.Generator().manual_seed(0))
DATA = [{"input_ids": ids, "labels": ids} for ids in IDS]
EXAMPLE = {"example_inputs": {"input_ids": IDS[:2]}}


class Watch(TrainerCallback):
    """Notes g as each optimiser step sees it, and the logs."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.logs: list[dict[str, float]] = []

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        self.seen += [float(m.g) for m in model.modules() if isinstance(m, Annealed)][:1]

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.logs.append(dict(logs))


def trainer(folder: Path, model: nn.Module, callback: AnnealCallback, **more: object) -> Trainer:
    settings = {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "num_train_epochs": 2,
        "learning_rate": 0.01,
        "logging_steps": 1,
        "save_steps": 3,
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    args = TrainingArguments(str(folder), **{**settings, **more})
    return Trainer(model, args, train_dataset=DATA, callbacks=[callback, Watch()])


def watch(run: Trainer) -> Watch:
    (found,) = [one for one in run.callback_handler.callbacks if isinstance(one, Watch)]
    return found


@pytest.mark.parametrize("restore", [False, True])
def test_steps_logs_and_resuming(tmp_path: Path, restore: bool) -> None:
    schedule = Schedule("linear", end=0.75)
    run = trainer(tmp_path, gpt(), AnnealCallback(schedule))
    run.train()
    whole = watch(run)
    # 8 batches an epoch are 4 steps.
    assert whole.seen == pytest.approx([min(1.0, step / 6) for step in range(8)])
    assert [logs["anneal_g"] for logs in whole.logs[:3]] == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert run.state.log_history[0]["anneal_g"] == whole.logs[0]["anneal_g"]

    more = {"restore_callback_states_from_checkpoint": restore}
    resumed = trainer(tmp_path, gpt(), AnnealCallback(schedule), **more)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert watch(resumed).seen == whole.seen[3:]
    for name, value in run.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


def test_a_second_training_starts_anew(tmp_path: Path) -> None:
    run = trainer(tmp_path, gpt(), AnnealCallback(), max_steps=2, save_strategy="no")
    run.train()
    run.train()
    assert watch(run).seen == [0.0, 1.0, 0.0, 1.0]


class Flat(nn.Module):
    """Its loss never falls."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.act = Annealed("relu(x)", "silu(x)")

    def forward(self, input_ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": 1.0 + 0.0 * self.act(self.weight)}


def test_loss_driven_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    schedule = Schedule("loss", end=1.0)
    run = trainer(tmp_path, Flat(), AnnealCallback(schedule))
    run.train()
    assert watch(run).seen == pytest.approx([0, 0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8])
    resumed = trainer(tmp_path, Flat(), AnnealCallback(schedule))
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert watch(resumed).seen == watch(run).seen[3:]
    assert not run.model._forward_hooks


def test_a_checkpoint_from_before_the_callback(tmp_path: Path) -> None:
    run = trainer(tmp_path, gpt(), AnnealCallback(), max_steps=4, save_steps=2)
    run.train()
    file = tmp_path / "checkpoint-2" / "trainer_state.json"
    state = json.loads(file.read_text())
    del state["stateful_callbacks"]["AnnealCallback"]
    file.write_text(json.dumps(state))
    resumed = trainer(tmp_path, gpt(), AnnealCallback(Schedule(end=1.0)), max_steps=4)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert watch(resumed).seen == [0.5, 0.75]


def test_by_epoch_and_finish(tmp_path: Path) -> None:
    callback = AnnealCallback(Schedule(end=1.0, by="epoch"), finish=True)
    run = trainer(tmp_path, gpt(), callback, save_strategy="no")
    run.train()
    assert watch(run).seen == [0.0] * 4 + [0.5] * 4
    assert not any(isinstance(module, Annealed) for module in run.model.modules())


def test_nothing_to_anneal(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Annealed module"):
        trainer(tmp_path, nn.Linear(2, 2), AnnealCallback("cosine")).train()


def test_the_state_is_json() -> None:
    callback = AnnealCallback("cosine")
    callback.scheduler = AnnealScheduler(Flat(), "cosine", 10)
    state = json.loads(json.dumps(callback.state()))
    again = AnnealCallback.from_state(state)
    assert again.schedule == callback.schedule


def test_without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "evoact.integrations.transformers")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'evoact\[transformers\]'") as caught:
        import evoact.integrations.transformers  # noqa: F401
    assert isinstance(caught.value, ImportError)


def test_evoact_imports_neither() -> None:
    code = (
        "import sys, evoact, evoact.integrations\n"
        "evoact.swap, evoact.search, evoact.Study\n"
        "assert not {'lightning', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])

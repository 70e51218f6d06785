"""Annealing in a real fit of Lightning: steps, checkpoints, errors."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from evoact.errors import InputError
from evoact.integrations.lightning import AnnealCallback
from evoact.nn import Annealed, Schedule

pytestmark = [
    # Lightning's own: a class of pytrees that torch has renamed, and advice to users.
    pytest.mark.filterwarnings(
        "ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning"
    ),
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
]


class Small(pl.LightningModule):
    def __init__(self, *, anneal: bool = True) -> None:
        super().__init__()
        act = Annealed("relu(x)", "b * silu(x) where b = 1.0") if anneal else nn.ReLU()
        self.layers = nn.Sequential(nn.Linear(40, 8), act, nn.Linear(8, 10))
        self.seen: list[float] = []

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        if isinstance(self.layers[1], Annealed):
            self.seen.append(float(self.layers[1].g))
        return nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def build(**more: bool) -> Small:
    torch.manual_seed(0)
    return Small(**more)


def data(size: int = 32) -> DataLoader[tuple[Tensor, ...]]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, 40, generator=generator)
    return DataLoader(TensorDataset(x, (x.sum(1) > 0).long()), batch_size=4)


def trainer(folder: Path, *callbacks: pl.Callback, **more: object) -> pl.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    settings = {"accelerator": "cpu", "max_epochs": 2, "accumulate_grad_batches": 2, **quiet}
    settings.setdefault(
        "enable_checkpointing", any(isinstance(c, ModelCheckpoint) for c in callbacks)
    )
    return pl.Trainer(default_root_dir=folder, callbacks=list(callbacks), **{**settings, **more})


def test_fit_steps_with_the_optimiser_and_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    schedule = Schedule("linear", end=0.75)
    save = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=4, save_top_k=-1)
    whole, callback = build(), AnnealCallback(schedule)
    run = trainer(tmp_path, callback, save)
    run.fit(whole, data())
    # 8 batches an epoch are 4 steps; both batches of a step see the same g.
    assert whole.seen == pytest.approx([min(1.0, step / 6) for step in range(8) for _ in "ab"])
    assert run.logged_metrics["anneal_g"] == 1.0

    resumed, callback = build(), AnnealCallback(schedule)
    run = trainer(tmp_path, callback, copy.deepcopy(save))
    run.fit(resumed, data(), ckpt_path=tmp_path / "step=4.ckpt", weights_only=True)
    assert resumed.seen == whole.seen[8:]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_loss_driven(tmp_path: Path) -> None:
    class Flat(Small):
        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            return 0.0 * super().training_step(batch, index) + 1.0

    torch.manual_seed(0)
    model = Flat()
    trainer(tmp_path, AnnealCallback(Schedule("loss", end=1.0))).fit(model, data())
    # The loss never falls: an eighth with every step from the second on.
    assert model.seen[::2] == pytest.approx([0, 0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8])


def test_by_epoch(tmp_path: Path) -> None:
    model = build()
    callback = AnnealCallback(Schedule("linear", end=1.0, by="epoch"))
    trainer(tmp_path, callback).fit(model, data())
    assert model.seen == [0.0] * 8 + [0.5] * 8


def test_finish(tmp_path: Path) -> None:
    model = build()
    trainer(tmp_path, AnnealCallback(finish=True)).fit(model, data())
    assert not any(isinstance(module, Annealed) for module in model.modules())
    model, late = build(), Schedule("linear", end=1.0)
    with pytest.warns(UserWarning, match=r"ended at g = 0\.25 and finish=True"):
        trainer(tmp_path, AnnealCallback(late, total_steps=32, finish=True)).fit(model, data())


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Annealed module"):
        trainer(tmp_path, AnnealCallback()).fit(build(anneal=False), data())
    with pytest.raises(InputError, match=r"estimates inf .* total_steps=10_000"):
        trainer(tmp_path, AnnealCallback(), max_epochs=-1).fit(build(), data())


def test_a_stream_without_a_length(tmp_path: Path) -> None:
    class Stream(IterableDataset[tuple[Tensor, ...]]):
        def __iter__(self):
            return iter(data().dataset)

    with pytest.raises(InputError, match=r"estimates -1 .* total_steps=10_000"):
        trainer(tmp_path, AnnealCallback()).fit(build(), DataLoader(Stream(), batch_size=4))
    model = build()
    callback = AnnealCallback(Schedule(end=1.0), total_steps=8)
    trainer(tmp_path, callback).fit(model, DataLoader(Stream(), batch_size=4))
    assert model.seen[-1] == pytest.approx(7 / 8)


def test_without_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "evoact.integrations.lightning")
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    with pytest.raises(InputError, match=r"pip install 'evoact\[lightning\]'") as caught:
        import evoact.integrations.lightning  # noqa: F401
    assert isinstance(caught.value, ImportError)

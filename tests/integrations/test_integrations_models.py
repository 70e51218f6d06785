"""Found functions in the models of real packages: swapped in, trained, exported, read back."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

import evoact
from evoact.errors import InputError
from evoact.export import export, load_state
from evoact.integrations.transformers import register
from evoact.nn import Activation, SwapWarning

FOUND = "x * sigmoid(b * x) - 0.1 * tanh(c * x) where b = 1.5, c = 0.5"
PER_CHANNEL = "max(x, a * x) where a = 0.25 per channel"
IMAGES = (torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)),)
# As many tokens as the model has channels: their number must not be taken for them.
TOKENS = {"input_ids": torch.arange(16).view(2, 8) % 11}

pytestmark = [
    # Lightning's own: a class of pytrees that torch has renamed, and advice to users.
    pytest.mark.filterwarnings(
        "ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning"
    ),
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
]


def bert(act: str = "gelu") -> BertForSequenceClassification:
    config = BertConfig(
        vocab_size=11,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        hidden_act=act,
    )
    return BertForSequenceClassification(config)


def gpt2(act: str = "gelu_new") -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=11,
        n_positions=8,
        n_embd=8,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
        activation_function=act,
        use_cache=False,
    )
    return GPT2LMHeadModel(config)


def of_timm(name: str, **more: Any) -> Callable[[], nn.Module]:
    return functools.partial(timm.create_model, name, num_classes=5, **more)


@dataclass(frozen=True)
class Case:
    """A model, how many activations it holds, and the numbers of channels they get."""

    build: Callable[[], nn.Module]
    example: Any
    places: int
    channels: set[tuple[int, int]]

    def made(self) -> nn.Module:
        torch.manual_seed(0)
        return self.build()

    def output(self, model: nn.Module) -> Tensor:
        args, kwargs = self.call
        result = model(*args, **kwargs)
        return result if isinstance(result, Tensor) else result.logits

    @property
    def call(self) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        return ((), self.example) if isinstance(self.example, dict) else (self.example, {})


RESNET = Case(
    functools.partial(torchvision.models.resnet18, num_classes=5),
    IMAGES,
    9,
    {(64, 1), (128, 1), (256, 1), (512, 1)},
)
VIT = Case(of_timm("vit_tiny_patch16_224", img_size=32, depth=3), IMAGES, 3, {(768, -1)})
CONVNEXT = Case(of_timm("convnext_atto"), IMAGES, 12, {(160, 1), (320, 1), (640, 1), (1280, 1)})
EFFICIENTNET = Case(
    of_timm("efficientnet_b0"),
    IMAGES,
    49,
    {(n, 1) for n in (4, 6, 8, 10, 20, 28, 32, 48, 96, 144, 240, 480, 672, 1152, 1280)},
)
BERT = Case(bert, TOKENS, 3, {(24, -1), (8, -1)})
GPT2 = Case(gpt2, TOKENS, 2, {(32, -1)})
CASES = [
    pytest.param(RESNET, id="resnet18"),
    pytest.param(VIT, id="vit_tiny"),
    pytest.param(CONVNEXT, id="convnext_atto", marks=pytest.mark.slow),
    pytest.param(EFFICIENTNET, id="efficientnet_b0", marks=pytest.mark.slow),
    pytest.param(BERT, id="bert"),
    pytest.param(GPT2, id="gpt2"),
]


def train(case: Case, model: nn.Module) -> None:
    """Make one step."""
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, eps=1e-30)  # all move alike
    case.output(model.train()).square().mean().backward()
    optimiser.step()


def values(model: nn.Module) -> dict[str, dict[str, float]]:
    found = {n: m for n, m in model.named_modules() if isinstance(m, Activation)}
    return {n: {k: p.item() for k, p in m.named_parameters()} for n, m in found.items()}


def read(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", CASES)
def test_it_is_swapped_in_trained_exported_and_read_back(case: Case, tmp_path: Path) -> None:
    model = case.made()
    report = evoact.swap(model, "activation", FOUND, example_inputs=case.example)
    assert len(report.replaced) == case.places
    assert not report.functional
    train(case, model)
    trained = values(model)
    assert set(trained) == set(report.replaced)
    assert all(one["b"] != 1.5 and one["c"] != 0.5 for one in trained.values())
    with torch.no_grad():
        wanted = case.output(model.eval())

    # Each layer's function as a file without evoact, and as state.
    export(FOUND, tmp_path, formats=["source", "state"], params="trained", trained=trained)
    found = read(tmp_path / "activation.py").Activation
    readers = (found.trained, lambda layer: load_state(tmp_path / "activation.json", layer))
    weights = {n: v for n, v in model.state_dict().items() if n.rpartition(".")[0] not in trained}
    for reader in readers:
        again = case.made()
        layers = iter(report.replaced)
        evoact.swap(again, "activation", lambda layers=layers, make=reader: make(next(layers)))
        assert not again.load_state_dict(weights, strict=False).unexpected_keys
        with torch.no_grad():
            torch.testing.assert_close(case.output(again.eval()), wanted)

    # The whole model.
    torch.export.save(torch.export.export(model, *case.call), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    with torch.no_grad():
        torch.testing.assert_close(case.output(program), wanted)


@pytest.mark.parametrize("case", CASES)
def test_channels_and_undo(case: Case) -> None:
    model, old = case.made().eval(), case.made().eval()
    report = evoact.swap(model, "activation", PER_CHANNEL, example_inputs=case.example)
    found = [module for module in model.modules() if isinstance(module, Activation)]
    assert {(one.channels, one.channel_dim) for one in found} == case.channels
    case.output(model)
    report.undo()
    with torch.no_grad():
        assert torch.equal(case.output(model), case.output(old))


def test_gates_are_a_role() -> None:
    model = timm.create_model("efficientnet_lite0", num_classes=5)
    with pytest.warns(SwapWarning, match="no gate in the model; it holds the activations ReLU6"):
        evoact.swap(model, "gate", "hard_sigmoid(x)")
    model = timm.create_model("mobilenetv3_small_050", num_classes=5)
    report = evoact.swap(model, "gate", "sigmoid(x)")
    assert all(name.endswith("se.gate") for name in report.replaced)
    assert report.replaced


def test_errors_leave_a_shared_and_wide_model_as_it_was() -> None:
    model = RESNET.made().eval()
    before = {name: id(module) for name, module in model.named_modules()}
    with pytest.raises(InputError, match=r"'relu' .*width 2 .*old one 1"):
        evoact.swap(model, nn.ReLU, "concat(relu(x), relu(-x))", example_inputs=IMAGES)
    assert {name: id(module) for name, module in model.named_modules()} == before


def test_half_precision_stays() -> None:
    model = VIT.made().to(torch.bfloat16)
    evoact.swap(model, "activation", FOUND)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert model(IMAGES[0].bfloat16()).dtype == torch.bfloat16


def test_classes_of_a_package_are_told_with_the_cure() -> None:
    model = timm.create_model("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 8, 8, 8))
    with pytest.warns(SwapWarning, match=r"timm\.layers\.activations\.GELU is not of the target"):
        report = evoact.swap(model, nn.GELU, "silu(x)")
    assert len(report.skipped) == 4
    assert not report.functional
    with pytest.warns(SwapWarning, match="or the role 'activation'"):
        evoact.swap(gpt2(), nn.GELU, "silu(x)")


# Functional calls


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = torchvision.models.resnet18(num_classes=6)
        self.head = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.backbone(x))
        x = torch.relu(self.head(x))
        return x.relu()


def test_functional_calls_are_told_with_the_cure() -> None:
    report = evoact.swap(Functional(), nn.ReLU, "silu(x)", example_inputs=IMAGES)
    assert len(report.replaced) == 9
    assert [(call.module, call.call) for call in report.functional] == [
        ("", "F.relu"),
        ("", "torch.relu"),
        ("", "x.relu()"),
    ]
    assert all("make self.act = nn.ReLU() in __init__" in call.cure for call in report.functional)
    assert all(call.at.startswith(__file__) for call in report.functional)


# The ways of the packages themselves


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "efficientnet_b0"])
def test_act_layer_of_timm(name: str) -> None:
    act = functools.partial(Activation, FOUND)
    more = {"img_size": 32, "depth": 2} if name.startswith("vit") else {}
    model = timm.create_model(name, num_classes=5, act_layer=act, **more)
    found = [module for module in model.modules() if isinstance(module, Activation)]
    assert len(found) >= 2
    model(*IMAGES).square().mean().backward()
    assert all(p.grad is not None for one in found for p in one.parameters())


@pytest.mark.parametrize("build", [bert, gpt2])
def test_names_in_configurations_of_transformers(
    build: Callable[[str], nn.Module], tmp_path: Path
) -> None:
    case = Case(lambda: build(register("found", FOUND)), TOKENS, 2, set())
    model = case.made()
    train(case, model)
    assert len(values(model)) == 2
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path).eval()
    assert values(again) == values(model)
    with torch.no_grad():
        assert torch.equal(case.output(again), case.output(model.eval()))


def test_registering() -> None:
    assert register("found", FOUND) == register("found", evoact.parse(FOUND)) == "evoact:found"
    assert len([m for m in bert("evoact:mish").modules() if isinstance(m, Activation)]) == 2
    with pytest.raises(InputError, match=r"name 'found' stands for .* already"):
        register("found", "silu(x)")
    with pytest.raises(InputError, match="name 'mish' stands for"):
        register("mish", "silu(x)")
    with pytest.raises(InputError, match="'a' is per channel"):
        register("wide", PER_CHANNEL)


class Lit(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = torchvision.models.resnet18(num_classes=5)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_a_lightning_module_is_fitted_and_read_back(tmp_path: Path) -> None:
    model = Lit()
    report = evoact.swap(model, nn.ReLU, FOUND, example_inputs=IMAGES)
    assert len(report.replaced) == 9
    trainer = pl.Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, enable_checkpointing=False,
    )  # fmt: skip
    trainer.fit(model, DataLoader(TensorDataset(*IMAGES, torch.tensor([0, 1])), batch_size=2))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    assert all(one["b"] != 1.5 for one in values(model).values())
    again = Lit()
    evoact.swap(again, nn.ReLU, FOUND)
    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)
    again.load_state_dict(saved["state_dict"])
    with torch.no_grad():
        assert torch.equal(again.eval()(*IMAGES), model.eval()(*IMAGES))

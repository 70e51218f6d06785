"""Shipped tasks: their data, models and measures are what their sources say."""

from __future__ import annotations

import hashlib
import math
import pickle  # torchvision's files are pickles
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.tasks.shipped import Burgers, Characters, Cifar10, Cifar100, Equation, Heat, Image, Wine
from evoact.tasks.shipped.characters import ALPHABET, text
from evoact.tasks.shipped.cifar import generated, normalised, varied
from evoact.tasks.shipped.image import coordinates, picture


def placed(module: nn.Module, ratio: int = 1) -> Any:
    """Make a factory of one activation, as evoact calls it."""

    def made(channels: int, channel_dim: int = 1) -> nn.Module:
        act = module.__class__()
        act.out_channels = ratio * channels  # type: ignore[assignment]  # as UserNetwork does
        return act

    return made


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


# Images


@pytest.mark.parametrize("bands", range(9))
def test_an_encoding_costs_no_parameters(bands: int) -> None:
    plain = count(Image().model(placed(nn.Tanh())))
    assert abs(count(Image(bands=bands).model(placed(nn.Tanh()))) - plain) <= 0.01 * plain


def test_every_pixel_is_in_one_part_at_its_place() -> None:
    splits = Image(size=32).data(3)
    pixels = {tuple(x): y for part in (splits.train, splits.validation, splits.test)
              for x, y in zip(part.x.tolist(), part.y[:, 0], strict=True)}  # fmt: skip
    whole = picture("china", 32)
    assert [pixels[tuple(x)] for x in coordinates(32).tolist()] == whole.reshape(-1).tolist()
    assert -1.0 <= whole.min() < -0.5 < 0.5 < whole.max() <= 1.0
    # As on a chessboard: pixels of the training part have no neighbours in it.
    places = np.rint((splits.train.x + 1.0) * 31.0 / 2.0).astype(int)
    assert len(places) == 512
    assert set(places.sum(axis=1) % 2) == {0}


def test_psnr_is_that_of_brightness_from_0_to_1() -> None:
    y, output = torch.rand(50, 1) * 2 - 1, torch.rand(50, 1) * 2 - 1
    mse = float(((output + 1) / 2 - (y + 1) / 2).double().square().mean())
    assert Image().measure(output, y)["psnr"] == pytest.approx(10 * math.log10(1 / mse), rel=1e-6)
    assert math.isfinite(Image().measure(y, y)["psnr"])


@pytest.mark.parametrize(
    ("initial", "act"), [("siren", torch.sin), ("unit", lambda x: 1.5208 * torch.sin(x))]
)
def test_first_weights_keep_preactivations_at_deviation_1(initial: str, act: Any) -> None:
    torch.manual_seed(0)
    task = Image(initial=initial, first=30.0, hidden=(300, 300, 300))
    model = task.model(placed(nn.Identity()))
    x = torch.from_numpy(task.data(0).train.x[::9])
    with torch.no_grad():
        for place, (layer, _) in enumerate(zip(*[iter(list(model)[:-1])] * 2, strict=True)):
            if place:
                layer[0].bias.zero_()  # torch's, which only spread the phases
            x = layer(x)
            assert not place or x.std() == pytest.approx(1.0, abs=0.1)
            x = act(x)


# Equations


@pytest.mark.parametrize("task", [Burgers(), Burgers(0.02), Heat(), Heat(0.2)])
def test_references_solve_their_equations(task: Equation) -> None:
    rng, h = np.random.default_rng(0), 1e-4
    x, t = rng.uniform(-0.9, 0.9, 20), rng.uniform(0.1, 0.9, 20)
    shifts = ((0, 0), (h, 0), (-h, 0), (0, h), (0, -h))
    u, right, left, later, before = (
        torch.from_numpy(task.solution(x + dx, t + dt)) for dx, dt in shifts
    )
    slopes = (right - left) / (2 * h), (later - before) / (2 * h)
    found = task.residual(u, *slopes, (right - 2 * u + left) / h**2)
    assert float(found.abs().max()) < 1e-4
    x = np.linspace(-1, 1, 11)
    start = sum(size * np.sin(n * math.pi * x) for n, size in task.waves.items())
    assert np.allclose(task.solution(x, np.zeros(11)), start, atol=1e-7)
    assert np.allclose(task.solution(np.array([-1.0, 1.0]), np.full(2, 0.7)), 0.0, atol=1e-7)


class Cooling(nn.Module):
    """The solution of the heat equation, by torch."""

    def forward(self, x: Tensor) -> Tensor:
        task, (place, time) = Heat(), x.split(1, dim=1)
        return sum(
            size * torch.sin(n * math.pi * place)
            * torch.exp(-task.diffusivity * (n * math.pi) ** 2 * time)
            for n, size in task.waves.items()
        )  # fmt: skip


def test_the_solution_has_no_loss_and_no_error() -> None:
    task = Heat(points=50)
    part = task.data(0).train
    x, y = torch.from_numpy(part.x), torch.from_numpy(part.y)
    assert float(task.step_loss(Cooling(), x, y).detach()) < 1e-8
    assert task.measure(Cooling()(x), y)["rel_l2"] < 1e-5
    assert task.measure(0 * y, y)["rel_l2"] == pytest.approx(1.0)


@pytest.mark.parametrize("task", [Burgers(), Heat()])
def test_models_keep_initial_and_boundary_values(task: Equation) -> None:
    model = task.model(placed(nn.Tanh()))
    x, t = np.linspace(-1, 1, 9), np.linspace(0, 1, 9)
    edge = np.concatenate([np.stack([x, 0 * x], 1), np.stack([0 * t - 1, t], 1),
                           np.stack([0 * t + 1, t], 1)])  # fmt: skip
    output = model(torch.from_numpy(edge.astype(np.float32)))[:, 0].detach().numpy()
    assert np.allclose(output, task.solution(edge[:, 0], edge[:, 1]), atol=1e-5)


# Text


def test_windows_are_of_the_text_and_say_what_follows() -> None:
    splits = Characters(context=50).data(1)
    signs = ALPHABET + "?"
    plain = "".join(one if one in ALPHABET else "?" for one in text())
    for part in (splits.train, splits.validation, splits.test):
        assert np.array_equal(part.x[:, 1:], part.y[:, :-1])
        for x, y in list(zip(part.x, part.y, strict=True))[:5]:
            assert "".join(signs[n] for n in [*x, y[-1]]) in plain
    assert max(plain.find("".join(signs[n] for n in x)) for x in splits.train.x) < 0.82 * len(plain)


def test_a_character_knows_nothing_of_those_after_it() -> None:
    task = Characters(context=20)
    model, x = task.model(placed(nn.GELU())), torch.from_numpy(task.data(0).train.x[:2])
    other = x.clone()
    other[:, 12:] = 5
    with torch.no_grad():
        one, two = model(x), model(other)
    assert torch.allclose(one[:, :12], two[:, :12], atol=1e-6)
    assert not torch.allclose(one[:, 12:], two[:, 12:], atol=1e-3)


def test_bits_are_those_of_a_character() -> None:
    task, y = Characters(), torch.zeros(3, 4, dtype=torch.int64)
    assert task.measure(torch.zeros(3, 4, 64), y) == {"bits": pytest.approx(6.0), "accuracy": 1.0}


# CIFAR


@pytest.mark.parametrize(("network", "published"), [("resnet20", 0.27e6), ("wrn10_2", 0.31e6)])
def test_networks_have_their_size_and_take_widths(network: str, published: float) -> None:
    task = Cifar10(network, samples=8, generated=True)
    model = task.model(placed(nn.ReLU()))
    assert count(model) == pytest.approx(published, rel=0.03)
    x = torch.from_numpy(task.data(0).train.x)
    assert model(x).shape == (len(x), 10)
    assert Cifar100(network, samples=8, generated=True).model(Doubling.made)(x).shape[1] == 100


class Doubling(nn.Module):
    """CReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.relu(), (-x).relu()], dim=1)

    made = staticmethod(lambda channels, channel_dim=1: placed(Doubling(), 2)(channels))


def test_images_are_shifted_and_mirrored_whole() -> None:
    torch.manual_seed(0)
    x = torch.arange(1.0, 32 * 32 + 1).view(1, 1, 32, 32).repeat(40, 3, 1, 1)
    found = varied(x)
    seen = set()
    for image in found:
        assert torch.equal(image[0], image[1])
        middle = image[0, 4:-4, 4:-4]  # never padding
        across, down = middle[0, 1] - middle[0, 0], middle[1, 0] - middle[0, 0]
        assert (abs(float(across)), float(down)) == (1.0, 32.0)
        seen.add((float(across), float(middle[0, 0])))
    assert {across for across, _ in seen} == {1.0, -1.0}
    assert len(seen) > 20


def test_without_torchvision_the_cure_is_told(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(InputError, match=r"pip install 'evoact\[torchvision\]'.*generated: true"):
        Cifar10(root=str(tmp_path)).data(0)


@pytest.fixture
def datasets() -> Any:
    """Torchvision's."""
    import torchvision.datasets

    return torchvision.datasets


def stored(datasets: Any, name: str, root: Path, monkeypatch: Any) -> None:
    """Store a small data set as torchvision stores CIFAR, in files of its names."""
    made = getattr(datasets, name)
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    folder = root / made.base_folder
    folder.mkdir()
    for which, entries in lists.items():
        for number, (file, _) in enumerate(getattr(made, which)):
            x, y = generated(20, 10, number)
            rows = x.transpose(0, 3, 1, 2).reshape(20, -1)
            labels = {made.meta["key"].replace("_names", "s"): y.tolist()}
            content = pickle.dumps({"data": rows, "labels": y.tolist(), **labels})
            (folder / file).write_bytes(content)
            entries.append([file, hashlib.md5(content).hexdigest()])
        monkeypatch.setattr(made, which, entries)
    content = pickle.dumps({made.meta["key"]: [str(n) for n in range(10)]})
    (folder / made.meta["filename"]).write_bytes(content)
    meta = {**made.meta, "md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setattr(made, "meta", meta)


@pytest.mark.parametrize("task", [Cifar10, Cifar100])
def test_torchvisions_files_are_read(
    task: type[Cifar10], datasets: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    stored(datasets, task.data_set, tmp_path, monkeypatch)
    splits = task(samples=16, root=str(tmp_path)).data(0)
    assert [len(part.y) for part in (splits.train, splits.validation)] == [12, 4]
    images, labels = generated(20, 10, 0)
    first = normalised(images[:16])
    assert {x.tobytes() for x in splits.train.x} < {x.tobytes() for x in first}
    assert len(splits.test.y) == 20
    assert np.array_equal(splits.test.y, labels)


def test_without_network_the_cure_is_told(datasets: Any, tmp_path: Path, monkeypatch: Any) -> None:
    # Nothing listens there: what a machine without a network says.
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    with pytest.raises(InputError, match=r"cannot be downloaded: .*; put the folder .*generated"):
        Cifar10(root=str(tmp_path)).data(0)


# What is refused


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Image("chine"), "picture is 'chine'; did you mean 'china'"),
        (lambda: Image(size=100), "size is 100; wanted an even divisor of 384"),
        (lambda: Image(initial="he"), "initial is 'he'; wanted unit, siren, torch, glorot"),
        (lambda: Image(hidden=()), r"hidden is \[\]; wanted sizes"),
        (lambda: Burgers(0.001), "viscosity is 0.001; wanted at least 0.01"),
        (lambda: Heat(-1.0), "diffusivity is -1.0; wanted more than 0"),
        (lambda: Heat(points=0), "points is 0; wanted 1 or more"),
        (lambda: Characters(channels=30), "channels is 30, with heads 4; wanted an even"),
        (lambda: Characters(context=10**6), "context is 1000000; wanted at most"),
        (lambda: Cifar10("resnet18"), "network is 'resnet18'; did you mean 'resnet20'"),
        (lambda: Cifar10(samples=3), "samples is 3; wanted 8 to 50000"),
        (lambda: Wine(hidden=[0]), r"hidden is \[0\]"),
    ],
)
def test_wrong_arguments_are_told(make: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make()

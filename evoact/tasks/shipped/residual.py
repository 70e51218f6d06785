"""Residual networks for small images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evoact.tasks.backbones import MeanOfPlaces
from evoact.tasks.user import MakeActivation


def resnet(activation: MakeActivation, classes: int, *, blocks: int) -> nn.Module:
    """Return a ResNet of `6 * blocks + 2` layers (He et al. 2016, section 4.2): 20 for 3.

    Shortcuts that change the number of channels are projections (their option B).
    """
    stem, act = _conv(3, 16), activation(16)
    layers: list[nn.Module] = [stem, nn.BatchNorm2d(16), act]
    inputs = _after(act)
    for place, channels in enumerate(_stages((16, 32, 64), blocks)):
        stride = 2 if place and place % blocks == 0 else 1
        block = Basic(activation, inputs, channels, stride)
        layers.append(block)
        inputs = block.channels
    return nn.Sequential(*layers, *_head(inputs, classes))


def wide_resnet(activation: MakeActivation, classes: int, *, depth: int, factor: int) -> nn.Module:
    """Return a wide ResNet WRN-`depth`-`factor` (Zagoruyko & Komodakis 2016)."""
    blocks = (depth - 4) // 6
    layers: list[nn.Module] = [_conv(3, 16)]
    inputs = 16
    widths = tuple(factor * channels for channels in (16, 32, 64))
    for place, channels in enumerate(_stages(widths, blocks)):
        stride = 2 if place and place % blocks == 0 else 1
        layers.append(PreActivation(activation, inputs, channels, stride))
        inputs = channels
    act = activation(inputs)
    layers += [nn.BatchNorm2d(inputs), act]
    return nn.Sequential(*layers, *_head(_after(act), classes))


def _stages(widths: Sequence[int], blocks: int) -> list[int]:
    return [channels for channels in widths for _ in range(blocks)]


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    return layer


def _after(act: nn.Module) -> int:
    return int(act.out_channels)  # type: ignore[arg-type]  # a number, see `MakeActivation`


def _head(inputs: int, classes: int) -> list[nn.Module]:
    return [MeanOfPlaces(), nn.Linear(inputs, classes)]


class Basic(nn.Module):
    """Two convolutions beside a shortcut, with an activation after their sum.

    Attributes:
        channels: that leave it.
    """

    def __init__(self, activation: MakeActivation, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.act1, self.act2 = activation(channels), activation(channels)
        self.conv1, self.norm1 = _conv(inputs, channels, stride), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = _conv(_after(self.act1), channels), nn.BatchNorm2d(channels)
        self.short = _shortcut(inputs, channels, stride)
        self.channels = _after(self.act2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of the sum."""
        change = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x)))))
        result: Tensor = self.act2(change + self.short(x))
        return result


class PreActivation(nn.Module):
    """Two convolutions beside a shortcut, each after normalisation and activation."""

    def __init__(self, activation: MakeActivation, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.act1 = nn.BatchNorm2d(inputs), activation(inputs)
        self.conv1 = _conv(_after(self.act1), channels, stride)
        self.norm2, self.act2 = nn.BatchNorm2d(channels), activation(channels)
        self.conv2 = _conv(_after(self.act2), channels)
        same = inputs == channels and stride == 1
        # A projection sees what is normalised and activated, as in the authors' code.
        self.short = nn.Identity() if same else _conv(_after(self.act1), channels, stride, 1)
        self.projects = not same

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        active = self.act1(self.norm1(x))
        change = self.conv2(self.act2(self.norm2(self.conv1(active))))
        return torch.add(change, self.short(active if self.projects else x))


def _shortcut(inputs: int, channels: int, stride: int) -> nn.Module:
    if inputs == channels and stride == 1:
        return nn.Identity()
    return nn.Sequential(_conv(inputs, channels, stride, 1), nn.BatchNorm2d(channels))

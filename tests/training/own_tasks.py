"""Tasks as a user would write them, for the tests of several rooms."""

from typing import ClassVar

import numpy as np
import torch
from torch import nn

from evoact.tasks import UserTask, split

RNG = np.random.default_rng(5)
X = RNG.normal(size=(160, 4)).astype(np.float32)
Y = (np.sin(2 * X[:, :1]) * X[:, 1:2] + 0.3 * X[:, 2:3]).astype(np.float32)


class Curve(UserTask):
    """Regression by a chain of plain layers: stacked."""

    metrics: ClassVar = {"r2": "max", "mae": "min"}

    def __init__(self, width: int = 12):
        self.width = width

    def data(self, split_seed):
        return split(X, Y, split_seed)

    def model(self, activation):
        return nn.Sequential(
            nn.Linear(4, self.width),
            activation(self.width),
            nn.Linear(self.width, self.width),
            activation(self.width),
            nn.Linear(self.width, 1),
        )

    def loss(self, output, y):
        return nn.functional.smooth_l1_loss(output, y)

    def measure(self, output, y):
        wrong = output - y
        spread = (y - y.mean()).square().sum()
        return {
            "r2": float(1 - wrong.square().sum() / spread),
            "mae": float(wrong.abs().mean()),
        }


class Noisy(Curve):
    """With dropout and batch statistics: one model after the other."""

    def model(self, activation):
        return nn.Sequential(
            nn.Linear(4, self.width),
            activation(self.width),
            nn.Dropout(0.2),
            nn.Linear(self.width, self.width),
            nn.BatchNorm1d(self.width),
            activation(self.width),
            nn.Linear(self.width, 1),
        )


class Signs(UserTask):
    """Classification with the defaults, by a module with a forward of its own."""

    def data(self, split_seed):
        return split(X, (Y[:, 0] > 0).astype(int), split_seed)

    def model(self, activation):
        return Forked(activation)


class Forked(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.first, self.act = nn.Linear(4, 8), activation(8)
        self.second, self.tail = nn.Linear(self.act.out_channels, 8), activation(8)
        self.head = nn.Linear(self.tail.out_channels, 2)

    def forward(self, x):
        return self.head(self.tail(self.second(self.act(self.first(x)))))


class Slope(Curve):
    """A loss that needs the derivative of the model by its inputs."""

    def step_loss(self, model, x, y):
        x = x.clone().requires_grad_()
        output = model(x)
        (slope,) = torch.autograd.grad(output.sum(), x, create_graph=True)
        return self.loss(output, y) + 1e-3 * slope.square().mean()


class Misleading(Curve):
    """Says that it takes leading dimensions, and does not: it must not be stacked."""

    def model(self, activation):
        return Centred(activation)


class Centred(Forked):
    leading_dims = True

    def __init__(self, activation):
        super().__init__(activation)
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        return super().forward(x - x.mean(dim=0, keepdim=True))

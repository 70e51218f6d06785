"""Functions that change the width, in models that exist: the layers after them are made anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from test_nn_swap import MAXOUT, eager, fingerprint
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.nn import swap

CRELU = "concat(relu(x), relu(-x))"
ROWS = torch.linspace(-1, 1, 12).view(3, 4)
IMAGES = torch.linspace(-2, 2, 2 * 3 * 8 * 8).view(2, 3, 8, 8)


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 6, bias=False)),
        *(nn.BatchNorm1d(6), nn.ReLU(), nn.LayerNorm(6), nn.Identity(), nn.Linear(6, 2)),
    )


class Images(nn.Module):
    """A convolutional network that flattens in its forward, in one of several ways."""

    def __init__(self, flatten: Callable[[Tensor], Tensor] = lambda x: x.flatten(1)) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            *(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.ZeroPad2d(1), nn.Conv2d(8, 4, 3), nn.ReLU(), nn.GroupNorm(2, 4)),
        )
        self.flatten = flatten
        self.first, self.second = nn.Linear(16, 5), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.flatten(F.dropout(F.adaptive_avg_pool2d(self.body(x), 2), 0.5, self.training))
        return torch.cat([self.first(x), self.second(x)], 1)


@pytest.mark.parametrize(("text", "sizes"), [(CRELU, [16, 12, 12]), (MAXOUT, [4, 3, 3])])
@pytest.mark.parametrize("example", [None, ROWS])
def test_a_plain_network(text: str, sizes: list[int], example: Tensor | None) -> None:
    model = mlp()
    report = swap(model, nn.ReLU, text, example_inputs=example)
    assert list(report.adapted) == ["3", "6", "8"]
    assert [model[3].in_features, *model[6].normalized_shape, model[8].in_features] == sizes
    assert "in_features=6, out_features=2, bias=True) -> Linear(in_features=" in str(report)
    assert model(ROWS).shape == (3, 2)
    model(ROWS).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    "flatten",
    [
        lambda x: x.flatten(1),
        lambda x: torch.flatten(x, 1),
        lambda x: torch.flatten(x, start_dim=1),
        lambda x: x.view(x.size(0), -1),
        lambda x: x.reshape(x.shape[0], -1),
        nn.Flatten(),
    ],
)
def test_a_convolutional_network(flatten: Callable[[Tensor], Tensor]) -> None:
    for text, channels in ((CRELU, (16, 8, 32)), (MAXOUT, (4, 2, 8))):
        model = Images(flatten)
        report = swap(model, nn.ReLU, text, example_inputs=IMAGES)
        assert sorted(report.adapted) == ["body.5", "body.7", "first", "second"]
        conv, norm = model.body[5], model.body[7]
        assert (conv.in_channels, norm.num_channels, model.first.in_features) == channels
        assert model(IMAGES).shape == (2, 8)


def test_the_mean_of_an_image_keeps_its_channels() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act, self.head = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.act(self.conv(x)).mean((2, 3)))

    model = Net()
    swap(model, nn.ReLU, CRELU, example_inputs=IMAGES)
    assert model(IMAGES).shape == (2, 2)


def test_new_layers_are_drawn_as_their_class_draws_them() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6)).double().eval()
    model[2].bias.requires_grad_(False)
    torch.manual_seed(3)
    swap(model, nn.ReLU, CRELU)
    torch.manual_seed(3)
    wanted = nn.Linear(16, 6, dtype=torch.float64)
    assert torch.equal(model[2].weight, wanted.weight)
    assert torch.equal(model[2].bias, wanted.bias)
    assert (model[2].training, model[2].bias.requires_grad) == (False, False)


def test_undo_puts_the_old_layers_back() -> None:
    model = Images()
    before, wanted = fingerprint(model), eager(model, IMAGES)
    model.train()
    report = swap(model, nn.ReLU, MAXOUT, example_inputs=IMAGES)
    report.undo()
    assert fingerprint(model) == before
    assert torch.equal(eager(model, IMAGES), wanted)


def test_equal_widths_adapt_nothing() -> None:
    model = mlp()
    assert not swap(model, nn.ReLU, "group_sort(x, 2)", example_inputs=ROWS).adapted
    glu = nn.Sequential(nn.Linear(4, 8), nn.GLU(), nn.Linear(4, 2))
    report = swap(glu, nn.GLU, "silu(x)", example_inputs=ROWS)
    assert glu[2].in_features == 8
    assert list(report.adapted) == ["2"]


class Around(nn.Module):
    """What tracing cannot see, around a part that it can; and a way around that part."""

    def __init__(self, *, straight: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        self.straight = straight

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 1e9:
            return x
        if self.straight:
            return self.body(x)
        return self.body[2](x + self.body[1](self.body[0](x)))


def test_a_part_of_a_model_that_cannot_be_traced() -> None:
    model = Around(straight=True)
    assert list(swap(model, nn.ReLU, CRELU, example_inputs=ROWS).adapted) == ["body.2"]
    assert model(ROWS).shape == (3, 2)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter, self.act, self.leave = nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(x + self.act(self.enter(x)))


def _tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    model[4].weight = model[2].weight
    return model


def _twice() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), layer, nn.Tanh(), layer)


class Own(nn.Linear):
    pass


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), *layers)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (Residual(), "'act' .*width 2.*used by 'add', where its channels meet others"),
        (Around(straight=False), "with new layers the model fails: RuntimeError"),
        (chain(), "its result is what the model returns"),
        (_tied(), "'2' .* shares its weight with another"),
        (_twice(), "is called several times"),
        (chain(Own(4, 2)), "used by 'linear'"),
        (chain(nn.utils.spectral_norm(nn.Linear(4, 2))), "none that can be made"),
        (chain(nn.PReLU(4), nn.Linear(4, 2)), "'2' .PReLU. after it has channels too"),
        (chain(nn.Unflatten(1, (2, 2)), nn.Linear(2, 2)), "'2' .Unflatten."),
        (chain(nn.Flatten(2), nn.Linear(4, 2)), "does not flatten all"),
    ],
)  # fmt: skip
def test_what_cannot_be_adapted_is_refused(model: nn.Module, match: str) -> None:
    before = fingerprint(model)
    flattens = isinstance(getattr(model, "2", None), nn.Flatten)
    example = ROWS.expand(3, 3, 4) if flattens else ROWS
    with pytest.raises(InputError, match=match):
        swap(model, nn.ReLU, CRELU, example_inputs=example)
    assert fingerprint(model) == before


def test_groups_that_the_channels_do_not_fill() -> None:
    layers = (nn.Conv2d(3, 6, 1), nn.ReLU(), nn.GroupNorm(6, 6))
    with pytest.raises(InputError, match="groups that the new channels do not fill"):
        swap(nn.Sequential(*layers, nn.Conv2d(6, 2, 1)), nn.ReLU, MAXOUT)
    grouped = nn.Sequential(*layers[:2], nn.Conv2d(6, 6, 1, groups=3))
    with pytest.raises(InputError, match="none that can be made"):
        swap(grouped, nn.ReLU, CRELU)


def test_annealing_is_between_equal_widths() -> None:
    model = mlp()
    before = fingerprint(model)
    with pytest.raises(InputError, match="annealing is between equal widths"):
        swap(model, nn.ReLU, CRELU, anneal="linear")
    assert fingerprint(model) == before

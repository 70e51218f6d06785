"""Hidden sizes that follow the width of the activation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from evoact.errors import InputError
from evoact.language import parse
from evoact.nn import Activation
from evoact.records import TaskSpec
from evoact.tasks import NETWORKS, WIDTH_POLICIES, Width
from evoact.tasks.networks import conv2d, fitted_sizes, mlp, weighted_layers
from evoact.tasks.width import Hidden, fit_sizes

FEATURES = {"digits": 64, "mnist1d": 40, "mnist1d_shuffled": 40}
QUARTER, HALF, ONE, TWO = Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2)
FUNCTIONS = {
    "relu(x)": (ONE, 1),
    "group_sort(x, 2)": (ONE, 2),
    "group_max(x, 4)": (QUARTER, 4),
    "group_max(x, 2)": (HALF, 2),
    "left(x) * sigmoid(right(x))": (HALF, 2),
    "concat(relu(x), relu(-x))": (TWO, 1),
    "concat(a * x, group_sort(-x, 2)) where a = 0.5 per channel": (TWO, 2),
}
COARSE = [(ONE, 3), (QUARTER, 12), (HALF, 8), (QUARTER, 24)]


def width_of(text: str, policy: str) -> Width:
    expression = parse(text)
    return Width(expression.width, expression.channel_multiple, policy)


def built(key: tuple[str, str], text: str, policy: str) -> tuple[nn.Module, list[tuple[Any, Any]]]:
    """Return a network and, filled by each forward pass, shapes around its activations."""
    shapes: list[tuple[Any, Any]] = []

    def activation(channels: int, channel_dim: int) -> nn.Module:
        module = Activation(text, channels, channel_dim)

        def note(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            shapes.append((inputs[0].transpose(1, channel_dim), output.transpose(1, channel_dim)))

        module.register_forward_hook(note)
        return module

    return NETWORKS[key](activation, width_of(text, policy)), shapes


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for _, layer in weighted_layers(network) for p in layer.parameters())


def test_the_ratios_are_those_of_the_functions() -> None:
    for text, (ratio, multiple) in FUNCTIONS.items():
        width = width_of(text, "round")
        assert (width.ratio, width.multiple) == (ratio, multiple), text


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("policy", ["equal_parameters", "round"])
@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_networks_fit_the_width(key: tuple[str, str], policy: str, text: str) -> None:
    ratio, multiple = FUNCTIONS[text]
    network, shapes = built(key, text, policy)
    logits = network(torch.randn(3, FEATURES[key[0]]))
    assert logits.shape == (3, 10)
    assert shapes
    for before, after in shapes:
        assert before.shape[1] % multiple == 0
        assert after.shape[1] == before.shape[1] * ratio
        assert (after.shape[0], after.shape[2:]) == (before.shape[0], before.shape[2:])
    logits.logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    plain = parameters(NETWORKS[key](lambda *_: nn.ReLU()))
    if policy == "equal_parameters":
        assert parameters(network) == pytest.approx(plain, rel=0.03)
    elif ratio == 1:
        assert parameters(network) == pytest.approx(plain, rel=0.1)
    else:
        assert abs(parameters(network) - plain) > 0.1 * plain


@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
@pytest.mark.parametrize("policy", WIDTH_POLICIES)
def test_pointwise_networks_are_the_same_in_every_policy(key: tuple[str, str], policy: str) -> None:
    def shapes(network: nn.Module) -> list[tuple[str, torch.Size]]:
        return [(name, p.shape) for name, p in network.named_parameters()]

    plain = NETWORKS[key](lambda *_: nn.ReLU())
    assert shapes(NETWORKS[key](lambda *_: nn.ReLU(), Width(policy=policy))) == shapes(plain)


@pytest.mark.parametrize(("ratio", "multiple"), COARSE)
@pytest.mark.parametrize("key", NETWORKS, ids="-".join)
def test_coarse_groups_in_small_networks(
    key: tuple[str, str], ratio: Fraction, multiple: int
) -> None:
    """One group more or less is several per cent of their parameters."""
    network: Any = NETWORKS[key]
    fitted = fitted_sizes(network, Width(ratio, multiple))
    assert all(size % multiple == 0 for size in fitted)
    assert network.count(fitted, ratio) == pytest.approx(
        network.count(network.sizes, ONE), rel=0.07
    )


# Policies


@pytest.mark.parametrize(
    ("key", "text", "layer", "channels", "multiple"),
    [
        (("mnist1d", "conv"), "group_sort(x, 2)", "conv1", 25, 2),
        (("mnist1d", "mlp"), "group_max(group_sort(x, 8), 4)", "dense1", 100, 8),
        (("digits", "attention"), "group_sort(x, 3)", r"block1\.expand", 64, 3),
    ],
)
def test_strict_refuses(
    key: tuple[str, str], text: str, layer: str, channels: int, multiple: int
) -> None:
    message = (
        rf"^channels of layer {layer} are {channels}; the activation after it wants a "
        rf"multiple of {multiple}; set task\.width: round \(or equal_parameters\)$"
    )
    with pytest.raises(InputError, match=message):
        built(key, text, "strict")
    for policy in ("round", "equal_parameters"):
        built(key, text, policy)


def test_strict_takes_the_sizes_as_they_are() -> None:
    network, shapes = built(("digits", "mlp"), "group_max(x, 4)", "strict")
    network(torch.randn(2, 64))
    assert [(a.shape[1], b.shape[1]) for a, b in shapes] == [(64, 16), (64, 16)]
    network, _ = built(("digits", "conv"), "concat(relu(x), relu(-x))", "strict")
    assert (network.conv1.out_channels, network.conv2.in_channels) == (16, 32)


@pytest.mark.parametrize(
    ("sizes", "multiple", "rounded"),
    [((25, 26), 2, (26, 26)), ((1, 2), 4, (4, 4)), ((5, 6, 7), 4, (4, 8, 8)), ((3,), 1, (3,))],
)
def test_round(sizes: tuple[int, ...], multiple: int, rounded: tuple[int, ...]) -> None:
    hidden = Hidden([f"l{size}" for size in sizes], sizes, lambda *_: 0)
    assert fit_sizes(hidden, Width(ONE, multiple, "round")) == rounded


def test_equal_parameters_scales_by_one_factor() -> None:
    template: Any = conv2d(8, 10, (40, 80))
    network = template(lambda *_: nn.Identity(), Width(HALF, 2))
    first, second = network.conv1.out_channels, network.conv2.out_channels
    assert second / first == pytest.approx(2.0, abs=0.15)
    assert (network.conv2.in_channels, network.head.in_features) == (first // 2, second // 2 * 16)


@pytest.mark.parametrize("ratio", [QUARTER, HALF, ONE, TWO])
@pytest.mark.parametrize("multiple", [1, 2, 3, 4])
@pytest.mark.parametrize("hidden", [(7,), (2, 3), (30, 10, 20), (64, 64, 64, 64)])
def test_equal_parameters_is_the_nearest_of_all(
    hidden: tuple[int, ...], multiple: int, ratio: Fraction
) -> None:
    """Against every factor and every way of rounding."""
    template: Any = mlp(16, hidden, 10)
    width = Width(ratio, multiple)
    fitted = fit_sizes(Hidden(template.layers, hidden, arithmetic), width)
    wanted = arithmetic(hidden, ONE)
    assert wanted == template.count(hidden, ONE)
    assert arithmetic(fitted, ratio) == template.count(fitted, ratio)
    step = width.step
    floors = {
        tuple(max(step, n * step * h // size // step * step) for h in hidden)
        for size in hidden
        for n in range(5 * size // step + 1)
    }
    best = min(
        abs(
            arithmetic(tuple(s + step * (bits >> i & 1) for i, s in enumerate(base)), ratio)
            - wanted
        )
        for base in floors
        for bits in (0, 2 ** len(hidden) - 1)
    )
    assert abs(arithmetic(fitted, ratio) - wanted) <= best


def arithmetic(sizes: tuple[int, ...], ratio: Fraction) -> int:
    """Parameters of `mlp(16, sizes, 10)`."""
    ins = [16, *(int(size * ratio) for size in sizes)]
    return sum((i + 1) * o for i, o in zip(ins, [*sizes, 10], strict=True))


def test_deep_networks_are_fitted_in_time() -> None:
    sizes = (32,) * 50
    hidden = Hidden([""] * 50, sizes, arithmetic)
    for ratio in (QUARTER, HALF, TWO):
        fitted = fit_sizes(hidden, Width(ratio))
        assert arithmetic(fitted, ratio) == pytest.approx(arithmetic(sizes, ONE), rel=0.02)
        assert max(fitted) - min(fitted) == Width(ratio).step


def test_policies_are_those_of_the_specification() -> None:
    assert get_args(TaskSpec.model_fields["width"].annotation) == tuple(WIDTH_POLICIES)
    assert TaskSpec().width == Width().policy


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Fraction(1, 3),), "width ratio is 1/3; wanted one of 1/4, 1/2, 1, 2"),
        ((ONE, 0), "multiple of channels is 0; wanted at least 1"),
        ((ONE, 1, "strikt"), "width policy is 'strikt'; did you mean 'strict'?; wanted one of"),
    ],
)
def test_unusable_widths(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Width(*arguments)
    assert str(caught.value).startswith(message)

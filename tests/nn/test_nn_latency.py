"""Latency: a ratio to ReLU in the same way of computing."""

import pytest
import torch

from evoact.language import named, parse
from evoact.nn.latency import relative_latency


@pytest.mark.parametrize("way", ["torch", "c"])
def test_what_computes_more_takes_longer(way):
    slow = parse("erf(x) + erf(2.0 * x) + sin(3.0 * x) + tanh(x)")
    threads = torch.get_num_threads()
    found = relative_latency([named("relu"), slow], (way,), rounds=9)
    assert torch.get_num_threads() == threads
    # Many times slower; how many depends on the machine.
    assert found[str(slow)][way] > found[str(named("relu"))][way] > 0.0


def test_groupwise_and_constant_functions_have_one_too():
    for text in ("group_max(x, 4)", "left(x) * sigmoid(right(x))", "0.0 * x"):
        found = relative_latency([parse(text)], ("torch", "c"), rounds=3)
        assert all(ratio > 0.0 for ratio in found[text].values()), text

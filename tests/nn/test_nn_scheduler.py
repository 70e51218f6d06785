"""The scheduler: it sets g in every module, by step, epoch, loss or cost, and resumes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from evoact.errors import InputError
from evoact.nn import SHAPES, Annealed, AnnealScheduler, Phase, Schedule


def model(layers: int = 2) -> nn.Sequential:
    annealed = (Annealed("relu(x)", "tanh(x)") for _ in range(layers - 1))
    return nn.Sequential(*annealed, nn.Sequential(Annealed("relu(x)", "silu(x)")), nn.ReLU())


def course(
    scheduler: AnnealScheduler, steps: int, loss: Callable[[int], Any] = lambda _: 1.0
) -> list[float]:
    """Return the mean g before each step, and after the last."""
    seen = [scheduler.get_last_g()]
    for step in range(steps):
        scheduler.step(loss(step))
        seen.append(scheduler.get_last_g())
    return seen


def test_every_module_is_set() -> None:
    network = model()
    scheduler = AnnealScheduler(network, Schedule("linear", 0.0, 0.5), total_steps=8)
    seen = []
    for _ in range(9):
        assert float(network[0].g) == float(network[1][0].g) == scheduler.get_last_g()
        seen.append(scheduler.get_last_g())
        scheduler.step()
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert network[1][0].phase is Phase.LATE


def test_one_module_at_two_places_is_one_layer() -> None:
    act = Annealed("relu(x)", "tanh(x)")
    network = nn.Sequential(act, nn.Linear(2, 2), act, Annealed("relu(x)", "tanh(x)"))
    AnnealScheduler(network, Schedule(end=1.0, layers="lower_first"), total_steps=2).step()
    assert (float(act.g), float(network[3].g)) == (1.0, 0.0)


def test_wrapped_models_are_annealed() -> None:
    network = model()
    scheduler = AnnealScheduler(torch.compile(network, backend="eager"), total_steps=2)
    scheduler.step()
    assert float(network[0].g) == 1.0


def test_names_and_numbers() -> None:
    assert AnnealScheduler(model(), "cosine", total_steps=4).schedule == Schedule("cosine")
    scheduler = AnnealScheduler(model(), total_steps=np.int64(4), steps_per_epoch=np.int32(2))
    assert json.loads(json.dumps(scheduler.state_dict())) == scheduler.state_dict()
    with pytest.raises(InputError, match="schedule is 'cubic'; wanted one of"):
        AnnealScheduler(model(), "cubic", total_steps=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "total_steps is 0; wanted at least 1"),
        ({"total_steps": 2.0}, "total_steps is 2.0, a float; wanted an integer, such as 1000"),
        ({"total_steps": True}, "total_steps is True, a bool"),
        ({"total_steps": 4, "steps_per_epoch": 0}, "steps_per_epoch is 0; wanted at least 1"),
    ],
)
def test_bad_numbers(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        AnnealScheduler(model(), "linear", **arguments)
    assert message in str(caught.value)


def test_epochs_must_be_known_where_they_matter() -> None:
    with pytest.raises(InputError, match="steps_per_epoch is None; wanted a number, as g chang"):
        AnnealScheduler(model(), Schedule(by="epoch"), total_steps=4)


def test_a_model_without_annealing_is_refused_unless_it_is_late_from_the_start() -> None:
    with pytest.raises(InputError, match=r"no Annealed module; put evoact\.Annealed"):
        AnnealScheduler(nn.ReLU(), total_steps=4)
    assert course(AnnealScheduler(nn.ReLU(), Schedule(end=0.0), total_steps=4), 2) == [1.0] * 3


# By layers, epochs and cost


@pytest.mark.parametrize("order", ["lower_first", "upper_first"])
def test_layers_take_turns(order: str) -> None:
    network = model(3)
    scheduler = AnnealScheduler(network, Schedule(end=1.0, layers=order), total_steps=4)
    gs = []
    for _ in range(5):
        gs.append([float(m.g) for m in network.modules() if isinstance(m, Annealed)])
        scheduler.step()
    lower = [[0.0] * 3, [0.5, 0.0, 0.0], [1.0, 0.5, 0.0], [1.0, 1.0, 0.5], [1.0] * 3]
    assert gs == (lower if order == "lower_first" else [g[::-1] for g in lower])


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("start", [0.0, 0.23])
def test_by_epoch_g_changes_between_epochs_only(name: str, start: float) -> None:
    schedule = Schedule(name, start, 1.0, by="epoch")
    scheduler = AnnealScheduler(model(), schedule, total_steps=50, steps_per_epoch=5)
    seen = course(scheduler, 50)
    changes = [step for step in range(1, 51) if seen[step] != seen[step - 1]]
    assert changes
    assert all(step % 5 == 0 for step in changes)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_a_training_that_ends_within_an_epoch_arrives_all_the_same() -> None:
    schedule = Schedule(end=1.0, by="epoch")
    scheduler = AnnealScheduler(model(), schedule, total_steps=10, steps_per_epoch=4)
    assert course(scheduler, 11) == pytest.approx([0] * 4 + [0.4] * 4 + [0.8] * 2 + [1.0] * 2)


def test_cost_delays_the_rise_by_the_ratio_of_the_costs() -> None:
    def start(late: str) -> float:
        network = nn.Sequential(Annealed("relu(x)", late))
        return AnnealScheduler(network, Schedule("cost"), total_steps=9).schedule.start

    cheap, dear = start("silu(x)"), start("tanh(x) * sin(x) * exp(-x * x)")
    assert 0.0 < cheap < dear < 0.5
    assert start("relu(x)") == 0.0
    ratio = Annealed("relu(x)", "silu(x)").cost_ratio
    assert cheap == pytest.approx(0.5 - 0.5 / ratio)


def test_cost_of_modules_is_unknown_and_counts_as_equal() -> None:
    assert Annealed(nn.ReLU(), nn.Tanh()).cost_ratio == 1.0


# By loss


def loss_schedule(total: int = 100, **more: Any) -> AnnealScheduler:
    return AnnealScheduler(model(), Schedule("loss", end=1.0, **more), total_steps=total)


def test_a_falling_loss_waits_for_the_second_half() -> None:
    seen = course(loss_schedule(), 100, lambda step: 0.9**step)
    assert seen[:51] == [0.0] * 51
    assert seen[75] == pytest.approx(0.5)
    assert seen[100] == 1.0


def test_a_stalling_loss_raises_g_by_eighths() -> None:
    seen = course(loss_schedule(), 30)
    assert seen == [min(1.0, max(0, step // 2 - 1) / 8) for step in range(31)]


def test_a_loss_in_gentle_fall_stalls_as_well() -> None:
    assert course(loss_schedule(), 10, lambda step: 1.0 - 1e-4 * step)[-1] > 0.0
    assert course(loss_schedule(), 10, lambda step: -1.0 - 0.1 * step)[-1] == 0.0


@pytest.mark.parametrize("by", ["step", "epoch"])
def test_stalls_before_the_start_do_not_count(by: str) -> None:
    schedule = Schedule("loss", 0.33, 0.8, by=by)
    scheduler = AnnealScheduler(model(), schedule, total_steps=100, steps_per_epoch=5)
    seen = course(scheduler, 100)
    assert seen[33] == 0.0
    assert 0.0 < seen[50] < 1.0
    assert seen[80] == 1.0


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_is_waited_out(loss: float) -> None:
    seen = course(loss_schedule(), 100, lambda _: loss)
    assert seen == sorted(seen)
    assert seen[100] == 1.0


def test_layers_take_turns_by_stalls_too() -> None:
    network = model()
    schedule = Schedule("loss", end=1.0, layers="lower_first")
    scheduler = AnnealScheduler(network, schedule, total_steps=100)
    for _ in range(10):  # four stalls
        scheduler.step(1.0)
    assert (float(network[0].g), float(network[1][0].g)) == (1.0, 0.0)


def test_the_loss_is_needed() -> None:
    with pytest.raises(InputError, match=r"schedule is 'loss'; wanted step\(loss\)"):
        loss_schedule().step()


def test_the_loss_is_read_once_in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    monkeypatch.setattr(Tensor, "__float__", lambda self: reads.append(1) or self.item())
    scheduler = loss_schedule(200)
    parameter = torch.ones((), requires_grad=True)
    for _ in range(200):
        scheduler.step(parameter * 2.0)  # with its graph, which must not be kept
    assert len(reads) == 50


def test_the_mean_of_a_window_is_not_rounded_to_the_type_of_the_loss() -> None:
    """In bfloat16 a sum of ones stays at 256; the mean would fall, and no stall be seen."""
    scheduler = loss_schedule(50_000)
    one = torch.ones((), dtype=torch.bfloat16)
    for _ in range(1000):
        scheduler.step(one)
    assert scheduler.state_dict()["stall"]["best"] == 1.0


# Resuming


@pytest.mark.parametrize("stop", [0, 1, 3, 5, 8])
def test_scheduler_resumes(stop: int) -> None:
    first = AnnealScheduler(model(), Schedule("cosine", 0.1, 0.9), total_steps=8)
    whole = course(first, stop)[:-1]
    saved = first.state_dict()
    whole += course(first, 8 - stop)
    network = model()
    second = AnnealScheduler(network, Schedule("cosine", 0.1, 0.9), total_steps=3)
    second.load_state_dict(saved)
    assert float(network[0].g) == pytest.approx(whole[stop])
    assert course(second, 8 - stop) == whole[stop:]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("stop", [0, 7, 38, 61, 77])
def test_every_schedule_resumes_in_mid_window(name: str, stop: int) -> None:
    def loss(step: int) -> Tensor:
        return torch.tensor(2.0 + 0.9 ** (step // 3))

    def fresh(total: int) -> AnnealScheduler:
        schedule = Schedule(name, 0.05, 0.95, "lower_first", "epoch")
        return AnnealScheduler(model(), schedule, total_steps=total, steps_per_epoch=total // 10)

    whole = course(fresh(80), 80, loss)
    first = fresh(80)
    course(first, stop, loss)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = fresh(30)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert course(second, 80 - stop, lambda step: loss(step + stop)) == whole[stop:]


def test_resuming_sets_g_even_where_it_was_set_by_hand() -> None:
    network = model()
    scheduler = AnnealScheduler(network, "steps", total_steps=8)
    saved = scheduler.state_dict()
    network[0].set_g(0.7)
    scheduler.load_state_dict(saved)
    assert network[0].phase is Phase.EARLY


def test_an_averaged_copy_has_a_scheduler_of_its_own() -> None:
    network = model()
    average = AveragedModel(network)
    schedulers = [AnnealScheduler(m, total_steps=2) for m in (network, average)]
    for scheduler in schedulers:
        scheduler.step()
    average.update_parameters(network)
    x = torch.randn(5)
    assert torch.equal(average(x), network(x))
    assert average.module[0].phase is Phase.LATE

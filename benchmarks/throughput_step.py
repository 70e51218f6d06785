"""Stacks against one network at a time: the time of a step, and candidates an hour."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact import Activation, Candidate, Evolution, SearchSpec
from evoact.language import ZOO, resolve
from evoact.nn.packed import Alone, Bank, Place
from evoact.records import Cohort, Evaluation, TaskSpec
from evoact.study import load_space
from evoact.tasks import Width
from evoact.training.forming import data_of, form
from evoact.training.loop import Training
from evoact.training.network import OneNetwork

STACK = 32  # candidates of a cohort, in as many stacks as pay
QUICKSTART = "search_spaces/quickstart.yaml"
RATE = 1e-4  # low, so that no function diverges and leaves the stack


def zoo_mix() -> list[Candidate]:
    """Return named functions from all of the zoo."""
    plain = [e for e in map(resolve, ZOO) if e.width == 1]
    pointwise = [e for e in plain if not e.is_groupwise]
    return [Candidate(e) for e in pointwise[:: len(pointwise) // STACK][:STACK]]


def discovered_mix(count: int = STACK) -> list[Candidate]:
    """Return functions as the quickstart breeds them, of 7 nodes or more, not annealed."""
    space = load_space(QUICKSTART)
    spec = space.model_copy(update={"anneal": type(space.anneal)(early=("none",))})
    found: list[Candidate] = []
    evolution = Evolution(spec, seed=1)
    while len(found) < count:
        asked = evolution.ask(count)
        found += [c for c in asked if c.late.nodes >= 7]
        evolution.tell([Evaluation.ok(c, val_accuracy=float(c.late.nodes)) for c in asked])
    return found[:count]


MIXES = {"zoo": zoo_mix, "discovered": discovered_mix}


def step_section(networks: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """Print the time of a network's step, contestant by contestant."""
    print(
        f"Microseconds of a network's step, mnist1d, batch 100, a cohort of {STACK}, one thread\n"
    )
    print("| network | functions | stack, C | stack, torch | floor: ReLU | one at a time, torch "
          "| one / stack | stack / floor |")  # fmt: skip
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    rows = []
    for network in networks:
        for name, mix in MIXES.items():
            times = _times(mix(), network, rounds)
            median = {key: statistics.median(values) for key, values in times.items()}
            gain = _ratio(times["one"], times["c"])
            over = _ratio(times["c"], times["floor"])
            print(f"| {network} | {name} | {median['c']:.0f} | {median['torch']:.0f} | "
                  f"{median['floor']:.0f} | {median['one']:.0f} | {gain:.2f} | {over:.2f} |",
                  flush=True)  # fmt: skip
            rows.append({"network": network, "mix": name, "times": times, "gain": gain,
                         "over floor": over})  # fmt: skip
    print()
    return rows


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def _times(candidates: list[Candidate], network: str, rounds: int) -> dict[str, list[float]]:
    task = TaskSpec(name="mnist1d", network=network, epochs=1000, learning_rate=RATE)
    relu = [Candidate(resolve("relu")) for _ in candidates]
    contestants: dict[str, Callable[[], float]] = {
        "c": Timed(candidates, task, "c"),
        "torch": Timed(candidates, task, "torch"),
        "floor": Timed(relu, task, "torch", floor=True),
        "one": OneByOne(candidates[::4], task),
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for index in range(rounds):
        order = list(contestants)
        for name in order[index % len(order) :] + order[: index % len(order)]:
            times[name].append(contestants[name]())
    return times


class ReluPlace(Place):
    """Torch's own ReLU on all slices at once."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation."""
        return F.relu(x)


class Trained:
    """Trainings that go on by an epoch a call; the first one warms up."""

    def __init__(self, trainings: list[Training], networks: int, device: str) -> None:
        self.trainings, self.device, self.epochs = trainings, device, 0
        self.steps = trainings[0].steps_per_epoch * networks
        self()

    def __call__(self) -> float:
        """Return the microseconds of a network's step."""
        self.epochs += 1
        start = clock(self.device)
        for training in self.trainings:
            training.run(self.epochs)
        return (clock(self.device) - start) / self.steps * 1e6


class Timed(Trained):
    """A cohort, in as many stacks as evoact makes of it."""

    def __init__(
        self,
        candidates: list[Candidate],
        task: TaskSpec,
        kernels: str,
        floor: bool = False,
        device: str = "cpu",
    ) -> None:
        more = {"kernels": kernels, "timeout": 1e9, "device": device}
        cohort = Cohort(tuple(candidates), task, seed=0, **more)
        trainings = list(form(cohort, range(len(candidates)), _raise))
        if floor:
            for training in trainings:
                _replace_banks(training)
        super().__init__(trainings, len(candidates), device)


class OneByOne(Trained):
    """Each candidate in a network of torch's own layers, one after the other."""

    def __init__(self, candidates: list[Candidate], task: TaskSpec, device: str = "cpu") -> None:
        trainings = []
        for candidate in candidates:
            cohort = Cohort((candidate,), task, seed=0, timeout=1e9, device=device)
            own = OneNetwork(data_of(cohort).task.network(Alone, Width()))
            (training,) = form(cohort, [0], _raise, networks=own)
            trainings.append(training)
        super().__init__(trainings, len(candidates), device)


def clock(device: str) -> float:
    """Return seconds: of the processor, or until a GPU has done what it was given."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def _raise(_position: int, error: Exception) -> None:
    raise error


def _replace_banks(training: Training) -> None:
    network = training.stack.network
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Bank):
                setattr(module, name, ReluPlace(child.channels, child.channel_dim))


# Candidates an hour


def rate_section(epochs: int, rounds: int) -> dict[str, Any]:
    """Print candidates an hour on two workers, contestant by contestant."""
    task = TaskSpec(name="mnist1d", network="mlp", epochs=epochs)
    bred = discovered_mix(24)
    rates: dict[str, list[float]] = {name: [] for name in ("stacks", "one", "tune")}
    starts = []
    for _ in range(rounds):
        starts.append(_evoact_rates(bred, task, rates))
        rates["tune"].append(_plain_tune(bred[:6], epochs))
    start = statistics.median(starts)
    print(f"Candidates an hour, functions as the quickstart breeds them, mnist1d mlp, {epochs} "
          f"epochs, two workers; start-up of {start:.1f} s apart\n")  # fmt: skip
    print("| | candidates an hour | stacks / it |")
    print("|---|---:|---:|")
    told = {"stacks": "stacks of 12, C", "one": "one at a time, torch",
            "tune": "plain Ray Tune, a fresh trial each, torch"}  # fmt: skip
    for name, values in rates.items():
        ratio = _ratio(rates["stacks"], values)
        print(f"| {told[name]} | {statistics.median(values):,.0f} | {ratio:.1f} |")
    print(flush=True)
    return {"rates": rates, "start": start}


def _evoact_rates(bred: list[Candidate], task: TaskSpec, rates: dict[str, list[float]]) -> float:
    """Add the rates of stacks and of one candidate after the other; return the start-up time."""
    from evoact.study.evaluators.ray import RayEvaluator

    begun = time.perf_counter()
    evaluator = RayEvaluator(workers=2)  # with actors that hold both cores until it is closed
    short = task.model_copy(update={"epochs": 1})
    list(evaluator.evaluate([Cohort((c,), short, 0) for c in bred[:2]]))
    started = time.perf_counter() - begun
    for name, size, kernels, count in (("stacks", 12, "c", 24), ("one", 1, "torch", 12)):
        parts = [tuple(bred[i : i + size]) for i in range(0, count, size)]
        begun = time.perf_counter()
        cohorts = [Cohort(part, task, seed=0, kernels=kernels) for part in parts]
        found = [e for ended in evaluator.evaluate(cohorts) for e in ended]
        assert len(found) == count
        rates[name].append(count / (time.perf_counter() - begun) * 3600)
    evaluator.close()
    return started


def _plain_tune(candidates: list[Candidate], epochs: int) -> float:
    """Return the rate of what a user would write: a fresh trial a candidate."""
    import ray
    from ray import tune

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    begun = time.perf_counter()
    space = {"texts": [c.text for c in candidates], "epochs": epochs}
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(plain_trial, {"cpu": 1}),
            param_space={**space, "which": tune.grid_search(list(range(len(candidates))))},
            run_config=tune.RunConfig(verbose=0, storage_path=folder),
        )
        assert not tuner.fit().errors
    rate = len(candidates) / (time.perf_counter() - begun) * 3600
    ray.shutdown()
    return rate


def plain_trial(config: dict[str, Any]) -> None:
    """Train one network with torch's own means."""
    from ray import tune

    from evoact.tasks import load

    torch.set_num_threads(1)
    text = config["texts"][config["which"]]
    splits = load("mnist1d", 0)
    x, y = torch.from_numpy(splits.train.x), torch.from_numpy(splits.train.y)
    net = nn.Sequential(
        nn.Linear(40, 100), Activation(text), nn.Linear(100, 100), Activation(text),
        nn.Linear(100, 10),
    )  # fmt: skip
    adam = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(config["epochs"]):
        for batch in torch.randperm(len(x)).split(100):
            adam.zero_grad()
            F.cross_entropy(net(x[batch]), y[batch]).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            adam.step()
    logits = net(torch.from_numpy(splits.validation.x))
    right = logits.argmax(1) == torch.from_numpy(splits.validation.y)
    tune.report({"val_accuracy": float(right.float().mean())})


def spec_of_quickstart() -> SearchSpec:
    """Return the quickstart's search, without trackers."""
    space = load_space(QUICKSTART)
    tracking = space.tracking.model_copy(update={"mlflow": "off"})
    return space.model_copy(update={"tracking": tracking})

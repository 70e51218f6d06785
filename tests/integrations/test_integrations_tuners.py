"""Named and found functions as a choice in the spaces of other tuners."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from torch import nn

import evoact
from evoact.language import ZOO

NAMED = {name: ZOO[name].text for name in ("relu", "gelu", "mish", "tanhshrink", "snake")}
optuna.logging.disable_default_handler()


def loss_of(text: str, steps: int = 5) -> float:
    """Fit a small network to a sine and return what is left."""
    torch.manual_seed(0)
    x = torch.linspace(-3, 3, 32).unsqueeze(1)
    net = nn.Sequential(nn.Linear(1, 8), evoact.Activation(text), nn.Linear(8, 1))
    optimiser = torch.optim.Adam(net.parameters(), 0.03)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (net(x) - torch.sin(2 * x)).square().mean()
        loss.backward()
        optimiser.step()
    return loss.item()


def test_all_of_the_zoo_that_keeps_the_width_is_a_choice_of_optuna() -> None:
    expressions = {name: evoact.parse(row.text) for name, row in ZOO.items()}
    texts = [str(e) for e in expressions.values() if not e.is_groupwise]
    x = torch.linspace(-1, 1, 5).unsqueeze(1)

    def objective(trial: optuna.Trial) -> float:
        text = trial.suggest_categorical("activation", texts)
        channels = 1 if "per channel" in text else None
        return float(evoact.Activation(text, channels)(x).detach().abs().sum())

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=20)
    assert len(texts) > 300
    assert study.best_params["activation"] in texts


def test_optuna_finds_the_best_of_all() -> None:
    texts = {**NAMED, "found": "sin(w * x) where w = 2.0"}

    def objective(trial: optuna.Trial) -> float:
        return loss_of(texts[trial.suggest_categorical("activation", list(texts))])

    study = optuna.create_study(
        sampler=optuna.samplers.GridSampler({"activation": list(texts)}, seed=0)
    )
    study.optimize(objective)
    losses = {name: loss_of(text) for name, text in texts.items()}
    assert len(study.trials) == len(texts)
    assert study.best_params["activation"] == min(losses, key=losses.__getitem__)
    assert study.best_value == min(losses.values())


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_winners_of_a_study_in_ray_tune(
    smoke_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    monkeypatch.setenv("RAY_AIR_NEW_OUTPUT", "0")
    winners = [str(found.expression) for found in evoact.Study.load(smoke_run).best(2)]
    texts = [*NAMED.values(), *winners]

    def train(config: dict[str, Any]) -> dict[str, float]:
        return {"loss": loss_of(config["activation"])}

    def tuned(**more: Any) -> Any:
        settings = {"metric": "loss", "mode": "min", **more}
        run = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
        space = {"activation": tune.choice(texts)}
        if "search_alg" not in more:
            space = {"activation": tune.grid_search(texts)}
        tuner = tune.Tuner(
            train, param_space=space, tune_config=tune.TuneConfig(**settings), run_config=run
        )
        return tuner.fit()

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have no tests
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    try:
        results = tuned()
        losses = {one.config["activation"]: one.metrics["loss"] for one in results}
        assert losses == pytest.approx({text: loss_of(text) for text in texts})
        assert results.get_best_result().config["activation"] == min(losses, key=losses.get)
        sampled = tuned(num_samples=4, search_alg=OptunaSearch(seed=0))
        assert {one.config["activation"] for one in sampled} <= set(texts)
        assert not sampled.errors
    finally:
        ray.shutdown()
        ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])

"""A study whose trainings are interrupted goes on within them: `evaluate.checkpoint_every`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_runs import gone_on, searched

from evoact.language import named
from evoact.records import Candidate, Checkpoint, Cohort, SearchSpec, TaskSpec
from evoact.study import InlineEvaluator, load_space
from evoact.training import train_cohort
from evoact.training.checkpoint import CohortFile
from evoact.training.loop import Training


def with_checkpoints(spec: SearchSpec) -> SearchSpec:
    data = spec.model_dump()
    data["task"]["epochs"], data["evolution"]["generations"] = 2, 2
    data["evaluate"]["checkpoint_every"] = "0.000001s"
    return SearchSpec(**data)


def test_a_study_goes_on_within_its_cohorts(
    tiny: SearchSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, epochs, saves = with_checkpoints(tiny), [], []
    train, save = Training._epoch, CohortFile.save

    def counted(self: Training, *given: Any) -> None:
        epochs.append(self)
        train(self, *given)

    def stopping(self: CohortFile, state: Any) -> None:
        save(self, state)
        saves.append(self)
        if len(saves) in (2, 5, 6, 13, 17):
            raise KeyboardInterrupt

    monkeypatch.setattr(Training, "_epoch", counted)
    whole = searched(spec, tmp_path, "whole", InlineEvaluator())
    count = len(epochs)
    monkeypatch.setattr(CohortFile, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        searched(spec, tmp_path, "stopped", InlineEvaluator())
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            gone_on(tmp_path / "stopped", InlineEvaluator())
    assert list((tmp_path / "stopped" / "checkpoints").iterdir())
    study = gone_on(tmp_path / "stopped", InlineEvaluator())
    assert len(epochs) == 2 * count  # none was trained twice
    tables = [tmp_path / name / "hall_of_fame.csv" for name in ("whole", "stopped")]
    assert tables[0].read_bytes() == tables[1].read_bytes()
    assert study.history.evaluations.keys() == whole.history.evaluations.keys()
    assert not (tmp_path / "stopped" / "checkpoints").exists()


def test_the_key(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("evaluate: {checkpoint_every: 10m}\n")
    assert load_space(path).evaluate.checkpoint_every == 600.0
    assert SearchSpec().evaluate.checkpoint_every is None


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::FutureWarning")  # Ray's own, as in its other tests
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_worker_goes_on_where_another_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evoact.study.evaluators.ray import RayEvaluator
    from evoact.study.evaluators.trials import CohortTrainable

    class Killed(CohortTrainable):  # here, so that Ray sends it by value
        def trained(self, text: str) -> Any:
            import os
            import signal
            from pathlib import Path

            from evoact.training.checkpoint import CohortFile

            log = Path(os.environ["EVOACT_TEST_SAVES"])
            save = CohortFile.save

            def logged(file: Any, state: Any) -> None:
                save(file, state)
                with log.open("a") as lines:
                    lines.write(f"{os.getpid()}\n")
                if len(log.read_text().split()) == 2:
                    os.kill(os.getpid(), signal.SIGKILL)

            CohortFile.save = logged  # type: ignore[method-assign]  # in this process alone
            try:
                return super().trained(text)
            finally:
                CohortFile.save = save  # type: ignore[method-assign]

    log = tmp_path / "saves.txt"
    monkeypatch.setenv("EVOACT_TEST_SAVES", str(log))
    monkeypatch.setattr(RayEvaluator, "trainable", Killed)
    task = TaskSpec(name="digits", epochs=5, batch_size=256)
    cohort = Cohort((Candidate(named("silu")),), task, seed=3)
    evaluator = RayEvaluator(workers=1)
    try:
        kept = Checkpoint(str(tmp_path / "checkpoints"), 1e-9)
        (found,) = evaluator.evaluate([Cohort(cohort.candidates, task, 3, checkpoint=kept)])
    finally:
        evaluator.close()
    (here,) = train_cohort(cohort)
    assert (found[0].objectives, found[0].curve) == (here.objectives, here.curve)
    workers = log.read_text().split()
    assert len(workers) == task.epochs  # none was trained twice
    assert len({*workers}) == 2

"""Whole searches in this process: files, resume after any interruption, confirmation."""

import json

import pytest

import evoact
from evoact import api
from evoact.errors import InputError, StudyError
from evoact.records import (
    Evaluation,
    GenerationTold,
    History,
    SearchSpec,
    decode,
)
from evoact.study import Study, run
from evoact.study.cohorts import cohorts_of
from evoact.training import train_cohort


def searched(spec, folder, name, evaluator, seed=7):
    study = Study.create(spec, folder, name, seed)
    try:
        study.open(api._trackers(study))
        run(study, evaluator)
    finally:
        study.close()
    return study


def test_search_writes_its_files_and_reloads(tiny, tmp_path):
    study = evoact.search(tiny, runs_dir=tmp_path, seed=7)
    assert study.folder == tmp_path / "tiny"
    assert study.is_finished
    names = {p.name for p in study.folder.iterdir()}
    assert {"space.yaml", "journal.jsonl", "hall_of_fame.csv", "winners", "figures"} <= names
    again = evoact.Study.load(study.folder)
    assert [f.candidate.id for f in again.best(5)] == [f.candidate.id for f in study.best(5)]
    assert again.winner() == study.winner()
    best = study.best(1)[0]
    values = [f.evaluation.objectives["val_accuracy"] for f in study.best()]
    assert values == sorted(values, reverse=True)
    assert best.expression == best.candidate.late
    resolved = evoact.load_space(study.folder / "space.yaml")
    assert resolved.run.seed == 7
    assert {"evoact", "torch", "language", "python"} <= set(resolved.run.versions)


def test_every_evaluation_says_where_it_was_made(tiny, tmp_path):
    study = evoact.search(tiny, runs_dir=tmp_path)
    for evaluation in study.history.evaluations.values():
        environment = evaluation.environment
        assert environment["threads"] == 1
        assert {"device", "dtype", "torch", "evoact", "language"} <= set(environment)


def test_confirmation_uses_fresh_seeds_for_finalists_and_baselines(tiny, tmp_path):
    study = evoact.search(tiny, runs_dir=tmp_path)
    asked = study.history.confirmation
    assert asked.replicates == (1, 2)
    assert list(asked.baselines) == ["relu"]
    baseline_ids = {c.id for c in asked.baselines.values()}
    assert not {c.id for c in asked.finalists.values()} & baseline_ids
    for candidate in (*asked.finalists.values(), *asked.baselines.values()):
        confirmed = study.history.confirmed(candidate)
        assert [e.replicate for e in confirmed] == [1, 2]
        assert all("test_accuracy" in e.test for e in confirmed if e.is_ok)
    assert not any(e.test for (_, r), e in study.history.evaluations.items() if r == 0)
    means = {
        c.id: sum(e.objectives["val_accuracy"] for e in study.history.confirmed(c))
        for c in asked.finalists.values()
    }
    assert study.winner().id == max(means, key=means.get)


@pytest.mark.parametrize("stop_after", [0, 1, 4, 5, 7, 12, 16, 19])
def test_interrupted_anywhere_and_resumed_equals_uninterrupted(
    tiny, tmp_path, counting, stop_after
):
    whole = counting()
    reference = searched(tiny, tmp_path, "whole", whole)
    first, second = counting(stop_after), counting()
    with pytest.raises(KeyboardInterrupt):
        searched(tiny, tmp_path, "cut", first)
    study = Study.load(tmp_path / "cut")
    study.open(api._trackers(study))
    run(study, second)
    study.close()
    trained = first.trained + second.trained
    assert trained == whole.trained
    assert set(trained.values()) == {1}
    ours, theirs = (tmp_path / name / "hall_of_fame.csv" for name in ("cut", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert study.winner() == reference.winner()


def test_opening_sees_what_another_process_wrote_since_loading(tiny, tmp_path, counting):
    Study.create(tiny, tmp_path, "a", 0)
    late, evaluator = Study.load(tmp_path / "a"), counting()
    first = Study.load(tmp_path / "a")
    first.open([])
    run(first, counting())
    first.close()
    late.open([])
    run(late, evaluator)
    late.close()
    assert late.is_finished
    assert not evaluator.trained


def test_names(tiny, tmp_path):
    assert Study.create(tiny, tmp_path, None, 0).name == "tiny"
    assert Study.create(tiny, tmp_path, None, 0).name == "tiny-2"
    before = (tmp_path / "tiny" / "journal.jsonl").read_bytes()
    with pytest.raises(InputError, match="nothing is overwritten"):
        evoact.search(tiny, runs_dir=tmp_path, name="tiny")
    assert (tmp_path / "tiny" / "journal.jsonl").read_bytes() == before
    for bad in ("../up", "", " ", "a/b", "x" * 65):
        with pytest.raises(InputError, match="--name"):
            evoact.search(tiny, runs_dir=tmp_path, name=bad)


def test_failures_are_journalled_and_do_not_stop_the_search(tiny, tmp_path):
    # As it is: standardising and screens find out that log(x + 3.2) is not finite everywhere.
    unscreened = tiny.evolution.screens.model_copy(update={"depth": 0})
    evolution = {"seeds": ("log(x + 3.2)", "relu"), "screens": unscreened}
    spec = tiny.model_copy(
        update={
            "evolution": tiny.evolution.model_copy(update=evolution),
            "language": tiny.language.model_copy(update={"normalise": "none"}),
        }
    )
    study = evoact.search(spec, runs_dir=tmp_path)
    failed = [e for e in study.history.evaluations.values() if not e.is_ok]
    assert failed
    assert all(e.reason and not e.objectives for e in failed)
    best = {f.candidate.id for f in study.best()}
    assert not best & {e.candidate_id for e in failed}


def test_hopeless_first_generation_is_an_error_with_the_reason(tiny, tmp_path):
    spec = tiny.model_copy(update={"evaluate": tiny.evaluate.model_copy(update={"timeout": 1e-6})})
    with pytest.raises(StudyError, match=r"none of the 5 .* timeout"):
        evoact.search(spec, runs_dir=tmp_path)


def test_two_objectives_keep_the_front(tiny, tmp_path):
    spec = tiny.model_copy(update={"objectives": {"val_accuracy": "max", "cost": "min"}})
    study = evoact.search(spec, runs_dir=tmp_path)
    front = [spec.signed(dict(f.evaluation.objectives)) for f in study.best()]
    every = [spec.signed(dict(e.objectives)) for _, e in study.history.searched() if e.is_ok]
    for point in front:
        assert not any(covers(other, point) and other != point for other in every)
    for point in set(every) - set(front):
        assert any(covers(other, point) for other in front)


def covers(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True))


def test_an_evaluation_does_not_depend_on_its_cohort(tiny, tmp_path):
    """Promise 2 of the design: the same bits alone and among others.

    A hook for the day when cohorts are trained as one; today each is trained alone.
    """
    study = evoact.search(tiny, runs_dir=tmp_path)
    candidates = [c for c, _ in study.history.searched()][:5]
    empty = Study.create(tiny, tmp_path, "empty", 0)
    for cohort in cohorts_of(empty, candidates, replicate=0):
        together = train_cohort(cohort)
        for candidate, evaluation in zip(cohort.candidates, together, strict=True):
            single = tiny.model_copy(
                update={"evolution": tiny.evolution.model_copy(update={"cohort": 1})}
            )
            alone_study = Study.create(single, tmp_path, None, 0)
            (alone,) = cohorts_of(alone_study, [candidate], replicate=0)
            (again,) = train_cohort(alone)
            assert comparable(again) == comparable(evaluation)
            assert comparable(evaluation) == comparable(study.history.evaluations[candidate.id, 0])


def comparable(evaluation: Evaluation) -> dict:
    data = evaluation.to_dict()
    del data["seconds"], data["params"]
    return json.loads(json.dumps(data))


def test_views_rebuilt_from_the_journal_equal_those_written_live(tiny, tmp_path, counting):
    study = searched(tiny, tmp_path, "a", counting())
    files = [
        "hall_of_fame.csv",
        "winners/confirmation.csv",
        "winners/winner.py",
        "figures/winner.svg",
    ]
    live = {name: (study.folder / name).read_bytes() for name in files}
    for name in files:
        (study.folder / name).unlink()
    api.resume(study.folder)
    assert {name: (study.folder / name).read_bytes() for name in files} == live


def test_history_of_the_journal_is_the_history_of_the_run(tiny, tmp_path, counting):
    study = searched(tiny, tmp_path, "a", counting())
    lines = (study.folder / "journal.jsonl").read_text().splitlines()
    assert (
        History.of(record for line in lines for record in decode(line)).evaluations
        == study.history.evaluations
    )


def test_trained_parameters_are_kept_and_checked(tiny, tmp_path, counting):
    spec = tiny.model_copy(
        update={
            "evolution": tiny.evolution.model_copy(update={"seeds": ("a * tanh(x) where a = 1.0",)})
        }
    )
    study = searched(spec, tmp_path, "a", counting())
    candidate = next(c for c, _ in study.history.searched() if c.origin == "seed")
    params = study.trained_params(candidate)
    assert set(params) == {"act1", "act2"}
    assert params["act1"]["a0"] != 1.0
    digest = study.history.params[candidate.id, 0]
    (study.folder / "params" / f"{digest}.safetensors").write_bytes(b"tampered")
    study.history.params = {(candidate.id, 0): digest}
    with pytest.raises(StudyError, match="was changed"):
        study.trained_params(candidate)


def test_other_versions_are_told(tiny, tmp_path, counting):
    study = searched(tiny, tmp_path, "a", counting())
    journal = study.folder / "journal.jsonl"
    first, _, rest = journal.read_text().partition("\n")
    data = json.loads(first)
    data["spec"]["run"]["versions"]["torch"] = "1.0"
    journal.write_text(json.dumps(data) + "\n" + rest)
    with pytest.warns(UserWarning, match=r"torch 1\.0 ->"):
        api.resume(study.folder)


def test_spec_of_the_space_may_be_a_path(tmp_path):
    with pytest.raises(InputError, match="cannot read search space"):
        evoact.search(tmp_path / "none.yaml", runs_dir=tmp_path)
    assert SearchSpec().primary == "val_accuracy"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"workers": 0}, "workers is 0"), ({"executor": "slurm"}, "'slurm'; wanted ray or inline")],
)
def test_wrong_executors_are_input_errors(tiny, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        evoact.search(tiny, runs_dir=tmp_path, **changes)
    assert not list(tmp_path.iterdir())


def test_trackers_are_told_of_a_generation_when_the_next_one_is_on_its_way(
    tiny, tmp_path, counting
):
    """What they do then takes no time from the workers, which have cohorts already."""
    evaluator, sent = counting(), {}

    class Listener:
        def on_record(self, record, history):
            if isinstance(record, GenerationTold):
                sent[record.generation] = len(evaluator.waiting)

        def close(self):
            pass

    study = Study.create(tiny, tmp_path, "overlap", 7)
    study.open([Listener()])
    run(study, evaluator)
    study.close()
    assert sent == {0: 3, 1: 3, 2: 0}  # cohorts of at most 2 of the next 5 candidates


def test_evaluations_of_a_cohort_wait_for_the_disk_once(tiny, tmp_path, monkeypatch):
    study = Study.create(tiny, tmp_path, "disk", 7)
    study.open([])
    synced = []
    monkeypatch.setattr("evoact.study.journal.os.fsync", synced.append)
    candidates = evoact.Evolution(tiny, 7).ask(3)
    study.record_evaluations([Evaluation.ok(c, val_accuracy=0.5) for c in candidates])
    study.close()
    assert len(synced) == 1
    assert len((study.folder / "journal.jsonl").read_bytes().splitlines()) == 4

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evoact.export import export
from evoact.language import parse
from evoact.records import Evaluated, StudyFinished
from evoact.records.params import save_params
from evoact.tracking import Guarded, MlflowTracker
from evoact.tracking.generation import generation_points
from evoact.tracking.mlflow_content import child_tags, children, lineage, study_params
from evoact.tracking.winners import write_export

WINNER = "0.5 * tanh(x) + x * sigmoid(a0 * x) where a0 = 1.5"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "demo"
    path.mkdir()
    (path / "space.yaml").write_text("name: demo\n")
    return path


@pytest.fixture
def quick_figures(monkeypatch):
    """Figures without a drawing: they take most of the time, and one test draws them."""
    monkeypatch.setattr("evoact.tracking.mlflow_files.figure_bytes", lambda figure: b"<svg/>")
    monkeypatch.setattr("evoact.tracking.mlflow_files.candidate_svg", lambda *_, **more: b"<svg/>")


class Store:
    """What a store holds, for looking at."""

    def __init__(self, uri):
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=uri)

    def runs(self, role=None):
        found = self.client.search_runs([self.experiment().experiment_id], max_results=100)
        return [r for r in found if role is None or r.data.tags["evoact.role"] == role]

    def experiment(self):
        return self.client.get_experiment_by_name("evoact")

    def points(self, run, name):
        history = self.client.get_metric_history(run.info.run_id, name)
        return [(m.step, m.value) for m in sorted(history, key=lambda m: m.step)]

    def artifacts(self, run):
        return sorted(a.path for a in self.client.list_artifacts(run.info.run_id))

    def text(self, run, name):
        return Path(self.client.download_artifacts(run.info.run_id, name)).read_text()


def log(records, uri, folder, play):
    tracker = MlflowTracker(uri, folder)
    history = play(records, tracker)
    tracker.close()
    return history


@pytest.mark.usefixtures("quick_figures")
def test_a_whole_study(study, play, store, folder):
    log(study().records(), store, folder, play)
    seen = Store(store)
    (parent,) = seen.runs("study")
    assert parent.info.run_name == "demo"
    assert parent.info.status == "FINISHED"
    assert parent.data.params["task.name"] == "mnist1d"
    assert parent.data.params["evaluate.confirm.baselines"] == '["relu", "gelu"]'
    assert parent.data.tags["evoact.seed"] == "7"
    assert parent.data.tags["evoact.versions.evoact"] == "0.1.0"
    assert parent.data.tags["evoact.winner"] == WINNER
    assert "is better than relu, the best baseline" in parent.data.tags["mlflow.note.content"]
    files = ["confirmation.csv", "figures", "hall_of_fame.csv", "space.yaml"]
    assert seen.artifacts(parent) == files
    assert "'-tanh(x)" in seen.text(parent, "hall_of_fame.csv")
    assert seen.points(parent, "best") == [(0, 0.61), (1, 0.66)]
    assert seen.points(parent, "median") == [(0, 0.60), (1, 0.64)]
    assert seen.points(parent, "evaluated") == [(0, 4), (1, 4)]
    assert seen.points(parent, "failed") == [(0, 1), (1, 1)]
    assert seen.points(parent, "rejected") == [(0, 0), (1, 1)]
    assert [step for step, _ in seen.points(parent, "diversity")] == [0, 1]
    # 3 trainings of 1.5 s and one that diverged after .5 s.
    assert parent.data.metrics["evaluations_per_worker_hour"] == pytest.approx(4 / 5 * 3600)
    assert parent.data.metrics["winner_confirmed_val_accuracy"] == pytest.approx(0.62675)


def test_children(study, play, store, folder):
    log(study().records(), store, folder, play)
    seen = Store(store)
    # 6 of the hall of fame (relu with them, which is a baseline too) and gelu.
    by_role = {role: len(seen.runs(role)) for role in ("winner", "finalist", "baseline")}
    assert by_role == {"winner": 1, "finalist": 1, "baseline": 2}
    assert len(seen.runs("hall_of_fame")) == 3
    (winner,) = seen.runs("winner")
    (parent,) = seen.runs("study")
    assert winner.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert winner.data.tags["evoact.rank"] == "1"
    assert winner.data.tags["evoact.generation"] == "1"
    tags = {name.removeprefix("evoact."): text for name, text in winner.data.tags.items()}
    about = {"status": "ok", "study": "demo", "space": "demo", "task": "mnist1d-mlp", "seed": "7"}
    kind = {"novel": "yes", "annealed": "yes", "learnable": "yes", "monotone": "no", "width": "1"}
    assert {**about, **kind, "hall_of_fame": "yes", "bounded": "no"}.items() <= tags.items()
    assert winner.data.params == {
        "expression": WINNER,
        "latex": parse(WINNER).latex(),
        "origin": "crossover",
        "early": "relu(x)",
        "early_function": "relu(x)",
        "path": "blend",
        "schedule": "cosine",
        "start": "0.0",
        "end": "0.5",
        "layers": "together",
        "by": "step",
    }
    assert seen.artifacts(winner) == ["export", "facts.json", "function.svg", "lineage.json"]
    assert "<svg" in seen.text(winner, "function.svg")
    assert json.loads(seen.text(winner, "facts.json"))["bounded"]["value"] is False
    assert winner.info.end_time - winner.info.start_time >= 1500
    assert winner.data.metrics["confirmed_test_accuracy"] == pytest.approx(0.61675)
    assert seen.points(winner, "loss") == [(1, 2.0), (2, 1.0), (3, pytest.approx(2 / 3))]
    assert seen.points(winner, "g") == [(1, 0.0), (2, 0.5), (3, 1.0)]
    assert [step for step, _ in seen.points(winner, "grad_norm")] == [2, 3]
    assert seen.points(winner, "val_accuracy")[-1] == (3, pytest.approx(0.66))
    (finalist,) = seen.runs("finalist")
    assert finalist.data.params["known_as"] == "mish"
    assert "confirmed_test_accuracy" not in finalist.data.metrics
    gelu = next(r for r in seen.runs("baseline") if r.data.params["known_as"] == "gelu")
    assert gelu.info.run_name == "baseline gelu"
    assert "evoact.generation" not in gelu.data.tags


@pytest.mark.usefixtures("quick_figures")
def test_replay_of_a_finished_study_changes_nothing(study, play, store, folder):
    log(study().records(), store, folder, play)
    seen = Store(store)
    before = {run.info.run_id: run.to_dictionary() for run in seen.runs()}
    log(study().records(), store, folder, play)
    assert {run.info.run_id: run.to_dictionary() for run in seen.runs()} == before


@pytest.mark.usefixtures("quick_figures")
def test_resumed_study_continues_its_run(study, play, store, folder):
    records = study().records()
    log(records[:8], store, folder, play)
    seen = Store(store)
    (parent,) = seen.runs()
    assert parent.info.status == "KILLED"
    log(records, store, folder, play)
    (again,) = seen.runs("study")
    assert again.info.run_id == parent.info.run_id
    assert again.info.status == "FINISHED"
    assert seen.points(again, "best") == [(0, 0.61), (1, 0.66)]


def test_a_crash_while_logging_children_is_made_up_for(study, play, store, folder, monkeypatch):
    records = study().records()
    calls = []

    def drawn_or_fail(candidate, curve, params):
        calls.append(candidate)
        if len(calls) == 3:
            raise OSError("disk full")
        return b"<svg/>"

    monkeypatch.setattr("evoact.tracking.mlflow_files.candidate_svg", drawn_or_fail)
    warnings = []
    guarded = Guarded(MlflowTracker(store, folder), warnings.append)
    play(records, guarded)
    guarded.close()
    assert len(warnings) == 1
    assert "disk full" in warnings[0]
    log(records, store, folder, play)
    seen = Store(store)
    candidates = [run.data.tags.get("evoact.candidate") for run in seen.runs()]
    assert len(candidates) == len(set(candidates)) == 8
    assert seen.runs("study")[0].info.status == "FINISHED"


@pytest.mark.usefixtures("quick_figures")
def test_the_winner_is_logged_when_other_views_are_complete(study, play, store, folder):
    """They may be writing its export; what lies in the study's folder is what is sent."""
    records = study().records()
    tracker = MlflowTracker(store, folder)
    history = play(records, tracker)
    seen = Store(store)
    assert not seen.runs("winner")
    assert len(seen.runs()) == 7
    write_export(history.candidates[history.finished.winner], history, folder, folder / "winners")
    tracker.close()
    (winner,) = seen.runs("winner")
    assert seen.runs("study")[0].info.status == "FINISHED"
    sent = seen.client.download_artifacts(winner.info.run_id, "export/winner.pt2")
    # No two exports are the same bytes.
    assert Path(sent).read_bytes() == (folder / "winners" / "winner.pt2").read_bytes()


@pytest.mark.usefixtures("quick_figures")
def test_an_export_of_another_winner_is_not_sent(study, play, store, folder):
    export("relu(x)", folder / "winners", stem="winner")
    log(study().records(), store, folder, play)
    seen = Store(store)
    (winner,) = seen.runs("winner")
    assert WINNER in seen.text(winner, "export/winner.json")


def test_a_missed_generation_is_logged_with_the_next(study, play, store, folder, monkeypatch):
    tracker = MlflowTracker(store, folder)
    records = study().search()
    history = play(records[:1], tracker)
    for number, record in enumerate(records[1:]):
        history.apply(record)
        if number != 5:  # the end of the first generation is lost on the way
            tracker.on_record(record, history)
    tracker.close()
    seen = Store(store)
    (run,) = seen.runs()
    assert seen.points(run, "best") == [(0, 0.61), (1, 0.66)]


def test_other_studies_get_other_runs(study, play, store, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    first = study().search()[:1]
    log(first, store, folder, play)
    log(first, store, other, play)
    log(study(spec={"name": "demo"}).search()[:1], store, folder, play)
    assert len(Store(store).runs("study")) == 3


def test_a_study_without_a_winner(study, play, store, folder):
    nothing = study(generations=[("relu", "silu")], scores=[(None, None)])
    log([*nothing.search(), StudyFinished(None)], store, folder, play)
    (run,) = Store(store).runs()
    assert run.info.status == "FINISHED"
    assert "best" not in run.data.metrics


@pytest.mark.usefixtures("quick_figures")
def test_long_curves_go_in_several_batches(study, play, store, folder, monkeypatch):
    monkeypatch.setattr("evoact.tracking.mlflow_tracker.MAX_METRICS", 4)
    log(study().records(), store, folder, play)
    seen = Store(store)
    (winner,) = seen.runs("winner")
    assert [step for step, _ in seen.points(winner, "loss")] == [1, 2, 3]


@pytest.mark.usefixtures("quick_figures")
@pytest.mark.parametrize("lost", [False, True])
def test_figures_show_trained_parameters(study, play, store, folder, monkeypatch, lost):
    params = {"act0": {"a0": 2.0}, "act1": {"a0": 3.0}}
    (digest,) = save_params(folder / "params", params)
    if lost:
        (folder / "params" / f"{digest}.safetensors").unlink()
    drawn = {}

    def draw(candidate, curve, params):
        drawn[candidate.text] = params
        return b"<svg/>"

    monkeypatch.setattr("evoact.tracking.mlflow_files.candidate_svg", draw)
    late = study().winner

    def with_params(record):
        is_winner = (
            isinstance(record, Evaluated) and record.evaluation.objectives.get("nodes") == 11
        )
        return replace(record, params=digest) if is_winner else record

    assert parse(late).nodes == 11
    log([with_params(record) for record in study().records()], store, folder, play)
    assert drawn[WINNER] == ({} if lost else params)
    assert drawn["relu(x)"] == {}


def test_params_stay_within_the_limits():
    spec = {f"k{i}": "v" for i in range(200)}
    assert len(study_params(spec)) == 100
    assert len(study_params({"text": "x" * 9000})["text"]) == 6000


def test_passwords_are_not_logged():
    params = study_params({"tracking": {"mlflow": "https://me:secret@host/x"}})
    assert params == {"tracking.mlflow": "https://me:***@host/x"}


def test_best_follows_the_direction_of_the_objective(study, play):
    spec = {**study().spec, "objectives": {"nodes": "min"}}
    history = play(study(spec=spec).search())
    points = {name: value for name, value, _ in generation_points(history, 1)}
    assert points["best"] == 2.0  # relu(x), of the generation before
    assert points["generation_best"] == 2.0  # atan(x)


def test_each_candidate_has_one_run(study, play):
    found = children(play(study().records()))
    ids = [child.candidate.id for child in found]
    assert len(ids) == len(set(ids)) == 7
    assert found[0].role == "winner"


def test_the_lineage_of_a_candidate_goes_back_to_the_seeds(study, play):
    history = play(study().search())
    first = history.asked[0].candidates
    child = replace(history.asked[1].candidates[0], parents=(first[0].id, first[1].id))
    grandchild = replace(history.asked[1].candidates[2], parents=(child.id, first[1].id))
    history.candidates |= {child.id: child, grandchild.id: grandchild}
    found = lineage(grandchild, history)
    assert [one["expression"] for one in found] == [
        grandchild.text, child.text, first[1].text, first[0].text,
    ]  # fmt: skip
    assert [one["generation"] for one in found] == [1, 1, 0, 0]
    assert found[-1]["objectives"]["val_accuracy"] == 0.60


def test_operators_are_told_apart_by_what_their_children_gave(study, play):
    history = play(study().search())
    relu, silu = (history.asked[0].candidates[k].id for k in (0, 1))
    better, worse, _, failed = history.asked[1].candidates
    people = (
        replace(better, parents=(relu, silu)),
        replace(worse, parents=(silu,), origin="mutation:grow"),
        replace(failed, parents=(silu,)),
    )
    history.asked[1] = replace(history.asked[1], candidates=people)
    points = {name: value for name, value, _ in generation_points(history, 1)}
    assert points["success_crossover"] == 0.5  # of two, one of which failed
    assert points["success_mutation_grow"] == 0.0


def test_a_front_has_as_many_runs_as_it_has_members(study, play):
    """With two objectives all that none dominates; and they say so."""
    spec = {**study().spec, "objectives": {"val_accuracy": "max", "nodes": "min"}}
    history = play(study(spec=spec).records())
    front = history.hall_of_fame(history.spec)
    those = {child.candidate.id: child for child in children(history)}
    assert {c.id for c in front} < those.keys()
    tags = child_tags(those[front[0].id], history)
    assert tags["evoact.front"] == "yes"
    assert "evoact.hall_of_fame" not in tags

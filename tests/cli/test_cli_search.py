"""Searches as users start them: every executor, killed, interrupted, resumed."""

import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from evoact.records import Evaluated, decode
from evoact.study import read_journal

SMOKE = ("search", "search_spaces/smoke.yaml", "--seed", "7")


def trained(folder: Path) -> Counter:
    records = [r for r in read_journal(folder) if isinstance(r, Evaluated)]
    return Counter((r.evaluation.candidate_id, r.evaluation.replicate) for r in records)


def wait_for(journal: Path, evaluations: int, process) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b'"type": "evaluated"') >= evaluations:
            return
        time.sleep(0.02)
    pytest.fail(f"no {evaluations} evaluations: {process.communicate()}")


@pytest.mark.ray
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_ray_gives_the_hall_of_fame_of_one_process(evoact_command, smoke_run, workers):
    ray = ("--executor", "ray", "--workers", workers, "--set", "tracking.mlflow=off")
    output = evoact_command(*SMOKE, *ray, "--name", f"ray{workers}")
    theirs = smoke_run.parent / f"ray{workers}"
    for name in ("hall_of_fame.csv", "winners/confirmation.csv"):
        assert (theirs / name).read_bytes() == (smoke_run / name).read_bytes()
    assert "Exported module: runs/" in output
    assert "9223372036854775807" not in output  # Tune's own display is off


@pytest.mark.ray
@pytest.mark.slow  # tests/faults kills drivers at other moments by default
def test_killed_driver_resumes_to_the_same_result(evoact_command, smoke_run):
    folder = smoke_run.parent / "killed"
    process = evoact_command.start(
        *SMOKE, "--executor", "ray", "--workers", "2", "--name", "killed"
    )
    wait_for(folder / "journal.jsonl", 8, process)
    process.send_signal(signal.SIGKILL)
    process.wait()  # not for the end of its output: Ray's orphans hold that open for a while
    process.stdout.close()
    process.stderr.close()
    before = trained(folder)
    assert 8 <= before.total() < trained(smoke_run).total()
    evoact_command("resume", "runs/killed", "--executor", "inline")
    after = trained(folder)
    assert after == trained(smoke_run)
    assert set(after.values()) == {1}
    ours, theirs = folder / "hall_of_fame.csv", smoke_run / "hall_of_fame.csv"
    assert ours.read_bytes() == theirs.read_bytes()


def test_interrupt_says_how_to_resume(evoact_command, smoke_run):
    process = evoact_command.start(*SMOKE, "--executor", "inline", "--name", "interrupted")
    wait_for(smoke_run.parent / "interrupted" / "journal.jsonl", 3, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume runs/interrupted" in err
    assert "Traceback" not in err


def test_a_second_search_of_the_same_name_changes_nothing(evoact_command, smoke_run):
    before = (smoke_run / "journal.jsonl").read_bytes()
    output = evoact_command(*SMOKE, "--name", "first", code=2)
    assert "nothing is overwritten" in output
    assert (smoke_run / "journal.jsonl").read_bytes() == before


def test_top_shows_the_hall_of_fame(evoact_command, smoke_run):
    rows = json.loads(evoact_command("top", "runs/first", "-n", "3", "--json"))
    assert [row["rank"] for row in rows] == [1, 2, 3]
    table = evoact_command("top", "runs/first", "-n", "3")
    assert rows[0]["id"][:12] in table


def test_top_shows_the_summary_again(evoact_command, smoke_run):
    text = evoact_command("top", "runs/first", "--summary")
    for said in ("Budget spent", "Winner's curse", "were evaluated", "duplicates were avoided"):
        assert said in text
    data = json.loads(evoact_command("top", "runs/first", "--summary", "--json"))
    *stages, everything = data["spent"]
    assert everything["steps"] == sum(stage["steps"] for stage in stages) > 0
    assert f"{everything['steps']:,}" in text
    assert data["winners_curse"]["n"] > 0


def test_curves_show_annealing_and_the_journal_is_plain_json(smoke_run):
    lines = (smoke_run / "journal.jsonl").read_text().splitlines()
    records = [record for line in lines for record in decode(line)]
    annealed = {c.id for r in records for c in getattr(r, "candidates", ()) if c.anneal}
    curves = [
        [point["g"] for point in r.evaluation.curve]
        for r in records
        if isinstance(r, Evaluated) and r.evaluation.is_ok and r.evaluation.candidate_id in annealed
    ]
    assert curves
    assert all(c[-1] == 1.0 and c == sorted(c) for c in curves)
    assert any(c[0] < 1.0 for c in curves)
    assert all(
        {"grad_norm", "loss", "val_accuracy"} <= set(r.evaluation.curve[0])
        for r in records
        if isinstance(r, Evaluated) and r.evaluation.is_ok
    )


def test_export_of_a_study(evoact_command, smoke_run, workshop):
    output = evoact_command(
        "export", "runs/first", "--params", "trained", "--format", "source,state", "-o", "out"
    )
    files = [workshop / line for line in output.split()]
    assert [f.suffix for f in files] == [".py", ".safetensors", ".json"]
    assert all(f.exists() for f in files)
    assert "--rank is 99" in evoact_command("export", "runs/first", "--rank", "99", code=2)


def test_show_draws_and_names_a_function(evoact_command, workshop):
    output = evoact_command("show", "x * sigmoid(x)", "--plot", "f.svg")
    assert "silu" in output
    assert "F.silu" not in output  # the source is of the expression as written
    assert (workshop / "f.svg").read_text().startswith("<?xml")
    facts = json.loads(evoact_command("show", "swish", "--json"))
    assert facts["parameters"] == {"beta": "1.0 per layer"}

"""A search killed at random moments, by SIGKILL: nothing is lost, nothing is trained twice."""

import random
import time
from collections import Counter

import pytest
from processes import lines, start, wait_until

from evoact import api
from evoact.records import ConfirmationAsked, Evaluated, GenerationAsked
from evoact.study import Study
from evoact.study.journal import read_journal

IN_PROCESS, ON_RAY, BY_DEFAULT = 17, 3, (2, 1)
RAY = ("--executor", "ray", "--workers", "2")


def moments(count, seed, by_default):
    """Random places in the whole of a search; all but the first ones are slow to visit."""
    generator = random.Random(seed)
    drawn = [round(generator.random(), 3) for _ in range(count)]
    return [
        pytest.param(moment, marks=() if number < by_default else pytest.mark.slow)
        for number, moment in enumerate(drawn)
    ]


def evaluated(folder):
    """How often the journal says that a training ended."""
    records = [record for record in read_journal(folder) if isinstance(record, Evaluated)]
    return Counter((r.evaluation.candidate_id, r.evaluation.replicate) for r in records)


def asked(folder):
    """All trainings that the journal asks for."""
    found = set()
    for record in read_journal(folder):
        if isinstance(record, GenerationAsked):
            found |= {(candidate.id, 0) for candidate in record.candidates}
        elif isinstance(record, ConfirmationAsked):
            everyone = [*record.finalists.values(), *record.baselines.values()]
            found |= {(c.id, replicate) for c in everyone for replicate in record.replicates}
    return found


def kill_and_resume(workshop, whole, moment, *arguments):
    folder = workshop / "runs" / "tiny"
    process = start(workshop, "search", "tiny.yaml", "--name", "tiny", "--seed", "7", *arguments)
    place, extra = divmod(moment * lines(whole / "journal.jsonl"), 1)
    # The folder alone at first, then so many lines, and a part of the time of another.
    wait_until(folder.exists, process)
    wait_until(lambda: lines(folder / "journal.jsonl") >= place, process)
    time.sleep(0.05 * extra)
    process.kill()
    process.join()
    # On a fast machine it may have come to its end just before.
    assert process.exitcode in {-9, 0}, (workshop / "output.txt").read_text()
    journal = folder / "journal.jsonl"
    before = journal.read_bytes() if journal.exists() else b""
    written = before[: before.rfind(b"\n") + 1]
    api.resume(folder, executor="inline")
    assert (folder / "journal.jsonl").read_bytes().startswith(written)
    assert set(evaluated(folder).values()) == {1}
    assert evaluated(folder).keys() == asked(folder)
    assert evaluated(folder) == evaluated(whole)
    ours, theirs = folder / "hall_of_fame.csv", whole / "hall_of_fame.csv"
    assert ours.read_bytes() == theirs.read_bytes()
    assert Study.load(folder).winner() == Study.load(whole).winner()


@pytest.mark.filterwarnings("ignore:.*was not written whole")
@pytest.mark.parametrize("moment", moments(IN_PROCESS, 1, BY_DEFAULT[0]))
def test_a_search_in_one_process(workshop, whole, moment):
    kill_and_resume(workshop, whole, moment)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore:.*was not written whole")
@pytest.mark.parametrize("moment", moments(ON_RAY, 2, BY_DEFAULT[1]))
def test_a_search_on_ray(workshop, whole, moment):
    kill_and_resume(workshop, whole, moment, *RAY)

"""Files that others made: they are read or refused with a clear message, and never act."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from security_hostile import listening, mutated_bytes, mutated_data, mutated_text

from evoact.errors import EvoactError, InputError
from evoact.study import Study, load_space, space_from_text, warmed
from evoact.tracking import hall_of_fame_rows

ROOT = Path(__file__).parents[2]
SPACES = [path.read_text() for path in sorted((ROOT / "search_spaces").glob("*.yaml"))]
STUDY = ROOT / "tests" / "fixtures" / "language_v1" / "study"
TABLE = """rank,id,generation,val_accuracy,cost,nodes,expression
1,de4a1b732248,3,0.61,2.0,4,0.57735 * x * abs(x)
2,99061f1f75aa,2,0.60,1.0,2,'-x * sigmoid(a0 * x) where a0 = 1.0 per layer
3,5e4a1b732248,1,0.59,2.5,5,"max(x, a0 * x) where a0 = 0.25 per channel"
"""

tiers = pytest.mark.parametrize(
    "count", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)


def fuzz(count: int, seed: int, attempt: Callable[[Random], None]) -> float:
    """Return the share of attempts that were read; all others are refused clearly."""
    rng, read = Random(seed), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            with listening() as heard:
                try:
                    attempt(rng)
                    read += 1
                except EvoactError as error:
                    told = str(error)
                    assert told.strip(), f"attempt {number}: no message"
                    assert "Traceback" not in told
            assert not heard, f"attempt {number}: {heard[:3]}"
    return read / count


@tiers
def test_search_spaces(count):
    def attempt(rng: Random) -> None:
        space_from_text(mutated_text(rng, rng.choice(SPACES)), "space.yaml")

    space_from_text(SPACES[0], "space.yaml")
    assert 0.02 < fuzz(count, 1, attempt) < 0.6


@tiers
def test_search_spaces_of_strange_data(count):
    import yaml

    known = [yaml.safe_load(text) for text in SPACES]

    def attempt(rng: Random) -> None:
        data = mutated_data(rng, rng.choice(known))
        space_from_text(yaml.safe_dump(data), "space.yaml")

    assert 0.02 < fuzz(count, 2, attempt) < 0.8


@pytest.mark.parametrize(
    "text",
    [
        "name: !!python/object/apply:os.system [touch fuzzed]",
        "!!python/object/new:os.system [touch fuzzed]",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
        "task: {? [epochs] : 3}",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a0: &a0 [x]\n" + "\n".join(f"a{i + 1}: &a{i + 1} [{f'*a{i}, ' * 9}]" for i in range(12)),
        "<<: [1, 2]",
        "a: " + "[" * 3_000,
        "name: 2001-99-99",
        "\x00",
        "- a\n- b",
        "1: 2",
        "~: 1",
        "spec_version: 1e999",
    ],
)  # fmt: skip
def test_crafted_search_spaces(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with listening() as heard, pytest.raises(InputError, match=r"space\.yaml"):
        space_from_text(text, "space.yaml")
    assert not heard
    assert not list(tmp_path.iterdir())


@tiers
def test_bytes_that_are_no_text(count, tmp_path):
    path = tmp_path / "space.yaml"

    def attempt(rng: Random) -> None:
        load_space(path)

    rng, spaces = Random(5), [text.encode() for text in SPACES]
    for _ in range(count // 10):
        path.write_bytes(mutated_bytes(rng, rng.choice(spaces)))
        fuzz(1, 0, attempt)


@tiers
def test_hall_of_fame_files(count, tmp_path):
    path = tmp_path / "hall_of_fame.csv"
    spec = space_from_text(f"evolution: {{warm_start: {path}}}", "space.yaml")
    path.write_text(TABLE)
    assert len(warmed(spec).evolution.warm_start) == 3
    rng, read = Random(3), 0.0
    for _ in range(count):
        text = mutated_text(rng, TABLE).encode(errors="surrogatepass")
        path.write_bytes(mutated_bytes(rng, text) if rng.random() < 0.2 else text)
        read += fuzz(1, 0, lambda _: warmed(spec) and None)
    assert 0.05 < read / count < 0.9


def look(folder: Path) -> None:
    """What `top`, `report` and `export` read of a study."""
    study = Study.load(folder)
    hall_of_fame_rows(study.history)
    for found in study.best(3):
        study.trained_params(found.candidate)
    study.winner()


@tiers
def test_journals_and_parameters(count, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(STUDY, folder)
    look(folder)
    lines = (folder / "journal.jsonl").read_text().splitlines()
    params = {path: path.read_bytes() for path in (folder / "params").iterdir()}
    rng, read = Random(4), 0.0
    for _ in range(count):
        changed = list(lines)
        for place in rng.sample(range(len(changed)), rng.choice([1, 1, 2])):
            changed[place] = _line(rng, changed[place])
        text = "\n".join(changed) + rng.choice(["\n", "\n", ""])
        (folder / "journal.jsonl").write_bytes(text.encode(errors="surrogatepass"))
        path = rng.choice(list(params))
        path.write_bytes(mutated_bytes(rng, params[path]) if rng.random() < 0.2 else params[path])
        read += fuzz(1, 0, lambda _: look(folder))
    assert 0.05 < read / count < 0.9


def _line(rng: Random, line: str) -> str:
    kind = rng.random()
    if kind < 0.7:
        return json.dumps(mutated_data(rng, json.loads(line)))
    return mutated_text(rng, line) if kind < 0.95 else ""


def test_a_parameter_file_whose_name_is_right_is_still_checked(tmp_path):
    """Whoever changes a file can give it the name of its content, and name it in the journal."""
    import hashlib

    from evoact.records.params import load_params

    original = next((STUDY / "params").iterdir()).read_bytes()

    def attempt(rng: Random) -> None:
        load_params(tmp_path, digest)

    rng = Random(6)
    for _ in range(300):
        data = mutated_bytes(rng, original)
        digest = hashlib.sha256(data).hexdigest()
        path = tmp_path / f"{digest}.safetensors"
        path.write_bytes(data)
        fuzz(1, 0, attempt)


def test_what_acts_would_be_heard(tmp_path):
    with listening() as heard:
        exec("1 + 1")
        (tmp_path / "written").write_text("x")
    assert {event.partition(" ")[0] for event in heard} >= {"compile", "exec", "open"}

"""Searches replayed on a table of trainings: `benchmarks/search_efficiency.py`."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TABLE = BENCHMARKS / "results" / "search_efficiency" / "tuning.npz"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.chdir(BENCHMARKS.parent)
    import search_efficiency

    return search_efficiency


@pytest.mark.parametrize("name", ["tuning", "reported"])
def test_the_tables_are_whole(script: ModuleType, name: str) -> None:
    table = script.search_table.load(script.search_table.RESULTS / f"{name}.npz")
    variant = script.search_table.VARIANTS[name]
    size = len(table.texts)
    assert table.validation.shape == (size, variant.seeds, len(variant.rungs))
    assert table.test.shape == (size, variant.seeds)
    assert len(table.names) == len(table.classes) == 5103
    assert set(table.classes) == set(range(-1, size))
    there = table.validation[np.isfinite(table.validation)]
    assert ((there >= 0) & (there <= 1)).all()
    assert len(there) > 0.6 * table.validation.size
    # relu is not among the best, tanh(x) * abs(x) is: as training them says.
    from search_replay import rows_of

    from evoact.language import parse

    final = np.nan_to_num(table.validation[:, :, -1], nan=0.1).mean(axis=1)
    rows = rows_of(table.texts)
    rank = {t: (final > final[rows.find(parse(t))]).sum() for t in ("relu(x)", "tanh(x) * abs(x)")}
    assert rank["tanh(x) * abs(x)"] < 60 < rank["relu(x)"]


def test_halves_share_no_seed(script: ModuleType) -> None:
    table = script.search_table.load(TABLE)
    final = table.validation[:, :, -1]
    for trial in range(3):
        pool = script.halves(table, trial)
        row = int(np.flatnonzero(np.isfinite(final).all(axis=1))[trial])
        judged = final.shape[1] - pool.seen.shape[1]
        assert pool.seen[row].sum() + judged * pool.truth[row] == pytest.approx(final[row].sum())


def test_random_evaluation_is_what_theory_says(script: ModuleType) -> None:
    """Of n functions and k of them in the top, (n + 1) / (k + 1) are evaluated on average."""
    table = script.search_table.load(TABLE)
    pool = script.halves(table, 0)
    size = len(pool.texts)
    top = pool.best(round(script.SHARE * size))
    order = [
        [row for row, _ in script.ALGORITHMS["random of the pool"](pool, trial, size)]
        for trial in range(300)
    ]
    reached = [next(i for i, row in enumerate(rows, 1) if row in top) for rows in order]
    assert all(sorted(rows) == list(range(size)) for rows in order[:3])
    assert np.mean(reached) == pytest.approx((size + 1) / (len(top) + 1), rel=0.2)


def test_the_oracle_sees_only_its_half(script: ModuleType) -> None:
    pool = script.halves(script.search_table.load(TABLE), 0)
    rows = [row for row, _ in script.ALGORITHMS["oracle"](pool, 0, 100)]
    seen = np.nan_to_num(pool.seen, nan=script.CHANCE).mean(axis=1)
    assert seen[rows].min() >= np.delete(seen, rows).max()


@pytest.mark.parametrize("name", ["no surrogate", "random of the generator", "aging"])
def test_a_search_asks_for_functions_of_the_table_once_each(script: ModuleType, name: str) -> None:
    pool = script.halves(script.search_table.load(TABLE), 1)
    found = list(script.ALGORITHMS[name](pool, 1, 40))
    rows = [row for row, _ in found]
    assert len(set(rows)) == len(rows) == 40
    for row, value in found:
        assert value in pool.seen[row] or np.isnan(value)
    np.testing.assert_array_equal(found, list(script.ALGORITHMS[name](pool, 1, 40)))


def test_a_file_of_act_bench(script: ModuleType, tmp_path: Path) -> None:
    """Its names are translated; what no search would train is left out."""
    values = {"Validation Accuracy": 0.5, "Test Accuracy": 0.4, "Runtime (s)": 1.0}
    names = ["mul(arctan(x),negative(x))", "add(swish(x),zero(x))", "div(zero(x),zero(x))"]
    path = tmp_path / "act-bench.json"
    path.write_text(json.dumps(dict.fromkeys(names, values)))
    pool = script.pool_of(path, 0)
    assert len(pool.texts) == 2
    assert pool.seen.tolist() == [[0.5], [0.5]]
    assert pool.truth.tolist() == [0.4, 0.4]
    assert any("silu" in text for text in pool.texts)


@pytest.mark.parametrize(
    ("data", "message"),
    [([1], "wanted functions by name"), ({"add(relu(x),x)": {}}, "wanted functions by name"),
     ({}, "no function in it")],
)  # fmt: skip
def test_another_file(script: ModuleType, tmp_path: Path, data: object, message: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(SystemExit, match=message):
        script.act_bench(tmp_path / "a.json")

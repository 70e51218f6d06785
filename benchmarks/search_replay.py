"""Searches whose trainings are looked up in a table: hundreds of them in minutes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import core_units
import numpy as np
import numpy.typing as npt
from search_table import SPACE, Table

from evoact import Candidate, Evaluation, Evolution, SearchSpec
from evoact.language import Expression, FingerprintIndex, parse
from evoact.language.standard import standardised
from evoact.study import load_space

FloatArray = npt.NDArray[np.float64]

CHANCE: Final = 0.1  # what a function is worth whose training failed
BATCH: Final = 8  # candidates asked for at once


@dataclass(frozen=True)
class Pool:
    """What a trial looks up.

    Attributes:
        texts: of the functions, one a row.
        seen: accuracies that an algorithm may be told `(rows, draws)`; NaN for failures.
        truth: what it is judged by `(rows,)`.
    """

    texts: tuple[str, ...]
    seen: FloatArray
    truth: FloatArray

    def best(self, count: int) -> set[int]:
        """Return the rows that are truly best."""
        return set(np.argsort(-self.truth, kind="stable")[:count].tolist())


def halves(table: Table, trial: int) -> Pool:
    """Return the pool of a trial: half of the seeds is seen, the other half judges."""
    final = table.validation[:, :, -1]
    seeds = np.random.default_rng([trial, 0]).permutation(final.shape[1])
    seen, judging = np.split(seeds, [final.shape[1] // 2])
    truth = np.nan_to_num(final[:, judging], nan=CHANCE).mean(axis=1)
    return Pool(table.texts, final[:, seen], truth)


def act_bench(path: Path) -> Pool:
    """Read a file of Act-Bench (Bingham & Miikkulainen 2023): seen by validation, judged by test.

    Raises:
        SystemExit: it is no such file, or holds no function of the core units.
    """
    data = json.loads(path.read_text())
    wanted = "Validation Accuracy", "Test Accuracy"
    if not isinstance(data, dict) or not all(
        isinstance(v, dict) and all(key in v for key in wanted) for v in data.values()
    ):
        raise SystemExit(f"{path}: wanted functions by name, each with {' and '.join(wanted)}")
    found: dict[str, tuple[float, float]] = {}
    for name, values in data.items():
        late = standard(translated(name))
        if late is not None:
            found.setdefault(str(late), tuple(float(values[key]) for key in wanted))
    if not found:
        raise SystemExit(f"{path}: no function in it is one of the core units")
    seen, truth = np.array(list(found.values())).T
    return Pool(tuple(found), seen[:, None], truth)


_NAMES: Final = {"negative": "neg", "arcsinh": "asinh", "arctan": "atan", "swish": "silu"}


def translated(name: str) -> str:
    """Return a function of Act-Bench in the language.

    >>> translated("mul(arctan(x),negative(x))")
    'mul(atan(x),neg(x))'
    """
    for theirs, ours in _NAMES.items():
        name = name.replace(f"{theirs}(", f"{ours}(")
    return name


def standard(text: str) -> Expression | None:
    """Return a function as a search trains it; None where it would train none."""
    expression = parse(text).canonical()
    if not core_units.is_useful(expression):
        return None
    try:
        return standardised(expression, "full").canonical()
    except ValueError:
        return None


class Rows:
    """Finds the row of a function, whatever its text."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._rows = {text: row for row, text in enumerate(texts)}
        self._index = FingerprintIndex(affine=True)
        for row, text in enumerate(texts):
            self._index.add(parse(text), str(row))

    def find(self, late: Expression) -> int | None:
        """Return the row of a function, or None if it is not in the table."""
        text = str(late)
        if text not in self._rows:
            label = self._index.find(late)
            self._rows[text] = -1 if label is None else int(label)
        row = self._rows[text]
        return None if row < 0 else row


@cache
def rows_of(texts: tuple[str, ...]) -> Rows:
    """Return the rows of a table; made once a process."""
    return Rows(texts)


Algorithm = Callable[[Pool, int, int], Iterator[tuple[int, float]]]
"""Yields rows and what they were seen to reach, of a pool, a trial and so many evaluations."""


def draw(pool: Pool, row: int, rng: np.random.Generator) -> float:
    """Return what a training of a function reached, by one of the seeds that may be seen."""
    return float(rng.choice(pool.seen[row]))


def uniform(pool: Pool, trial: int, count: int) -> Iterator[tuple[int, float]]:
    """Evaluate functions of the pool at random."""
    rng = np.random.default_rng([trial, 1])
    for row in rng.permutation(len(pool.texts))[:count].tolist():
        yield row, draw(pool, row, rng)


def oracle(pool: Pool, _: int, count: int) -> Iterator[tuple[int, float]]:
    """Evaluate the best by the mean of all that may be seen: the ceiling."""
    means = np.nan_to_num(pool.seen, nan=CHANCE).mean(axis=1)
    for row in np.argsort(-means, kind="stable")[:count].tolist():
        yield row, float(means[row])


def evolved(**changes: Any) -> Algorithm:
    """Return a search of the space of the core units, with changes of its `evolution` section."""

    def algorithm(pool: Pool, trial: int, count: int) -> Iterator[tuple[int, float]]:
        rows, rng = rows_of(pool.texts), np.random.default_rng([trial, 2])
        evolution = Evolution(_space(json.dumps(changes, sort_keys=True)), seed=trial)
        asked = 0
        while asked < count:
            told = []
            for candidate in evolution.ask(min(BATCH, count - asked)):
                row = rows.find(candidate.late)
                if row is None:
                    told.append(Evaluation.failed(candidate, "not in the table"))
                    continue
                value = draw(pool, row, rng)
                told.append(_evaluation(candidate, value))
                asked += 1
                yield row, value
            evolution.tell(told)

    return algorithm


@cache
def _space(changes: str) -> SearchSpec:
    space = load_space(SPACE)
    data = space.model_dump(mode="json")
    evolution = {
        **data["evolution"],
        "population": BATCH,
        "generations": 1000,
        **json.loads(changes),
    }
    return SearchSpec.model_validate({**data, "evolution": evolution})


def _evaluation(candidate: Candidate, accuracy: float) -> Evaluation:
    if np.isnan(accuracy):
        return Evaluation.failed(candidate, "its training failed")
    return Evaluation.ok(candidate, val_accuracy=accuracy)


# Seeds in the shape of the core units: relu, silu and tanh.
SEEDS: Final = ["max(identity(x), zero(x))", "identity(x) * sigmoid(x)", "tanh(x) * one(x)"]
DEFAULT: Final[Mapping[str, Any]] = {"seeds": SEEDS, "surrogate": "on"}
ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "random of the pool": uniform,
    "oracle": oracle,
    "default": evolved(**DEFAULT),
    "no surrogate": evolved(**{**DEFAULT, "surrogate": "off"}),
    "no screens": evolved(**{**DEFAULT, "screens": {"linear": False, "depth": 0}}),
    "no crossover": evolved(**{**DEFAULT, "crossover": 0.0}),
    "no seeds": evolved(**{**DEFAULT, "seeds": []}),
    "aging": evolved(**{**DEFAULT, "surrogate": "off", "algorithm": "aging"}),
    "random of the generator": evolved(algorithm="random", surrogate="off"),
}

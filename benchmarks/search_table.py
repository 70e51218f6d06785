"""A table of what every core-unit function reaches: built once, in slices, then looked up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import core_units
import numpy as np
import numpy.typing as npt

from evoact.files import write_atomically
from evoact.language import Expression, ExpressionError, FingerprintIndex, parse
from evoact.language.standard import standardised
from evoact.records import Candidate, Cohort, Status, TaskSpec

RESULTS: Final = Path(__file__).parent / "results" / "search_efficiency"
SPACE: Final = "search_spaces/core_units.yaml"
COHORT: Final = 32
RUNGS: Final = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 35, 40, 45, 50)  # epochs, at most
FAILED: Final = np.iinfo(np.uint16).max  # in place of a count


@dataclass(frozen=True)
class Variant:
    """What the functions are trained on, how often, and how long.

    Attributes:
        task: data, network, budget.
        seeds: of the initial weights and the data order; half of them are what
            an algorithm sees, the others what it is judged by.
    """

    task: TaskSpec
    seeds: int

    @property
    def rungs(self) -> tuple[int, ...]:
        """The epochs after which the validation accuracy is kept."""
        return tuple(epochs for epochs in RUNGS if epochs <= self.task.epochs)


VARIANTS: Final = {
    # Algorithms are tuned on one and reported on the other.
    "tuning": Variant(TaskSpec(name="mnist1d_shuffled", network="deep", epochs=20), 4),
    "reported": Variant(TaskSpec(name="mnist1d", network="mlp", epochs=50), 6),
}


@dataclass(frozen=True)
class Table:
    """Accuracies of functions, by seed.

    Attributes:
        names: the 5,103 names of the core units.
        classes: of each name, the row of its class; -1 for those that no search
            would train: constant, or not finite near 0.
        texts: the function of each row, as it was trained.
        rungs: epochs.
        validation: accuracies `(rows, seeds, rungs)`, NaN where training failed.
        test: accuracies after the last epoch `(rows, seeds)`.
    """

    names: tuple[str, ...]
    classes: npt.NDArray[np.int64]
    texts: tuple[str, ...]
    rungs: tuple[int, ...]
    validation: npt.NDArray[np.float64]
    test: npt.NDArray[np.float64]


def load(path: Path) -> Table:
    """Read a table that `build` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        sizes = stored["sizes"]
        return Table(
            tuple(core_units.names()),
            stored["classes"].astype(np.int64),
            tuple(str(text) for text in stored["texts"]),
            tuple(int(epochs) for epochs in stored["rungs"]),
            _accuracies(stored["validation"], sizes[0]),
            _accuracies(stored["test"], sizes[1]),
        )


def _accuracies(counts: npt.NDArray[np.uint16], size: int) -> npt.NDArray[np.float64]:
    return np.where(counts == FAILED, np.nan, counts / size)


def build(name: str, parts: Path, minutes: float, workers: int) -> bool:
    """Train what is missing of a table for some minutes; write it when nothing is.

    Args:
        name: of the variant.
        parts: the folder of what is trained so far, a file a cohort and seed.
        minutes: no cohort is begun after them.
        workers: processes, of one thread each.

    Returns:
        Whether the table is whole.
    """
    variant = VARIANTS[name]
    texts, _ = functions()
    parts.mkdir(parents=True, exist_ok=True)
    pieces = list(_pieces(texts, variant))
    missing = [piece for piece in pieces if not (parts / piece[0]).exists()]
    _train(missing, parts, variant, time.monotonic() + 60.0 * minutes, workers)
    left = [piece for piece in pieces if not (parts / piece[0]).exists()]
    print(f"{name}: {len(pieces) - len(left)} of {len(pieces)} parts")
    if not left:
        _write(name, [parts / piece[0] for piece in pieces])
    return not left


Piece = tuple[str, tuple[str, ...], int]


def _pieces(texts: Sequence[str], variant: Variant) -> Iterator[Piece]:
    """Yield file name, functions and seed of each cohort, all functions of a seed first."""
    for seed, start in product(range(variant.seeds), range(0, len(texts), COHORT)):
        yield f"{seed}-{start:04}.npz", tuple(texts[start : start + COHORT]), seed


def _train(
    pieces: Sequence[Piece], parts: Path, variant: Variant, end: float, workers: int
) -> None:
    waiting = iter(pieces)
    running: set[Future[Any]] = set()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        while True:
            while len(running) < workers and time.monotonic() < end:
                piece = next(waiting, None)
                if piece is None:
                    break
                running.add(pool.submit(train_piece, piece, parts, variant))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                print(future.result(), flush=True)


def train_piece(piece: Piece, parts: Path, variant: Variant) -> str:
    """Train some functions from one seed, keep what they reached; return a line about it."""
    import io

    from evoact.training import train_cohort
    from evoact.training.forming import data_of

    file, texts, seed = piece
    start = time.monotonic()
    cohort = Cohort(
        tuple(Candidate(parse(text)) for text in texts),
        variant.task, seed=0, replicate=seed, timeout=1e6, test=True, kernels="c",
    )  # fmt: skip
    evaluations = train_cohort(cohort)
    data = data_of(cohort)
    sizes = len(data.validation), len(data.test)
    shape = len(texts), len(variant.rungs)
    validation, test = np.full(shape, FAILED, np.uint16), np.full(len(texts), FAILED, np.uint16)
    for row, evaluation in enumerate(evaluations):
        if evaluation.status is Status.OK:
            curve = [evaluation.curve[epochs - 1]["val_accuracy"] for epochs in variant.rungs]
            validation[row] = np.rint(np.array(curve) * sizes[0])
            test[row] = round(evaluation.test["test_accuracy"] * sizes[1])
    buffer = io.BytesIO()
    np.savez(buffer, validation=validation, test=test, sizes=np.array(sizes))
    write_atomically(parts / file, buffer.getvalue())
    failed = sum(e.status is not Status.OK for e in evaluations)
    return f"{file}: {time.monotonic() - start:.1f} s, {failed} failed"


def _write(name: str, files: Sequence[Path]) -> None:
    """Put the parts of a table into one compressed file."""
    variant = VARIANTS[name]
    texts, classes = functions()
    found = [dict(np.load(file, allow_pickle=False)) for file in files]
    rows, seeds = len(texts), variant.seeds
    each = len(found) // seeds

    def stacked(key: str) -> npt.NDArray[np.uint16]:
        by_seed = [
            np.concatenate([part[key] for part in found[seed * each : (seed + 1) * each]])
            for seed in range(seeds)
        ]
        return np.stack(by_seed, axis=1)

    validation = stacked("validation")
    assert validation.shape == (rows, seeds, len(variant.rungs))
    RESULTS.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        RESULTS / f"{name}.npz",
        classes=np.array(classes, np.int16),
        texts=np.array(texts),
        rungs=np.array(variant.rungs),
        validation=validation,
        test=stacked("test"),
        sizes=found[0]["sizes"],
    )


def functions() -> tuple[list[str], list[int]]:
    """Return the functions to train, and of each of the 5,103 names which one it is.

    As a search with `normalise: full` does: standardised, one of a class. What
    cannot be standardised, as it has no variance under N(0, 1), is trained as
    it is. Names of useless functions get -1.
    """
    index, texts, classes = FingerprintIndex(affine=True), [], []
    for expression in core_units.canonical_forms(core_units.names()):
        if not core_units.is_useful(expression):
            classes.append(-1)
            continue
        late = _standardised(expression)
        label = index.find(late)
        if label is None:
            label = str(len(texts))
            index.add(late, label)
            texts.append(str(late))
        classes.append(int(label))
    return texts, classes


def _standardised(expression: Expression) -> Expression:
    try:
        return standardised(expression, "full").canonical()
    except ExpressionError:
        return expression

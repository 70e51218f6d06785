"""Data sets: real or generated, without a network, split by a seed.

The test part is fixed by the data set; `split_seed` decides which of the rest
is for training and which for validation.
"""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from evoact.files import cache_dir, write_atomically

Array = npt.NDArray[np.float32 | np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """Inputs `(samples, ...)` and targets: float32, or int64 for classes and tokens."""

    x: Array
    y: Array


@dataclass(frozen=True, slots=True)
class Splits:
    """The three parts of a data set, standardised by the training part."""

    train: Part
    validation: Part
    test: Part


@contextmanager
def global_rng_kept() -> Iterator[None]:
    """Put the global generators of `random` and numpy back afterwards.

    `mnist1d.data.make_dataset` seeds both, and DEAP draws from `random`.
    """
    python, legacy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


def _digits() -> dict[str, npt.NDArray[np.float64]]:
    """Scikit-learn's 1,797 images of 8x8 grey digits; a fixed fifth is the test part."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    return {"x": x, "y": y, "x_test": x_test, "y_test": y_test}


def _mnist1d(shuffled: bool = False) -> dict[str, npt.NDArray[np.float64]]:
    """MNIST-1D (Greydanus 2020): 4,000 + 1,000 generated signals of 40 samples.

    Args:
        shuffled: whether the samples of all signals stand in one other order,
            which takes their neighbourhoods away.
    """
    path = cache_dir() / f"mnist1d{'-shuffled' if shuffled else ''}-v1.npz"
    try:
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):  # not there yet, or not whole
        data = _make_mnist1d(shuffle_seq=shuffled)
        _store(path, data)
        return data


def _make_mnist1d(**changes: object) -> dict[str, npt.NDArray[np.float64]]:
    from mnist1d.data import get_dataset_args, make_dataset
    from mnist1d.utils import ObjectView

    with global_rng_kept():
        made = make_dataset(ObjectView({**get_dataset_args(as_dict=True), **changes}))
    return {name: made[name] for name in ("x", "y", "x_test", "y_test")}


def _fresh(seed: int, part: str) -> dict[str, npt.NDArray[np.float64]]:
    made = _make_mnist1d(seed=seed, num_samples=FRESH)
    return {f"{key}_{part}": np.concatenate([made[key], made[f"{key}_test"]]) for key in "xy"}


def _store(path: Path, data: dict[str, npt.NDArray[np.float64]]) -> None:
    """Write the cache whole or not at all; without room for it, do without."""
    buffer = io.BytesIO()
    np.savez(buffer, **data)  # type: ignore[arg-type]  # the stub takes data for a flag
    with suppress(OSError):
        write_atomically(path, buffer.getvalue())


DATA_SETS: Final[Mapping[str, Callable[[], dict[str, npt.NDArray[np.float64]]]]] = MappingProxyType(
    {
        "digits": _digits,
        "mnist1d": _mnist1d,
        "mnist1d_shuffled": partial(_mnist1d, shuffled=True),
    }
)


FRESH: Final = 10_000  # samples of a part that is generated anew
GENERATED: Final = ("mnist1d",)  # shuffled ones would be shuffled otherwise

SHAPES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"digits": (8, 8), "mnist1d": (40,), "mnist1d_shuffled": (40,)}
)
"""How the features of a sample lie: a signal, or an image."""


@cache
def load(
    name: str, split_seed: int, test_seed: int | None = None, validation_seed: int | None = None
) -> Splits:
    """Return the splits of a data set; a quarter of the non-test part validates.

    Args:
        name: one of `DATA_SETS`.
        split_seed: decides which samples validate.
        test_seed: of the generator of another test part, of 10,000 samples, in
            place of that of the data set; only for those in `GENERATED`.
        validation_seed: of the generator of a validation part of 10,000 samples,
            likewise; then all of the non-test part trains.

    >>> splits = load("digits", 0)
    >>> splits.train.x.shape, splits.validation.x.shape, splits.test.x.shape
    ((1077, 64), (360, 64), (360, 64))
    """
    from sklearn.model_selection import train_test_split

    raw = _raw(name, test_seed, validation_seed)
    if validation_seed is None:
        x, y = raw["x"], raw["y"]
        rows = np.arange(len(y))
        left, taken = train_test_split(rows, test_size=0.25, random_state=split_seed, stratify=y)
        raw |= {"x": x[left], "y": y[left], "x_validation": x[taken], "y_validation": y[taken]}
    mean, deviation = raw["x"].mean(axis=0), raw["x"].std(axis=0)
    deviation[deviation == 0] = 1.0  # a pixel that is never lit

    def part(suffix: str) -> Part:
        x = ((raw[f"x{suffix}"] - mean) / deviation).astype(np.float32)
        return Part(x, raw[f"y{suffix}"].astype(np.int64))

    return Splits(part(""), part("_validation"), part("_test"))


def digest(
    name: str, split_seed: int, test_seed: int | None = None, validation_seed: int | None = None
) -> str:
    """Return what tells a data set and its split from others: 16 hex digits.

    >>> len(digest("digits", 0)), digest("digits", 0) == digest("digits", 1)
    (16, False)
    """
    found = hashlib.sha256(f"split {split_seed}".encode())
    for part, array in sorted(_raw(name, test_seed, validation_seed).items()):
        found.update(f"{part} {array.dtype.str} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()[:16]


def digest_of(splits: Splits) -> str:
    """Return what tells the data that a user brought from others, split as they are."""
    found = hashlib.sha256()
    for part in (splits.train, splits.validation, splits.test):
        for array in (part.x, part.y):
            found.update(f"{array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def _raw(
    name: str, test_seed: int | None, validation_seed: int | None
) -> dict[str, npt.NDArray[np.float64]]:
    """Return a data set as it is: `x`, `y`, `x_test`, `y_test`, and what is made to validate."""
    raw = DATA_SETS[name]()
    for part, seed in (("test", test_seed), ("validation", validation_seed)):
        if seed is not None:
            assert name in GENERATED, "the specification of a task says so before"
            raw |= _fresh(seed, part)
    return raw


def shifted(name: str, clean: Part, by: int, rng: np.random.Generator) -> Part:
    """Return a part of a data set with each sample shifted to one side, drawn by `rng`.

    A signal by so many positions to the left or right, an image by so many columns or
    rows; what leaves on one side enters on the other. Standardised values are shifted: at
    a pixel that is hardly ever lit in training, a stroke would be hundreds of deviations.

    >>> shifted("mnist1d", load("mnist1d", 0).validation, 2, np.random.default_rng(0)).x.shape
    (1000, 40)
    """
    grid = clean.x.reshape(len(clean.x), *SHAPES[name]).copy()
    sides = [(axis, sign) for axis in range(1, grid.ndim) for sign in (-1, 1)]
    drawn = rng.integers(len(sides), size=len(grid))
    for number, (axis, sign) in enumerate(sides):
        chosen = drawn == number
        grid[chosen] = np.roll(grid[chosen], sign * by, axis)
    return Part(grid.reshape(clean.x.shape), clean.y)

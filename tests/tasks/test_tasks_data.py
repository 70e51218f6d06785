"""Data sets: parts that never touch, fixed by a seed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from evoact.tasks import (
    DATA_SETS,
    FRESH,
    Part,
    Splits,
    data,
    digest,
    global_rng_kept,
    load,
    make_task,
)

SIZES = {
    "digits": (1077, 360, 360, 64),
    "mnist1d": (3000, 1000, 1000, 40),
    "mnist1d_shuffled": (3000, 1000, 1000, 40),
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep generated data in a folder of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVOACT_CACHE", str(tmp_path_factory.mktemp("cache")))
        load.cache_clear()
        yield
    load.cache_clear()


def parts(splits: Splits) -> list[Part]:
    return [splits.train, splits.validation, splits.test]


@pytest.mark.parametrize("name", DATA_SETS)
def test_sizes_and_types(name: str) -> None:
    *counts, features = SIZES[name]
    for part, count in zip(parts(load(name, 0)), counts, strict=True):
        assert part.x.shape == (count, features)
        assert part.y.shape == (count,)
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
        assert np.isfinite(part.x).all()
        shares = np.bincount(part.y) / count
        assert len(shares) == 10
        assert 0.05 < shares.min() <= shares.max() < 0.15


@pytest.mark.parametrize("name", DATA_SETS)
def test_parts_are_disjoint_and_complete(name: str) -> None:
    """Every sample of the raw data is in as many parts as it has copies."""
    splits, raw = load(name, 3), DATA_SETS[name]()
    mean, deviation = standardisation(name, 3)
    everything = np.concatenate([raw["x"], raw["x_test"]])
    wanted = np.sort([hash(row.tobytes()) for row in scaled(everything, mean, deviation)])
    found = np.sort([hash(row.tobytes()) for part in parts(splits) for row in part.x])
    np.testing.assert_array_equal(found, wanted)
    assert len(set(found)) > 0.99 * len(found)


def standardisation(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the training part, in raw units, by its labels' order."""
    from sklearn.model_selection import train_test_split

    raw = DATA_SETS[name]()
    x, _ = train_test_split(raw["x"], test_size=0.25, random_state=seed, stratify=raw["y"])
    deviation = x.std(axis=0)
    return x.mean(axis=0), np.where(deviation == 0, 1.0, deviation)


def scaled(x: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return ((x - mean) / deviation).astype(np.float32)


@pytest.mark.parametrize("name", DATA_SETS)
def test_standardised_by_the_training_part_alone(name: str) -> None:
    splits = load(name, 0)
    train = splits.train.x.astype(np.float64)
    lit = train.std(axis=0) > 0
    np.testing.assert_allclose(train.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0)[lit], 1.0, atol=1e-5)
    for other in (splits.validation, splits.test):
        assert np.abs(other.x.mean(axis=0)).max() > 1e-3


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_seed_decides_all_but_the_test_part(name: str) -> None:
    one = load(name, 0)
    load.cache_clear()
    again, other = load(name, 0), load(name, 1)
    assert again is not one
    for a, b in zip(parts(one), parts(again), strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)
    np.testing.assert_array_equal(one.test.y, other.test.y)
    assert not np.array_equal(one.validation.y, other.validation.y)

    def raw_test(splits: Splits, seed: int) -> np.ndarray:
        mean, deviation = standardisation(name, seed)
        return splits.test.x * deviation + mean

    np.testing.assert_allclose(raw_test(one, 0), raw_test(other, 1), atol=1e-4)


def test_data_is_loaded_once() -> None:
    assert load("digits", 0) is load("digits", 0)
    assert make_task("digits", "mlp", 0).splits is make_task("digits", "conv", 0).splits


@pytest.fixture(scope="module")
def raw(cache: None) -> dict[str, np.ndarray]:
    """MNIST-1D as the cache of these tests has it."""
    return DATA_SETS["mnist1d"]()


def assert_equal(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def test_mnist1d_is_generated_once(
    raw: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the cache holds is what is read."""
    monkeypatch.setenv("EVOACT_CACHE", str(tmp_path))
    np.savez(tmp_path / "mnist1d-v1.npz", **{name: -values for name, values in raw.items()})
    assert_equal(DATA_SETS["mnist1d"](), {name: -values for name, values in raw.items()})


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"this is no archive"],
    ids=["empty", "torn", "text"],
)
def test_a_damaged_cache_is_made_again(
    damage: Callable[[bytes], bytes],
    raw: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = Path(os.environ["EVOACT_CACHE"]) / "mnist1d-v1.npz"
    (tmp_path / file.name).write_bytes(damage(file.read_bytes()))
    monkeypatch.setenv("EVOACT_CACHE", str(tmp_path))
    assert_equal(DATA_SETS["mnist1d"](), raw)
    with np.load(tmp_path / file.name, allow_pickle=False) as stored:  # and it is whole again
        assert_equal(dict(stored), raw)
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


def test_generating_without_room_for_a_cache(
    raw: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It works, and it leaves the global generators alone."""
    occupied = tmp_path / "file"
    occupied.write_text("no folder")
    monkeypatch.setenv("EVOACT_CACHE", str(occupied))
    random.seed(5)
    np.random.seed(5)
    wanted = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    assert_equal(DATA_SETS["mnist1d"](), raw)
    assert (random.random(), np.random.rand()) == wanted


def test_generators_are_put_back_after_an_error() -> None:
    random.seed(6)
    np.random.seed(6)
    wanted = random.random(), np.random.rand()
    random.seed(6)
    np.random.seed(6)

    def fail() -> None:
        with global_rng_kept():
            random.seed(1)
            np.random.seed(1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (random.random(), np.random.rand()) == wanted


def test_shuffled_signals_are_the_same_in_another_order() -> None:
    """All in one order, which is not theirs."""
    plain, shuffled = DATA_SETS["mnist1d"](), DATA_SETS["mnist1d_shuffled"]()
    for part in ("x", "x_test"):
        assert not np.array_equal(plain[part], shuffled[part])
        np.testing.assert_array_equal(np.sort(plain[part]), np.sort(shuffled[part]))
    order = [int(np.flatnonzero((column == plain["x"].T).all(1))[0]) for column in shuffled["x"].T]
    assert sorted(order) == list(range(40)) != order
    np.testing.assert_array_equal(plain["y"], shuffled["y"])


def test_with_a_fresh_validation_part_all_others_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "FRESH", 200)  # to make ten thousand takes seconds
    usual, fresh = load("mnist1d", 0), load("mnist1d", 0, None, 905)
    assert (len(fresh.train.x), len(fresh.validation.x)) == (4000, 200)
    assert (np.bincount(fresh.validation.y) == 20).all()
    np.testing.assert_array_equal(usual.test.y, fresh.test.y)
    np.testing.assert_allclose(fresh.train.x.mean(0), 0.0, atol=1e-5)
    both = load("mnist1d", 0, 906, 905)
    np.testing.assert_array_equal(both.validation.x, fresh.validation.x)
    assert not np.array_equal(both.test.x, both.validation.x)
    seeds = ((), (905,), (None, 905), (906, 905))
    assert len({digest("mnist1d", 0, *one) for one in seeds}) == 4


def test_a_fresh_test_part_leaves_the_others_as_they_are() -> None:
    usual, fresh = load("mnist1d", 0), load("mnist1d", 0, 1)
    np.testing.assert_array_equal(usual.train.x, fresh.train.x)
    np.testing.assert_array_equal(usual.validation.x, fresh.validation.x)
    assert fresh.test.x.shape == (FRESH, 40)
    assert (np.bincount(fresh.test.y) == FRESH // 10).all()
    known = {row.tobytes() for part in parts(usual) for row in part.x}
    assert not known & {row.tobytes() for row in fresh.test.x}
    assert not np.array_equal(fresh.test.x, load("mnist1d", 0, 2).test.x)
    np.testing.assert_allclose(fresh.test.x.mean(0), usual.train.x.mean(0), atol=0.1)

"""Data that users bring: arrays, files, data sets and folders of images, split and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import IterableDataset, TensorDataset

from evoact.errors import InputError
from evoact.tasks import arrays_task, from_dataset, from_images, make_table, split, standardised

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3)) * [1.0, 10.0, 0.0] + [0.0, 5.0, 2.0]
CLASSES = np.repeat([0, 1, 2, 3], 25)


def rows(*parts: Any) -> set[bytes]:
    return {row.tobytes() for part in parts for row in part.x}


def test_parts_are_apart_and_the_test_part_is_no_matter_of_the_seed() -> None:
    one, other = split(X, CLASSES, 0), split(X, CLASSES, 1)
    assert [len(part.y) for part in (one.train, one.validation, one.test)] == [60, 20, 20]
    assert len(rows(one.train, one.validation, one.test)) == 100
    assert rows(one.test) == rows(other.test)
    assert rows(one.validation) != rows(other.validation)
    for part in (one.train, one.validation, one.test):
        assert len(set(np.bincount(part.y))) == 1  # classes have their shares
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)


def test_a_test_part_that_is_given_stays_whole() -> None:
    found = split(X, CLASSES, 0, x_test=X[:7], y_test=CLASSES[:7])
    assert len(found.train.y) + len(found.validation.y) == 100
    assert np.allclose(found.test.x, X[:7])


def test_features_are_standardised_by_the_training_part_alone() -> None:
    plain = split(X, CLASSES, 0)
    found = standardised(plain)
    assert np.allclose(found.train.x.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(found.train.x.std(axis=0)[:2], 1, atol=1e-5)
    assert np.isfinite(found.test.x).all()  # the third never changes
    wanted = (plain.test.x - plain.train.x.mean(axis=0))[:, 1] / plain.train.x.std(axis=0)[1]
    assert np.allclose(found.test.x[:, 1], wanted, atol=1e-4)


def test_small_data_with_rare_classes_are_split_without_shares() -> None:
    found = split(X[:9], [0, 0, 0, 0, 1, 1, 2, 2, 3], 0)
    assert sum(len(part.y) for part in (found.train, found.validation, found.test)) == 9


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        (X, CLASSES[:3], r"x is of shape \(100, 3\) and y of \(3,\)"),
        (X[:4], CLASSES[:4], "there are 4 samples; wanted at least 8"),
        (np.where(X > 20, np.nan, X) * np.nan, CLASSES, "x has values that are not finite"),
        ([["a"]] * 100, CLASSES, "x cannot be an array of numbers"),
    ],
)
def test_what_cannot_be_split_is_told(x: Any, y: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        split(x, y, 0)


def test_a_torch_data_set_is_read_once() -> None:
    x, y = torch.arange(80.0).reshape(40, 2, 1), torch.arange(40) % 2
    found = from_dataset(TensorDataset(x, y), 0, test=TensorDataset(x[:5], y[:5]))
    assert found.train.x.shape == (30, 2, 1)
    assert np.array_equal(found.test.x, x[:5].numpy())

    class Endless(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter([(0, 0)])

    with pytest.raises(InputError, match="Endless without length"):
        from_dataset(Endless(), 0)
    with pytest.raises(InputError, match="cannot be stacked"):
        from_dataset([(torch.zeros(i), 0) for i in range(9)], 0)


@pytest.mark.parametrize(("grey", "channels"), [(False, 3), (True, 1)])
def test_a_folder_of_images(grey: bool, channels: int, tmp_path: Path) -> None:
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for number in range(10):
            Image.new("RGB", (9, 7), (255 * label, 0, number)).save(
                tmp_path / name / f"{number}.png"
            )
    found = from_images(tmp_path, 0, size=4, grey=grey)
    assert found.train.x.shape == (12, channels, 4, 4)
    dogs = found.train.x[found.train.y == 1]
    assert np.allclose(dogs[:, 0], 1.0 if not grey else 76 / 255, atol=0.01)
    (tmp_path / "dog" / "bad.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"bad\.png cannot be read"):
        from_images(tmp_path, 0, size=4)
    with pytest.raises(InputError, match="wanted one that has a folder of images"):
        from_images(tmp_path / "dog", 0, size=4)


def test_arrays_of_a_file_are_what_a_network_learns(tmp_path: Path) -> None:
    path = str(tmp_path / "data.npz")
    np.savez(path, x=X, y=CLASSES, x_test=X[:8], y_test=CLASSES[:8])
    classes = arrays_task(path, "mlp", 0)
    assert classes.criterion.metrics == {"accuracy": "max"}
    assert classes.network(lambda *_: torch.nn.ReLU())(torch.zeros(2, 3)).shape == (2, 4)
    assert len(classes.splits.test.y) == 8
    numbers = arrays_task(path, "deep", 0, kind="regression")
    assert numbers.criterion.metrics == {"r2": "max", "rmse": "min"}
    y = torch.from_numpy(numbers.splits.validation.y)
    outputs = torch.stack([y, torch.zeros_like(y)])
    right, mean = numbers.criterion.scores(outputs, y)
    assert (right["r2"], right["rmse"]) == (1.0, 0.0)
    assert mean["r2"] == pytest.approx(0.0, abs=0.1)
    assert mean["rmse"] == pytest.approx(CLASSES.std(), rel=0.1)  # in the units of the file


def test_kinds_are_told_from_the_values(tmp_path: Path) -> None:
    for texts, outputs, metric in (
        (["red", "blue"], 2, "accuracy"),
        (["3", "7"], 2, "accuracy"),
        (["3", "7.5"], 1, "r2"),
    ):
        path = tmp_path / "t.csv"
        lines = [f"{i},{texts[i % 2]},{i * i}" for i in range(20)]
        path.write_text("a,colour,b\n" + "\n".join(lines))
        task = arrays_task(str(path), "mlp", 0, target="colour")
        assert next(iter(task.criterion.metrics)) == metric
        assert task.network(lambda *_: torch.nn.ReLU())(torch.zeros(1, 2)).shape == (1, outputs)


@pytest.mark.parametrize(
    ("text", "target", "told"),
    [
        ("a,b\n1,2\n1", None, "t.csv:3 has 1 cells, of 2"),
        ("a,b\nred,2\n1,3", None, "column 'a' holds 'red'; wanted numbers"),
        ("a,b\n1,2", "bb", "did you mean 'b'"),
        ("a,b", None, "has no table"),
        ("", None, "has no table"),
        ("a,b\n" + "1,x\n" * 9, None, r"with 1 class\(es\)"),
    ],
)
def test_a_table_that_is_none_is_told(
    text: str, target: str | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        arrays_task(str(tmp_path / "t.csv"), "mlp", 0, target=target)


def test_a_file_of_arrays_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    for arrays, told in (
        ({"x": X}, "has no array 'y'"),
        ({"x": X, "y": CLASSES, "x_test": X}, "has no array 'y_test'"),
        ({"x": X[:, 0], "y": CLASSES}, r"x is of shape \(100,\)"),
        ({"x": X, "y": np.array([{}] * 100)}, "cannot be read: .*pickle"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(InputError, match=told):
            arrays_task(str(path), "mlp", 0)
    path.write_bytes(b"PK broken")
    for wrong in (path, tmp_path / "missing.npz"):
        with pytest.raises(InputError, match="which cannot be read"):
            arrays_task(str(wrong), "mlp", 0)


def test_targets_of_regression_are_standardised_each() -> None:
    table = make_table({"x": X, "y": np.stack([X[:, 0], 100 * X[:, 1]], axis=1)}, 0, "auto")
    assert table.outputs == 2
    assert np.allclose(table.splits.train.y.std(axis=0), 1, atol=1e-5)
    assert np.allclose(table.y_scale[1], [X[:, 0].std(), 100 * X[:, 1].std()], rtol=0.3)

"""Data for a task of the user's own: from a torch `Dataset`, or a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evoact.errors import InputError
from evoact.tasks.data import Splits
from evoact.tasks.splitting import split

IMAGES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def from_dataset(dataset: Any, split_seed: int, *, test: Any = None) -> Splits:
    """Return the data of a torch `Dataset` of pairs, read once into memory, and split.

    Args:
        dataset: of `(x, y)`, each a number, array or tensor of one shape for all.
        split_seed: as `UserTask.data` is given it.
        test: the data set for the test part, if there is one.

    Raises:
        InputError: it has no length, or its items are no such pairs.

    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> splits = from_dataset(TensorDataset(torch.zeros(40, 3), torch.arange(40) % 2), 0)
    >>> splits.train.x.shape
    (24, 3)
    """
    x, y = _stacked(dataset)
    x_test, y_test = (None, None) if test is None else _stacked(test)
    return split(x, y, split_seed, x_test=x_test, y_test=y_test)


def _stacked(dataset: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if not hasattr(dataset, "__len__"):
        raise InputError(
            f"dataset is a {type(dataset).__name__} without length; wanted a map-style one"
        )
    try:
        pairs = [dataset[index] for index in range(len(dataset))]
        x, y = zip(*((x, y) for x, y in pairs), strict=True)
        return np.stack([np.asarray(one) for one in x]), np.stack([np.asarray(one) for one in y])
    except (TypeError, ValueError) as error:
        raise InputError(
            f"dataset cannot be stacked: {error}; wanted items (x, y), arrays or tensors of one "
            "shape each"
        ) from error


def from_images(folder: str | Path, split_seed: int, *, size: int, grey: bool = False) -> Splits:
    """Return the images of a folder that has a folder for each class, and split them.

    Inputs are `(samples, channels, size, size)`, from 0 to 1; classes are numbered in the
    order of their folders' names.

    Args:
        folder: with a folder of images for each class.
        split_seed: as `UserTask.data` is given it.
        size: of the sides, in pixels; images are scaled to it.
        grey: whether to have one channel, and not red, green and blue.

    Raises:
        InputError: there are no two folders of images, or one cannot be read.
    """
    classes = sorted(path for path in Path(folder).glob("*") if path.is_dir())
    found = [
        (path, label)
        for label, one in enumerate(classes)
        for path in sorted(one.rglob("*"))
        if path.suffix.lower() in IMAGES
    ]
    if len({label for _, label in found}) < 2:
        raise InputError(
            f"folder is {str(folder)!r}; wanted one that has a folder of images "
            f"({' '.join(IMAGES)}) for each of two classes or more"
        )
    x = np.stack([_image(path, size, "L" if grey else "RGB") for path, _ in found])
    return split(x, np.array([label for _, label in found]), split_seed)


def _image(path: Path, size: int, mode: str) -> npt.NDArray[np.float32]:
    from PIL import Image  # of matplotlib

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert(mode).resize((size, size)), dtype=np.float32)
            pixels /= np.float32(255)
    except OSError as error:
        raise InputError(f"image {path} cannot be read: {error}") from error
    return pixels[np.newaxis] if mode == "L" else pixels.transpose(2, 0, 1)

"""CIFAR-10 and CIFAR-100 with small residual networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoact.errors import InputError, integer
from evoact.files import cache_dir
from evoact.tasks.data import Splits
from evoact.tasks.shipped.making import one_of
from evoact.tasks.shipped.residual import resnet, wide_resnet
from evoact.tasks.splitting import split
from evoact.tasks.user import MakeActivation, UserTask

Images = npt.NDArray[np.uint8]
_MEAN, _DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
_SIDE: Final = 32
_PAD: Final = 4
_TEST_SAMPLES: Final = 10_000

NETWORKS: Final[Mapping[str, Callable[[MakeActivation, int], nn.Module]]] = MappingProxyType(
    {
        "resnet20": lambda activation, classes: resnet(activation, classes, blocks=3),
        "wrn10_2": lambda activation, classes: wide_resnet(activation, classes, depth=10, factor=2),
    }
)


class Cifar10(UserTask):
    """Small colour images of ten classes; judged by accuracy.

    Read by torchvision (`pip install 'evoact[torchvision]'`), which downloads them once.
    Training images are shifted by up to 4 pixels and mirrored at random, as is usual (He et
    al. 2016). Networks have batch statistics: they are trained one at a time, best on a GPU.

    Args:
        network: `resnet20` (He et al. 2016) or `wrn10_2` (Zagoruyko & Komodakis 2016).
        samples: of the 50,000 training images, the first so many are used, a quarter of
            them to validate; a worker holds 12 KB for each.
        generated: take images made by a random generator, which are there without
            download: to try a search space, not to choose a function.
        root: the folder of the data; that of evoact's cache by default.

    Raises:
        InputError: an argument is not what it must be.

    >>> Cifar10(samples=40, generated=True).data(0).train.x.shape
    (30, 3, 32, 32)
    """

    classes = 10
    data_set = "CIFAR10"

    def __init__(
        self,
        network: str = "resnet20",
        samples: int = 50_000,
        *,
        generated: bool = False,
        root: str | None = None,
    ) -> None:
        self.network = one_of(network, "network", tuple(NETWORKS))
        self.samples = integer(samples, "samples", 50_000)
        if not 8 <= self.samples <= 50_000:
            raise InputError(f"samples is {samples}; wanted 8 to 50000")
        self.generated = bool(generated)
        self.root = cache_dir() / "cifar" if root is None else Path(root)

    def data(self, split_seed: int) -> Splits:
        """Return images `(samples, 3, 32, 32)`, with mean 0 and deviation 1 a channel."""
        (x, y), (x_test, y_test) = self._parts()
        return split(
            normalised(x[: self.samples]),
            y[: self.samples],
            split_seed,
            x_test=normalised(x_test),
            y_test=y_test,
        )

    def _parts(self) -> list[tuple[Images, npt.NDArray[np.int64]]]:
        if self.generated:
            tests = min(self.samples, _TEST_SAMPLES)
            return [
                generated(n, self.classes, seed) for seed, n in enumerate((self.samples, tests))
            ]
        return [downloaded(self.data_set, self.root, train=train) for train in (True, False)]

    def model(self, activation: MakeActivation) -> nn.Module:
        """Return the network."""
        return NETWORKS[self.network](activation, self.classes)

    def step_loss(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss on images that are shifted and mirrored."""
        return self.loss(model(varied(x)), y)


class Cifar100(Cifar10):
    """The same with a hundred classes.

    >>> Cifar100(samples=40, generated=True).classes
    100
    """

    classes = 100
    data_set = "CIFAR100"


def normalised(images: Images) -> npt.NDArray[np.float32]:
    """Return images `(n, 32, 32, 3)` from 0 to 255 as `(n, 3, 32, 32)`, standardised."""
    scaled = images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    mean, deviation = (
        np.array(of, dtype=np.float32)[:, np.newaxis, np.newaxis] for of in (_MEAN, _DEVIATION)
    )
    found: npt.NDArray[np.float32] = (scaled - mean) / deviation
    return found


def generated(count: int, classes: int, seed: int) -> tuple[Images, npt.NDArray[np.int64]]:
    """Return images of noise around a pattern for each class, of CIFAR's shape and type.

    >>> [part.shape for part in generated(4, 10, 0)]
    [(4, 32, 32, 3), (4,)]
    """
    patterns = np.random.default_rng(0).integers(64, 192, (classes, _SIDE, _SIDE, 3))
    rng = np.random.default_rng(1 + seed)
    y = np.arange(count) % classes
    x = patterns[y] + rng.integers(-64, 64, (count, _SIDE, _SIDE, 3))
    return x.astype(np.uint8), y


def downloaded(name: str, root: Path, *, train: bool) -> tuple[Images, npt.NDArray[np.int64]]:
    """Return the training or the test part of a data set, downloaded if it is not there.

    Raises:
        InputError: there is no torchvision, or no data and no way to them.
    """
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # the latter when it was built for another torch
        raise InputError(
            f"{name} is read by torchvision, which cannot be imported: {error}; "
            "pip install 'evoact[torchvision]', or try the space with task.options "
            "{generated: true}"
        ) from error
    try:
        made: Any = getattr(datasets, name)(str(root), train=train, download=True)
    except (OSError, RuntimeError) as error:  # URLError is the former, a wrong checksum the latter
        raise InputError(
            f"{name} is not in {root} and cannot be downloaded: {error}; put the folder that "
            "torchvision makes there (or name its folder as task.options.root), or try the space "
            "with task.options {generated: true}"
        ) from error
    return np.asarray(made.data), np.asarray(made.targets, dtype=np.int64)


def varied(x: Tensor) -> Tensor:
    """Return images, each shifted by up to 4 pixels and mirrored or not, at random.

    >>> varied(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 3, 32, 32])
    """
    count, side = len(x), x.shape[-1]
    padded = F.pad(x, (_PAD,) * 4)
    rows, columns = (
        torch.randint(2 * _PAD + 1, (count, 1), device=x.device)
        + torch.arange(side, device=x.device)
        for _ in range(2)
    )
    mirrored = torch.rand(count, 1, device=x.device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    samples = torch.arange(count, device=x.device).view(-1, 1, 1)
    # Channels last while places are chosen, as indices apart from each other go first.
    return padded.movedim(1, -1)[samples, rows.unsqueeze(2), columns.unsqueeze(1)].movedim(-1, 1)

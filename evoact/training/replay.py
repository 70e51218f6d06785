"""A training step as a CUDA graph: hundreds of small kernels by one launch.

`torch.compile(mode="reduce-overhead")` would make graphs as well, but of what it
can trace: the products of a stack write gradients into given memory, which it
does not, and compiling takes longer than a candidate's whole training. So the
step is captured as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Makes something that repeats, when it is called, what a function does to memory."""

_WARM: Final = 3  # steps that are taken before one is captured, as CUDA asks for


class Replay:
    """A step of a stack that is captured after some steps, and then repeated.

    A captured step reads its batch from tensors of its own and leaves its results
    in tensors of its own: read them before the next step. All else that changes
    from step to step must be data on the device that is written before it.

    Args:
        step: of a batch; it reads nothing on the host.
        capture: `on_cuda`; a test can capture elsewhere.

    Attributes:
        refused: why steps are not captured any more; empty if they are.

    >>> double = Replay(lambda x, y: (x + x, y), capture=lambda function: function)
    >>> [double(torch.tensor(n), torch.tensor(0))[0].item() for n in range(5)]
    [0, 2, 4, 6, 8]
    """

    def __init__(self, step: Step, capture: Capture) -> None:
        self._step, self._capture = step, capture
        self.refused = ""
        self._captured: dict[tuple[torch.Size, torch.Size], _Captured] = {}
        self._seen: dict[tuple[torch.Size, torch.Size], int] = {}

    @property
    def captured(self) -> int:
        """How many steps are captured now, of batches of so many shapes."""
        return len(self._captured)

    def forget(self) -> None:
        """Capture anew, as memory or what is launched has changed."""
        self._captured.clear()
        self._seen.clear()

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Take a step."""
        key = x.shape, y.shape
        found = self._captured.get(key)
        if found is None and self._is_warm(key):
            found = self._try(x, y)
        return self._step(x, y) if found is None else found(x, y)

    def _is_warm(self, key: tuple[torch.Size, torch.Size]) -> bool:
        self._seen[key] = self._seen.get(key, 0) + 1
        return self._seen[key] > _WARM and not self.refused

    def _try(self, x: Tensor, y: Tensor) -> _Captured | None:
        try:
            found = _Captured(self._step, self._capture, x, y)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # something in a network waits for the device
            self.refused = str(error).partition("\n")[0]
            return None
        self._captured[x.shape, y.shape] = found
        return found


class _Captured:
    """A step of batches of one shape."""

    def __init__(self, step: Step, capture: Capture, x: Tensor, y: Tensor) -> None:
        self._x, self._y = x.clone(), y.clone()

        def run() -> None:
            self._results = step(self._x, self._y)

        self._again = capture(run)

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self._x.copy_(x)
        self._y.copy_(y)
        self._again()
        return self._results


def on_cuda(function: Callable[[], None]) -> Callable[[], None]:
    """Capture a function as a CUDA graph, without running it."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    replay: Callable[[], None] = graph.replay
    return replay

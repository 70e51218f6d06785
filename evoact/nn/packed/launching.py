"""Launches of several programs on a GPU: how they share it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor

from evoact.nn.kernels.triton_program import Program, fills

Launch = Callable[[Program, Tensor], None]
Slices = Sequence[tuple[Program, Tensor]]


def launch_each(slices: Slices, launch: Launch, x: Tensor, *, first: bool) -> None:
    """Launch programs, each for the slices of `x` that are its own.

    The first launches compile, most of it outside of Python: they run in threads. In a
    graph, programs that would leave most of the GPU idle run side by side: those of small
    layers would be done before the next launch has begun.

    Args:
        slices: programs, and numbers of slices.
        launch: launches one on the current stream.
        x: on a GPU, `(K, ...)`.
        first: whether they may have to be compiled.
    """
    if len(slices) > 1 and torch.cuda.is_current_stream_capturing():
        if fills(x, max(len(own) for _, own in slices)) < 1.0:
            _side_by_side(slices, launch)
            return
    elif len(slices) > 1 and first:
        _in_threads(slices, launch)
        return
    for program, own in slices:
        launch(program, own)


def _side_by_side(slices: Slices, launch: Launch) -> None:
    here = torch.cuda.current_stream()
    streams = _streams(here.device, len(slices))
    for stream, (program, own) in zip(streams, slices, strict=True):
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            launch(program, own)
    for stream in streams:
        here.wait_stream(stream)


@cache
def _streams(device: torch.device, count: int) -> list[torch.cuda.Stream]:
    return [torch.cuda.Stream(device) for _ in range(count)]


def _in_threads(slices: Slices, launch: Launch) -> None:
    here = torch.cuda.current_stream()

    def launch_here(pair: tuple[Program, Tensor]) -> None:
        with torch.cuda.stream(here):  # threads have a current stream of their own
            launch(*pair)

    # The worker that trains on a GPU waits meanwhile, and so do its cores.
    threads = max(1, (os.cpu_count() or 1) // torch.cuda.device_count())
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(launch_here, slices))

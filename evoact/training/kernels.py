"""What computes activations: resolved once a study, and then the same on every worker."""

from __future__ import annotations

from typing import Final

from evoact.errors import InputError, StudyError, nearest
from evoact.nn.kernels import Backend, backend

_KERNELS: Final = ("auto", "c", "torch")


def resolve_kernels(asked: str, device: str = "cpu", key: str = "evaluate.kernels") -> Backend:
    """Return what computes a study's activations, of what is there on this machine.

    Args:
        asked: `"c"`, `"torch"`, or `"auto"` for C where a compiler serves.
        device: `"cpu"` or `"cuda"`; on the latter it is always torch.
        key: what the setting is called, in messages.

    Raises:
        InputError: there is no such way, or C is asked for and cannot be had.

    >>> str(resolve_kernels("torch"))
    'torch (as asked)'
    """
    if asked not in _KERNELS:
        raise InputError(f"{key} is {asked!r}{nearest(asked, _KERNELS)}; wanted auto, c or torch")
    if asked == "torch":
        return Backend("torch", reason="as asked")
    if device != "cpu":
        return Backend("torch", reason=f"on {device}")
    found = backend()
    if asked == "c" and found.name != "c":
        raise InputError(
            f"{key} is c, but there is no C here: {found.reason}; or set {key} to auto or torch"
        )
    return found


def kernels_here(kernels: str) -> str:
    """Return what computes activations in this process, such as `c (gcc 12.2.0)`.

    Args:
        kernels: what the study resolved.

    Raises:
        StudyError: it is C, which this machine cannot compile. Training with
            torch instead would mix results that differ in their last bits.
    """
    if kernels != "c":
        return kernels
    found = backend()
    if found.name != "c":
        raise StudyError(
            f"the study's activations are computed in C (run.kernels), but a worker has none: "
            f"{found.reason}. Give every worker a C compiler and resume the study, or begin "
            "another with evaluate.kernels: torch"
        )
    return str(found)

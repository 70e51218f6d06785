"""What computes activations: resolved once a study, and then the same on every worker."""

from __future__ import annotations

from typing import Final

from evoact.errors import InputError, StudyError, nearest
from evoact.nn.kernels import Backend, backend, triton_backend

_KERNELS: Final = ("auto", "c", "torch", "triton")
_NAMES: Final = {"c": "C", "triton": "Triton"}


def resolve_kernels(asked: str, device: str = "cpu", key: str = "evaluate.kernels") -> Backend:
    """Return what computes a study's activations, of what is there on this machine.

    Args:
        asked: `"torch"`, `"c"`, `"triton"`, or `"auto"`: on the CPU C where a
            compiler serves, on CUDA Triton where it is installed, else torch.
        device: `"cpu"` or `"cuda"`.
        key: what the setting is called, in messages.

    Raises:
        InputError: there is no such way, or C or Triton is asked for and cannot
            be had, or not on this device.

    >>> str(resolve_kernels("torch"))
    'torch (as asked)'
    """
    own = "c" if device == "cpu" else "triton"
    if asked not in _KERNELS:
        wanted = f"auto, {own} or torch"
        raise InputError(f"{key} is {asked!r}{nearest(asked, _KERNELS)}; wanted {wanted}")
    if asked == "torch":
        return Backend("torch", reason="as asked")
    if asked not in ("auto", own):
        raise InputError(
            f"{key} is {asked}, but networks are trained on {device}, where activations "
            f"are computed by {own}; set {key} to auto, {own} or torch"
        )
    found = backend() if own == "c" else triton_backend()
    if asked == own and found.name != own:
        raise InputError(
            f"{key} is {own}, but there is no {_NAMES[own]} here: {found.reason}; "
            f"or set {key} to auto or torch"
        )
    return found


def kernels_here(kernels: str) -> str:
    """Return what computes activations in this process, such as `c (gcc 12.2.0)`.

    Args:
        kernels: what the study resolved.

    Raises:
        StudyError: it is C or Triton, which this machine does not have. Training
            with torch instead would mix results that differ in their last bits.
    """
    if kernels == "torch":
        return kernels
    found = backend() if kernels == "c" else triton_backend()
    if found.name != kernels:
        cure = "a C compiler" if kernels == "c" else "triton"
        raise StudyError(
            f"the study's activations are computed in {_NAMES[kernels]} (run.kernels), but a "
            f"worker has none: {found.reason}. Give every worker {cure} and resume the study, or "
            "begin another with evaluate.kernels: torch"
        )
    return str(found)

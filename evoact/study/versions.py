"""What a study resolves before its first evaluation, versions among it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from evoact.language import LANGUAGE_VERSION
from evoact.records import DTYPE, SPEC_VERSION, THREADS, RunSpec, SearchSpec

_PACKAGES: Final = ("evoact", "torch", "ray", "deap", "numpy", "mlflow")
_DECISIVE: Final = ("evoact", "torch", "deap", "numpy", "language", "kernels")
"""What results depend on."""

_GIT_SECONDS: Final = 5.0  # a huge repository on a slow disk must not hold up a search


def resolved_run(spec: SearchSpec, seed: int) -> RunSpec:
    """Return what is resolved once and for all, of the space and this machine.

    Raises:
        InputError: `evaluate.kernels` is what this machine does not have.
    """
    from evoact.training import data_digest, most_networks, resolve_kernels

    cohort = spec.evolution.cohort_size()
    if spec.evolution.cohort == "auto":
        device = spec.evaluate.device
        cohort = min(cohort, *(most_networks(task, device) for task in spec.all_tasks))
    kernels = resolve_kernels(spec.evaluate.kernels, spec.evaluate.device)
    data = {f"data.{task.label}": data_digest(task) for task in spec.all_tasks}
    return RunSpec(
        seed=seed,
        cohort=cohort,
        dtype=DTYPE,
        threads=THREADS,
        device=spec.evaluate.device,
        kernels=kernels.name,
        versions={**versions_here(kernels), **_commit(), **data},
    )


def versions_here(kernels: object) -> dict[str, str]:
    """Return what results depend on, of this process; `kernels` as `resolve_kernels` gives them."""
    return {**_versions(), "kernels": str(kernels)}


def warn_of_other_versions(
    name: str, begun: Mapping[str, str], kernels: str, device: str = "cpu"
) -> None:
    """Warn that something was begun with other versions than are here now.

    Args:
        name: of a study or comparison.
        begun: the versions then.
        kernels: what was resolved then, `"c"`, `"triton"` or `"torch"`.
        device: likewise.
    """
    now = {**_versions(), **_compiler(kernels, device)}
    changed = [
        f"{what} {begun[what]} -> {now[what]}"
        for what in _DECISIVE
        if what in now and begun.get(what) != now[what]
    ]
    if changed:
        warnings.warn(
            f"{name} was begun with other versions ({', '.join(changed)}); "
            "results may differ from those of one uninterrupted run",
            stacklevel=3,
        )


def _compiler(kernels: str, device: str) -> dict[str, str]:
    """Return which compiler makes kernels here; nothing if none does."""
    if kernels == "torch":
        return {}
    from evoact.training import resolve_kernels

    here = resolve_kernels("auto", device)
    return {"kernels": str(here)} if here.name == kernels else {}  # workers may have one


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "language": str(LANGUAGE_VERSION)}
    found["spec"] = str(SPEC_VERSION)
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _commit() -> dict[str, str]:
    """Return the commit of the user's project, `-dirty` where files differ from it.

    Nothing where this process works in no repository, or there is no git.
    """
    git = shutil.which("git")
    if git is None:
        return {}
    # Without optional locks: the user's own git may be at work.
    command = [git, "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        told = subprocess.run(  # noqa: S603  # a fixed command
            [*command, "--abbrev=40"],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {"commit": told.stdout.strip()} if told.returncode == 0 else {}

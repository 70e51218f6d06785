"""What a study resolves before its first evaluation, versions among it."""

from __future__ import annotations

import platform
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from evoact.language import LANGUAGE_VERSION
from evoact.records import DTYPE, SPEC_VERSION, THREADS, RunSpec, SearchSpec

_PACKAGES: Final = ("evoact", "torch", "ray", "deap", "numpy", "mlflow")
_DECISIVE: Final = ("evoact", "torch", "deap", "numpy", "language", "kernels")
"""What results depend on."""


def resolved_run(spec: SearchSpec, seed: int) -> RunSpec:
    """Return what is resolved once and for all, of the space and this machine.

    Raises:
        InputError: `evaluate.kernels` is what this machine does not have.
    """
    from evoact.training import most_networks, resolve_kernels

    cohort = spec.evolution.cohort_size()
    if spec.evolution.cohort == "auto":
        cohort = min(cohort, most_networks(spec.task, spec.evaluate.device))
    kernels = resolve_kernels(spec.evaluate.kernels, spec.evaluate.device)
    return RunSpec(
        seed=seed,
        cohort=cohort,
        dtype=DTYPE,
        threads=THREADS,
        device=spec.evaluate.device,
        kernels=kernels.name,
        versions={**_versions(), "kernels": str(kernels)},
    )


def warn_of_other_versions(name: str, run: RunSpec) -> None:
    """Warn that a study was begun with other versions than are here now.

    Args:
        name: of the study.
        run: what it resolved then.
    """
    now = {**_versions(), **_compiler(run)}
    changed = [
        f"{what} {run.versions[what]} -> {now[what]}"
        for what in _DECISIVE
        if what in now and run.versions.get(what) != now[what]
    ]
    if changed:
        warnings.warn(
            f"study {name} was begun with other versions ({', '.join(changed)}); "
            "results may differ from those of one uninterrupted run",
            stacklevel=3,
        )


def _compiler(run: RunSpec) -> dict[str, str]:
    """Return which compiler makes a study's kernels here; nothing if none does."""
    if run.kernels == "torch":
        return {}
    from evoact.training import resolve_kernels

    here = resolve_kernels("auto", run.device)
    return {"kernels": str(here)} if here.name == run.kernels else {}  # workers may have one


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "language": str(LANGUAGE_VERSION)}
    found["spec"] = str(SPEC_VERSION)
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found

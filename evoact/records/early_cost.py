"""What is said before a search of early functions that are not cheap."""

from __future__ import annotations

from evoact.language import Expression, named, resolve
from evoact.records.spec import SearchSpec


def costly_early(spec: SearchSpec) -> list[str]:
    """Return a sentence for each early function listed that is not piecewise linear.

    >>> costly_early(SearchSpec(anneal={"early": ["relu", "leaky_relu", "auto", "none"]}))
    []
    >>> costly_early(SearchSpec(anneal={"early": "silu"}))[0].partition(" costs ")[0]
    "anneal.early 'silu' is not piecewise linear: it"
    """
    listed = spec.anneal.early_functions().items()
    return [_sentence(text, early, spec) for text, early in listed if not _is_cheap(early)]


def _is_cheap(early: Expression) -> bool:
    return early.facts().piecewise_linear.value is True


def _sentence(text: str, early: Expression, spec: SearchSpec) -> str:
    cheap = named("relu").cost
    compared = [f"{early.cost / cheap:.1f} times relu"]
    seeds = {seed: resolve(seed).cost for seed in spec.evolution.seeds}
    dearest = max(seeds, key=lambda seed: seeds[seed], default="")
    if dearest and seeds[dearest] > 0.0:
        share = early.cost / seeds[dearest]
        compared.append(f"{share:.1f} times {dearest}, the dearest of evolution.seeds")
    return (
        f"anneal.early {text!r} is not piecewise linear: it costs {early.cost:.3g}, "
        f"{' and '.join(compared)}. Annealing saves time only where the early function is "
        "cheap; consider relu, or auto"
    )

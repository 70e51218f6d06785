"""Specifications of older versions, read as those of now.

A specification without `spec_version` is one of now: people write them by
hand, and a study's `space.yaml` always says its version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from evoact.language import resolve
from evoact.records.possible import read_width

SPEC_VERSION: Final = 4

_GRID: Final = 5
_HOLD, _LEAST_HOLD = 0.2, 0.1


def migrated_spec(data: Any) -> Any:
    """Return a specification's plain data as the version of now writes it.

    What is of this version, of a newer one, or no specification at all comes
    back as it is, to be checked by `SearchSpec`.

    >>> migrated_spec({"spec_version": 1, "anneal": {"end": 0.4}})["anneal"]["end"]
    [0.08, 0.4]
    """
    while isinstance(data, dict):
        version = data.get("spec_version")
        if type(version) is not int or version not in _STEPS:
            break
        step = _STEPS[version]
        data = {**step(data), "spec_version": version + 1}
    return data


def _from_1(data: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1: other ends, and early functions that no candidate could start from.

    `end` was the last point of a grid from `start` on where genes evolve, and
    could be anything below 1. Candidates of another width than the early
    function's were trained without annealing.
    """
    anneal = data.get("anneal", {})
    if not isinstance(anneal, dict):
        return dict(data)
    language = data.get("language", {})
    widths = language.get("widths", [1]) if isinstance(language, dict) else [1]
    return {**data, "anneal": {**anneal, **_early_of_1(anneal, widths), **_ends_of_1(anneal)}}


def _from_2(data: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2: torch computed the activations, less was screened; a study goes on so."""
    run, evaluate, evolution = data.get("run"), data.get("evaluate", {}), data.get("evolution", {})
    if not isinstance(run, dict) or not isinstance(evaluate, dict):
        return dict(data)
    if not isinstance(evolution, dict):
        return dict(data)
    by_torch, all_through = {"kernels": "torch"}, {"screens": {"linear": False, "depth": 0}}
    return {
        **data,
        "run": {**run, **by_torch},
        "evaluate": {**evaluate, **by_torch},
        "evolution": {**evolution, **all_through},
    }


def _from_3(data: Mapping[str, Any]) -> dict[str, Any]:
    """Version 3: there was no surrogate; a study that was begun without goes on without."""
    evolution = data.get("evolution", {})
    if not isinstance(data.get("run"), dict) or not isinstance(evolution, dict):
        return dict(data)
    return {**data, "evolution": {**evolution, "surrogate": "off"}}


def _ends_of_1(anneal: Mapping[str, Any]) -> dict[str, Any]:
    start, end = anneal.get("start", 0.0), anneal.get("end", 0.5)
    if not all(type(number) in {int, float} for number in (start, end)):
        return {}  # wrong then as now
    latest = 1.0 - _LEAST_HOLD
    start, end = min(start, latest), min(end, latest)
    evolves = anneal.get("evolve", True) and end > start
    first = round(start + (end - start) / _GRID, 6)
    return {
        "start": start,
        "end": [first, end] if evolves else end,
        "hold": min(_HOLD, round(1.0 - end, 6)),
    }


def _early_of_1(anneal: Mapping[str, Any], widths: Any) -> dict[str, Any]:
    try:
        known = {read_width(width) for width in widths}
        listed = [
            text if text == "none" or resolve(text).width in known else "none"
            for text in anneal.get("early", ["relu", "none"])
        ]
    except (ValueError, TypeError, AttributeError):  # wrong then as now
        return {}
    return {"early": list(dict.fromkeys(listed))}


_STEPS: Final[Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]]] = MappingProxyType(
    {1: _from_1, 2: _from_2, 3: _from_3}
)

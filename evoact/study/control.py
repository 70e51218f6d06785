"""A search's controls: what it is compared with to see what annealing gives."""

from __future__ import annotations

from typing import Final

from evoact.errors import InputError, nearest
from evoact.records import NO_ANNEALING, SearchSpec

CONTROLS: Final = ("static-late", "static-early")
_LONGEST_NAME: Final = 64


def with_control(spec: SearchSpec, control: str | None) -> SearchSpec:
    """Return a search as the control of itself; None changes nothing.

    `static-late` trains every candidate with its late function alone, all else
    equal. With the early function alone, all candidates that share it would be
    one training and nothing would be left to search; so `static-early` searches
    as before, and confirms each early function that is listed, alone, next to
    the winner and under the same seeds (and the winner's own, if it is derived).

    Raises:
        InputError: there is no such control.

    >>> with_control(SearchSpec(), "static-late").anneal.early
    ('none',)
    >>> with_control(SearchSpec(), "static-early").evaluate.confirm.baselines
    ('relu', 'silu', 'gelu')
    """
    if control is None:
        return spec
    if control not in CONTROLS:
        raise InputError(
            f"control is {control!r}{nearest(control, CONTROLS)}; wanted {' or '.join(CONTROLS)}"
        )
    name = f"{spec.name[: _LONGEST_NAME - 1 - len(control)]}-{control}"
    changed = _static_late(spec) if control == CONTROLS[0] else _static_early(spec)
    return changed.model_copy(update={"name": name})


def _static_late(spec: SearchSpec) -> SearchSpec:
    anneal = spec.anneal.model_copy(update={"early": (NO_ANNEALING,)})
    return spec.model_copy(update={"anneal": anneal})


def _static_early(spec: SearchSpec) -> SearchSpec:
    if spec.anneal.is_off:
        raise InputError(
            "--control is static-early, but anneal.early has no early function, only "
            f"{NO_ANNEALING!r}; list one, such as relu or auto"
        )
    confirm = spec.evaluate.confirm
    baselines = tuple(dict.fromkeys([*confirm.baselines, *spec.anneal.early_functions()]))
    changed = confirm.model_copy(update={"baselines": baselines, "controls": True})
    evaluate = spec.evaluate.model_copy(update={"confirm": changed})
    return spec.model_copy(update={"evaluate": evaluate})

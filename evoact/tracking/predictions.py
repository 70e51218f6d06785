"""What a surrogate predicted, against what training measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from evoact.records import History
from evoact.stats import Borne, borne_out
from evoact.tracking.describe import spec_of

_LEAST: Final = 10


@dataclass(frozen=True, slots=True)
class Surrogate:
    """How well a study's surrogate predicted the `measure`.

    `chosen` counts the candidates that it chose and whose training ended well;
    `borne` is of those among them that were trained to the end.
    """

    measure: str
    chosen: int
    borne: Borne


def surrogate(history: History) -> Surrogate | None:
    """Return how well the surrogate predicted, or None where it chose fewer than ten."""
    if history.started is None or not (spec := spec_of(history)).trained:
        return None
    pairs = [(c.predicted, e) for c, e in history.searched() if c.predicted and e.is_ok]
    last = max((e.rung for _, e in pairs), default=0)
    ended = [(p, e) for p, e in pairs if e.rung == last]
    if len(ended) < _LEAST:
        return None
    values = [spec.predicted(e.objectives) for _, e in ended]
    borne = borne_out([(p.mean, p.sd) for p, _ in ended], values)
    return Surrogate(spec.trained[0], len(pairs), borne)


def predictions(history: History) -> list[str]:
    """Say how well the surrogate predicted: rank correlation, and how often its interval held.

    Of the candidates that it chose and that were trained to the end; nothing where
    they are fewer than ten.
    """
    if (found := surrogate(history)) is None:
        return []
    borne = found.borne
    order = "-" if math.isnan(borne.rank_correlation) else f"{borne.rank_correlation:.2f}"
    return [
        f"The surrogate chose {found.chosen} candidates; of the {borne.n} trained to the end its "
        f"{found.measure} has rank correlation {order} with what was measured, and its "
        f"{100 * borne.expected:.0f} % interval held {100 * borne.inside:.0f} % of it."
    ]

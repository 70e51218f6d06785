"""What a surrogate predicted, against what training measured."""

from __future__ import annotations

import math
from typing import Final

from evoact.records import History
from evoact.stats import borne_out

_LEAST: Final = 10


def predictions(history: History) -> list[str]:
    """Say how well the surrogate predicted: rank correlation, and how often its interval held.

    Of the candidates that it chose and that were trained to the end; nothing where
    they are fewer than ten.
    """
    if history.started is None or not (measured := history.spec.trained):
        return []
    pairs = [(c.predicted, e) for c, e in history.searched() if c.predicted and e.is_ok]
    last = max((e.rung for _, e in pairs), default=0)
    rows = [(p.mean, p.sd, e.objectives[measured[0]]) for p, e in pairs if e.rung == last]
    if len(rows) < _LEAST:
        return []
    found = borne_out([(mean, sd) for mean, sd, _ in rows], [value for *_, value in rows])
    order = found.rank_correlation
    return [
        f"The surrogate chose {len(pairs)} candidates; of the {len(rows)} trained to the end its "
        f"{measured[0]} has rank correlation {'-' if math.isnan(order) else f'{order:.2f}'} with "
        f"what was measured, and its 95 % interval held {100.0 * found.inside:.0f} % of it."
    ]

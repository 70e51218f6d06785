"""The hall of fame as a gallery of small shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from evoact.records import Candidate, History
from evoact.tracking.describe import known_name, spec_of
from evoact.tracking.figures.labels import formula_text, label_of, value_text
from evoact.tracking.figures.shapes import draw_shape
from evoact.tracking.figures.style import LIGHT, SMALL, Style, drawing, head
from evoact.tracking.hall_of_fame import SIZE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS: Final = 5
_LONGEST: Final = 21  # characters below a shape
_ROW, _HEAD = 1.62, 0.3  # heights in inches


def gallery_figure(history: History, *, style: Style = LIGHT) -> Figure | None:
    """Return the hall of fame as small shapes, best first; None where it is empty yet.

    Above each its rank and score, below it its name, if it is a named function up to
    scale and shift, or its text, and how it was annealed. With several objectives the first
    score is shown of at most 20 that no other dominates.
    """
    spec = spec_of(history)
    best = history.hall_of_fame(spec, SIZE)
    if not best:
        return None
    rows = -(-len(best) // _COLUMNS)
    with drawing(_HEAD + _ROW * rows, style) as figure:
        axes: Any = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for place, one in zip(axes, best, strict=False):
            draw_shape(place, one.late, style)
        _write(axes, best, history, style)
        head(figure, f"Hall of fame: {label_of(spec.primary)} in the search")
    return figure


def _write(axes: Sequence[Any], best: Sequence[Candidate], history: History, style: Style) -> None:
    primary = spec_of(history).primary
    for rank, (place, one) in enumerate(zip(axes, best, strict=False), start=1):
        score = history.evaluations[one.id, 0].objectives[primary]
        place.set_title(f"{rank}   {value_text(primary, score)}", loc="center", weight="bold")
        below = f"{formula_text(known_name(one.late) or one.text, _LONGEST)}\n{_annealed(one)}"
        place.set_xlabel(below, fontsize=SMALL, family="monospace", color=style.muted)
    for place in axes[len(best) :]:
        place.set_visible(False)


def _annealed(candidate: Candidate) -> str:
    genes = candidate.anneal
    return f"{genes.path}, {100 * genes.end:.0f} %" if genes else "not annealed"

"""How a candidate came from its ancestors, generation by generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from evoact.records import Candidate, History
from evoact.tracking.describe import known_name, spec_of
from evoact.tracking.figures.labels import formula_text, shortened, value_text
from evoact.tracking.figures.shapes import draw_shape
from evoact.tracking.figures.style import LIGHT, SMALL, Style, apart, drawing, head
from evoact.tracking.lineage import Lineage, lineage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST: Final = 18
_COLUMNS: Final = 6
_ROW, _FOOT = 1.12, 0.75  # heights in inches
_LETTERS: Final = 96  # that stand beside each other in a figure's width
Places = Mapping[str, tuple[float, float]]


def genealogy_figure(
    history: History, candidate: Candidate, *, style: Style = LIGHT
) -> Figure | None:
    """Return the ancestors of a candidate as small shapes; None where it has none.

    A column for each generation, the candidate in the last one; below a shape is its
    score in the search, and how it was bred. Ancestors too far away are left out, and counted.
    """
    family = _recent(lineage(history, candidate, _MOST), history)
    if len(family.members) < 2:
        return None
    columns = _columns(family, history)
    places = _places(family, columns)
    rows = max(len(column) for column in columns.values())
    with drawing(_FOOT + _ROW * rows, style) as figure:
        axes: Any = figure.subplots()
        _draw_links(axes, family, places, style)
        size = (min(0.11, 0.62 / len(columns)), 0.5 / rows)
        for member in family.members:
            _draw_member(axes, member, places[member.id], size, history, style, len(columns))
        _write_generations(axes, columns, style)
        head(figure, _title(family))
    return figure


def _recent(family: Lineage, history: History) -> Lineage:
    """Keep the last generations, as many as have room beside each other."""
    born = sorted({history.born[member.id] for member in family.members})[-_COLUMNS:]
    kept = tuple(member for member in family.members if history.born[member.id] in born)
    ids = {member.id for member in kept}
    links = tuple(link for link in family.links if ids.issuperset(link))
    return Lineage(kept, links, family.left_out + len(family.members) - len(kept))


def _columns(family: Lineage, history: History) -> dict[int, list[str]]:
    """Return the ids of members by generation, in the order they are drawn from above."""
    columns: dict[int, list[str]] = {}
    for member in family.members:
        columns.setdefault(history.born[member.id], []).append(member.id)
    place: dict[str, float] = {}
    for generation in sorted(columns, reverse=True):  # each near its children
        column = columns[generation]
        children = {i: [place[c] for p, c in family.links if p == i and c in place] for i in column}
        column.sort(key=lambda i: fmean(children[i]) if children[i] else 0.5)
        place |= {who: (row + 0.5) / len(column) for row, who in enumerate(column)}
    return dict(sorted(columns.items()))


def _places(family: Lineage, columns: Mapping[int, Sequence[str]]) -> Places:
    """Return the centres of shapes, in shares of the axes."""
    places = {}
    for number, column in enumerate(columns.values()):
        for row, who in enumerate(column):
            places[who] = ((number + 0.5) / len(columns), 1.0 - (row + 0.5) / len(column))
    assert len(places) == len(family.members)
    return places


def _draw_links(axes: Axes, family: Lineage, places: Places, style: Style) -> None:
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    for parent, child in family.links:
        (x0, y0), (x1, y1) = places[parent], places[child]
        axes.plot([x0, x1], [y0, y1], color=style.muted, linewidth=1.2, zorder=1)


def _draw_member(
    axes: Axes,
    member: Candidate,
    place: tuple[float, float],
    size: tuple[float, float],
    history: History,
    style: Style,
    columns: int,
) -> None:
    x, y = place
    inset = axes.inset_axes((x - size[0] / 2, y - 0.4 * size[1], *size), zorder=3)
    draw_shape(inset, member.late, style)
    ground = {"facecolor": style.paper, "edgecolor": "none", "pad": 0.5}  # over the links
    inset.set_title(_score(member, history), fontsize=SMALL, loc="center", pad=4.0, bbox=ground)
    name = formula_text(known_name(member.late) or member.text, _LETTERS // columns)
    origin = shortened(member.origin.removeprefix("mutation:"), 12)
    inset.set_xlabel(
        f"{name}\n{origin}", fontsize=SMALL, color=style.muted, family="monospace", labelpad=3.0,
        bbox=ground,
    )  # fmt: skip
    apart(inset)


def _score(member: Candidate, history: History) -> str:
    primary = spec_of(history).primary
    evaluation = history.evaluations.get((member.id, 0))
    known = evaluation is not None and primary in evaluation.objectives
    return value_text(primary, evaluation.objectives[primary]) if evaluation and known else "failed"


def _write_generations(axes: Axes, columns: Mapping[int, object], style: Style) -> None:
    places = [(number + 0.5) / len(columns) for number in range(len(columns))]
    axes.set_xticks(places, [str(generation + 1) for generation in columns])
    axes.set(yticks=[], xlabel="generation")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0, colors=style.ink, labelsize=SMALL)


def _title(family: Lineage) -> str:
    older = f" ({family.left_out} older ones left out)" if family.left_out else ""
    return f"From its ancestors to the last one: score in the search, function, how bred{older}"

"""The pictures of a report, with what they say to who does not see them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from evoact.records import Candidate, History
from evoact.tracking.confirmation import TEST, contestants
from evoact.tracking.describe import annealing_text, spec_of
from evoact.tracking.figures import (
    DARK,
    LIGHT,
    Style,
    candidate_film,
    confirmation_figure,
    figure_bytes,
    front_figure,
    function_figure,
    gallery_figure,
    genealogy_figure,
    label_of,
    leading,
    overview_figure,
    progress_figure,
    steps_of,
    value_text,
)
from evoact.tracking.figures.front import axes_of
from evoact.tracking.lineage import lineage
from evoact.tracking.summary import interval_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Params = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a study: how it is drawn, what is seen in it, and what it is."""

    draw: Callable[[Style], Figure | None]
    alt: str
    caption: str

    def sources(self) -> dict[str, str]:
        """Return the figure as addresses that hold it, by theme; nothing where there is none."""
        drawn = {style.name: self.draw(style) for style in (LIGHT, DARK)}
        return {name: _address(figure) for name, figure in drawn.items() if figure is not None}


def _address(figure: Figure) -> str:
    return f"data:image/svg+xml;base64,{b64encode(figure_bytes(figure)).decode('ascii')}"


def pictures_of(history: History, params: Params | None = None) -> dict[str, Picture]:
    """Return the pictures that there are of a study so far, by name.

    Args:
        history: the study.
        params: trained values of the best function, by layer, to be drawn with it.
    """
    best = leading(history)
    if best is None:
        return {}
    curve = history.evaluations[best.id, 0].curve
    found = {
        "overview": Picture(
            lambda style: overview_figure(history, style=style),
            "The course of the search, the annealing of its best function, and how it compares.",
            "The study in one picture.",
        ),
        "card": Picture(
            lambda style: function_figure(best.late, params=params, style=style),
            f"Curves of {best.text} and of its derivative for inputs from -5 to 5.",
            "The function and its slope; the grey bell is what a normalised layer feeds it with.",
        ),
        "film": Picture(
            lambda style: candidate_film(best, curve, style=style),
            f"The function at six moments of the training: {annealing_text(best)}.",
            "From early to late: above g, which says how far, below the function at those moments.",
        ),
        "genealogy": Picture(
            lambda style: genealogy_figure(history, best, style=style),
            _family_words(history, best),
            "Where it comes from, generation by generation.",
        ),
    }
    return {**found, **_of_study(history)}


def _of_study(history: History) -> dict[str, Picture]:
    draw = {
        "confirmation": (confirmation_figure, "Means with 95 % intervals, and differences."),
        "progress": (progress_figure, "The search, candidate by candidate."),
        "front": (front_figure, "Who is on the line is beaten in both by nobody."),
        "gallery": (gallery_figure, "The hall of fame, best first."),
    }
    alts = {
        "confirmation": _confirmed_words(history),
        "progress": _progress_words(history),
        "front": _front_words(history),
        "gallery": "Small curves of the best functions; the table below names them.",
    }
    return {
        name: Picture(partial(_draw, figure, history), alts[name], caption)
        for name, (figure, caption) in draw.items()
    }


def _draw(figure: Callable[..., Figure | None], history: History, style: Style) -> Figure | None:
    return figure(history, style=style)


def _family_words(history: History, best: Candidate) -> str:
    family = lineage(history, best)
    count = len(family.members) - 1 + family.left_out
    first = min(history.born[member.id] for member in family.members)
    return f"{count} ancestors, the oldest shown of generation {first + 1}."


def _progress_words(history: History) -> str:
    steps, name = steps_of(history), spec_of(history).primary
    best = [step.evaluation.objectives[name] for step in steps if step.is_best]
    if not best:
        return ""
    ends = [value_text(name, value) for value in (best[0], best[-1])]
    return (
        f"{label_of(name)} of {len(steps)} candidates in the order they were trained; the best "
        f"so far went from {ends[0]} to {ends[1]} in {len(best)} steps."
    )


def _front_words(history: History) -> str:
    (y, _), (x, _) = axes_of(spec_of(history))
    return f"{label_of(y)} of all candidates against {label_of(x)}, with the front as a line."


def _confirmed_words(history: History) -> str:
    told = [
        f"{one.role} {one.label if one.role != 'winner' else ''}".strip()
        + f" {interval_text(one.interval(TEST))}"
        for one in contestants(history)
        if one.test
    ]
    return f"Test accuracy: {'; '.join(told)}." if told else "Validation accuracy by contestant."

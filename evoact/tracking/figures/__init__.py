"""Figures of functions and studies, in one style.

Each is a function from records to a matplotlib `Figure`, drawn in the colours of a
`Style`; `draw_...` put the same on axes of a larger figure. matplotlib is imported when the
first is drawn.
"""

from evoact.tracking.figures.card import function_figure
from evoact.tracking.figures.film import FRAMES, annealing_figure, candidate_film, film
from evoact.tracking.figures.style import DARK, LIGHT, Style, figure_bytes, save_figure

__all__ = [
    "DARK",
    "FRAMES",
    "LIGHT",
    "Style",
    "annealing_figure",
    "candidate_film",
    "figure_bytes",
    "film",
    "function_figure",
    "save_figure",
]

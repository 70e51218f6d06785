"""Figures of functions and studies, in one style.

Each is a function from records to a matplotlib `Figure`, drawn in the colours of a
`Style`; `draw_...` put the same on axes of a larger figure. matplotlib is imported when the
first is drawn.
"""

from evoact.tracking.figures.candidate import candidate_figure, candidate_svg
from evoact.tracking.figures.card import function_figure
from evoact.tracking.figures.confirmed import (
    confirmation_figure,
    contestant_name,
    draw_comparison,
    dress_rows,
)
from evoact.tracking.figures.film import FRAMES, annealing_figure, candidate_film, film
from evoact.tracking.figures.front import front_figure
from evoact.tracking.figures.gallery import gallery_figure
from evoact.tracking.figures.genealogy import genealogy_figure
from evoact.tracking.figures.labels import label_of, shortened, value_text
from evoact.tracking.figures.layers import layers_figure
from evoact.tracking.figures.overview import leading, overview_figure
from evoact.tracking.figures.progress import progress_figure, steps_of
from evoact.tracking.figures.style import (
    DARK,
    LIGHT,
    Style,
    drawing,
    figure_bytes,
    head,
    save_figure,
)

__all__ = [
    "DARK",
    "FRAMES",
    "LIGHT",
    "Style",
    "annealing_figure",
    "candidate_figure",
    "candidate_film",
    "candidate_svg",
    "confirmation_figure",
    "contestant_name",
    "draw_comparison",
    "drawing",
    "dress_rows",
    "figure_bytes",
    "film",
    "front_figure",
    "function_figure",
    "gallery_figure",
    "genealogy_figure",
    "head",
    "label_of",
    "layers_figure",
    "leading",
    "overview_figure",
    "progress_figure",
    "save_figure",
    "shortened",
    "steps_of",
    "value_text",
]

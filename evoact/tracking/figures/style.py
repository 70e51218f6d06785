"""One look for all figures: colours, sizes, and files that are the same each time.

Figures are drawn without pyplot: no display, no global list of figures. They are as
wide as a README or a report shows them, so that a size in points is what is read.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evoact.errors import InputError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.layout_engine import LayoutEngine

WIDTH: Final = 8.0
"""Of a figure, in inches: some 830 pixels where a README shows it."""
SMALL: Final = 8.0
"""The smallest size of text, in points: 11 pixels at that width."""
_DPI: Final = 160
_SALT: Final = "evoact"
_ALONE: Final = threading.RLock()  # matplotlib's settings and caches are of the whole process


@dataclass(frozen=True, slots=True)
class Style:
    """The colours of a theme, as `#rrggbb`.

    Lines and marks have a contrast of 3:1 or more with the paper, text one of 4.5:1
    (WCAG 2.2, 1.4.3 and 1.4.11); those that are to be told apart are, with every
    common colour blindness. After Okabe & Ito, darker on white and lighter on black.
    """

    name: str
    paper: str
    panel: str
    """The ground of what stands out from the paper, such as code."""
    ink: str
    muted: str
    """Of text and marks that are second to others."""
    faint: str
    """Of lines that help to read values: decoration, without enough contrast to say more."""
    density: str
    function: str
    derivative: str
    third: str
    others: tuple[str, ...]
    """Of further curves in a panel, after the three above."""
    stages: tuple[str, str]
    """Of early and late in a training; between the two lie those of the moments between."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The colours of curves that are told apart."""
        return (self.function, self.derivative, self.third, *self.others)

    def moments(self, count: int) -> list[Any]:
        """Return colours from early to late in a training."""
        from matplotlib.colors import LinearSegmentedColormap

        if count == 1:
            return [self.stages[1]]
        between = LinearSegmentedColormap.from_list("moments", self.stages)
        return [between(place / (count - 1)) for place in range(count)]


LIGHT: Final = Style(
    "light",
    paper="#ffffff",
    panel="#f3f5f7",
    ink="#1b2127",
    muted="#5a6570",
    faint="#d5dbe1",
    density="#d9dde1",
    function="#0072b2",
    derivative="#c95000",
    third="#4d004d",
    others=("#7b2d00", "#1b2127", "#8a6a00"),
    stages=("#c95000", "#0072b2"),
)
DARK: Final = Style(
    "dark",
    paper="#14181d",
    panel="#1e242b",
    ink="#e8edf2",
    muted="#a3afbb",
    faint="#3a434d",
    density="#333c46",
    function="#56b4e9",
    derivative="#f0973f",
    third="#c0477e",
    others=("#fff3b0", "#e8edf2", "#e6cf45"),
    stages=("#f0973f", "#56b4e9"),
)


@contextmanager
def drawing(
    height: float, style: Style, width: float = WIDTH, *, is_placed: bool = False
) -> Iterator[Figure]:
    """Give a figure of a height in inches, for artists that are made within.

    No text is read as mathematics unless it asks for that: a `$` may stand in a name.

    Args:
        height: inches.
        style: the colours.
        width: inches.
        is_placed: whether the places of axes will be given. It is drawn in a fraction of the
            time of a layout that looks for them, for which all is drawn once more.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with redrawing(style):
        layout = None if is_placed else _layout()
        figure = Figure(figsize=(width, height), dpi=_DPI, layout=layout)
        FigureCanvasAgg(figure)
        yield figure


@contextmanager
def redrawing(style: Style) -> Iterator[None]:
    """Draw on a figure that is there, as within `drawing`."""
    from matplotlib import rc_context

    with _ALONE, rc_context(_settings(style)):
        yield


def wiped(figure: Figure) -> None:
    """Take from a figure's axes what was drawn; the axes and their ticks stay."""
    for axes in figure.axes:
        for artist in (*axes.lines, *axes.collections, *axes.patches, *axes.texts):
            artist.remove()
        if legend := axes.get_legend():
            legend.remove()
        axes.set_title("")


def _layout() -> LayoutEngine:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.04, hspace=0.04)


def _settings(style: Style) -> dict[Any, Any]:
    return {
        "font.size": 9.0,
        "text.color": style.ink,
        "text.parse_math": False,
        "mathtext.fontset": "dejavusans",
        "figure.facecolor": style.paper,
        "axes.facecolor": "none",
        "axes.edgecolor": style.muted,
        "axes.labelcolor": style.ink,
        "axes.labelsize": 9.0,
        "axes.titlesize": 9.0,
        "figure.titlesize": 10.0,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "xtick.color": style.muted,
        "ytick.color": style.muted,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "legend.frameon": False,
        "legend.fontsize": SMALL,
        "legend.labelcolor": style.ink,
    }


def dress(axes: Axes, style: Style) -> None:
    """Give axes ticks of the theme: those that come to be when it is drawn, too."""
    axes.tick_params(colors=style.muted, labelsize=SMALL)


def head(figure: Figure | SubFigure, text: str, **more: Any) -> None:
    """Write what a figure shows above it, at the left."""
    figure.suptitle(text, x=0.01, ha="left", weight="bold", **more)


def apart(artist: Artist) -> None:
    """Keep an artist out of the layout: what stands within axes takes no room beside them."""
    artist.set_in_layout(False)


def figure_bytes(figure: Figure, kind: str = "svg") -> bytes:
    """Return a figure as `svg` or `png`, the same bytes each time."""
    from matplotlib import rc_context

    # The date, the version and random ids would make equal figures differ.
    metadata: Any = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    buffer = io.BytesIO()
    with _ALONE, rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as `.png` or `.svg`, with the same bytes each time.

    Raises:
        InputError: another suffix.
    """
    path = Path(path)
    if path.suffix not in {".png", ".svg"}:
        raise InputError(f"figure file is {path.name!r}; wanted a name in .png or .svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(figure_bytes(figure, path.suffix.removeprefix(".")))

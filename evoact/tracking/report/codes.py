"""A candidate as code to copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evoact.records import Candidate, History
from evoact.tracking.winners import discovered_text

CLASS: Final = "Discovered"
_CHANNELS: Final = 64


@dataclass(frozen=True, slots=True)
class Code:
    """A text to copy: `key` is the end of the ids of its parts in the page."""

    key: str
    name: str
    text: str
    note: str


def codes_of(candidate: Candidate, history: History) -> list[Code]:
    """Return a candidate in PyTorch alone, in evoact and in LaTeX."""
    from evoact.export import standalone_source

    about = discovered_text(candidate, history)
    return [
        Code(
            "pytorch",
            "PyTorch",
            standalone_source(candidate.late, class_name=CLASS, about=about),
            f"A file that needs torch alone: save it, import {CLASS}, use it as any module.",
        ),
        Code(
            "python",
            "Python, with evoact",
            evoact_code(candidate),
            "An expression to compute with, and the module that a network trains with.",
        ),
        Code(
            "latex",
            "LaTeX",
            f"f(x) = {candidate.late.latex()}",
            "The formula with all digits; parameters are learned.",
        ),
    ]


def evoact_code(candidate: Candidate) -> str:
    """Return Python that makes an expression, a module of it, and how it was annealed.

    >>> from evoact.language import resolve
    >>> print(evoact_code(Candidate(resolve("silu"))))
    import evoact
    <BLANKLINE>
    expression = evoact.parse('silu(x)')
    activation = evoact.Activation(expression)
    <BLANKLINE>
    """
    late, genes = candidate.late, candidate.anneal
    per_channel = any(p.scope.value == "channel" for p in late.parameters)
    channels = f", channels={max(_CHANNELS, late.channel_multiple)}"
    more = channels if late.is_groupwise or per_channel else ""
    lines = [
        "import evoact",
        "",
        f"expression = evoact.parse({candidate.text!r})",
        f"activation = evoact.Activation(expression{more})",
    ]
    if genes is not None:
        path = "" if genes.path == "blend" else f", path={genes.path!r}"
        schedule = f"{genes.schedule!r}, {genes.start!r}, {genes.end!r}"
        if (genes.layers, genes.by) != ("together", "step"):
            schedule += f", {genes.layers!r}, {genes.by!r}"
        lines += [
            "",
            "# As it was trained: step an evoact.AnnealScheduler(model, schedule, total_steps).",
            f"annealed = evoact.Annealed({genes.early_text!r}, expression{more}{path})",
            f"schedule = evoact.Schedule({schedule})",
        ]
    return "\n".join(lines) + "\n"

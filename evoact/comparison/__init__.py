"""Comparison: functions against baselines, with rates tuned alike and fresh seeds.

It stands above studies, whose evaluators train for it, and above trackers,
whose tables and words it shares; below `api`, which wires it up. It breeds and
exports nothing; its journal has the format of theirs.
"""

from evoact.comparison.entrants import BASELINES, check_task, entrants_of
from evoact.comparison.figure import differences_figure
from evoact.comparison.journal import ComparisonJournal
from evoact.comparison.plan import RATES, Entrant, Plan, Setting
from evoact.comparison.result import ComparisonResult
from evoact.comparison.run import run_comparison
from evoact.comparison.show import markdown, print_comparison
from evoact.comparison.standing import Standing, Tried

__all__ = [
    "BASELINES",
    "RATES",
    "ComparisonJournal",
    "ComparisonResult",
    "Entrant",
    "Plan",
    "Setting",
    "Standing",
    "Tried",
    "check_task",
    "differences_figure",
    "entrants_of",
    "markdown",
    "print_comparison",
    "run_comparison",
]

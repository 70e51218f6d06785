"""Studies: a search from its YAML to its winner, resumable at any moment."""

from evoact.study.control import CONTROLS, with_control
from evoact.study.estimate import estimate_seconds
from evoact.study.evaluators import Evaluator, InlineEvaluator, make_evaluator
from evoact.study.journal import JournalWriter, read_journal
from evoact.study.lines import NAME as JOURNAL
from evoact.study.lines import is_study
from evoact.study.loop import run
from evoact.study.space import dump_space, load_space, space_from_text
from evoact.study.study import Found, Study, check_name, refuse_existing
from evoact.study.task import named_task
from evoact.study.versions import versions_here, warn_of_other_versions
from evoact.study.warm import warmed

__all__ = [
    "CONTROLS",
    "JOURNAL",
    "Evaluator",
    "Found",
    "InlineEvaluator",
    "JournalWriter",
    "Study",
    "check_name",
    "dump_space",
    "estimate_seconds",
    "is_study",
    "load_space",
    "make_evaluator",
    "named_task",
    "read_journal",
    "refuse_existing",
    "run",
    "space_from_text",
    "versions_here",
    "warmed",
    "warn_of_other_versions",
    "with_control",
]

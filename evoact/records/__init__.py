"""Records: frozen data that rooms and processes exchange."""

from evoact.records.candidate import SCHEDULES, Anneal, Candidate
from evoact.records.cohort import Cohort, cut
from evoact.records.evaluation import Evaluation, Status
from evoact.records.history import History, Listener
from evoact.records.journal import (
    JOURNAL_VERSION,
    ConfirmationAsked,
    Evaluated,
    GenerationAsked,
    GenerationTold,
    Record,
    Rejected,
    StudyFinished,
    StudyStarted,
    decode,
    encode,
)
from evoact.records.spec import (
    NETWORKS,
    NO_ANNEALING,
    OBJECTIVES,
    SPEC_VERSION,
    TASKS,
    EvolutionSpec,
    LanguageSpec,
    RunSpec,
    SearchSpec,
    TaskSpec,
)

__all__ = [
    "JOURNAL_VERSION",
    "NETWORKS",
    "NO_ANNEALING",
    "OBJECTIVES",
    "SCHEDULES",
    "SPEC_VERSION",
    "TASKS",
    "Anneal",
    "Candidate",
    "Cohort",
    "ConfirmationAsked",
    "Evaluated",
    "Evaluation",
    "EvolutionSpec",
    "GenerationAsked",
    "GenerationTold",
    "History",
    "LanguageSpec",
    "Listener",
    "Record",
    "Rejected",
    "RunSpec",
    "SearchSpec",
    "Status",
    "StudyFinished",
    "StudyStarted",
    "TaskSpec",
    "cut",
    "decode",
    "encode",
]

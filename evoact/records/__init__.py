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
from evoact.records.params import load_params, save_params
from evoact.records.spec import (
    DTYPE,
    NETWORKS,
    NO_ANNEALING,
    OBJECTIVES,
    SPEC_VERSION,
    TASKS,
    THREADS,
    EvolutionSpec,
    LanguageSpec,
    RunSpec,
    SearchSpec,
    TaskSpec,
)

__all__ = [
    "DTYPE",
    "JOURNAL_VERSION",
    "NETWORKS",
    "NO_ANNEALING",
    "OBJECTIVES",
    "SCHEDULES",
    "SPEC_VERSION",
    "TASKS",
    "THREADS",
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
    "load_params",
    "save_params",
]

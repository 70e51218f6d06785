"""Records: frozen data that rooms and processes exchange."""

from evoact.records.anneal import BY, LAYERS, SCHEDULES, Anneal
from evoact.records.anneal_spec import NO_ANNEALING, AnnealSpec
from evoact.records.candidate import Candidate, Predicted
from evoact.records.cohort import GAINS, Checkpoint, Cohort, Halving, cut
from evoact.records.constraints import INSIDE, LATENCY, MEASURED, Constraint, is_measured
from evoact.records.early_cost import costly_early
from evoact.records.evaluate_spec import ConfirmSpec, EvaluateSpec
from evoact.records.evaluation import Evaluation, Status
from evoact.records.evolution_spec import EvolutionSpec
from evoact.records.history import History, Listener
from evoact.records.journal import (
    JOURNAL_VERSION,
    ComparisonFinished,
    ComparisonStarted,
    ConfirmationAsked,
    ControlsAsked,
    Evaluated,
    GenerationAsked,
    GenerationTold,
    RaceAsked,
    Record,
    Rejected,
    StudyFinished,
    StudyStarted,
    TrainingsAsked,
    decode,
    encode,
)
from evoact.records.migrate_spec import SPEC_VERSION, migrated_spec
from evoact.records.params import load_params, save_params
from evoact.records.ranking import merits
from evoact.records.spec import DTYPE, OBJECTIVES, THREADS, LanguageSpec, RunSpec, SearchSpec
from evoact.records.task_spec import HEADS, NETWORKS, SHIPPED, TASKS, TaskSpec

__all__ = [
    "BY",
    "DTYPE",
    "GAINS",
    "HEADS",
    "INSIDE",
    "JOURNAL_VERSION",
    "LATENCY",
    "LAYERS",
    "MEASURED",
    "NETWORKS",
    "NO_ANNEALING",
    "OBJECTIVES",
    "SCHEDULES",
    "SHIPPED",
    "SPEC_VERSION",
    "TASKS",
    "THREADS",
    "Anneal",
    "AnnealSpec",
    "Candidate",
    "Checkpoint",
    "Cohort",
    "ComparisonFinished",
    "ComparisonStarted",
    "ConfirmSpec",
    "ConfirmationAsked",
    "Constraint",
    "ControlsAsked",
    "EvaluateSpec",
    "Evaluated",
    "Evaluation",
    "EvolutionSpec",
    "GenerationAsked",
    "GenerationTold",
    "Halving",
    "History",
    "LanguageSpec",
    "Listener",
    "Predicted",
    "RaceAsked",
    "Record",
    "Rejected",
    "RunSpec",
    "SearchSpec",
    "Status",
    "StudyFinished",
    "StudyStarted",
    "TaskSpec",
    "TrainingsAsked",
    "costly_early",
    "cut",
    "decode",
    "encode",
    "is_measured",
    "load_params",
    "merits",
    "migrated_spec",
    "save_params",
]

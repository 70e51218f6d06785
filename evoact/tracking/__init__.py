"""Views of a study's journal: console, CSV, figures, MLflow.

Every tracker is a `Listener`; replaying a journal through a fresh one gives
the same view. MLflow and matplotlib are imported when first needed.
"""

from evoact.tracking.confirmation import (
    Comparison,
    ConfirmationCsv,
    Contestant,
    comparison_rows,
    comparisons,
    confirmation_rows,
    contestants,
    control_comparisons,
)
from evoact.tracking.console import Console
from evoact.tracking.describe import GENES, annealing_text, csv_text
from evoact.tracking.figures import function_figure, save_figure
from evoact.tracking.film import annealing_figure
from evoact.tracking.guarded import Guarded
from evoact.tracking.hall_of_fame import HallOfFameCsv, hall_of_fame_columns, hall_of_fame_rows
from evoact.tracking.mlflow_store import check_reachable, prepare_store, tracking_uri
from evoact.tracking.mlflow_tracker import MlflowTracker
from evoact.tracking.summary import print_summary, sharing, verdict
from evoact.tracking.winners import WinnerFiles

__all__ = [
    "GENES",
    "Comparison",
    "ConfirmationCsv",
    "Console",
    "Contestant",
    "Guarded",
    "HallOfFameCsv",
    "MlflowTracker",
    "WinnerFiles",
    "annealing_figure",
    "annealing_text",
    "check_reachable",
    "comparison_rows",
    "comparisons",
    "confirmation_rows",
    "contestants",
    "control_comparisons",
    "csv_text",
    "function_figure",
    "hall_of_fame_columns",
    "hall_of_fame_rows",
    "prepare_store",
    "print_summary",
    "save_figure",
    "sharing",
    "tracking_uri",
    "verdict",
]

"""Views of a study's journal: console, CSV, figures, MLflow.

Every tracker is a `Listener`; replaying a journal through a fresh one gives
the same view. MLflow and matplotlib are imported when first needed.
"""

from evoact.tracking.background import Background
from evoact.tracking.board import SKETCH, failures, header, sketches
from evoact.tracking.confirmation import (
    BASELINE,
    CONTROL,
    TEST,
    VALIDATION,
    Comparison,
    ConfirmationCsv,
    Contestant,
    compare_family,
    comparison_row,
    comparison_rows,
    comparisons,
    confirmation_rows,
    contestant_of,
    contestants,
    control_comparisons,
)
from evoact.tracking.console import Console
from evoact.tracking.describe import GENES, annealing_text, csv_text, novelty_text
from evoact.tracking.figures import annealing_figure, function_figure, save_figure
from evoact.tracking.guarded import Guarded
from evoact.tracking.hall_of_fame import HallOfFameCsv, hall_of_fame_columns, hall_of_fame_rows
from evoact.tracking.mlflow_store import (
    StoreUnreachable,
    check_reachable,
    prepare_environment,
    prepare_store,
    redacted,
    refuse_password,
    tracking_uri,
)
from evoact.tracking.mlflow_tracker import MlflowTracker, study_page
from evoact.tracking.sparkline import sparkline
from evoact.tracking.summary import (
    SIGNIFICANT,
    comparison_table,
    difference_text,
    interval_text,
    judged,
    p_text,
    print_summary,
    results_table,
    sharing,
    too_few,
    verdict,
)
from evoact.tracking.summary_data import summary_data
from evoact.tracking.winners import WinnerFiles

__all__ = [
    "BASELINE",
    "CONTROL",
    "GENES",
    "SIGNIFICANT",
    "SKETCH",
    "TEST",
    "VALIDATION",
    "Background",
    "Comparison",
    "ConfirmationCsv",
    "Console",
    "Contestant",
    "Guarded",
    "HallOfFameCsv",
    "MlflowTracker",
    "StoreUnreachable",
    "WinnerFiles",
    "annealing_figure",
    "annealing_text",
    "check_reachable",
    "compare_family",
    "comparison_row",
    "comparison_rows",
    "comparison_table",
    "comparisons",
    "confirmation_rows",
    "contestant_of",
    "contestants",
    "control_comparisons",
    "csv_text",
    "difference_text",
    "failures",
    "function_figure",
    "hall_of_fame_columns",
    "hall_of_fame_rows",
    "header",
    "interval_text",
    "judged",
    "novelty_text",
    "p_text",
    "prepare_environment",
    "prepare_store",
    "print_summary",
    "redacted",
    "refuse_password",
    "results_table",
    "save_figure",
    "sharing",
    "sketches",
    "sparkline",
    "study_page",
    "summary_data",
    "too_few",
    "tracking_uri",
    "verdict",
]

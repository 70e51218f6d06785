"""scikit-learn's face: estimators that find an activation for a table, and one without any."""

from evoact.sklearn.estimators import ActivationSearchClassifier, ActivationSearchRegressor
from evoact.sklearn.gated_linear import GatedLinearNetworkClassifier

__all__ = [
    "ActivationSearchClassifier",
    "ActivationSearchRegressor",
    "GatedLinearNetworkClassifier",
]

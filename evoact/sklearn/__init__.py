"""scikit-learn's face: estimators that find an activation for a table."""

from evoact.sklearn.estimators import ActivationSearchClassifier, ActivationSearchRegressor

__all__ = ["ActivationSearchClassifier", "ActivationSearchRegressor"]

"""Functions of an activation or of a trained network: what its accuracy does not tell.

Each has its formula and source in its docstring and a test with a known answer. The
room stands beside `tasks`, above `nn` and below `training`: it is given modules and
tensors and knows neither data sets nor records, so that training can measure a
candidate by it where its network is (as an objective or a constraint of a search),
and users can call it on models of their own. `evoact diagnose` trains and prints.
"""

from evoact.diagnostics.curves import circle, curve_lengths, fold_depth, folding
from evoact.diagnostics.decoding import (
    crelu_reconstruction_error,
    filter_pairing,
    information_lost,
)
from evoact.diagnostics.geometry import (
    ORDERS,
    contraction,
    local_support_vectors,
    nearest_neighbour_accuracy,
    separation,
    standardise,
)
from evoact.diagnostics.jacobians import (
    LipschitzBound,
    Spectrum,
    gradient_norms,
    jacobians,
    lipschitz_bound,
    lipschitz_estimate,
    spectrum,
)
from evoact.diagnostics.mean_field import (
    FixedPoint,
    MomentFixedPoint,
    dual,
    moment_fixed_point,
    moment_map,
    variance_fixed_points,
)
from evoact.diagnostics.planes import (
    deep_lower_bound,
    maxout_lower_bound,
    regions_on_plane,
    sign_patterns,
    zaslavsky,
)
from evoact.diagnostics.recording import Layer, activations_of, record
from evoact.diagnostics.report import Diagnosis, LayerReport, activation_facts, diagnose
from evoact.diagnostics.segments import Regions, regions_along
from evoact.diagnostics.spectra import effective_rank
from evoact.diagnostics.units import Activity, activity

__all__ = [
    "ORDERS",
    "Activity",
    "Diagnosis",
    "FixedPoint",
    "Layer",
    "LayerReport",
    "LipschitzBound",
    "MomentFixedPoint",
    "Regions",
    "Spectrum",
    "activation_facts",
    "activations_of",
    "activity",
    "circle",
    "contraction",
    "crelu_reconstruction_error",
    "curve_lengths",
    "deep_lower_bound",
    "diagnose",
    "dual",
    "effective_rank",
    "filter_pairing",
    "fold_depth",
    "folding",
    "gradient_norms",
    "information_lost",
    "jacobians",
    "lipschitz_bound",
    "lipschitz_estimate",
    "local_support_vectors",
    "maxout_lower_bound",
    "moment_fixed_point",
    "moment_map",
    "nearest_neighbour_accuracy",
    "record",
    "regions_along",
    "regions_on_plane",
    "separation",
    "sign_patterns",
    "spectrum",
    "standardise",
    "variance_fixed_points",
    "zaslavsky",
]

"""All that is measured of one trained network: by layer, and as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn

from evoact.diagnostics.curves import circle, curve_lengths, fold_depth
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
    gradient_norms,
    jacobians,
    lipschitz_bound,
    lipschitz_estimate,
    spectrum,
)
from evoact.diagnostics.mean_field import moment_fixed_point, variance_fixed_points
from evoact.diagnostics.planes import sign_patterns
from evoact.diagnostics.recording import Layer, exact, record
from evoact.diagnostics.segments import regions_along
from evoact.diagnostics.spectra import effective_rank
from evoact.diagnostics.units import activity
from evoact.errors import InputError
from evoact.language import Expression, initialisation_gain

INPUT: Final = "input"
_MOST: Final = 512
_TRAINING: Final = 4  # decoders want many samples for each unit
_FEW: Final = 64  # samples whose Jacobians are computed
_SEGMENTS: Final = 8
_MEAN_FIELD: Final = (
    "variance_fixed_point",
    "variance_slope",
    "variance_stable",
    "gradient_factor",
    "mean_fixed_point",
    "mean_map_variance",
    "mean_map_stable",
)
Labelled = tuple[Tensor, Tensor]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """What was measured behind one activation, or of the inputs; None where it says nothing.

    Attributes:
        name: of the activation, or `input`.
        units: its channels.
        mean: of its outputs.
        variance: of them.
        zero_fraction: see `Activity`, as are the next four.
        dead: likewise.
        constant: likewise.
        probability: likewise.
        dispersion: likewise.
        gradient: see `gradient_norms`.
        effective_rank: see there, as for the next two.
        information_lost: of the network's input.
        curve_length: of a circle through two samples, over its length among the inputs.
        fold_depth: of that circle.
        contraction: see there, as are the next two; of features standardised by
            training data.
        separation: likewise.
        neighbour_accuracy: of held-out samples among those for training.
        support_vectors: of training samples, by order, as shares.
    """

    name: str
    units: int
    mean: float
    variance: float
    zero_fraction: float | None = None
    dead: int | None = None
    constant: int | None = None
    probability: float | None = None
    dispersion: float | None = None
    gradient: float | None = None
    effective_rank: float | None = None
    information_lost: float | None = None
    curve_length: float | None = None
    fold_depth: float | None = None
    contraction: float | None = None
    separation: float | None = None
    neighbour_accuracy: float | None = None
    support_vectors: Mapping[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was measured of a network.

    Attributes:
        layers: the inputs, then each activation in the order of the forward pass.
        whole: of the network as a whole, by name.
        notes: what is not known, and why.
    """

    layers: Sequence[LayerReport]
    whole: Mapping[str, float | bool | None]
    notes: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; infinities become `inf` and `-inf`, NaN None."""
        return {
            "layers": [_plain(asdict(layer)) for layer in self.layers],
            "whole": _plain(self.whole),
            "notes": dict(self.notes),
        }


def diagnose(
    network: nn.Module,
    x: Tensor,
    y: Tensor | None = None,
    train: Labelled | None = None,
    *,
    most: int = _MOST,
    seed: int = 0,
) -> Diagnosis:
    """Measure a network, trained or not, on samples; it stays as it is.

    Args:
        network: any module with activations of evoact or torch.
        x: inputs, best held out from training, `(samples, ...)`.
        y: their classes, `(samples,)` integers; without, no geometry of classes.
        train: inputs and classes for training, among which neighbours are looked for;
            without, samples are each other's neighbours.
        most: how many samples are looked at: the first, and four times as many of `train`.
        seed: of random directions.

    Raises:
        InputError: the network has no activation.

    >>> from evoact.nn import Activation
    >>> network = nn.Sequential(nn.Linear(3, 4), Activation("relu(x)"), nn.Linear(4, 2))
    >>> found = diagnose(network, torch.randn(40, 3), torch.arange(40) % 2)
    >>> [layer.name for layer in found.layers], found.whole["lipschitz_certified"]
    (['input', '1'], True)
    """
    network, notes = exact(network), dict[str, str]()
    x, y = _real(x[:most]), None if y is None else y[:most].cpu()
    more = _TRAINING * most
    reference = None if train is None else (_real(train[0][:more]), train[1][:more].cpu())
    with torch.no_grad():
        _, layers = record(network, x)
        others = None if reference is None else record(network, reference[0])[1]
    stages = [x, *(layer.after for layer in layers)]
    learnt = None
    if reference is not None and others is not None:
        learnt = [reference[0], *(layer.after for layer in others)]
    flows = _flows(network, x, seed, notes)
    rows = [
        {**_row(layer, values, flows), **_lost(stages, learnt, place)}
        for place, (layer, values) in enumerate(zip([None, *layers], stages, strict=True))
    ]
    if y is not None:
        labels = y if reference is None else reference[1]
        for place, row in enumerate(rows):
            known = None if learnt is None else learnt[place]
            row.update(_classes(stages[place], known, y, labels, notes))
    return Diagnosis([LayerReport(**row) for row in rows], _whole(network, x, notes), notes)


def activation_facts(expression: Expression) -> dict[str, float | bool | None]:
    """Return where signals of wide random networks of an activation go, see `mean_field`.

    Of weights scaled by the activation's own gain, without biases: the variance map
    then keeps 1.

    >>> from evoact.language import parse
    >>> found = activation_facts(parse("tanh(x)"))
    >>> found["variance_stable"], round(found["gradient_factor"], 3)
    (True, 1.178)
    """
    gain = initialisation_gain(expression)
    points = [p for p in variance_fixed_points(expression, gain**2) if p.variance > 0.0]
    nearest = min(points, key=lambda p: abs(math.log(p.variance)), default=None)
    try:
        moments = moment_fixed_point(expression)
    except InputError:  # it mixes channels
        moments = None
    found: dict[str, float | bool | None] = {"gain": gain, **dict.fromkeys(_MEAN_FIELD)}
    if nearest is not None:
        values = (nearest.variance, nearest.slope, nearest.stable, nearest.gradient)
        found |= zip(_MEAN_FIELD[:4], values, strict=True)
    if moments is not None:
        kept = (moments.mean, moments.variance, moments.stable)
        found |= zip(_MEAN_FIELD[4:], kept, strict=True)
    return found


def _real(x: Tensor) -> Tensor:
    x = x.detach().cpu()
    return x.double() if x.is_floating_point() else x


def _flows(
    network: nn.Module, x: Tensor, seed: int, notes: dict[str, str]
) -> dict[str, dict[str, float]]:
    """Return what goes through the layers, by measure and name."""
    found: dict[str, dict[str, float]] = {
        "gradient": _known("gradient", notes, lambda: gradient_norms(network, x, seed)) or {}
    }
    if not x.is_floating_point():
        notes["curve_length"] = "inputs are no real numbers, and have no curve through them"
        return {**found, "curve_length": {}, "fold_depth": {}}
    curve = circle(x[0], x[-1])
    lengths = curve_lengths(network, curve)
    whole = lengths[INPUT]
    relative = {n: length / whole for n, length in lengths.items()} if whole > 0 else {}
    return {**found, "curve_length": relative, "fold_depth": fold_depth(network, curve)}


def _row(
    layer: Layer | None, values: Tensor, flows: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    features, name = values.flatten(1).double(), INPUT if layer is None else layer.name
    row: dict[str, Any] = {
        "name": name,
        "units": features.shape[1] if layer is None else layer.units.shape[1],
        "mean": float(features.mean()),
        "variance": float(features.var(correction=0)),
        **{measure: found.get(name) for measure, found in flows.items()},
    }
    if features.isfinite().all():
        row["effective_rank"] = effective_rank(features)
    return row if layer is None else {**row, **asdict(activity(layer.units))}


def _lost(
    stages: Sequence[Tensor], learnt: Sequence[Tensor] | None, place: int
) -> dict[str, float]:
    """Return how much of the inputs is lost at a place: of none where they do not vary."""
    x = stages[0]
    values = [stage.flatten(1) for stage in (x, stages[place], *(learnt or ())[:1])]
    varies = x.is_floating_point() and len(x) >= 4 and bool((x != x[0]).any())
    if place == 0 or not varies or not all(one.isfinite().all() for one in values):
        return {}
    held = (values[0], values[1])
    if learnt is None:
        return {"information_lost": information_lost(*held)}
    fitted = learnt[0].flatten(1), learnt[place].flatten(1)
    return {"information_lost": information_lost(*fitted, held)}


def _classes(
    values: Tensor, neighbours: Tensor | None, y: Tensor, labels: Tensor, notes: dict[str, str]
) -> dict[str, Any]:
    """Return where the classes lie in the features of a layer."""
    if neighbours is None:
        (features,), queries, wanted = standardise(values.flatten(1)), None, None
    else:
        features, queries = standardise(neighbours.flatten(1), values.flatten(1))
        wanted = y
    orders = tuple(k for k in ORDERS if k < len(features))

    def shares() -> dict[int, float]:
        found = local_support_vectors(features, labels, orders)
        return {k: count / len(features) for k, count in found.items()}

    return {
        "contraction": _known("contraction", notes, lambda: contraction(features, labels)),
        "separation": _known("separation", notes, lambda: separation(features, labels)),
        "neighbour_accuracy": nearest_neighbour_accuracy(features, labels, queries, wanted),
        "support_vectors": _known("support_vectors", notes, shares) if orders else None,
    }


def _whole(network: nn.Module, x: Tensor, notes: dict[str, str]) -> dict[str, float | bool | None]:
    found: dict[str, float | bool | None] = {"sign_patterns": sign_patterns(network, x) / len(x)}
    few = x[:_FEW]
    if x.is_floating_point():
        singular = spectrum(jacobians(network, few))
        found |= {f"jacobian_{name}": value for name, value in asdict(singular).items()}
        found["lipschitz_seen"] = lipschitz_estimate(network, few)
        bound = _known("lipschitz_bound", notes, lambda: lipschitz_bound(network, x))
        found["lipschitz_bound"] = None if bound is None else bound.value
        found["lipschitz_certified"] = None if bound is None else bound.certified
        found["linear_regions"] = _known("linear_regions", notes, lambda: _regions(network, x))
    return found | _first_layer(network, x)


def _regions(network: nn.Module, x: Tensor) -> float:
    """Return the mean number of linear regions from sample to sample."""
    counts = [regions_along(network, *ends).linear for ends in pairwise(x[: _SEGMENTS + 1])]
    return sum(counts) / len(counts)


def _first_layer(network: nn.Module, x: Tensor) -> dict[str, float | bool | None]:
    """Return what CReLU is about: whether first filters are in pairs, what they see of inputs."""
    kinds = nn.Linear | nn.Conv1d | nn.Conv2d
    first = next((m for m in network.modules() if isinstance(m, kinds)), None)
    if first is None or len(first.weight) < 2:
        return {}
    pairs = {"filter_pairing": float(filter_pairing(first.weight).mean())}
    if not isinstance(first, nn.Linear) or x.dim() != 2 or x.shape[1] != first.in_features:
        return {**pairs}
    return {**pairs, "crelu_error": crelu_reconstruction_error(first.weight, x)}


def _known(name: str, notes: dict[str, str], measure: Callable[[], _T]) -> _T | None:
    """Return a measure, or None and a note where it cannot be had."""
    try:
        return measure()
    except InputError as error:
        notes[name] = str(error)
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else repr(value)
    return value

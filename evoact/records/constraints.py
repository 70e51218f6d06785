"""Constraints of a search: what an expression must fulfil to be trained, and to be best.

A constraint is a text that is parsed, never evaluated:
`constraint := NAME ("<=" | ">=" | "<" | ">") NUMBER | NAME ":" WORD`. Names are
measures of a function (`cost`, `lipschitz`, `pieces`, ...), or its facts that are yes or no
(`piecewise_linear: true`) or a word (`monotone: increasing`); and what is measured in
training (`val_loss`, `latency`, ...), whose bounds a candidate is trained to be held to.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

from evoact.errors import nearest
from evoact.language import Expression
from evoact.language.measures import STATIC, measure
from evoact.records.section import refuse

LATENCY: Final = "latency"
INSIDE: Final = ("zero_fraction", "effective_rank", "jacobian_condition")
"""Those of the inside of a trained network, measured at the end alone, by `evoact.diagnostics`."""

MEASURED: Final = (
    "val_accuracy",
    "val_loss",
    "val_noisy_accuracy",
    "val_shifted_accuracy",
    LATENCY,
    *INSIDE,
)
"""What only training tells of a candidate; a user's own task has `val_` measures of its own."""

COPIES: Final = ("val_noisy_accuracy", "val_shifted_accuracy")
"""Those on changed copies of the validation data, measured at the end alone."""

_OWN: Final = re.compile(r"val_[a-z][a-z0-9_]*", re.ASCII)
_YES_OR_NO: Final = (
    "piecewise_linear",
    "continuous",
    "differentiable",
    "bounded",
    "one_lipschitz",
    "gradient_norm_preserving",
    "finite",
    "finite_everywhere",
)
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(_YES_OR_NO, ("true", "false")),
        "monotone": ("increasing", "decreasing", "constant", "no"),
        "parity": ("odd", "even", "both", "no"),
    }
)
_RELATIONS: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
)
_GRAMMAR: Final = re.compile(r"\s*(\w+)\s*(<=|>=|<|>|:)\s*([\w.+-]+)\s*", re.ASCII)
_SLACK: Final = 1e-6  # measures are known to about so many digits
_ALLOWED: Final = MappingProxyType({"<=": -1.0, ">=": 1.0})
_WANTED: Final = "wanted such as 'cost <= 2', 'lipschitz <= 1' or 'piecewise_linear: true'"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint: a measure within a bound, or a fact.

    Attributes:
        name: of the measure or fact.
        relation: how it stands to `wanted`: `<=`, `>=`, `<`, `>`, or `:`.
        wanted: the bound, or the word.

    >>> from evoact.language import parse
    >>> constraint = Constraint.parse("lipschitz<=1.0")
    >>> str(constraint), constraint.holds(parse("tanh(x)")), constraint.holds(parse("silu(x)"))
    ('lipschitz <= 1', True, False)
    >>> Constraint.parse("monotone: increasing").holds(parse("relu(x)"))
    True
    """

    name: str
    relation: str
    wanted: float | str

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read a constraint.

        Raises:
            ValueError: it is none; the message says what is wanted.
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no constraint; {_WANTED}")
        name, relation, wanted = match.groups()
        known = (*STATIC, *MEASURED, *_WORDS)
        if name not in known and not is_measured(name):
            raise ValueError(
                f"{text!r}: unknown name {name!r}{nearest(name, known)}; wanted one of "
                f"{', '.join(known)}"
            )
        if (relation == ":") != (name in _WORDS):
            raise ValueError(f"{text!r}: {_form(name)}")
        return cls(name, relation, _bound(text, name, wanted))

    def __str__(self) -> str:
        if isinstance(self.wanted, str):
            return f"{self.name}: {self.wanted}"
        return f"{self.name} {self.relation} {self.wanted:g}"

    def holds(self, expression: Expression) -> bool:
        """Whether a function is known to fulfil it, at its initial parameters.

        A fact that is only estimated counts as it was seen on samples.
        """
        if isinstance(self.wanted, str):
            value = getattr(expression.facts(), self.name).value
            return value is not None and _word(value) == self.wanted
        found = measure(self.name, expression)
        return found is not None and self._within(found, self.wanted)

    @property
    def is_measured(self) -> bool:
        """Whether only training tells if it holds."""
        return is_measured(self.name)

    def excess(self, value: float) -> float:
        """Return by how much a measured value breaks it, as a share of the bound; 0 if it holds.

        >>> Constraint.parse("latency <= 2").excess(3.0)
        0.5
        >>> Constraint.parse("val_accuracy > 0.5").excess(0.75)
        0.0
        """
        assert not isinstance(self.wanted, str), "facts are not measured"
        if self._within(value, self.wanted):
            return 0.0
        return max(_SLACK, abs(value - self.wanted) / (abs(self.wanted) or 1.0))

    def _within(self, value: float, bound: float) -> bool:
        slack = _SLACK * max(1.0, abs(bound)) * _ALLOWED.get(self.relation, 0.0)
        return _RELATIONS[self.relation](value + slack, bound)


def is_measured(name: str) -> bool:
    """Whether only training tells a measure: one of `MEASURED`, or a user's own.

    >>> is_measured("val_r2"), is_measured("cost")
    (True, False)
    """
    return name in MEASURED or _OWN.fullmatch(name) is not None


def is_of_every_epoch(name: str) -> bool:
    """Whether a measure is taken after every epoch."""
    return is_measured(name) and name not in (*COPIES, *INSIDE, LATENCY)


def _form(name: str) -> str:
    if name in _WORDS:
        return f"{name} is a fact; wanted {name}: {' or '.join(_WORDS[name])}"
    return f"{name} is a number; wanted such as {name} <= 2"


def _bound(text: str, name: str, wanted: str) -> float | str:
    if name in _WORDS:
        word = wanted.lower()
        if word == "false" and "no" in _WORDS[name]:
            word = "no"  # which YAML 1.1 reads as false
        if word not in _WORDS[name]:
            raise ValueError(f"{text!r}: {_form(name)}")
        return word
    try:
        bound = float(wanted)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise ValueError(f"{text!r}: {wanted!r} is no finite number; {_form(name)}")
    return bound


def _word(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _written(value: Any) -> Any:
    """Return the text of a constraint that YAML read as a mapping of one key."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, wanted),) = value.items()
        return f"{name}: {_word(wanted)}" if isinstance(wanted, bool | str) else f"{name}: {wanted}"
    return value


def _normal(text: str) -> str:
    return str(Constraint.parse(text))


ConstraintText = Annotated[str, BeforeValidator(_written), AfterValidator(_normal)]


@cache
def parsed(text: str) -> Constraint:
    """Return the constraint that a text is; the second time it costs nothing."""
    return Constraint.parse(text)


def check_steepness(constraints: Sequence[Constraint], normalise: str) -> None:
    """Raise `ValidationError` for a bound on the slope that no candidate can keep.

    By Poincare's inequality the variance of f(z) under N(0, 1) is at most E[f'(z)^2], and
    equal to it for linear functions alone.
    """
    for place, constraint in enumerate(constraints):
        bound = constraint.wanted
        steep = constraint.name == "one_lipschitz" and bound == "true"
        if constraint.name == "lipschitz" and isinstance(bound, float):
            steep = constraint.relation in ("<=", "<") and bound <= 1.0
        if steep and normalise == "full":
            text = (
                f"is {str(constraint)!r}, but language.normalise full makes the variance 1, which "
                "no function so flat has but a linear one; wanted language.normalise: none or scale"
            )
            refuse(("constraints", place), text, str(constraint))

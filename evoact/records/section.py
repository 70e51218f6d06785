"""What the sections of a specification share: their base, common types, refusals."""

from __future__ import annotations

from typing import Annotated, Any, Final, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from evoact.errors import nearest
from evoact.language import resolve


class Section(BaseModel):
    """A frozen part of the specification; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def one_of(known: tuple[str, ...]) -> AfterValidator:
    """Return the check that a text is one of those known; a near one is named."""
    return AfterValidator(lambda value: known_value(value, known))


def known_value(value: str, known: tuple[str, ...]) -> str:
    """Return a text that is one of those known.

    Raises:
        ValueError: it is none; a near one is named.
    """
    if value not in known:
        raise ValueError(
            f"unknown value {value!r}{nearest(value, known)}; wanted one of {', '.join(known)}"
        )
    return value


def read_switch(value: Any) -> Any:
    """Return `off` or `on` as a text: YAML 1.1 reads the bare words as booleans."""
    return {False: "off", True: "on"}[value] if isinstance(value, bool) else value


def refuse(location: tuple[str | int, ...], text: str, value: Any) -> NoReturn:
    """Raise the error of a key that another one contradicts, at its own place.

    A validator that sees the whole section is told by pydantic to be wrong as a
    whole; so the line of the key could not be told.
    """
    told = PydanticCustomError("value_error", "{text}", {"text": text})
    problem = InitErrorDetails(type=told, loc=location, input=value)
    raise ValidationError.from_exception_data("SearchSpec", [problem])


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _expression(text: str) -> str:
    resolve(text)
    return text


ExpressionText = Annotated[str, AfterValidator(_expression)]
Positive = Annotated[int, Field(ge=1)]
SCALAR_TOO: Final = BeforeValidator(_listed)
"""Lets one text stand for the list of it."""

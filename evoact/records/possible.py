"""What of a specification's language cannot be: widths, shapes and seeds out of reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from evoact.language import PRIMITIVES, WIDTHS, resolve
from evoact.language.widths import reads_x
from evoact.records.grammar import reachable, rules, usable_primitives
from evoact.records.shape import ARITIES

if TYPE_CHECKING:
    from evoact.records.spec import LanguageSpec


_WIDTHS_WANTED: Final = (
    f"wanted a list of some of {', '.join(map(str, sorted(WIDTHS)))}, as in widths: [1/2, 1]"
)


def read_width(value: Any) -> Fraction:
    """Return a width ratio of the closed list, however it is written.

    Raises:
        ValueError: it is none of them.

    >>> [str(read_width(value)) for value in ("1/2", 0.25, 2, " 0.5 ")]
    ['1/2', '1/4', '2', '1/2']
    """
    written = value.strip() if isinstance(value, str) else value
    for width in WIDTHS:
        is_number = not isinstance(written, bool | str) and written == width
        if is_number or written in (str(width), str(float(width))):
            return width
    raise ValueError(f"is {value!r}, no width ratio; {_WIDTHS_WANTED}")


def read_widths(value: Any) -> Any:
    """Return a list of width ratios as it is.

    Raises:
        ValueError: it is no list, or empty.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"is {value!r}, no list; {_WIDTHS_WANTED}")
    if not value:
        raise ValueError(f"is empty; {_WIDTHS_WANTED}")
    return value


def width_text(width: Fraction) -> int | str:
    """Return how a width stands in YAML: 1, or '1/2'."""
    return width.numerator if width.denominator == 1 else str(width)


def _listed(widths: Any) -> str:
    return ", ".join(map(str, sorted(widths)))


def check_widths(language: LanguageSpec) -> None:
    """Raise `ValueError` for a width that the primitives listed cannot give."""
    found = rules(language.primitives)
    within = reachable(found, language.shape_tree)
    beyond = [width for width in language.widths if width not in within]
    if not beyond:
        return
    reach = f"reach {_listed(within)}" if within else "reach none"
    of = f" in the shape {language.shape!r}" if language.shape else ""
    names = [row.name for row in PRIMITIVES.values() if row.is_groupwise]
    missing = (
        ""
        if any(rule.row.is_groupwise for rule in found)
        else (f"; no groupwise primitive is listed ({', '.join(names)})")
    )
    raise ValueError(
        f"widths has {_listed(beyond)}, but the primitives listed {reach}{of}{missing}; "
        "list primitives that lead there in language.primitives, or drop the width"
    )


def check_primitives(language: LanguageSpec) -> None:
    """Raise `ValidationError` for primitives that only other widths could use.

    Each is an error at its place in the list, so that its line can be told.
    """
    found, shape = rules(language.primitives), language.shape_tree
    usable = usable_primitives(found, language.widths, shape)
    lost = usable_primitives(found, WIDTHS, shape) - usable
    problems = [
        InitErrorDetails(
            type=PydanticCustomError("value_error", "{text}", {"text": _useless(name, language)}),
            loc=("primitives", place),
            input=name,
        )
        for place, name in enumerate(language.primitives)
        if name in lost
    ]
    if problems:
        raise ValidationError.from_exception_data("LanguageSpec", problems)


def _useless(name: str, language: LanguageSpec) -> str:
    """Say that no expression can have a primitive, and by which widths one could."""
    found, shape = rules(language.primitives), language.shape_tree
    helpful = [
        str(width) for width in sorted(WIDTHS) if name in usable_primitives(found, [width], shape)
    ]
    others = list(_ways_back(name, language))
    also = f"list {' or '.join(others)} too, " if others else ""
    of = f" and of the shape {language.shape!r}" if language.shape else ""
    widths = " or ".join(map(str, sorted(language.widths)))
    return (
        f"{name!r} can be part of no expression of width {widths} (language.widths){of}; "
        f"add {' or '.join(helpful)} to language.widths, {also}or drop it"
    )


def _ways_back(name: str, language: LanguageSpec) -> Iterator[str]:
    """Yield primitives that lead from what one gives to a width of the language."""
    for row in PRIMITIVES.values():
        if row.is_groupwise and row.name not in language.primitives:
            found = rules([*language.primitives, row.name])
            if name in usable_primitives(found, language.widths, language.shape_tree):
                yield row.name


def check_shape(language: LanguageSpec) -> None:
    """Raise `ValueError` for a shape that the rest of the language cannot fill."""
    shape = language.shape_tree
    if shape is None:
        return
    for bound, size in (("nodes", shape.nodes), ("depth", shape.depth)):
        most = getattr(language, f"max_{bound}")
        if size > most:
            has = f"has {size} nodes" if bound == "nodes" else f"has depth {size}"
            raise ValueError(f"shape {str(shape)!r} {has}, over max_{bound} {most}")
    arities = {rule.arity for rule in rules(language.primitives)}
    for kind in (place.kind for place in shape.places()):
        if kind in ARITIES and ARITIES[kind] not in arities:
            raise ValueError(
                f"shape {str(shape)!r} has a place for {kind}, but no primitive of "
                f"{ARITIES[kind]} value{'s' if ARITIES[kind] > 1 else ''} is listed; "
                "list one in language.primitives"
            )
        refused = {"constant": not language.constants, "parameter": language.parameters == "none"}
        if refused.get(kind):
            cure = "constants: true" if kind == "constant" else "parameters: per_layer"
            raise ValueError(
                f"shape {str(shape)!r} has a place for a {kind}, but the language has none; "
                f"set language.{cure}"
            )


def check_seed(text: str, language: LanguageSpec, key: str = "evolution.seeds") -> None:
    """Raise `ValueError` for a seed that the language would not breed; `key` lists it."""
    seed, shape = resolve(text), language.shape_tree
    for bound in ("nodes", "depth"):
        size, most = getattr(seed, bound), getattr(language, f"max_{bound}")
        if size > most:
            has = f"has {size} nodes" if bound == "nodes" else f"has depth {size}"
            raise ValueError(
                f"seed {text!r} {has}, over language.max_{bound} {most}; "
                f"raise max_{bound} or drop the seed"
            )
    if not reads_x(seed.root):
        raise ValueError(f"seed {text!r} does not read x; drop it from {key}")
    if seed.width not in language.widths:
        raise ValueError(
            f"seed {text!r} has width {seed.width}, but language.widths are "
            f"{_listed(language.widths)}; add the width or drop the seed"
        )
    if shape is not None and not shape.fits(seed.root):
        raise ValueError(
            f"seed {text!r} has not the shape {str(shape)!r} that language.shape asks for; "
            "write it so (identity(x) and zero(x) fill places), or drop it from " + key
        )

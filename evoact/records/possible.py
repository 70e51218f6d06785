"""What of a specification's language cannot be: widths, shapes and seeds out of reach."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from evoact.language import PRIMITIVES, WIDTHS, resolve
from evoact.language.widths import reads_x
from evoact.records.grammar import reachable, rules
from evoact.records.shape import ARITIES

if TYPE_CHECKING:
    from evoact.records.spec import LanguageSpec


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
    raise ValueError(f"{value!r} is no width ratio; wanted one of {_listed(WIDTHS)}")


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


def check_seed(text: str, language: LanguageSpec) -> None:
    """Raise `ValueError` for a seed that the language would not breed."""
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
        raise ValueError(f"seed {text!r} does not read x; drop it from evolution.seeds")
    if seed.width not in language.widths:
        raise ValueError(
            f"seed {text!r} has width {seed.width}, but language.widths are "
            f"{_listed(language.widths)}; add the width or drop the seed"
        )
    if shape is not None and not shape.fits(seed.root):
        raise ValueError(
            f"seed {text!r} has not the shape {str(shape)!r} that language.shape asks for; "
            "write it so (identity(x) and zero(x) fill places), or drop it from evolution.seeds"
        )

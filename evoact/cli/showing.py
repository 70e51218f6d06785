"""`evoact show` and `evoact zoo`: what is known of functions."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoact.cli.looking import print_json
from evoact.cli.plotting import terminal_plot
from evoact.errors import InputError
from evoact.language import (
    ZOO,
    Expression,
    Match,
    Named,
    initialisation_gain,
    named,
    nearest_named,
    resolve,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MATCHES = 3


def show_expression(text: str, plot: Path | None, as_json: bool) -> None:
    """Print what an expression is and all that is known of it; draw it if asked."""
    expression = resolve(text)
    if plot is not None:
        from evoact.tracking import function_figure

        save_plot(function_figure(expression), plot)
    if as_json:
        print_json(_description(expression))
    else:
        _print_description(expression)


def _description(expression: Expression) -> dict[str, Any]:
    return {
        "expression": str(expression),
        "canonical": str(expression.canonical()),
        "nearest": [_match(match) for match in nearest_named(expression, _MATCHES)],
        "parameters": _parameters(expression),
        "width": str(expression.width),
        "channel_multiple": expression.channel_multiple,
        "nodes": expression.nodes,
        "depth": expression.depth,
        "cost_relative_to_relu": round(expression.cost, 3),
        "initialisation_gain": round(initialisation_gain(expression), 6),
        "facts": expression.facts().to_dict(),
        "latex": expression.latex(),
        "source": expression.source(),
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        "name": match.name,
        "distance": match.distance,
        "is_near": match.is_near,
        "told": told(match),
        **_source(ZOO[match.name]),
    }


def told(match: Match) -> str:
    """Return a match in words, with the values of learnable parameters.

    >>> told(nearest_named(resolve("x * sigmoid(x)"), 2)[1])
    '= swish where beta = 1.0'
    """
    _, where, values = str(named(match.name)).partition(" where ")
    return match.text + where + values if match.is_near and not match.parameters else match.text


def _parameters(expression: Expression) -> dict[str, str]:
    found = zip(expression.names, expression.parameters, strict=True)
    return {name: f"{p.initial!r} per {p.scope}" for name, p in found}


def _source(row: Named) -> dict[str, Any]:
    return {"aliases": list(row.aliases), "paper": row.paper, "year": row.year}


def _print_description(expression: Expression) -> None:
    data = _description(expression)
    console = Console()
    console.print(Text(data["expression"], style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in _headlines(data):
        grid.add_row(label, Text(value))
    console.print(grid)
    console.print(_facts_table(expression))
    console.print(Text(terminal_plot(expression, min(console.width, 72))))
    # Not wrapped: they are to be copied.
    console.print(Text(f"\nLaTeX: {data['latex']}\n"), soft_wrap=True)
    console.print(Text(data["source"]), soft_wrap=True)


def _headlines(data: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("nearest named", text) for text in _nearest_lines(data["nearest"])]
    lines[1:] = [("", text) for _, text in lines[1:]]
    if data["canonical"] != data["expression"]:
        lines.insert(0, ("normal form", data["canonical"]))
    lines += [(f"parameter {name}", value) for name, value in data["parameters"].items()]
    if data["width"] != "1" or data["channel_multiple"] > 1:
        multiple = data["channel_multiple"]
        lines.append(("width", f"{data['width']} of the channels, in multiples of {multiple}"))
    return [
        *lines,
        ("size", f"{data['nodes']} nodes, depth {data['depth']}"),
        ("cost", f"{data['cost_relative_to_relu']:g} times ReLU's, forward and backward"),
        ("initialisation gain", f"{data['initialisation_gain']:g}"),
    ]


def _nearest_lines(matches: list[dict[str, Any]]) -> list[str]:
    """Return what is near in words; else one line that says how far the nearest is."""
    near = [_told(match) for match in matches if match["is_near"]]
    far = [Match(match["name"], match["distance"]).not_near for match in matches[:1]]
    return near or far


def _told(match: dict[str, Any]) -> str:
    also = f", also called {', '.join(match['aliases'])}" if match["aliases"] else ""
    return f"{match['told']}{also} ({match['paper']}, {match['year']})"


def _facts_table(expression: Expression) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("fact", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("how", no_wrap=True)
    for name, value, status, note in expression.facts().rows():
        if status != "-":
            table.add_row(name, Text.assemble(value, (f"  {note}" if note else "", "dim")), status)
    return table


def save_plot(figure: Figure, path: Path) -> None:
    """Write the figure that `--plot` asks for.

    Raises:
        InputError: the name is none of a figure, or it cannot be written there.
    """
    from evoact.tracking import save_figure

    check_figure(path, "--plot")
    try:
        save_figure(figure, path)
    except OSError as error:
        raise InputError(f"--plot {path} cannot be written: {error.strerror}") from error


def check_figure(path: Path, option: str) -> None:
    """Raise `InputError` where no figure can be put at what an option names."""
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"{option} is {path}; wanted a file that ends in .png or .svg")
    check_folder(path, option)


def check_folder(path: Path, option: str) -> None:
    """Raise `InputError` where a file has no folder: one of a mistyped name should not come to be.

    Args:
        path: of the file.
        option: that names it.
    """
    if not path.parent.is_dir():
        raise InputError(
            f"{option} is {path}, but there is no folder {path.parent}; make it "
            f"(mkdir -p {path.parent}), or choose another"
        )


def show_zoo(
    pattern: str | None, family: str | None, width: str | None, years: str | None, as_json: bool
) -> None:
    """Print the named functions that pass the filters."""
    rows = [row for row in ZOO.values() if _matches(row, pattern)]
    if family is not None:
        families = sorted({row.family for row in ZOO.values()})
        if family not in families:
            raise InputError(f"--family is {family!r}; wanted one of {', '.join(families)}")
        rows = [row for row in rows if row.family == family]
    if width is not None:
        rows = [row for row in rows if named(row.name).width == _ratio(width)]
    if years is not None:
        first, last = _years(years)
        rows = [row for row in rows if first <= row.year <= last]
    if as_json:
        print_json([_zoo_entry(row) for row in rows])
    else:
        _print_zoo(rows)


def _matches(row: Named, pattern: str | None) -> bool:
    words = (row.name, *row.aliases, row.text, row.paper, row.family)
    return pattern is None or any(pattern.lower() in word.lower() for word in words)


def _ratio(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"--width is {text!r}; wanted 1/4, 1/2, 1 or 2") from None


def _years(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    try:
        years = int(first or 0), int(last or 9999) if dash else int(first)
    except ValueError:
        years = 1, 0
    if years[0] > years[1]:
        raise InputError(f"--years is {text!r}; wanted such as 2017, 2015-2019 or 2020-")
    return years


def _zoo_entry(row: Named) -> dict[str, Any]:
    return {
        "name": row.name,
        "expression": row.text,
        "family": row.family,
        **_source(row),
        "width": str(named(row.name).width),
        "preactivation": row.preactivation,
        "torch": row.torch,
        "note": row.note,
    }


def _print_zoo(rows: list[Named]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("name", no_wrap=True)
    table.add_column("expression", overflow="fold", ratio=3)
    table.add_column("source", overflow="fold", ratio=2)
    for row in rows:
        also = f"\nalso {', '.join(row.aliases)}" if row.aliases else ""
        table.add_row(
            Text(row.name),
            Text.assemble(row.text, (also, "dim")),
            Text(f"{row.paper}, {row.year}", style="dim"),
        )
    console = Console()
    console.print(table)
    console.print(f"{len(rows)} of {len(ZOO)} functions", style="dim", highlight=False)

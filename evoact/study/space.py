"""Reading search spaces: YAML in, a specification or a clear message out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from evoact.errors import InputError, nearest
from evoact.records import SPEC_VERSION, SearchSpec

Location = tuple[str | int, ...]
# Bad dates are ValueErrors, deep nesting is a RecursionError; a tag that does not fit its
# value (`!!bool x`, `!!timestamp x`) is whatever PyYAML's conversion stumbles over.
_YAML_ERRORS: Final = (
    yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError, TypeError,
)  # fmt: skip
_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 20_000


def load_space(path: str | Path, overrides: Sequence[str] = ()) -> SearchSpec:
    """Read a search space from a YAML file.

    Args:
        path: the file.
        overrides: settings such as `task.epochs=5`; the value is YAML.

    Raises:
        InputError: the file is missing, is not YAML, or says something that
            is not allowed; the message names file, line, key, the value got,
            and what is wanted.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"cannot read search space {path}: {reason}") from error
    return space_from_text(text, str(path), overrides)


def space_from_text(text: str, source: str, overrides: Sequence[str] = ()) -> SearchSpec:
    """Read a search space from YAML text; `source` names it in messages."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_nodes(node)
        data = yaml.safe_load(text)
    except _YAML_ERRORS as error:
        raise InputError(f"{source}{_yaml_problem(error)}") from error
    if not isinstance(data, dict):
        found = "is empty" if data is None else f"holds a {type(data).__name__}"
        raise InputError(f"{source} {found}; wanted a mapping with keys such as task and evolution")
    lines = dict(_lines(node, ()))
    _refuse_repeated(node, source)
    for override in overrides:
        _override(data, override)
    _refuse_newer(data, source)
    try:
        return SearchSpec.model_validate(data)
    except ValidationError as error:
        raise InputError(_describe(error, data, lines, source)) from error


def dump_space(spec: SearchSpec) -> str:
    """Return the YAML of a specification, every default written out."""
    return yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    return f"{place}: not valid YAML: {problem}"


def _check_nodes(node: yaml.Node | None) -> None:
    """Refuse what a space has no need of: keys that are no names, endless or exploding aliases."""
    waiting = [(node, 0)]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        inner, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("recursive or nested too deeply")
        if isinstance(inner, yaml.SequenceNode):
            waiting += [(item, depth + 1) for item in inner.value]
        elif isinstance(inner, yaml.MappingNode):
            for key, value in inner.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise ValueError(f"line {key.start_mark.line + 1} has a key that is no name")
                waiting.append((value, depth + 1))
    raise ValueError(f"more than {_MAX_NODES} values, aliases written out")


def _lines(node: yaml.Node | None, location: Location) -> Iterator[tuple[Location, int]]:
    """Yield where each key and list item stands."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*location, key.value)
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*location, index), value.start_mark.line + 1
            yield from _lines(value, (*location, index))


def _refuse_repeated(node: yaml.Node | None, source: str) -> None:
    """Refuse keys given twice: YAML would silently take the last."""
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated(value, source)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in seen:
            raise InputError(
                f"{source}:{line}: key {key.value!r} stands at line {seen[key.value]} already; "
                "keep one of them"
            )
        seen[key.value] = line
        _refuse_repeated(value, source)


def _override(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"--set is {override!r}; wanted KEY=VALUE such as task.epochs=5")
    try:
        value = yaml.safe_load(text)
    except _YAML_ERRORS as error:
        raise InputError(f"--set {key}: {text[:80]!r} is not a YAML value") from error
    *sections, last = key.strip().split(".")
    for section in sections:
        inner = data.setdefault(section, {})
        if not isinstance(inner, dict):
            raise InputError(f"--set {key}: {section} is no section but {inner!r}")
        data = inner
    data[last] = value


def _refuse_newer(data: Mapping[str, Any], source: str) -> None:
    version = data.get("spec_version", SPEC_VERSION)
    if isinstance(version, int) and version > SPEC_VERSION:
        raise InputError(
            f"{source}: spec_version is {version}, but this evoact reads up to {SPEC_VERSION}; "
            "install a newer evoact"
        )


def _describe(error: ValidationError, data: Any, lines: Mapping[Location, int], source: str) -> str:
    """Return one line for each place that is wrong: file, line, key, got, wanted."""
    problems: dict[Location, list[str]] = {}
    values: dict[Location, Any] = {}
    for item in error.errors(include_url=False):
        if item["type"] == "too_short" and item["input"]:
            continue  # items were given: each wrong one is told, and pydantic then misses it
        location = _within(data, item["loc"], missing_ok=item["type"] == "extra_forbidden")
        values[location] = item["input"]
        problems.setdefault(location, []).append(_problem(item, location))
    return "\n".join(
        f"{source}{_line(lines, location)}: {_key(location)}{' or '.join(dict.fromkeys(found))}"
        for location, found in problems.items()
    )


def _within(data: Any, location: Location, missing_ok: bool) -> Location:
    """Cut pydantic's own steps (of unions) off a location."""
    kept: list[str | int] = []
    for step in location:
        if isinstance(data, dict) and (step in data or missing_ok):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            break
        kept.append(step)
    return tuple(kept)


def _problem(item: Any, location: Location) -> str:
    if item["type"] == "extra_forbidden":
        known = _keys(location[:-1])
        hint = nearest(str(location[-1]), known)
        return f"unknown key{hint} (known: {', '.join(known)})"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error":
        return str(message).replace("\n", "\n    ")
    return f"is {item['input']!r}; {message[0].lower()}{message[1:]}"


def _keys(section: Location) -> list[str]:
    """Return the keys that a section of the specification may have."""
    model: type[BaseModel] = SearchSpec
    for step in section:
        field = model.model_fields.get(str(step))
        models = list(_models(field.annotation)) if field else []
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) in (Union, UnionType):
        for inner in get_args(annotation):
            yield from _models(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _line(lines: Mapping[Location, int], location: Location) -> str:
    """Return `:LINE` of a place, or of the nearest place around it."""
    for length in range(len(location), 0, -1):
        if location[:length] in lines:
            return f":{lines[location[:length]]}"
    return ""


def _key(location: Location) -> str:
    if not location:
        return ""
    text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in location)
    return f"{text.removeprefix('.')}: "

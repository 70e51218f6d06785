"""What is to be exported, checked once, for all formats."""

from __future__ import annotations

import builtins
import keyword
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import nn

from evoact.errors import InputError, integer, nearest
from evoact.export.extract import expression_of
from evoact.export.values import (
    LayerValues,
    Trained,
    at_medians,
    check_names,
    recipe,
    trained_layers,
)
from evoact.language import Expression, check_channels, parse

DEFAULT_CHANNELS: Final = 64
PARAMS: Final = ("recipe", "trained", "median")
_MOST_CHANNELS: Final = 65_536  # parity of more would take gigabytes
_STEM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
# Names that a standalone file uses itself.
_USED: Final = frozenset(
    {"torch", "nn", "F", "TRAINED", "keras", "ops", "triton", "tl", "values", "pulls"}
    | {"BLOCK", "WIDE", "once_differentiable"}
)


@dataclass(frozen=True, slots=True)
class Job:
    """An expression with its values, and how its files are named."""

    expression: Expression
    layers: tuple[LayerValues, ...]
    trained: bool
    stem: str
    class_name: str
    about: str


def make_job(
    expression: Expression | str,
    *,
    trained: Trained | None = None,
    stem: str = "activation",
    class_name: str | None = None,
    about: str = "",
    channels: int | None = None,
) -> Job:
    """Check the arguments that all formats share.

    An expression without parameters has nothing to train: its trained values
    are the recipe.

    Raises:
        InputError: a name or a value is not what it must be.
        ExportError: instead of an expression there is a module with g < 1.
    """
    expression = _expression(expression)
    check_names(expression)
    channels = _channels(expression, channels)
    if not _STEM.fullmatch(stem):
        raise InputError(
            f"stem is {stem!r}; wanted a file name of letters, digits, '_', '-' and '.', "
            "such as 'activation'"
        )
    has_trained = trained is not None and bool(expression.parameters)
    layers = (
        trained_layers(expression, trained, channels)
        if has_trained
        else (recipe(expression, channels),)
    )
    name = check_class_name(class_name) if class_name is not None else class_name_of(stem)
    return Job(expression, layers, has_trained, stem, name, about)


def job_with(
    expression: Expression | str, params: str, trained: Trained | None, **more: Any
) -> Job:
    """Return the job of one of `PARAMS`; `more` is as for `make_job`.

    Raises:
        InputError: there is no such choice, or an argument is not what it must be.
    """
    if params not in PARAMS:
        raise InputError(
            f"params is {params!r}{nearest(params, PARAMS)}; wanted one of {', '.join(PARAMS)}"
        )
    if params == "recipe":
        return make_job(expression, **more)
    # An empty mapping rather than None: asked for, but not given, is an error.
    if params == "trained":
        return make_job(expression, trained=trained or {}, **more)
    told = "Its parameters start at the medians over the layers that were trained."
    about = f"{more.pop('about', '')}\n\n{told}".strip()
    return make_job(at_medians(_expression(expression), trained), about=about, **more)


def _expression(given: Any) -> Expression:
    """Return an expression; of a module say how to get its own, as values may be per channel."""
    if isinstance(given, nn.Module):
        raise InputError(
            f"expression is a module {type(given).__name__}; wanted an expression or its text: "
            f"pass expression_of(module), here {str(expression_of(given))!r}"
        )
    return parse(given) if isinstance(given, str) else given


def _channels(expression: Expression, channels: int | None) -> int:
    """Return the channels where values do not tell them: by default 64, or just above."""
    multiple = expression.channel_multiple
    if channels is None:
        channels = -(-DEFAULT_CHANNELS // multiple) * multiple
    elif integer(channels, "channels", DEFAULT_CHANNELS) < 1:
        raise InputError(f"channels is {channels}; wanted at least 1")
    check_channels(expression, channels)
    if channels > _MOST_CHANNELS:
        raise InputError(
            f"channels is {channels}, but an export is checked with at most {_MOST_CHANNELS}; "
            f"pass fewer, if the expression takes them: it wants a multiple of {multiple}"
        )
    return channels


def check_class_name(name: str) -> str:
    """Return the name, if a standalone file can have a class of this name.

    Raises:
        InputError: it cannot.
    """
    if not _is_free(name):
        raise InputError(
            f"class_name is {name!r}; wanted an ASCII identifier that is neither a keyword, "
            f"nor a builtin, nor one of {', '.join(sorted(_USED))}"
        )
    return name


def _is_free(name: str) -> bool:
    taken = keyword.iskeyword(name) or hasattr(builtins, name) or name in _USED
    return name.isascii() and name.isidentifier() and not taken


def class_name_of(stem: str) -> str:
    """Return the class name that fits a file name.

    >>> class_name_of("my-best_act.2"), class_name_of("3rd"), class_name_of("f")
    ('MyBestAct2', 'Activation3rd', 'FActivation')
    """
    words = re.findall(r"[A-Za-z0-9]+", stem)
    name = "".join(word[0].upper() + word[1:] for word in words)
    if not name or name[0].isdigit():
        name = f"Activation{name}"
    return name if _is_free(name) else f"{name}Activation"


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """Give a directory to write files in; on success they are moved to `directory`.

    It lies inside `directory`, so each move is one atomic `os.replace`. On an
    error it is removed with all that is in it, and older files stay.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=directory, prefix=".export-")
    except OSError as error:
        raise InputError(
            f"cannot write files to {directory}: {error.strerror}; choose another folder"
        ) from error
    with folder as name:
        stage = Path(name)
        yield stage
        # Backwards, so that a description (json) comes after what it describes.
        for path in sorted(stage.iterdir(), reverse=True):
            os.replace(path, directory / path.name)

"""A function as a small package for pip: the torch source, and tests that need no evoact."""

from __future__ import annotations

import keyword
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from evoact.errors import InputError
from evoact.export import source
from evoact.export.job import Job, class_name_of, job_with
from evoact.export.package_text import INIT, PYPROJECT, README, TESTS
from evoact.export.parity import check_parity
from evoact.export.rounding import rounded
from evoact.export.values import LayerValues, Trained, activation, needs_channels, per_channel
from evoact.language import Expression

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*[a-z0-9]")
# Numbers that every type holds exactly; an odd number of them, so that none always meets
# the same channel.
_POINTS: Final = (-3.0, -1.5, -0.75, -0.25, 0.0, 0.375, 0.5, 1.25, 2.5)
_DTYPES: Final = ("float64", "float32", "float16", "bfloat16")
_ROWS: Final = 4


def write_package(
    expression: Expression | str,
    directory: Path | str,
    name: str,
    *,
    params: str = "recipe",
    trained: Trained | None = None,
    about: str = "",
    channels: int | None = None,
) -> list[Path]:
    """Write a package for pip, with the activation as a torch module.

    Its tests hold values in four types to numbers that numpy gave in float64, within
    what rounding in that type can do; they run by `python -m unittest` or pytest.

    Args:
        expression: an `Expression`, or its text.
        directory: the package is a new folder in it.
        name: of the package, the folder and, in capitals, the class.
        params: as of `export`, as are `trained` and `about`.
        trained: see `params`.
        about: where the function comes from.
        channels: with which the tests try what depends on their number; by default
            the fewest that will do.

    Returns:
        The files written.

    Raises:
        InputError: an argument is not what it must be, or the folder is there already.
        ExportError: what was written does not compute the same; nothing is left.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_package("x * sigmoid(x)", folder, "my_swish")
    ...     [str(file.relative_to(folder)) for file in files][:2]
    ['my_swish/README.md', 'my_swish/my_swish/__init__.py']
    """
    _check_name(name)
    target = Path(directory) / name
    if target.exists():
        raise InputError(f"{target} is there already; choose another name, or remove it")
    small = channels is None and params != "trained"
    job = job_with(
        expression,
        params,
        trained,
        stem="activation",
        class_name=class_name_of(name.replace("_", "-")),
        about=about,
        channels=_few(expression) if small else channels,
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-")
    except OSError as error:
        raise InputError(f"cannot write to {directory}: {error.strerror}") from error
    with staged as folder:
        stage = Path(folder) / name
        _write(job, name, stage)
        files = sorted(path.relative_to(stage) for path in stage.rglob("*") if path.is_file())
        os.replace(stage, target)
    return [target / file for file in files]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in ("torch", "tests"):
        raise InputError(
            f"the package's name is {name!r}; wanted small letters, digits and '_', "
            "such as 'my_activation'"
        )


def _few(expression: Expression | str) -> int | None:
    found = getattr(expression, "channel_multiple", None)
    if found is None:
        from evoact.language import parse

        found = parse(str(expression)).channel_multiple
    return 2 * found


def _write(job: Job, name: str, stage: Path) -> None:
    (stage / name).mkdir(parents=True)
    (stage / "tests").mkdir()
    source.write(job, stage / name)
    for values in job.layers:
        found = source.read(job, stage / name, values)
        check_parity(found, activation(job.expression, values), what=f"package {name}")
    words = {
        "name": name,
        "class_name": job.class_name,
        "expression": str(job.expression).split(" where ")[0],
        "made": f"{job.class_name}({_arguments(job.expression, job.layers[0])})",
        "cases": "\n".join(_cases(job)),
        "trained": ", TRAINED" if job.trained else "",
        "all": f'["TRAINED", "{job.class_name}"]' if job.trained else f'["{job.class_name}"]',
    }
    for path, template in (
        ("pyproject.toml", PYPROJECT),
        ("README.md", README),
        (f"{name}/__init__.py", INIT),
        (f"{name}/py.typed", ""),
        (f"tests/test_{name}.py", TESTS),
    ):
        text = re.sub(r"@(\w+)@", lambda found: words[found[1]], template)
        (stage / path).write_text(text, encoding="utf-8")


def _arguments(expression: Expression, values: LayerValues) -> str:
    return f"{values.channels}" if needs_channels(expression) else ""


def _cases(job: Job) -> Iterable[str]:
    """Yield the lines of what the tests compare: module, type, inputs, values, tolerances."""
    for values in job.layers:
        channels = values.channels or 3
        size = min(_ROWS, max(1, 256 // channels))
        x = np.resize(np.array(_POINTS), (size, channels))
        for dtype in _DTYPES:
            wanted, allowed = _wanted(job.expression, values, x, dtype)
            yield f"    (lambda: {_making(job, values)}, torch.{dtype},"
            yield f"     {x.tolist()},"
            yield f"     {_text(wanted)},"
            yield f"     {_text(allowed)}),"


def _making(job: Job, values: LayerValues) -> str:
    given = _arguments(job.expression, values)
    if not job.trained:
        return f"{job.class_name}({given})"
    also = f", {given}" if given and not per_channel(job.expression) else ""
    return f"{job.class_name}.trained({values.layer!a}{also})"


def _wanted(expression: Expression, values: LayerValues, x: Any, dtype: str) -> tuple[Any, Any]:
    """Return values of numpy in float64, and how far a type may be from them."""
    kind = getattr(torch, dtype)
    reference = activation(expression, values)
    # The parameters are float32, and are brought to the type of the input.
    numbers = [p.detach().to(kind).double().numpy() for p in reference.parameters()]
    known = rounded(expression, x, numbers, kind)
    loose = np.where(known.known[:, None], known.tolerance, np.inf)
    return known.values, np.where(np.isfinite(known.values), loose, np.inf)


def _text(values: Any) -> str:
    return re.sub(r"\b(inf|nan)\b", r"math.\1", str(values.tolist()))

"""From an expression to checked files: the one function that the CLI calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch
from torch import nn

from evoact.errors import InputError, nearest
from evoact.export import jax_source, keras_source, onnx, pt2, source, state, triton_file
from evoact.export.foreign import Foreign, check_foreign
from evoact.export.job import Job, job_with, staged
from evoact.export.parity import check_parity
from evoact.export.values import LayerValues, Trained, activation
from evoact.language import Expression


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: how it is written, and how one layer is read back."""

    write: Callable[[Job, Path], list[str]]
    read: Callable[[Job, Path, LayerValues], nn.Module | Foreign]


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "source": Format(source.write, source.read),
        "state": Format(state.write, state.read),
        "pt2": Format(pt2.write, pt2.read),
        "onnx": Format(onnx.write, onnx.read),
        "jax": Format(jax_source.write, jax_source.read),
        "keras": Format(keras_source.write, keras_source.read),
        "triton": Format(triton_file.write, triton_file.read),
    }
)
DEFAULT: Final = ("source", "state", "pt2")
"""What is written unless asked for otherwise: it needs torch alone."""


def export(
    expression: Expression | str,
    directory: Path | str,
    *,
    formats: Iterable[str] = DEFAULT,
    params: str = "recipe",
    trained: Trained | None = None,
    stem: str = "activation",
    class_name: str | None = None,
    about: str = "",
    channels: int | None = None,
) -> list[Path]:
    """Write an activation function to files that need no evoact.

    Each file is read back and compared, forward and backward, with the
    `Activation` in float32 and with numpy in float64. The files appear
    together, and only if all agree; older ones of the same names are replaced.

    Args:
        expression: an `Expression`, or its text.
        directory: where the files go; created if needed.
        formats: of `source` (STEM.py: torch only), `state` (STEM.safetensors
            and STEM.json), `pt2` (STEM.pt2, or STEM.LAYER.pt2 for each
            trained layer: input `(batch, features)`, the features being the
            channels), `onnx` (likewise, STEM.onnx), `jax` and `keras` (STEM_jax.py,
            STEM_keras.py), which three need the extras of their names, and
            `triton` (STEM_triton.py, of pointwise expressions).
        params: `recipe` starts at the `where` values, what a new model wants;
            `trained` holds the values of each layer; `median` starts at their
            medians over the layers. Equal for an expression without parameters.
        trained: `{layer: {parameter: number, or one number a channel}}`, the
            parameters named as in `expression.names`; not read for `recipe`.
        stem: the name of the files, without extension.
        class_name: the class in the source; made from `stem` by default.
        about: where the function comes from; any text.
        channels: input channels for which a pt2 or onnx is made where values do not
            tell them: of the recipe, if a parameter is per channel, and of any
            groupwise expression. By default 64, or the next multiple that its
            groups want. The other formats take any number when loaded.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        InputError: an argument is not what it must be, or a format's packages are missing.
        ExportError: what was written does not compute the same; nothing is left.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = export("x * sigmoid(x)", folder, formats=["source", "state"])
    ...     [file.name for file in files]
    ['activation.py', 'activation.safetensors', 'activation.json']
    """
    wanted = _wanted(formats)
    job = job_with(
        expression,
        params,
        trained,
        stem=stem,
        class_name=class_name,
        about=about,
        channels=channels,
    )
    directory = Path(directory)
    # A default device set by the caller must not decide where files are checked.
    with staged(directory) as stage, torch.device("cpu"):
        names = [file for name in wanted for file in _write(job, name, stage)]
    return [directory / name for name in names]


def _wanted(formats: Iterable[str]) -> list[str]:
    names = [formats] if isinstance(formats, str) else list(dict.fromkeys(formats))
    for name in names:
        if name not in FORMATS:
            raise InputError(
                f"format is {name!r}{nearest(name, FORMATS)}; wanted one of {', '.join(FORMATS)}"
            )
    if not names:
        raise InputError(f"formats is empty; wanted some of {', '.join(FORMATS)}")
    return names


def _write(job: Job, name: str, stage: Path) -> list[str]:
    """Write one format and hold every layer of it to what was scored."""
    files = FORMATS[name].write(job, stage)
    for values in job.layers:
        what = f"{name} of {job.stem}" + (f", layer {values.layer!r}" if values.layer else "")
        reference = activation(job.expression, values)
        found = FORMATS[name].read(job, stage, values)
        if isinstance(found, nn.Module):
            check_parity(found, reference, what=what)
        else:
            check_foreign(found, reference, what=what)
    return files

"""`evoact report`."""

from __future__ import annotations

from pathlib import Path

from evoact.cli.showing import check_folder
from evoact.errors import InputError
from evoact.files import write_atomically
from evoact.study import Study
from evoact.tracking.figures import LIGHT, leading, save_figure
from evoact.tracking.report import pictures_of, report_html

NAME = "report.html"


def write_report(run: Path, output: Path | None, figures: Path | None) -> None:
    """Write the report of a study, and its figures if asked; print the files.

    Raises:
        InputError: there is no study, or a file cannot be written.
    """
    study = Study.load(run)
    path = output or run / NAME
    check_folder(path, "--output")
    if path.is_dir():
        raise InputError(f"--output is {path}, a folder; wanted a file, such as {path / NAME}")
    params = _trained(study)
    try:
        write_atomically(path, report_html(study.history, params).encode())
        print(path)  # noqa: T201  # the command's result
        if figures is not None:
            _write_figures(study, figures, params)
    except OSError as error:
        raise InputError(f"the report cannot be written: {error}") from error


def report_of(study: Study) -> str:
    """Return the report of a study as HTML."""
    return report_html(study.history, _trained(study))


def _trained(study: Study) -> dict[str, dict[str, object]]:
    """Return the trained values of the best function; none where their files were left out."""
    best = leading(study.history)
    has_files = (study.folder / "params").is_dir()
    return study.trained_params(best) if best and has_files else {}


def _write_figures(study: Study, folder: Path, params: dict[str, dict[str, object]]) -> None:
    for name, picture in pictures_of(study.history, params).items():
        figure = picture.draw(LIGHT)
        for suffix in (".svg", ".png") if figure is not None else ():
            assert figure is not None, "just asked"
            save_figure(figure, folder / f"{name}{suffix}")
            print(folder / f"{name}{suffix}")  # noqa: T201  # as above

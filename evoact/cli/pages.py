"""`evoact ui`: MLflow's pages, at a study's; or its report."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from evoact.errors import InputError

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def open_ui(run: Path | None, runs_dir: Path, host: str, port: int, browser: bool | None) -> None:
    """Become an MLflow server on the store of a study or of a runs folder, and show its page.

    A study that was logged to a server is shown there; none is started.

    Args:
        run: the folder of a study, whose page is shown; None for all studies.
        runs_dir: where studies live, and so the embedded store; not read with `run`.
        host: where to listen.
        port: likewise.
        browser: whether to open one; None for yes where there is a screen.
    """
    from evoact.tracking import prepare_environment

    prepare_environment()
    uri, page = _of_study(run) if run is not None else (_embedded(runs_dir), "")
    if uri.startswith(("http://", "https://")):
        show_page("MLflow", f"{uri.rstrip('/')}/{page}", browser)
        return
    check_free(host, port)
    show_page("MLflow", f"http://{host}:{port}/{page}", browser, f"http://{host}:{port}/health")
    folder = (run.parent if run is not None else runs_dir).absolute()
    arguments = [
        *("--backend-store-uri", uri, "--host", host, "--port", str(port), "--workers", "1"),
        *("--artifacts-destination", str(folder / "mlartifacts")),
    ]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments])  # noqa: S606  # our own interpreter


def _embedded(runs_dir: Path) -> str:
    store = runs_dir / "mlflow.db"
    if not store.is_file():
        raise InputError(
            f"--runs-dir {runs_dir} holds no MLflow store ({store.name}); run a search first, "
            "or name the folder that its studies are in"
        )
    return _uri("embedded", runs_dir)


def _of_study(run: Path) -> tuple[str, str]:
    """Return the store that a study was logged to, and its page there."""
    from evoact.study import Study
    from evoact.tracking import check_reachable, study_page

    study = Study.load(run)
    setting = study.spec.tracking.mlflow
    # One that was logged nowhere may have been sent to the store beside it later.
    inside = setting in {"embedded", "off"}
    uri = _uri("embedded" if inside else setting, run.parent)
    cure = f"`evoact sync {run} --to {'embedded' if inside else setting}` makes it from the journal"
    if inside and not (run.parent / "mlflow.db").is_file():
        raise InputError(f"there is no MLflow store beside {run}; {cure}")
    check_reachable(uri)
    page = study_page(uri, run, study.history)
    if page is None:
        raise InputError(f"MLflow has no page of {run}; {cure}")
    return uri, page


def _uri(setting: str, runs_dir: Path) -> str:
    from evoact.tracking import tracking_uri

    uri = tracking_uri(setting, runs_dir)
    assert uri is not None, "it is not off"
    return uri


def check_free(host: str, port: int) -> None:
    """Raise `InputError` where no server can listen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"--port is {port}, but it cannot be used on {host}: {error.strerror}; "
                "choose another"
            ) from error


def show_page(what: str, url: str, browser: bool | None, health: str = "") -> None:
    """Say where a page is, and open it as soon as its server is well.

    Args:
        what: is shown.
        url: of the page.
        browser: whether to open one; None for yes where there is a screen.
        health: what answers when the server is well, of one that this process becomes.
    """
    ends = " (Ctrl-C ends it)" if health else ""
    print(f"{what}: {url}{ends}", flush=True)  # noqa: T201  # the command's result
    if browser if browser is not None else _has_screen():
        # A process of its own, as this one serves.
        subprocess.Popen([sys.executable, "-m", "evoact.cli.opening", url, health])  # noqa: S603  # our own interpreter


def _has_screen() -> bool:
    """Whether somebody looks at this machine: a terminal, and a display for windows."""
    windows = sys.platform in {"darwin", "win32"} or any(map(os.environ.get, _DISPLAYS))
    return sys.stdout.isatty() and windows

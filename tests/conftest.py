"""What all tests share: the command line as users start it, and a finished search."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis.internal.conjecture import providers

# Hypothesis also tries the numbers that stand in modules loaded so far: others in another
# process, and after any edit. Examples are to be the same in every run.
assert hasattr(providers, "_get_local_constants"), "hypothesis has changed"
providers._get_local_constants = lambda: providers._local_constants

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _listen_to_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook, too
def pytest_collection_modifyitems(items) -> None:
    """Say what must stay in one of the processes that tests run in.

    A file, as its fixtures are made once; all that start a Ray cluster, of which
    one at a time is enough for a small machine; all that look at the one search.
    """
    for item in items:
        shared = "smoke_run" in getattr(item, "fixturenames", ())
        group = "ray" if item.get_closest_marker("ray") else "smoke" if shared else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


class CommandLine:
    """Starts `python -m evoact` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *arguments: str, **more) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "evoact", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "120", **more},
            # Jobs in the background of a script ignore Ctrl-C, and pass that on.
            preexec_fn=_listen_to_interrupts,  # noqa: PLW1509  # it takes no lock
        )

    def __call__(self, *arguments: str, code: int = 0, within: float = 280) -> str:
        """Run to the end, within so many seconds; return what it printed, stderr last."""
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=within)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return out + err


@pytest.fixture(scope="session")
def workshop(tmp_path_factory) -> Path:
    """A folder like a clone's: the shipped search spaces, and no runs yet."""
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "search_spaces").symlink_to(ROOT / "search_spaces")
    return folder


@pytest.fixture(scope="session")
def evoact_command(workshop) -> CommandLine:
    return CommandLine(workshop)


@pytest.fixture(scope="session")
def smoke_run(evoact_command, workshop) -> Path:
    """The README's first search, run to its end in one process; do not change it."""
    (line,) = re.findall(r"^evoact (search .* --name first.*)$", README, flags=re.MULTILINE)
    evoact_command(*shlex.split(line))
    return workshop / "runs" / "first"


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without the experiment's folder; making one takes seconds."""
    from evoact.tracking import prepare_store

    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    prepare_store(f"sqlite:///{database}")
    return database


@pytest.fixture
def store(fresh_store: Path, tmp_path: Path) -> str:
    """The URI of a store of one's own; artifacts go where the first one's do."""
    shutil.copy(fresh_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"

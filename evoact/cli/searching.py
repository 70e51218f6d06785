"""`evoact search` and `evoact resume`."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from evoact import api
from evoact.cli.looking import wide_console
from evoact.cli.signals import exit_code, signals_interrupt
from evoact.errors import EvoactError, InputError
from evoact.records import History, Listener, Record, SearchSpec, costly_early
from evoact.study import Study, dump_space, estimate_seconds, load_space, with_control
from evoact.study.estimate import trainings, worker_count
from evoact.tracking import Console as SearchConsole
from evoact.tracking import Guarded, print_summary, redacted, refuse_password
from evoact.tracking.describe import duration_text
from evoact.tracking.winners import STEM


def run_search(
    path: Path,
    *,
    name: str | None,
    runs_dir: Path,
    settings: Sequence[str],
    executor: str | None,
    address: str | None,
    workers: int | None,
    seed: int,
    dry_run: bool,
    control: str | None,
    quiet: bool,
) -> None:
    """Search a space from its file; show it as it goes, unless it is to be quiet."""
    console = wide_console()
    spec = load_space(path, settings)
    refuse_password(spec.tracking.mlflow)
    spec = api.with_evaluate(spec, executor=executor, workers=workers)
    spec = with_control(spec, control)
    if dry_run:
        _warn_of_costly_early(spec)
        console.print(dump_space(spec), highlight=False, markup=False, soft_wrap=True)
        return
    for line in () if quiet else (_announcement(spec), *_about_control(spec, control)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    _finish(
        console,
        runs_dir,
        lambda views: api.search(spec, runs_dir, name, seed, address=address, listeners=views),
        quiet,
    )


def run_resume(
    folder: Path,
    *,
    executor: str | None,
    address: str | None,
    workers: int | None,
    quiet: bool,
) -> None:
    """Go on with a study; show it as it goes, unless it is to be quiet."""
    _finish(
        wide_console(),
        folder.parent,
        lambda views: api.resume(
            folder, executor=executor, workers=workers, address=address, listeners=views
        ),
        quiet,
    )


def _warn_of_costly_early(spec: SearchSpec) -> None:
    """Warn as a search would; that one does it by itself."""
    for sentence in costly_early(spec):
        warnings.warn(sentence, stacklevel=2)


def _about_control(spec: SearchSpec, control: str | None) -> list[str]:
    if control != "static-early":
        return []
    listed = ", ".join(spec.anneal.early_functions())
    what = f"{listed} and what the winner starts from" if listed else "what the winner starts from"
    return [
        "static early: with the early function alone all candidates that share it are one "
        f"training, so the search is as without --control; {what} "
        "will be confirmed alone, under the winner's seeds"
    ]


def _announcement(spec: SearchSpec) -> str:
    evolution, confirm = spec.evolution, spec.evaluate.confirm
    count = worker_count(spec)
    tasks = " and ".join(f"{t.name} ({t.network}, {t.epochs} epochs)" for t in spec.all_tasks)
    best = f"the best {confirm.top}"
    if confirm.race:
        best = f"a race of {best}, and up to {confirm.survivors} of them"
    return (
        f"{spec.name}: {evolution.generations} generations of {evolution.population} candidates on "
        f"{tasks}, then {best} "
        f"and {len(confirm.baselines)} baselines under {confirm.seeds} fresh seeds"
        f"{', and the controls of an annealed winner' if spec.most_controls else ''}: "
        f"{trainings(spec)} trainings on {count} worker{'s' if count > 1 else ''}{_duration(spec)}"
    )


def _duration(spec: SearchSpec) -> str:
    seconds = estimate_seconds(spec)
    return "" if seconds is None else f", about {duration_text(seconds)} on this machine"


class _Remember:
    """Knows the study's folder as soon as there is one, for the message on Ctrl-C."""

    def __init__(self) -> None:
        self.name: str | None = None

    def on_record(self, record: Record, history: History) -> None:  # noqa: ARG002  # a listener's signature
        """Take the name."""
        assert history.started is not None
        self.name = history.started.name

    def close(self) -> None:
        """Nothing to let go of."""


def _finish(
    console: Console, runs_dir: Path, go: Callable[[Sequence[Listener]], Study], quiet: bool
) -> None:
    """Run a search, show it, and say at the end what was found and where it is."""
    remember = _Remember()
    shown: list[Listener] = [remember]
    if not quiet:
        progress = SearchConsole(console)
        shown.append(Guarded(progress, lambda text: warnings.warn(text, stacklevel=2)))
    try:
        with signals_interrupt():
            study = go(shown)
    except KeyboardInterrupt as interrupt:
        _say_interrupted(runs_dir, remember.name)
        sys.exit(exit_code(interrupt))
    except InputError:
        raise
    except (EvoactError, OSError):
        _say_interrupted(runs_dir, remember.name)
        raise
    print_summary(console, study.history)
    _say_where(console, study)


def _say_interrupted(runs_dir: Path, name: str | None) -> None:
    if name is not None:
        print(  # noqa: T201  # the command line's own voice
            f"stopped; what was evaluated is kept. Go on with:\n"
            f"  {command()} resume {runs_dir / name}",
            file=sys.stderr,
        )


def _say_where(console: Console, study: Study) -> None:
    folder = study.folder
    source = folder / "winners" / f"{STEM}.py"
    lines = [f"Hall of fame:    {folder / 'hall_of_fame.csv'}"]
    if source.exists():
        lines.append(f"Exported module: {source}  (torch only; also .pt2, .safetensors, figures/)")
    if study.spec.tracking.mlflow == "embedded":
        lines.append(f"Inspect it in MLflow with: {command()} ui {folder}")
    elif study.spec.tracking.mlflow != "off":
        lines.append(f"Inspect it in MLflow at: {redacted(study.spec.tracking.mlflow)}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def command() -> str:
    """Return how evoact was started, so that what is printed can be copied."""
    if shutil.which("evoact"):
        return "evoact"
    return sys.argv[0] if Path(sys.argv[0]).name == "evoact" else "python -m evoact"

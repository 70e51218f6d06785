"""Searches and comparisons in one call: the rooms wired together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evoact.errors import InputError, StudyError
from evoact.records import (
    GAINS,
    Anneal,
    Candidate,
    Cohort,
    Listener,
    SearchSpec,
    TaskSpec,
    costly_early,
)
from evoact.study import (
    Study,
    load_space,
    make_evaluator,
    named_task,
    refuse_existing,
    run,
    warmed,
    with_control,
)
from evoact.tracking import (
    Background,
    ConfirmationCsv,
    Guarded,
    HallOfFameCsv,
    MlflowTracker,
    StoreUnreachable,
    WinnerFiles,
    check_reachable,
    prepare_store,
    redacted,
    refuse_password,
    tracking_uri,
)

if TYPE_CHECKING:
    from evoact.comparison import ComparisonResult
    from evoact.language import Expression
    from evoact.study import Evaluator
    from evoact.training import Diagnosed


_CURE: Final = "send what MLflow missed by `evoact sync {run} --to {uri}`"


def search(
    space: SearchSpec | str | Path,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    seed: int = 0,
    *,
    executor: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    control: str | None = None,
    listeners: Sequence[Listener] = (),
) -> Study:
    """Search a space to its end, and return the finished study.

    Args:
        space: a specification, or the path of its YAML file.
        runs_dir: where the study's folder is made.
        name: of the study; by default the space's name, numbered if taken.
        seed: decides everything random.
        executor: `"ray"` or `"inline"` instead of what the space says.
        workers: how many cohorts are trained at once, instead of likewise.
        address: of a running Ray cluster; by default one is started here.
        control: `"static-late"` for the same search without annealing,
            `"static-early"` to confirm the early functions alone as well.
        listeners: told of every record of the journal, besides the trackers.

    Raises:
        InputError: the space, the name or an address is not what it must be;
            nothing was started.
        StudyError: the search cannot go on; what was evaluated is kept.

    Example, a whole search in this process::

        study = evoact.search("search_spaces/smoke.yaml", executor="inline")
        print(study.best(1)[0].expression)
    """
    spec = space if isinstance(space, SearchSpec) else load_space(space)
    spec = with_control(with_evaluate(spec, executor=executor, workers=workers), control)
    refuse_password(spec.tracking.mlflow)
    runs = Path(runs_dir)
    refuse_existing(runs, name)
    with _mlflow(spec, runs) as mlflow, ExitStack() as started:
        from evoact.training import prepared, resolve_kernels  # torch, while MLflow is imported

        spec = prepared(warmed(spec))
        for sentence in costly_early(spec):
            warnings.warn(sentence, stacklevel=2)
        resolve_kernels(spec.evaluate.kernels, spec.evaluate.device)  # refused before workers start
        if mlflow:
            mlflow.prepare()  # it takes seconds, as does to start workers
        evaluator = started.enter_context(_evaluator(spec, address))
        _wait_for_store(mlflow)
        study = Study.create(spec, runs, name, seed)
        with _opened(study, [*listeners, *_trackers(study, mlflow)]):
            run(study, evaluator)
            if mlflow:
                mlflow.finish()
            started.close()  # workers end while it does
    return study


def resume(
    folder: str | Path,
    *,
    executor: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    listeners: Sequence[Listener] = (),
) -> Study:
    """Go on with a study to its end; what it evaluated is not trained again.

    Executor and workers may be others than before: they do not change results,
    but in steady state.

    Args:
        folder: the folder of the study.
        executor: as for `search`, as are the others.
        workers: likewise.
        address: likewise.
        listeners: likewise.

    Raises:
        InputError: there is no study, or an address is not what it must be.
        StudyError: the search cannot go on; what was evaluated is kept.
    """
    from evoact.training import prepared

    study = Study.load(folder)
    if not study.is_finished:
        prepared(study.spec)
    spec = with_evaluate(study.spec, executor=executor, workers=workers)
    with _mlflow(spec, study.folder.parent) as mlflow:
        if mlflow:
            mlflow.prepare()
        _wait_for_store(mlflow)
        with _opened(study, [*listeners, *_trackers(study, mlflow)]):
            if not study.is_finished:
                with _evaluator(spec, address) as evaluator:
                    run(study, evaluator)
    return study


def sync(folder: str | Path, to: str) -> dict[str, int]:
    """Send to a tracker what it lacks of a study, as its journal says; twice changes nothing.

    Args:
        folder: the folder of the study; its search must not run meanwhile.
        to: an MLflow tracking URI, or `"embedded"` for the store beside the study.

    Returns:
        How many `runs`, `metrics` and `artifacts` were sent.

    Raises:
        InputError: there is no study, nobody answers at the URI, or a password is in it.
        StudyError: its search runs in another process, or the tracker failed.
    """
    refuse_password(to, key="--to")
    uri = tracking_uri(to, Path(folder).parent)
    if uri is None:
        raise InputError(f"--to is {to!r}; wanted an MLflow tracking URI, or embedded")
    study = Study.load(folder)
    check_reachable(uri, key="--to")
    prepare_store(uri, key="--to")
    if study.is_finished:
        return _sent(uri, study)
    with _opened(study, ()):
        return _sent(uri, study)


def _sent(uri: str, study: Study) -> dict[str, int]:
    tracker = MlflowTracker(uri, study.folder, live=False)
    try:
        tracker.catch_up(study.history)
        tracker.close()
    except Exception as error:  # MLflow's, its database's, the network's
        reason = str(error).partition("\n")[0]
        raise StudyError(
            f"{redacted(uri)} failed: {type(error).__name__}: {reason}. What was sent is there; "
            "the same command sends the rest"
        ) from error
    return {what: tracker.sent[what] for what in ("runs", "metrics", "artifacts")}


def compare(
    task: str | Path | TaskSpec,
    expressions: Sequence[str | Expression | Candidate],
    *,
    baselines: Sequence[str | Expression] | None = None,
    network: str | None = None,
    epochs: int | None = None,
    width: str | None = None,
    rates: Sequence[float] | None = None,
    gain: bool = False,
    seeds: int = 10,
    tuning_seeds: int = 3,
    seed: int = 0,
    anneal: Anneal | None = None,
    controls: bool = False,
    kernels: str = "auto",
    executor: str = "inline",
    workers: int | None = None,
    address: str | None = None,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ComparisonResult:
    """Compare functions with baselines on a task, and return what was found.

    Each contestant gets the learning rate that is best for it on validation
    data, of the same grid and under the same tuning seeds. Then all are trained
    with fresh seeds that they share, and the test set is read. Each that is no
    named function meets the best `a * f(b * x) + c` of the nearest one as well.
    Every training is kept in the folder `compare-NAME` as it ends: the same call
    goes on where an earlier one was stopped, and trains nothing twice.

    Args:
        task: `"digits"`, `"mnist1d"`, a class of your own as `"module:Class"`, a space's
            YAML file, whose section `task` is taken, or a specification.
        expressions: the functions asked about: names, texts, expressions, or candidates
            of a study, such as its `winner()`, which keep their own annealing.
        baselines: those that each is compared with; relu, silu and gelu by default.
        network: `"mlp"`, `"conv"` or `"attention"`, instead of the task's.
        epochs: passes over the training data, likewise.
        width: how hidden sizes are fitted to what changes the width, likewise;
            `"equal_parameters"` by default.
        rates: the grid of learning rates; .001, .003, .01 and .03 by default.
        gain: whether to choose the gain of first weights, too: each function's
            own, or ReLU's.
        seeds: how many fresh seeds are reported, 2 or more.
        tuning_seeds: how many others the rates are chosen by.
        seed: decides everything random.
        anneal: how contestants that are no candidates are annealed; by default they are not.
        controls: whether to train annealed contestants' late and early
            functions alone as well.
        kernels: what computes activations: `"auto"`, `"c"` or `"torch"`.
        executor: `"inline"`, or `"ray"` for workers; results are the same.
        workers: how many cohorts are trained at once.
        address: of a running Ray cluster; by default one is started here.
        runs_dir: where the folder is made.
        name: of the comparison; by default one that follows from what is compared.
        tell: is told how far it is, a line at a time.

    Raises:
        InputError: an argument is not what it must be, or another comparison has
            the name; nothing was started.
        StudyError: training cannot go on; what was trained is kept.

    Example, half a minute::

        result = evoact.compare("digits", ["x * tanh(x)"], epochs=5, seeds=3)
        print(*result.verdict(), sep=" ")
    """
    from evoact.comparison import (
        BASELINES,
        RATES,
        ComparisonJournal,
        Plan,
        check_task,
        entrants_of,
        run_comparison,
    )
    from evoact.training import metric_of, prepared_task, resolve_kernels

    told = prepared_task(named_task(task, network=network, epochs=epochs, width=width))
    metric, maximises = metric_of(told)
    spec = with_evaluate(SearchSpec(task=told), executor=executor, workers=workers)
    plan = Plan(
        told,
        entrants_of(
            expressions,
            BASELINES if baselines is None else baselines,
            anneal=anneal,
            controls=controls,
        ),
        rates=RATES if rates is None else tuple(map(float, rates)),
        gains=GAINS if gain else GAINS[:1],
        seeds=seeds,
        tuning_seeds=tuning_seeds,
        seed=seed,
        kernels=resolve_kernels(kernels, spec.evaluate.device, "kernels").name,
        metric=metric,
        maximises=maximises,
    )
    check_task(plan.entrants, plan.task)
    with (
        _evaluator(spec, address) as evaluator,
        closing(ComparisonJournal(runs_dir, plan, name)) as kept,
    ):
        tell(f"Every training is kept in {kept.folder}")
        return run_comparison(plan, evaluator, kept, tell)


def diagnose(
    function: str | Expression | Candidate,
    task: str | Path | TaskSpec,
    *,
    network: str | None = None,
    epochs: int | None = None,
    width: str | None = None,
    seed: int = 0,
    kernels: str = "auto",
) -> Diagnosed:
    """Train the network of a task once with a function, and measure it layer by layer.

    What is measured, and by which formula, is told in `evoact.diagnostics`, whose
    `diagnose` takes networks of your own.

    Args:
        function: a name, a text, an expression, or a candidate of a study.
        task: as for `compare`, as are the next three.
        network: likewise.
        epochs: likewise.
        width: likewise.
        seed: of weights and order of data: that of a study trains what it scored.
        kernels: what computes activations in training: `"auto"`, `"c"` or `"torch"`.

    Raises:
        InputError: an argument is not what it must be.
        StudyError: the training diverged.

    Example, some seconds::

        found = evoact.diagnose("relu", "digits", epochs=2)
        print([layer.zero_fraction for layer in found.diagnosis.layers])
    """
    from evoact.language import Expression, resolve
    from evoact.training import diagnosed, prepared_task, resolve_kernels

    told = prepared_task(named_task(task, network=network, epochs=epochs, width=width))
    if isinstance(function, str):
        function = resolve(function)
    candidate = Candidate(function) if isinstance(function, Expression) else function
    way = resolve_kernels(kernels, "cpu", "kernels").name
    return diagnosed(Cohort((candidate,), told, seed, kernels=way))


def with_evaluate(spec: SearchSpec, **changes: Any) -> SearchSpec:
    """Return a specification with other settings of `evaluate`; None changes nothing."""
    given = {key: value for key, value in changes.items() if value is not None}
    if not given:
        return spec
    if given.get("workers", 1) < 1:
        raise InputError(f"workers is {given['workers']}; wanted at least 1")
    if given.get("executor", "ray") not in {"ray", "inline"}:
        raise InputError(f"executor is {given['executor']!r}; wanted ray or inline")
    evaluate = {**spec.evaluate.model_dump(), **given}
    return spec.model_copy(update={"evaluate": type(spec.evaluate).model_validate(evaluate)})


@contextmanager
def _mlflow(spec: SearchSpec, runs: Path) -> Iterator[Background | None]:
    """Start the process that tells MLflow, if a store is wanted."""
    uri = tracking_uri(spec.tracking.mlflow, runs)
    if uri is None:
        yield None
        return
    with Background(uri) as background:
        yield background


def _wait_for_store(mlflow: Background | None) -> None:
    """Wait until a store is ready; go on without one that is down, and say how to make up for it.

    A server that is down may come back while the search runs, or later.
    """
    try:
        if mlflow:
            mlflow.ready()
    except StoreUnreachable as error:
        assert mlflow is not None
        cure = _CURE.format(run="RUN", uri=redacted(mlflow.uri))
        warnings.warn(f"{error}. The search goes on; {cure}", stacklevel=3)


@contextmanager
def _evaluator(spec: SearchSpec, address: str | None) -> Iterator[Evaluator]:
    from evoact.training import code_folders

    evaluator = make_evaluator(spec, address, code_folders(spec))
    try:
        yield evaluator
    finally:
        evaluator.close()


@contextmanager
def _opened(study: Study, listeners: Sequence[Listener]) -> Iterator[None]:
    """Hold the study's lock; its views are brought up to date first."""
    try:
        study.open(listeners)
        yield
    finally:
        study.close()


def _trackers(study: Study, mlflow: Background | None = None) -> list[Listener]:
    folder = study.folder
    views: list[Listener] = [
        HallOfFameCsv(folder / "hall_of_fame.csv"),
        ConfirmationCsv(folder / "winners" / "confirmation.csv"),
        WinnerFiles(folder),
    ]
    guarded: list[Listener] = [Guarded(view, _warn) for view in views]
    if mlflow:
        mlflow.follow(folder, _warn, _CURE.format(run=folder, uri=redacted(mlflow.uri)))
        guarded.insert(0, mlflow)  # it works while the others do
    return guarded


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)

"""The commands; each imports what it needs when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="evoact",
    help="Discover neural-network activation functions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Executor(StrEnum):
    """Who trains candidates."""

    INLINE = "inline"
    RAY = "ray"


class Control(StrEnum):
    """What a search is compared with to see what annealing gives."""

    STATIC_LATE = "static-late"
    STATIC_EARLY = "static-early"


class Kernels(StrEnum):
    """What computes activations."""

    AUTO = "auto"
    C = "c"
    TORCH = "torch"


class Params(StrEnum):
    """Which parameter values an export starts from."""

    RECIPE = "recipe"
    TRAINED = "trained"
    MEDIAN = "median"


ExecutorOption = Annotated[
    Executor | None, typer.Option(help="Who trains: this process, or workers of a Ray cluster.")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Cohorts trained at once; as many as CPUs by default.")
]
AddressOption = Annotated[
    str | None, typer.Option(help="A running Ray cluster, HOST:PORT; one is started by default.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress, only what was found.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def search(
    space: Annotated[Path, typer.Argument(help="The search space, a YAML file.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the study; by default the space's, numbered.")
    ] = None,
    runs_dir: Annotated[Path, typer.Option(help="Where studies live.")] = Path("runs"),
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE over the space's, repeatable.")
    ] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything random.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the space and show it resolved; train nothing.")
    ] = False,
    control: Annotated[
        Control | None,
        typer.Option(
            help="Search without annealing, or also confirm the early functions alone: "
            "the controls that say what annealing gives."
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Search a space for activation functions, then confirm the best with fresh seeds."""
    from evoact.cli.searching import run_search

    run_search(
        space,
        name=name,
        runs_dir=runs_dir,
        settings=settings or [],
        executor=executor and executor.value,
        address=address,
        workers=workers,
        seed=seed,
        dry_run=dry_run,
        control=control and control.value,
        quiet=quiet,
    )


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="The folder of a study, such as runs/quickstart.")],
    executor: ExecutorOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Go on with an interrupted study; what it evaluated is not trained again."""
    from evoact.cli.searching import run_resume

    run_resume(
        run,
        executor=executor and executor.value,
        address=address,
        workers=workers,
        quiet=quiet,
    )


@app.command()
def sync(
    run: Annotated[Path, typer.Argument(help="The folder of a study.")],
    to: Annotated[str, typer.Option(help="An MLflow tracking URI, or embedded.")],
) -> None:
    """Send to MLflow what it missed of a study; what is there already stays as it is."""
    from evoact.cli.looking import run_sync

    run_sync(run, to)


@app.command()
def top(
    run: Annotated[Path, typer.Argument(help="The folder of a study.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 10,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary",
            help="Instead: what was confirmed, the verdict, and what it took, as at the "
            "end of the search.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the hall of fame of a study, finished or not."""
    from evoact.cli.looking import show_top

    show_top(run, n, as_json, summary)


@app.command()
def show(
    expression: Annotated[str, typer.Argument(help="An expression, or the name of a function.")],
    plot: Annotated[
        Path | None, typer.Option(help="Also draw f and f' to this .png or .svg file.")
    ] = None,
    as_json: JsonOption = False,
    anneal: Annotated[
        bool, typer.Option("--anneal", help="Show how networks are annealed toward it instead.")
    ] = False,
    early: Annotated[
        str, typer.Option(help="With --anneal: what networks start with, or auto.")
    ] = "auto",
    path: Annotated[str, typer.Option(help="With --anneal: blend, ladder or sharpness.")] = "blend",
    schedule: Annotated[str, typer.Option(help="With --anneal: how g rises.")] = "linear",
    start: Annotated[float, typer.Option(help="With --anneal: where g begins to rise.")] = 0.0,
    end: Annotated[float, typer.Option(help="With --anneal: from where g is 1.")] = 0.4,
) -> None:
    """Show what is known of a function: names, facts, plot, LaTeX, torch source."""
    if anneal:
        from evoact.cli.annealing import show_annealing
        from evoact.nn import Schedule

        show_annealing(expression, early, path, Schedule(schedule, start, end), plot, as_json)
        return
    from evoact.cli.showing import show_expression

    show_expression(expression, plot, as_json)


@app.command()
def compare(
    task: Annotated[
        str, typer.Argument(help="digits, mnist1d, or a space's YAML: its task is taken.")
    ],
    expressions: Annotated[list[str], typer.Argument(help="Expressions, or names of functions.")],
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="What each is compared with, repeatable; relu, silu, gelu by default."),
    ] = None,
    network: Annotated[str | None, typer.Option(help="mlp, deep, conv or attention.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.")] = None,
    width: Annotated[
        str | None, typer.Option(help="equal_parameters, round or strict hidden sizes.")
    ] = None,
    rates: Annotated[
        str | None,
        typer.Option(help="Learning rates tried for each: 0.001,0.003,0.01,0.03 by default."),
    ] = None,
    gain: Annotated[
        bool, typer.Option("--gain", help="Also try ReLU's gain of first weights for each.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="Fresh seeds that are reported, 2 or more.")] = 10,
    tuning_seeds: Annotated[int, typer.Option(help="Others, by which rates are chosen.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything random.")] = 0,
    early: Annotated[
        str | None, typer.Option(help="Anneal them from this function, or auto.")
    ] = None,
    path: Annotated[
        str | None, typer.Option(help="Anneal them by blend, ladder or sharpness.")
    ] = None,
    schedule: Annotated[str, typer.Option(help="When annealed: how g rises.")] = "linear",
    start: Annotated[float, typer.Option(help="When annealed: where g begins to rise.")] = 0.0,
    end: Annotated[float, typer.Option(help="When annealed: from where g is 1.")] = 0.5,
    controls: Annotated[
        bool,
        typer.Option("--controls", help="When annealed: also train late and early function alone."),
    ] = False,
    kernels: Annotated[
        Kernels, typer.Option(help="What computes activations; auto takes C where it can.")
    ] = Kernels.AUTO,
    name: Annotated[
        str | None, typer.Option(help="Name of the comparison; follows from it by default.")
    ] = None,
    runs_dir: Annotated[Path, typer.Option(help="Where trainings are kept.")] = Path("runs"),
    executor: ExecutorOption = Executor.INLINE,
    address: AddressOption = None,
    workers: WorkersOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all of it to this JSON file.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a report to this .md file.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the differences to this .svg or .png file.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for all three files.")
    ] = None,
) -> None:
    """Compare functions with baselines: rates tuned alike, fresh seeds, paired tests.

    After an interruption the same command goes on where it stopped.
    """
    from evoact.cli.comparing import genes, run_compare

    run_compare(
        task,
        expressions,
        baselines=baseline,
        network=network,
        epochs=epochs,
        width=width,
        rates=rates,
        gain=gain,
        seeds=seeds,
        tuning_seeds=tuning_seeds,
        seed=seed,
        anneal=genes(early, path, schedule, start, end),
        controls=controls,
        kernels=kernels.value,
        name=name,
        runs_dir=runs_dir,
        executor=executor and executor.value,
        address=address,
        workers=workers,
        files={"json": json_file, "markdown": markdown, "figure": figure},
        output=output,
    )


@app.command()
def diagnose(
    what: Annotated[str, typer.Argument(help="The folder of a study, or an expression.")],
    task: Annotated[
        str | None,
        typer.Option(
            help="digits, mnist1d, module:Class, or a space's YAML; by default a study's own."
        ),
    ] = None,
    network: Annotated[str | None, typer.Option(help="mlp, deep, conv or attention.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.")] = None,
    width: Annotated[
        str | None, typer.Option(help="equal_parameters, round or strict hidden sizes.")
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=1, help="Place in the hall of fame; the winner by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of weights and data order; a study's own by default.")
    ] = None,
    kernels: Annotated[
        Kernels, typer.Option(help="What computes activations; auto takes C where it can.")
    ] = Kernels.AUTO,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the layers to this .png or .svg file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a function once and look into its network, layer by layer."""
    from evoact.cli.diagnosing import run_diagnose

    run_diagnose(
        what,
        task,
        rank=rank,
        seed=seed,
        plot=plot,
        as_json=as_json,
        network=network,
        epochs=epochs,
        width=width,
        kernels=kernels.value,
    )


@app.command()
def zoo(
    pattern: Annotated[
        str | None, typer.Argument(help="Part of a name, formula, family or paper.")
    ] = None,
    family: Annotated[str | None, typer.Option(help="Only this family, such as gated.")] = None,
    width: Annotated[
        str | None, typer.Option(help="Only this width ratio: 1/4, 1/2, 1 or 2.")
    ] = None,
    years: Annotated[
        str | None, typer.Option(help="Only of these years: 2017, 2015-2019 or 2020-.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the named activation functions with their sources."""
    from evoact.cli.showing import show_zoo

    show_zoo(pattern, family, width, years, as_json)


@app.command()
def export(
    what: Annotated[str, typer.Argument(help="The folder of a study, or an expression.")],
    rank: Annotated[
        int | None, typer.Option(min=1, help="Place in the hall of fame; the winner by default.")
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of source, state, pt2, onnx, jax, keras, triton, separated by commas; "
            "by default the first three.",
        ),
    ] = None,
    params: Annotated[
        Params,
        typer.Option(help="Initial values for a new network, the trained ones, or their medians."),
    ] = Params.RECIPE,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the files.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Stem of the file names.")] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Input channels of a pt2 or onnx of what depends on their number, where trained "
            "values do not tell it; 64 by default, or the next multiple of its groups.",
        ),
    ] = None,
    as_package: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write a package for pip instead, with its tests."),
    ] = None,
) -> None:
    """Write an activation function as files that need no evoact."""
    from evoact.cli.exporting import run_export

    run_export(what, rank, formats, params.value, output, name, channels, as_package)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The folder of a study, such as runs/quickstart.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The HTML file; RUN/report.html by default."),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Also write its figures to this folder, as SVG and PNG.")
    ] = None,
) -> None:
    """Write the report of a study, finished or not: one HTML file that needs nothing else."""
    from evoact.cli.reporting import write_report

    write_report(run, output, figures)


@app.command()
def doctor(
    task: Annotated[
        str | None,
        typer.Option(help="A task of your own to test: module:Class, or a space's YAML file."),
    ] = None,
    runs_dir: Annotated[Path, typer.Option(help="Where studies live.")] = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Test the installation, and a task of your own: what is found, and the cures."""
    from evoact.cli.checking import run_doctor

    run_doctor(task, runs_dir, as_json)


@app.command()
def ui(
    run: Annotated[
        Path | None, typer.Argument(help="The folder of a study, whose page is shown.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Show the report of a study instead.")
    ] = False,
    runs_dir: Annotated[Path, typer.Option(help="Without a study: where studies live.")] = Path(
        "runs"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine see all runs.")
    ] = "127.0.0.1",
    browser: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", help="Open a browser; by default where there is a screen."
        ),
    ] = None,
) -> None:
    """Open MLflow on the store of a study, at its page; or its report; or a folder's studies."""
    if report:
        from evoact.cli.serving import serve_report

        serve_report(run, host, port, browser)
        return
    from evoact.cli.pages import open_ui

    open_ui(run, runs_dir, host, port, browser)

"""Does a search find a function for physics-informed networks that beats tanh and sines?

One search of `search_spaces/burgers.yaml` with the seed below; then its winner is held
against tanh and sine, each with the learning rate that is best for it on validation points,
under ten fresh seeds that all share, on test points that nothing else reads. The measure is
the relative L2 error. The same is done for the heat equation, on which nothing was searched.

    python benchmarks/physics.py search    # goes on where it stopped
    python benchmarks/physics.py compare
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from pathlib import Path
from typing import Any, Final

from hardware import cores, processor

import evoact
from evoact.api import resume
from evoact.comparison import differences_figure, markdown
from evoact.records import TaskSpec
from evoact.study import load_space

SPACE: Final = Path("search_spaces/burgers.yaml")
SEARCH_SEED: Final = 31
SEEDS: Final = 10
RATES: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
BASELINES: Final = ("tanh", "sin(x)")
RUNS: Final = Path("runs")
RESULTS: Final = Path(__file__).parent / "results" / "physics"


def main() -> None:
    """Run a stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=["search", "compare"])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    if options.stage == "search":
        search(options.settings)
    else:
        compare()


def study_folder() -> Path:
    """Return the folder of the search."""
    return RUNS / f"physics-{SEARCH_SEED}"


def search(settings: list[str]) -> None:
    """Run the search, or what is left of it, and keep its journal."""
    folder, start = study_folder(), time.monotonic()
    if folder.exists():
        study = resume(folder)
    else:
        space = load_space(SPACE, settings)
        study = evoact.search(space, runs_dir=RUNS, name=folder.name, seed=SEARCH_SEED)
    winner = study.winner()
    print(f"{winner and winner.text}, {time.monotonic() - start:.0f} s", flush=True)
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    kept = "".join(json.dumps(_without_curves(line)) + "\n" for line in lines)
    (RESULTS / "search.jsonl.gz").write_bytes(gzip.compress(kept.encode(), mtime=0))


def _without_curves(line: Any) -> Any:
    for record in line if isinstance(line, list) else [line]:
        if "evaluation" in record:
            record["evaluation"]["curve"] = record["evaluation"]["curve"][-1:]
    return line


def compare() -> None:
    """Hold the winner against tanh and sine, on both equations."""
    study = evoact.Study.load(study_folder())
    winner = study.winner()
    assert winner is not None, "the search is not finished"
    burgers = study.spec.task
    size = {name: burgers.options[name] for name in ("points", "hidden")}
    heat = TaskSpec(name="heat", options=size)
    heat = heat.model_copy(update={n: getattr(burgers, n) for n in ("epochs", "batch_size")})
    lines = [
        "# Physics-informed networks\n",
        f"`python benchmarks/physics.py`; {processor()}, {cores()} cores; search {SEARCH_SEED} of "
        f"`{SPACE}`, {len(list(study.history.searched()))} candidates. Relative L2 error of the "
        f"solution on test points: less is better. Burgers' equation with viscosity "
        f"{burgers.options['viscosity']}, and the heat equation, on which nothing was searched; "
        f"{burgers.epochs} steps on {burgers.options['points']} points.\n",
        "Both were compared more than once: at first .02 was the largest rate tried, and best "
        "for everyone ([first](first/burgers.md)); then .08, best for sines "
        "([second](second/burgers.md), [heat](second/heat.md)).\n",
    ]
    for name, task in {"burgers": burgers, "heat": heat}.items():
        file = RESULTS / f"{name}.md"
        if not file.exists():  # test points are read once
            result = evoact.compare(
                task, [winner.text], baselines=BASELINES, seeds=SEEDS, rates=RATES, tell=print
            )
            (RESULTS / f"{name}.json").write_text(json.dumps(result.to_dict(), indent=1) + "\n")
            differences_figure(result).savefig(RESULTS / f"{name}.svg", metadata={"Date": None})
            file.write_text(markdown(result) + "\n")
        lines += [f"## {name}\n", file.read_text()]
    (RESULTS / "README.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()

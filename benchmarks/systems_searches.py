"""What do searches find whose objectives and constraints come from the systems of `systems.py`?

Three questions, one search each: the best 1-Lipschitz activation on the Wasserstein cones,
the best one for fifty plain layers, and the best function of at most four linear pieces.
Each winner, with the seed below, is held against baselines with rates tuned for each,
under fresh seeds that all share, on test data that nothing else reads.

    python benchmarks/systems_searches.py search [NAME ...]    # goes on where it stopped
    python benchmarks/systems_searches.py compare [NAME ...]
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hardware import cores, processor

import evoact
from evoact.api import resume
from evoact.comparison import differences_figure, markdown
from evoact.records import Candidate
from evoact.study import Study, load_space
from evoact.tracking import save_figure
from evoact.tracking.rejections import rejections


@dataclass(frozen=True)
class Question:
    """What is asked of a search.

    Attributes:
        text: the question.
        space: the name of its space.
        baselines: whom the winner is held against.
        rates: learning rates that are tried for each.
        facts: of the winner, those that the question is about.
        seeds: fresh ones, of the comparison.
        test_seed: of 10,000 test samples made for it, where data are generated.
        settings: of the space, other than it ships.
        note: on how it was done.
    """

    text: str
    space: str
    baselines: tuple[str, ...]
    rates: tuple[float, ...]
    facts: tuple[str, ...]
    seeds: int = 10
    test_seed: int | None = None
    settings: tuple[str, ...] = ()
    note: str = ""


QUESTIONS: Final = {
    "cones": Question(
        "The best 1-Lipschitz activation: the distance of a point and a sphere in 8 dimensions, 1",
        "cones",
        ("relu", "group_sort(x, 2)", "abs(x)"),
        (0.01, 0.02, 0.04, 0.08),
        ("one_lipschitz", "gradient_norm_preserving", "lipschitz"),
        note="Compared twice: at first .02 was the largest rate tried, and best for nearly all; "
        "test w1 were .9959, .5581, .9531 and .9649 then.",
    ),
    "deep": Question(
        "The best activation for 50 dense layers without normalisation or skips (MNIST-1D)",
        "deep",
        ("1.4142135623730951 * relu(x)", "selu", "tanh", "identity(x)"),
        (0.001, 0.002, 0.004),
        ("monotone", "lipschitz", "slope_left", "slope_right"),
        settings=(
            "task.options.depth=50",
            "task.epochs=20",
            "evolution.population=24",
            "evolution.generations=6",
            "evaluate.confirm.top=3",
        ),
    ),
    "four_pieces": Question(
        "The best function of at most four linear pieces (MNIST-1D, MLP)",
        "four_pieces",
        ("relu", "softshrink", "pan"),
        (0.01, 0.02, 0.03, 0.04),
        ("pieces", "knots", "lipschitz"),
        seeds=20,
        test_seed=310_881_207,
    ),
}
SEARCH_SEED: Final = 10
RUNS: Final = Path("runs")
RESULTS: Final = Path(__file__).parent / "results" / "systems"


def main() -> None:
    """Run a stage for some questions, or for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=["search", "compare"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(QUESTIONS))
    options = parser.parse_args()
    names = options.names or list(QUESTIONS)
    if unknown := set(names) - set(QUESTIONS):
        parser.error(f"no question is called {min(unknown)}; wanted some of {', '.join(QUESTIONS)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in names:
        {"search": search, "compare": compare}[options.stage](name)
    write()


def study_folder(name: str) -> Path:
    """Return the folder of a search."""
    return RUNS / f"systems-{name}-{SEARCH_SEED}"


def search(name: str) -> None:
    """Run a search, or what is left of it, and keep its journal."""
    folder, start = study_folder(name), time.monotonic()
    if folder.exists():
        study = resume(folder)
    else:
        question = QUESTIONS[name]
        space = load_space(f"search_spaces/{question.space}.yaml", question.settings)
        study = evoact.search(space, runs_dir=RUNS, name=folder.name, seed=SEARCH_SEED)
    print(f"{name}: {winner_of(study).text}, {time.monotonic() - start:.0f} s", flush=True)
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    kept = "".join(json.dumps(_without_curves(line)) + "\n" for line in lines)
    # Without a date, so that the same journal gives the same file.
    (RESULTS / f"{name}.jsonl.gz").write_bytes(gzip.compress(kept.encode(), mtime=0))
    (RESULTS / f"{name}-search.md").write_text(told(name, study))


def _without_curves(line: Any) -> Any:
    for record in line if isinstance(line, list) else [line]:
        if "evaluation" in record:
            record["evaluation"]["curve"] = record["evaluation"]["curve"][-1:]
    return line


def winner_of(study: Study) -> Candidate:
    """Return the winner of a finished search."""
    winner = study.winner()
    assert winner is not None, "the search is not finished"
    return winner


def told(name: str, study: Study) -> str:
    """Return what a search came to, in Markdown."""
    question, winner = QUESTIONS[name], winner_of(study)
    facts = winner.late.facts()
    about = ((one.replace("_", " "), getattr(facts, one)) for one in question.facts)
    settings = "".join(f" `--set {text}`" for text in question.settings)
    lines = [
        f"`search_spaces/{question.space}.yaml`{settings}, seed {SEARCH_SEED}; constraints: "
        f"{', '.join(f'`{text}`' for text in study.spec.constraints) or 'none'}. "
        f"{' '.join(rejections(study.history)[:1])}",
        f"Winner: `{winner.text}`; "
        + "; ".join(f"{n} {fact.text} ({fact.status})" for n, fact in about)
        + ".",
    ]
    return "\n\n".join(lines) + "\n"


def compare(name: str) -> None:
    """Hold a winner against baselines; test data are read once."""
    question, study = QUESTIONS[name], Study.load(study_folder(name))
    if (RESULTS / f"{name}.md").exists():
        return
    result = evoact.compare(
        study.spec.task.model_copy(update={"test_seed": question.test_seed}),
        [winner_of(study)],
        baselines=question.baselines,
        seeds=question.seeds,
        rates=question.rates,
        executor="ray",
        workers=2,
        runs_dir=RUNS,
        tell=print,
    )
    (RESULTS / f"{name}.json").write_text(json.dumps(result.to_dict(), indent=1) + "\n")
    save_figure(differences_figure(result), RESULTS / f"{name}.svg")
    (RESULTS / f"{name}.md").write_text(f"##{markdown(result)}\n")  # a section of the page


def write() -> None:
    """Gather what there is in one page."""
    lines = [
        "# Searches with constraints of the systems\n",
        f"`python benchmarks/systems_searches.py search`, then `compare`; {processor()}, "
        f"{cores()} cores. What is claimed of the systems themselves: [systems.md](systems.md).\n",
    ]
    for name, question in QUESTIONS.items():
        files = [RESULTS / f"{name}-search.md", RESULTS / f"{name}.md"]
        texts = [file.read_text() for file in files if file.exists()]
        notes = [f"{question.note}\n"] if question.note else []
        lines += [f"## {question.text}\n", *notes, *texts] if texts else []
    (RESULTS / "README.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()

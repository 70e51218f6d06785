"""A task of a user, written from the README alone, in a folder and with data of its own."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evoact.cli.checking import run_doctor
from evoact.errors import InputError

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README[README.index("### Your own task") : README.index("### How candidates are bred")]
SMALL = (
    *("--set", "evolution.population=4", "--set", "evolution.generations=2"),
    *("--set", "evaluate.confirm.top=1", "--set", "evaluate.confirm.seeds=2"),
    *("--set", "evaluate.confirm.baselines=[relu]", "--set", "tracking.mlflow=off"),
    *("--set", "task.epochs=3", "--set", "language.max_nodes=9"),
)
ALONE = """
import sys
sys.modules["evoact"] = None  # importing it raises
sys.path.insert(0, sys.argv[1])
import torch, winner
net = torch.nn.Sequential(torch.nn.Linear(4, 8), winner.Winner(), torch.nn.Linear(8, 1))
assert torch.isfinite(net(torch.randn(5, 4))).all()
assert "demand" not in sys.modules
"""


def block(kind: str) -> str:
    return re.search(rf"```{kind}\n(.*?)```", SECTION, flags=re.DOTALL)[1]


def commands() -> list[list[str]]:
    lines = [line.partition("#")[0] for line in block("text").splitlines()]
    return [shlex.split(line)[1:] for line in lines]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "demand.py").write_text(block("python"))
    (folder / "demand.yaml").write_text(block("yaml"))
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 4))
    y = np.sin(2 * x[:, :1]) * x[:, 1:2] + 0.1 * rng.normal(size=(200, 1))
    table = np.hstack([x, y])
    np.savetxt(folder / "demand.csv", table, delimiter=",", header="a,b,c,d,sold", comments="")
    return folder


@pytest.fixture(scope="module")
def command(evoact_command, shop):
    return type(evoact_command)(shop)


@pytest.mark.slow
@pytest.mark.ray
def test_a_task_from_the_readme_is_tested_searched_and_exported(command, shop):
    doctor, search, export = commands()
    told = command(*doctor)
    assert "Ready to search." in told
    assert "Worth a look" not in told
    assert "a worker trains Demand" in told
    told = command(*search, *SMALL, "--executor", "ray", "--workers", "2")
    assert "on Demand (own, 3 epochs)" in told
    assert "val r2" in told
    command(*search, *SMALL, "--executor", "inline", "--name", "here")
    table = "hall_of_fame.csv"
    assert (shop / "runs/demand" / table).read_bytes() == (shop / "runs/here" / table).read_bytes()
    assert "about" not in told.splitlines()[0]
    # From here on the code of the user is not imported: it would raise.
    (shop / "demand.py").write_text("raise SystemExit('imported')")
    assert "test r2" in command("top", "runs/demand", "--summary")
    command(*export)
    subprocess.run([sys.executable, "-I", "-c", ALONE, "found"], check=True, cwd=shop)
    told = command("search", "demand.yaml", *SMALL, "--name", "again", code=2)
    assert "error: task.use is 'demand:Demand', but importing demand fails" in told


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("nowhere", "--task is 'nowhere'; wanted module:Class"),
        ("no module:Task", "use is 'no module:Task'; .* names no class; wanted module:Class"),
        ("search_spaces/smoke.yaml", "whose task is digits-mlp; wanted one of your"),
    ],
)
def test_what_is_no_task_is_told(task, told, tmp_path, monkeypatch, workshop):
    monkeypatch.chdir(workshop)
    with pytest.raises(InputError, match=told):
        run_doctor(task, tmp_path, as_json=False)

"""A winner as an MLflow model: a program of `torch.export`, logged and registered.

The files are what `mlflow.pytorch.log_model(..., serialization_format="pt2")` writes, so
that `mlflow.pytorch.load_model` and `mlflow.pyfunc.load_model` read them; but the program
is the one that evoact's export checked, and all of it goes through a client of one's own:
`log_model` would set this process's tracking URI, and export the module once more.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
import shutil
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from evoact.records import Candidate, History
from evoact.tracking.confirmation import VALIDATION, contestants
from evoact.tracking.describe import known_name, spec_of
from evoact.tracking.mlflow_content import STUDY_ID

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CANDIDATE = "champion", "candidate"
MODEL: Final = "winner"
_VALUE: Final = "evoact.confirmed_val_accuracy"
_BETTER: Final = "evoact.better"
_TASK: Final = "evoact.task_digest"
_ROWS: Final = (-2.0, -1.0)  # an example of two rows: a batch of one would be taken for fixed


def registered_name(history: History) -> str:
    """Return the name of the registered model that the winners of a space are versions of.

    >>> from evoact.records import SearchSpec, StudyStarted
    >>> spec = SearchSpec(name="quickstart").model_dump(mode="json")
    >>> registered_name(History(started=StudyStarted("quickstart-2", 0, spec, {})))
    'evoact-quickstart'
    """
    return f"evoact-{re.sub(r'[^A-Za-z0-9._-]', '-', spec_of(history).name)}"


def log_model(
    client: MlflowClient, run: Run, winner: Candidate, program: Path, folder: Path
) -> None:
    """Log a winner's program as a model of its run.

    Args:
        client: of the store.
        run: the winner's.
        winner: whose program it is.
        program: the pt2 file, of the recipe.
        folder: where the model's files are made.
    """
    params = {"expression": winner.text, "latex": winner.late.latex()}
    model = client.create_logged_model(
        run.info.experiment_id, MODEL, run.info.run_id, params=params, model_type="activation"
    )
    write_model(program, winner, model.model_id, folder)
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    link_model(client, run, model)


def linked_models(client: MlflowClient, run: Run) -> list[LoggedModel]:
    """Return the models that the page of a run shows."""
    outputs = run.outputs.model_outputs if run.outputs else []
    return [client.get_logged_model(output.model_id) for output in outputs]


def link_model(client: MlflowClient, run: Run, model: LoggedModel) -> None:
    """Show a model on the page of a run, if it is not there."""
    from mlflow.entities import LoggedModelOutput

    if all(known.model_id != model.model_id for known in linked_models(client, run)):
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])


def write_model(program: Path, winner: Candidate, model_id: str | None, folder: Path) -> None:
    """Write the folder of an MLflow model around a program.

    Its signature is `(-1, channels) -> (-1, channels * width)` in float32, -1 being any
    number; the channels are any number too where the function does not depend on it.
    """
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    channels = _channels(program)
    wide = -1 if channels is None else int(channels * winner.late.width)
    given, made = (TensorSpec(np.dtype("float32"), (-1, n)) for n in (channels or -1, wide))
    example = [[row] * (channels or 3) for row in _ROWS]
    files = {"input_example.json": example, "serving_input_example.json": {"inputs": example}}
    model = Model(
        model_id=model_id,
        signature=ModelSignature(Schema([given]), Schema([made])),
        saved_input_example_info={
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "ndarray",
        },
        metadata={"expression": winner.text, "candidate": winner.id},
    )
    model.add_flavor("pytorch", model_data="data", pytorch_version=version("torch"), code=None)
    # As `mlflow.pyfunc.add_to_model` does; to import that takes seconds.
    model.add_flavor(
        "python_function",
        loader_module="mlflow.pytorch",
        data="data",
        env={"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        python_version=platform.python_version(),
        config={"device": None},
    )
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(program, folder / "data" / "model.pt2")
    for name, data in files.items():
        (folder / name).write_text(json.dumps(data), encoding="utf-8")
    _write_environment(folder)
    model.save(folder / "MLmodel")


def _channels(program: Path) -> int | None:
    """Return the channels that a program was made for, None where any will do.

    From its description, as an archive has it: torch is not there yet, and takes a second.
    """
    with zipfile.ZipFile(program) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/extra/evoact.json"))
        channels: int | None = json.loads(archive.read(name))["channels"]
    return channels


def _write_environment(folder: Path) -> None:
    needed = [f"{name}=={version(name)}" for name in ("mlflow", "torch", "numpy")]
    python = platform.python_version()
    (folder / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
    pip = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    conda = {"dependencies": [f"python={python}", "pip", {"pip": needed}], "name": "mlflow-env"}
    for name, data in (("python_env.yaml", pip), ("conda.yaml", conda)):
        (folder / name).write_text(yaml.safe_dump(data), encoding="utf-8")


def register(
    client: MlflowClient,
    model: LoggedModel,
    run_id: str,
    history: History,
    study_id: str,
) -> None:
    """Make a winner a version of its space's registered model, and set the aliases; once.

    `candidate` is the newest version. `champion` is the one of the best mean validation
    accuracy under fresh seeds, of those on the same task as the newest.
    """
    from mlflow.exceptions import MlflowException

    assert history.finished is not None
    assert history.finished.winner is not None
    name, winner = registered_name(history), history.candidates[history.finished.winner]
    try:
        client.create_registered_model(name, description="Winners of evoact's searches.")
    except MlflowException:
        client.get_registered_model(name)  # it is there, or raises why it cannot be made
    there = client.search_model_versions(f"name = '{name}'")
    made = next((v for v in there if v.tags.get(STUDY_ID) == study_id), None)
    if made is None:
        tags = {STUDY_ID: study_id, **_version_tags(winner, history)}
        made = client.create_model_version(
            name,
            model.artifact_location,
            run_id,
            tags,
            description=winner.text,
            model_id=model.model_id,
        )
        client.set_registered_model_alias(name, CANDIDATE, made.version)
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    if champion is None or _is_better(made, client.get_model_version(name, champion)):
        client.set_registered_model_alias(name, CHAMPION, made.version)


def _version_tags(winner: Candidate, history: History) -> dict[str, str]:
    assert history.started is not None
    task = json.dumps([task.model_dump(mode="json") for task in spec_of(history).all_tasks])
    tags = {
        "evoact.study": history.started.name,
        "evoact.expression": winner.text,
        "evoact.known_as": known_name(winner.late),
        _TASK: hashlib.sha256(task.encode()).hexdigest()[:16],
        _VALUE: _confirmed(winner, history),
        _BETTER: "max" if spec_of(history).maximises else "min",
    }
    return {key: value for key, value in tags.items() if value}


def _confirmed(winner: Candidate, history: History) -> str:
    everyone = contestants(history)
    one = next((c for c in everyone if c.candidate.id == winner.id), None)
    interval = one.interval(VALIDATION) if one else None
    return repr(interval.mean) if interval else ""


def _is_better(new: ModelVersion, old: ModelVersion) -> bool:
    """Whether a version takes a champion's place: on another task there is nothing to compare."""
    tags: tuple[dict[str, Any], dict[str, Any]] = (new.tags, old.tags)
    if tags[0].get(_TASK) != tags[1].get(_TASK):
        return True
    sign = -1.0 if tags[0].get(_BETTER) == "min" else 1.0
    mine, theirs = (sign * float(t.get(_VALUE, "nan")) for t in tags)
    return not math.isnan(mine) and (math.isnan(theirs) or mine > theirs)

"""What MLflow holds of a study is of use without evoact, and can be made again from a journal."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from evoact import api
from evoact.study import Study

pytestmark = [
    # MLflow's own use of SQLAlchemy, and connections that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(600),  # machines may be busy
]

ALONE = """
import json, runpy, sys
sys.modules["evoact"] = None  # importing it raises
import mlflow, mlflow.pyfunc, mlflow.pytorch, torch
from mlflow import MlflowClient
from safetensors.torch import load_file
from torch import nn

uri, name, folder = sys.argv[1:]
mlflow.set_tracking_uri(uri)
x = torch.linspace(-4.0, 4.0, 60).reshape(20, 3)
champion = mlflow.pytorch.load_model(f"models:/{name}@champion")
served = mlflow.pyfunc.load_model(f"models:/{name}@candidate")
logged = mlflow.artifacts.download_artifacts(f"models:/{name}@champion")
example = mlflow.models.Model.load(logged).load_input_example(logged)
client = MlflowClient()
run = client.get_run(client.get_model_version_by_alias(name, "champion").run_id)
files = client.download_artifacts(run.info.run_id, "export", folder)
Winner = runpy.run_path(f"{files}/winner.py")["Winner"]
state = load_file(f"{files}/winner.safetensors")
module = Winner()
module.load_state_dict(state)

torch.manual_seed(0)
inputs = torch.randn(256, 4)
target = (inputs ** 2).sum(dim=1, keepdim=True)
network = nn.Sequential(nn.Linear(4, 32), Winner(), nn.Linear(32, 1))
optimiser, losses = torch.optim.Adam(network.parameters(), 0.01), []
for _ in range(200):
    loss = nn.functional.mse_loss(network(inputs), target)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
print(json.dumps({
    "expression": run.data.tags["evoact.expression"],
    "champion": champion(x).tolist(),
    "served": served.predict(x.numpy()).tolist(),
    "source": module(x).tolist(),
    "trained": losses[-1] < 0.3 * losses[0],
    "signature": served.metadata.signature is not None,
    "example": served.predict(example).shape,
    "evoact": [name for name in sys.modules if name.startswith("evoact.")],
}))
"""


@pytest.fixture
def live(smoke_run) -> str:
    """The store that the search was logged to while it ran."""
    return f"sqlite:///{smoke_run.parent}/mlflow.db"


def test_the_winner_is_of_use_without_evoact(live, smoke_run, tmp_path):
    hidden = {"PYTHONPATH": "", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, live, "evoact-smoke", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **hidden}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    x = torch.linspace(-4.0, 4.0, 60).reshape(20, 3)
    expected = torch.as_tensor(Study.load(smoke_run).winner().late.numpy()(x.double().numpy()))
    for what in ("champion", "served", "source"):
        torch.testing.assert_close(torch.tensor(found[what]).double(), expected, msg=what)
    assert found["trained"]
    assert found["signature"]
    assert found["example"] == [2, 3]
    assert found["evoact"] == []


def contents(uri, study):
    """What a store holds of a study, without ids and times."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("evoact").experiment_id
    found = {}
    for run in client.search_runs([experiment], f"tags.`evoact.study` = '{study}'", max_results=99):
        tags, id_ = run.data.tags, run.info.run_id
        key = tags["evoact.role"], tags.get("evoact.candidate", "")
        assert key not in found, "a run was made twice"
        found[key] = {
            "name": run.info.run_name,
            "status": run.info.status,
            "tags": {k: v for k, v in tags.items() if k not in OWN_TAGS},
            "params": run.data.params,
            "points": points(client, run),
            "data": [(i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs],
            "files": digests(Path(client.download_artifacts(id_, ""))),
            "models": [model(client, one) for one in run.outputs.model_outputs],
        }
    return found


# What differs between two stores of one journal.
OWN_TAGS = ("mlflow.parentRunId", "mlflow.user")


def points(client, run):
    id_ = run.info.run_id
    every = (m for name in run.data.metrics for m in client.get_metric_history(id_, name))
    return sorted((metric.key, metric.step, metric.value) for metric in every)


def model(client, output):
    from mlflow.artifacts import download_artifacts

    logged = client.get_logged_model(output.model_id)
    folder = Path(download_artifacts(artifact_uri=logged.artifact_location))
    files = {name: (folder / name).read_text() for name in ("requirements.txt", "conda.yaml")}
    return logged.name, logged.params, logged.model_type, digests(folder / "data"), files


def digests(folder):
    return {str(p.relative_to(folder)): digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def digest(path):
    """Of a file's bytes; programs are compared by what they compute."""
    if path.suffix == ".pt2":
        x = torch.linspace(-4.0, 4.0, 192).reshape(3, 64)
        return torch.export.load(path).module()(x).tolist()
    if path.suffix == ".onnx":
        import numpy as np
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        x = np.linspace(-4.0, 4.0, 192, dtype=np.float32).reshape(3, 64)
        return session.run(None, {session.get_inputs()[0].name: x})[0].tolist()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_study_made_again_from_its_journal_is_the_one_that_was_logged(live, smoke_run, store):
    """Runs, parameters, metrics, tags, data, files and the model; and then nothing is missing."""
    sent = api.sync(smoke_run, store)
    rebuilt = contents(store, "first")
    assert sent["runs"] == len(rebuilt) > 10
    assert rebuilt == contents(live, "first")
    winner = next(run for (role, _), run in rebuilt.items() if role == "winner")
    study = rebuilt["study", ""]
    assert len(winner["models"]) == len(study["models"]) == 1
    assert {"export/winner.py", "export/winner.onnx", "function.svg"} <= set(winner["files"])
    assert {"hall_of_fame.csv", "figures/progress.svg"} <= set(study["files"])
    assert study["data"] == [("digits", study["tags"]["evoact.versions.data.digits-mlp"])]
    assert not any(api.sync(smoke_run, store).values())

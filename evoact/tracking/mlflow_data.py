"""The data sets of a study in MLflow, by their digests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from evoact.records import History
from evoact.tracking.describe import spec_of

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_CONTEXT: Final = "mlflow.data.context"


def dataset_inputs(history: History) -> list[DatasetInput]:
    """Return what each task's data are, as the study resolved them when it began.

    Nothing for a study of a version that did not note digests.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    assert history.started is not None
    versions, found = history.started.versions, []
    for task in spec_of(history).all_tasks:
        digest = versions.get(f"data.{task.label}")
        if digest is None:
            continue
        source = task.model_dump(include={"name", "split_seed", "test_seed", "validation_seed"})
        profile = json.dumps({"network": task.network, "epochs": task.epochs})
        data = Dataset(task.name, digest, "evoact", json.dumps(source), profile=profile)
        found.append(DatasetInput(data, [InputTag(_CONTEXT, "training, validation, test")]))
    return found

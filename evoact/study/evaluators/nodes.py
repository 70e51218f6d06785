"""Whether the nodes of a Ray cluster can train what a search asks for, and alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from evoact.errors import InputError

Versions = Mapping[str, str]

_ANSWER_SECONDS: Final = 120.0  # a node may have to start a process, and be busy
_MODEL: Final = "accelerator_type:"  # how Ray names the resource of a node's GPU model


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker takes of a node.

    Attributes:
        cpus: how many of its CPUs.
        gpus: how many of its GPUs; under 1 a share of one, of its memory too.

    >>> Share(2, 0.4).room({"CPU": 16.0, "GPU": 2.0}), Share(2).room({"CPU": 5.0})
    (4, 2)
    """

    cpus: int = 1
    gpus: float = 0.0

    def room(self, resources: Mapping[str, float]) -> int:
        """Return how many workers fit on a node with these resources."""
        by_cpus = int(resources.get("CPU", 0.0) // self.cpus)
        if self.gpus == 0.0:
            return by_cpus
        there = resources.get("GPU", 0.0)
        of_one = math.floor(1.0 / self.gpus + 1e-9)  # a share is never of two GPUs
        by_gpus = int(there) * of_one if of_one else int(there // self.gpus)
        return min(by_cpus, by_gpus)


@dataclass(frozen=True, slots=True)
class Terms:
    """What every worker must be like, so that it does not matter which one trains what.

    Attributes:
        versions: of the search's own process, see `versions_here`.
        model: of the GPU; None if any will do.
        files: whose contents are among the versions.
    """

    versions: Versions = field(default_factory=dict)
    model: str | None = None
    files: tuple[str, ...] = ()


def alive() -> list[dict[str, Any]]:
    """Return the nodes of the cluster, as Ray tells of them."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # untyped in ray
    return [node for node in nodes if node["Alive"]]


def room(share: Share) -> int:
    """Return how many workers fit on the nodes that are there now."""
    return sum(share.room(node["Resources"]) for node in alive())


def terms_of(share: Share, files: Sequence[str] = (), *, one_model: bool, foreign: bool) -> Terms:
    """Return what workers must be like, once every node with room for one is.

    Args:
        share: what a worker takes of a node.
        files: what workers read, and must be the same everywhere.
        one_model: whether all must have GPUs of one model.
        foreign: whether nodes were started by others, so that versions may differ.

    Raises:
        InputError: no node has room for a worker, or they are not alike.
    """
    nodes = [node for node in alive() if share.room(node["Resources"])]
    if not nodes:
        raise _no_room(share)
    model = _one_model(nodes) if one_model and share.gpus else None
    terms = Terms(versions_here(files), model, tuple(files))
    if foreign:
        _check_versions(nodes, terms)
    return terms


def unfit(terms: Terms) -> str | None:
    """Return why this process, a worker's, must not train; None if it may."""
    told = differences(terms.versions, versions_here(terms.files))
    if terms.model is not None:
        here = ray.get_runtime_context().get_node_id()
        model = next((model_of(node) for node in alive() if node["NodeID"] == here), "unknown")
        if model != terms.model:
            told.append(
                f"has a GPU {model}, where others have {terms.model} "
                "(evaluate.allow_mixed_devices is false)"
            )
    return ", ".join(told) or None


def model_of(node: Mapping[str, Any]) -> str:
    """Return the model of a node's GPUs.

    >>> model_of({"Resources": {"GPU": 1.0, "accelerator_type:A100": 1.0}})
    'A100'
    """
    names = sorted(n.removeprefix(_MODEL) for n in node["Resources"] if n.startswith(_MODEL))
    return " and ".join(names) or "of unknown model"


def _no_room(share: Share) -> InputError:
    most = {
        kind: max((node["Resources"].get(kind, 0.0) for node in alive()), default=0.0)
        for kind in ("CPU", "GPU")
    }
    return InputError(
        f"evaluate.cpus_per_worker is {share.cpus} and gpus_per_worker is {share.gpus:g}, but no "
        f"node of the Ray cluster has both: the most are {most['CPU']:g} CPUs and {most['GPU']:g} "
        "GPUs on one; lower them or add a node"
    )


def _one_model(nodes: Sequence[Mapping[str, Any]]) -> str:
    where: dict[str, list[str]] = {}
    for node in nodes:
        where.setdefault(model_of(node), []).append(_name(node))
    if len(where) > 1:
        told = "; ".join(f"{model} on {', '.join(its)}" for model, its in sorted(where.items()))
        raise InputError(
            f"the Ray cluster has GPUs of several models ({told}), which round differently, and "
            "evolution.mode is generational, which promises the same result again; use nodes of "
            "one model, set evaluate.allow_mixed_devices to true and do without that, or set "
            "evolution.mode to steady_state"
        )
    return next(iter(where))


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}, {node['NodeID'][:8]})"


def differences(wanted: Versions, found: Versions) -> list[str]:
    """Return in words where versions are others than wanted.

    >>> differences({"ray": "2.55.1", "torch": "2.7.1"}, {"ray": "2.50.0", "torch": "2.7.1"})
    ['has ray 2.50.0 instead of 2.55.1']
    """
    return [
        f"has {name} {found.get(name, 'unknown')} instead of {version}"
        for name, version in wanted.items()
        if found.get(name) != version
    ]


def versions_here(files: Sequence[str] = ()) -> Versions:
    """Return the versions of this process, and of files, that workers must share."""
    return _versions_asked()(files)


def _versions_asked() -> Callable[[Sequence[str]], dict[str, str]]:
    """Return the function that tells versions where it is called.

    An inner one, which Ray sends by value: a node that lacks evoact can answer, too.
    """

    def versions(files: Sequence[str]) -> dict[str, str]:
        import hashlib
        import platform
        from importlib.metadata import PackageNotFoundError, version
        from importlib.util import find_spec
        from pathlib import Path

        found = {"Python": ".".join(platform.python_version_tuple()[:2])}
        for package in ("ray", "torch", "evoact"):
            try:
                found[package] = version(package).partition("+")[0]  # nodes with and without GPU
            except PackageNotFoundError:
                found[package] = "not installed"
        there = find_spec("evoact")
        if there is not None and there.origin is not None:
            digest = hashlib.sha256()
            for path in sorted(Path(there.origin).parent.rglob("*.py")):
                digest.update(path.read_bytes())
            found["code of evoact"] = digest.hexdigest()[:8]
        for file in files:
            try:
                content = hashlib.sha256(Path(file).read_bytes()).hexdigest()
                found[f"file {file}"] = content[:8]
            except OSError as error:
                found[f"file {file}"] = f"not read ({error.strerror})"
        return found

    return versions


def _check_versions(nodes: Sequence[Mapping[str, Any]], wanted: Terms) -> None:
    ask: Any = ray.remote(num_cpus=0, max_retries=0)(_versions_asked())
    answers = {
        _name(node): ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(wanted.files)
        for node in nodes
    }
    ready, _ = ray.wait(
        [*answers.values()], num_returns=len(answers), timeout=_ANSWER_SECONDS, fetch_local=False
    )
    told = [
        text
        for name, answer in answers.items()
        if (text := _told(name, answer, wanted.versions, answered=answer in ready))
    ]
    if told:
        raise InputError(
            f"nodes of the Ray cluster are not like this process: {'; '.join(told)}. Install "
            "everywhere what is here, keep files on storage that all nodes see at one path, or "
            "take these nodes out of the cluster"
        )


def _told(name: str, answer: Any, wanted: Versions, *, answered: bool) -> str | None:
    if not answered:
        return f"{name} has not run a task within {_ANSWER_SECONDS:g} s"
    try:
        different = differences(wanted, ray.get(answer))
    except ray.exceptions.RayError as error:
        if name not in map(_name, alive()):
            return None  # it has left since
        return f"{name} cannot run a task ({str(error).partition(chr(10))[0]})"
    return f"{name} {', '.join(different)}" if different else None

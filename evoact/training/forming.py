"""Forming stacks of a cohort: which candidates can be trained as one, and from where."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import nn

from evoact.errors import EvoactError
from evoact.nn import AnnealScheduler
from evoact.nn.packed import compile_members, early_parameters, fusible
from evoact.records import Candidate, Cohort
from evoact.tasks import Width, with_head
from evoact.training.adam import RowState
from evoact.training.environment import generator
from evoact.training.loop import Budget, Training, steps_per_epoch
from evoact.training.making import make_networks
from evoact.training.member import Member, schedule_of
from evoact.training.memory import most_networks
from evoact.training.network import (
    NOISE,
    ORDER,
    WEIGHTS,
    Networks,
    OneNetwork,
    activation_of,
    gain_of,
    head_of,
    width_of,
)
from evoact.training.noise import Noise
from evoact.training.prefix import Prefix, Prefixes, prefix_epochs, share
from evoact.training.replay import on_cuda
from evoact.training.resident import Resident, resident
from evoact.training.stack import Stack

_PREFIXES = Prefixes()  # of a worker, for all its cohorts


def data_of(cohort: Cohort) -> Resident:
    """Return the task of a cohort."""
    return resident(cohort.task, cohort.device)


def form(
    cohort: Cohort,
    positions: Sequence[int],
    failed: Callable[[int, Exception], None],
    networks: Networks | None = None,
) -> Iterator[Training]:
    """Yield trainings of the candidates at these positions, as many in one as pay.

    Those in one are of one width and have one head.

    Args:
        cohort: whose candidates.
        positions: which of them.
        failed: told of each that cannot be built, and why.
        networks: in which, instead of those that the task has for the width.
    """
    alike: dict[tuple[Width, str], list[int]] = {}
    for position in positions:
        try:
            candidate = cohort.candidates[position]
            key = width_of(candidate, cohort.task.width), head_of(candidate, cohort.task)
        except Exception as error:  # any fault of one candidate must not stop a search
            failed(position, error)
        else:
            alike.setdefault(key, []).append(position)
    for (width, _), group in alike.items():
        for part in _parts(group, most_networks(cohort.task, cohort.device)):
            yield from _form_width(cohort, width, part, failed, networks)


def _parts(group: list[int], most: int) -> list[list[int]]:
    """Cut a group into parts of about one size, none of more than `most`."""
    count = math.ceil(len(group) / most)
    cuts = [len(group) * index // count for index in range(count + 1)]
    return [group[start:end] for start, end in pairwise(cuts)]


def _form_width(
    cohort: Cohort,
    width: Width,
    group: list[int],
    failed: Callable[[int, Exception], None],
    networks: Networks | None = None,
) -> Iterator[Training]:
    try:
        draws = generator(cohort.seed, cohort.replicate, WEIGHTS)
        networks = networks or make_networks(data_of(cohort).task, width, cohort.kernels, draws)
        networks.network.to(cohort.device)
    except Exception as error:  # as in `form`
        for position in group:
            failed(position, error)
        return
    if isinstance(networks, OneNetwork) and len(group) > 1:
        for position in group:
            yield from _form_width(cohort, width, [position], failed)
        return
    members = _members(cohort, networks, group, failed)
    if members:
        yield _training(cohort, networks, members)


def _members(
    cohort: Cohort,
    networks: Networks,
    group: list[int],
    failed: Callable[[int, Exception], None],
) -> list[Member]:
    built: dict[int, list[nn.Module]] = {}
    stays = cohort.kernels == "triton" and not isinstance(networks, OneNetwork)
    for position in group:
        candidate = cohort.candidates[position]
        try:
            built[position] = [
                _placed(activation_of(candidate, place.channels, place.channel_dim), cohort, stays)
                for place in networks.places.values()
            ]
        except Exception as error:  # as in `form`
            failed(position, error)
    _compile(cohort, built, failed)
    gains = [gain_of(cohort.candidates[position], cohort.gain) for position in built]
    draws = generator(cohort.seed, cohort.replicate, WEIGHTS)
    rows = networks.first_rows(gains, draws) if built else []
    return [
        _member(cohort, position, modules, row.to(cohort.device))
        for (position, modules), row in zip(built.items(), rows, strict=True)
    ]


def _placed(module: nn.Module, cohort: Cohort, stays: bool) -> nn.Module:
    """Return an activation where it is trained.

    What generated kernels compute stays on the CPU, where setting its g is no
    launch: they are told of it all at once, and its parameters move to the rows.
    """
    return module if stays and fusible(module) else module.to(cohort.device)


def _compile(
    cohort: Cohort, built: dict[int, list[nn.Module]], failed: Callable[[int, Exception], None]
) -> None:
    """Compile the activations, in one go; those that cannot be leave `built`."""
    if cohort.kernels != "c":
        return
    try:
        compile_members([m for modules in built.values() for m in modules if fusible(m)])
    except EvoactError:  # whose fault it is shows when each is alone
        for position, modules in list(built.items()):
            try:
                compile_members([m for m in modules if fusible(m)])
            except EvoactError as error:
                failed(position, error)
                del built[position]


def _member(
    cohort: Cohort, position: int, modules: list[nn.Module], common: torch.Tensor
) -> Member:
    candidate, spec = cohort.candidates[position], cohort.task
    in_epoch = steps_per_epoch(len(data_of(cohort).train), spec.batch_size)
    scheduler = AnnealScheduler(
        nn.ModuleList(modules),
        schedule_of(candidate),
        spec.epochs * in_epoch,
        steps_per_epoch=in_epoch,
    )
    member = Member(position, candidate, modules, scheduler, RowState(common, common, common))
    own = (p.detach().reshape(-1).to(common.device) for p in member.parameters())
    row = torch.cat([common, *own])
    member.state = RowState(row, torch.zeros_like(row), torch.zeros_like(row))
    return member


def _training(cohort: Cohort, networks: Networks, members: list[Member]) -> Training:
    spec, data = cohort.task, data_of(cohort)
    budget = Budget(spec.epochs, spec.batch_size, spec.learning_rate, cohort.timeout)
    own = data.task.keeps_weights  # code of a user, which nothing replays
    alone = own and isinstance(networks, OneNetwork)
    draws = generator(cohort.seed, cohort.replicate, NOISE)
    training = Training(
        Stack(
            networks,
            with_head(data.task.criterion, head_of(members[0].candidate, spec)),
            on_cuda if cohort.device == "cuda" and not own else None,
            spec.batch_size if own else None,
        ),
        members,
        (data.train, data.validation),
        budget,
        generator(cohort.seed, cohort.replicate, ORDER),
        Noise(draws, cohort.device) if alone else None,
    )
    if cohort.share_prefix and not alone:  # what such a model keeps besides weights is its own
        prefixes = {m: _prefix(cohort, m, sum(networks.sizes)) for m in members if _glides(m)}
        training.at_boundary = share(prefixes, _PREFIXES)
    return training


def _glides(member: Member) -> bool:
    genes = member.candidate.anneal
    return genes is not None and genes.path != "ladder"  # whose early function is its own


def _prefix(cohort: Cohort, member: Member, common: int) -> Prefix:
    """Return the part of a member's training that depends on its early function alone."""
    candidate: Candidate = member.candidate
    key = (
        str(candidate.early),
        width_of(candidate, cohort.task.width),
        head_of(candidate, cohort.task),
        cohort.task.model_dump_json(),
        cohort.seed,
        cohort.replicate,
        cohort.device,
        cohort.kernels,
        cohort.gain,
        cohort.halving.rungs if cohort.halving else (),  # where the whole validation part counts
    )
    epochs = prefix_epochs(member.scheduler.schedule.start, cohort.task.epochs)
    early = sum(p.numel() for module in member.modules for p in early_parameters(module))
    return Prefix(key, epochs, common + early)

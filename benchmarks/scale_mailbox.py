"""How many cohorts a second the mailbox of a Ray cluster passes on.

The mailbox is one actor, by which all workers get cohorts and give results. Here it is real, in
a real cluster on this machine, as is what goes over the wire; workers are asynchronous calls of
a few processes that train nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

from evoact.language import named
from evoact.records import Candidate, Cohort, Evaluation, TaskSpec

_CLIENTS: Final = 2
_EPOCHS: Final = 20


class Client:
    """A process that is many workers."""

    async def work(self, mailbox: Any, first: int, workers: int, result: dict[str, Any]) -> None:
        """Take cohorts and give the same result back, until there are none."""

        async def one(name: str) -> None:
            while await mailbox.take.remote(name) is not None:
                await mailbox.give.remote(name, result)

        await asyncio.gather(*(one(f"{first + i}") for i in range(workers)))


def mailbox_section(*, quick: bool) -> list[dict[str, Any]]:
    """Print how many cohorts a second go through it, by the number of workers."""
    import ray

    from evoact.study.evaluators.cluster import connect
    from evoact.study.evaluators.mailbox import Mailbox

    print("Cohorts a second through the mailbox, with workers that train nothing; all processes "
          "on this machine\n")  # fmt: skip
    print("| workers | cohort of | cohorts a second | KiB of it and its result |")
    print("|---:|---:|---:|---:|")
    connect(None, _CLIENTS, 1)
    rows = []
    for workers, size in ((50, 12),) if quick else ((100, 12), (1000, 12), (1000, 1)):
        count = max(300 if quick else 2000, 2 * workers)
        text, result = _cohort(size)
        mailbox: Any = ray.remote(Mailbox).options(num_cpus=0, max_concurrency=10_000).remote()
        clients = [ray.remote(Client).remote() for _ in range(_CLIENTS)]
        each = workers // _CLIENTS
        working = [
            client.work.remote(mailbox, index * each, each, result)
            for index, client in enumerate(clients)
        ]
        begun = time.perf_counter()
        for _ in range(count):
            mailbox.submit.remote(text)
        for _ in range(count):
            ray.get(mailbox.result.remote())
        rate = count / (time.perf_counter() - begun)
        ray.get(mailbox.close.remote())
        ray.get(working)
        size_kib = (len(text) + len(json.dumps(result))) / 1024
        print(f"| {workers:,} | {size} | {rate:,.0f} | {size_kib:.1f} |", flush=True)
        rows.append({"workers": workers, "cohort": size, "rate": rate, "kib": size_kib})
    ray.shutdown()
    print()
    return rows


def _cohort(size: int) -> tuple[str, dict[str, Any]]:
    """Return a cohort as it is sent, and a result of the size that trainings have."""
    candidates = tuple(Candidate(named("gelu")) for _ in range(size))
    point = {"loss": 0.51234567, "grad_norm": 0.61234567, "g": 1.0, "val_accuracy": 0.71234567,
             "val_loss": 0.81234567}  # fmt: skip
    curve = [{"epoch": epoch, **point} for epoch in range(1, _EPOCHS + 1)]
    found = Evaluation.ok(candidates[0], val_accuracy=0.7, val_loss=0.8, cost=3.0, nodes=7.0)
    evaluation = {**found.to_dict(), "curve": curve}
    text = json.dumps(Cohort(candidates, TaskSpec(epochs=_EPOCHS), seed=0).to_dict())
    return text, {"evaluations": [evaluation] * size}

"""Where cohorts wait for workers, and results for the search."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from evoact.study.asha import Reached, Rungs
from evoact.study.evaluators.deadline import seconds_allowed
from evoact.study.evaluators.deaths import Death, death_of

Result = dict[str, Any]

_CRASHES_ALONE: Final = 2
_CRASHES_TOGETHER: Final = 3  # of a cohort that is never split: all in it pay for one
_NODES: Final = 5  # lost with one cohort, after which it is thought to be what killed them
_STILLBORN: Final = 5  # workers in a row that failed before they asked for anything
_GRACE_SECONDS: Final = 60.0  # a worker that hangs ends itself before: it tells more by that
_AGAIN, _NEW = 0, 1
_UNKNOWN: Final = Death(with_node=False, reason="see Ray's logs")


@dataclass(frozen=True, slots=True)
class _Sent:
    """A cohort on its way, what it crashed and lost so far, and when its worker took it.

    Its worker has as many seconds as it is allowed, with the slack of what no timeout counts.
    """

    text: str
    slack: float = math.inf
    crashes: int = 0
    nodes: int = 0
    taken: float = 0.0

    @property
    def allowed(self) -> float:
        """Seconds after which a worker that has not answered hangs."""
        return seconds_allowed(self.text, self.slack) if math.isfinite(self.slack) else math.inf


class Mailbox:
    """Hands cohorts to workers as they ask, and takes what they made of them.

    It also knows what candidates reached at rungs, whoever trains them.

    A Ray actor: workers and search reach it from their processes. A cohort that was
    lost with a node goes to another worker as it is, before those that were not tried.
    One that crashed its worker is halved, until a candidate is alone that crashes
    workers: then it is given up. Candidates that rungs compare are never parted.
    A worker that has not answered in time (its process was stopped, its machine hangs)
    counts as crashed, and what it may give later does not.

    Args:
        died: tells how an actor died.
        grace: seconds that a worker gets beyond those that its cohort allows it.
    """

    def __init__(
        self,
        died: Callable[[str], Awaitable[Death]] = death_of,
        grace: float = _GRACE_SECONDS,
    ) -> None:
        self._died, self._grace = died, grace
        self._waiting: asyncio.PriorityQueue[tuple[int, int, _Sent | None]] = (
            asyncio.PriorityQueue()
        )
        self._number = count()
        self._results: asyncio.Queue[tuple[str, Result]] = asyncio.Queue()
        self._taken: dict[str, _Sent] = {}
        self._actors: dict[str, str] = {}
        self._asked: set[str] = set()
        self._gone: set[str] = set()
        self._closed = asyncio.Event()
        self._stillborn = 0
        self._rungs = Rungs()
        self._worked = 0.0
        self._first: float | None = None
        self._last = 0.0

    def _put(self, sent: _Sent | None, order: int = _AGAIN) -> None:
        self._waiting.put_nowait((order, next(self._number), sent))

    async def submit(self, text: str, slack: float = math.inf) -> None:
        """Take a cohort from the search; `slack` as for `seconds_allowed`, infinite: no limit."""
        self._put(_Sent(text, slack), _NEW)

    async def result(self) -> tuple[str, Result]:
        """Wait for what became of a cohort; `lost` says why it was given up."""
        return await self._results.get()

    async def hello(self, worker: str, actor: str) -> None:
        """Take notice that a worker starts.

        Args:
            worker: its name.
            actor: the id of its actor, by which Ray knows how it died.
        """
        self._actors[worker] = actor

    async def take(self, worker: str) -> str | None:
        """Give a worker its next cohort, when there is one; None to stop."""
        self._asked.add(worker)
        self._stillborn = 0
        _, _, sent = await self._waiting.get()
        if sent is None or worker in self._gone:  # the call outlives a worker that is lost
            self._put(sent)
            return None
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        self._taken[worker] = sent = replace(sent, taken=now)
        if math.isfinite(sent.allowed):
            latest = sent.allowed + self._grace
            asyncio.get_running_loop().call_later(latest, self._overdue, worker, sent)
        return sent.text

    def _overdue(self, worker: str, sent: _Sent) -> None:
        """Give up a worker, if it has that cohort still."""
        if self._taken.get(worker) is sent:
            del self._taken[worker]
            self._gone.add(worker)
            self._crashed(sent, _hung(sent))

    async def give(self, worker: str, result: Result) -> None:
        """Take what a worker made of its cohort."""
        sent = self._taken.pop(worker, None)
        if sent is not None:  # else it was thought lost, and another does it again
            self._last = time.monotonic()
            self._worked += self._last - sent.taken
            self._results.put_nowait((sent.text, result))

    async def crash(self, worker: str, reason: str) -> None:
        """Take notice that a cohort made its worker fail, from the worker itself."""
        sent = self._taken.pop(worker, None)
        if sent is not None:
            self._crashed(sent, reason)

    async def refuse(self, worker: str, reason: str) -> None:
        """Keep a worker that must not train until the search ends: its place is of no use."""
        self._asked.add(worker)
        self._results.put_nowait(("", {"unfit": worker, "reason": reason}))
        await self._closed.wait()

    async def usage(self) -> tuple[float, float]:
        """Return the seconds that all workers together had cohorts, and those that passed.

        From the first cohort that was taken to the last that was given back.
        """
        return self._worked, self._last - (self._last if self._first is None else self._first)

    async def reaches(self, reduction: int, reached: Reached) -> bool:
        """Take what a candidate reached at a rung; say whether it goes on."""
        return self._rungs.reaches(reduction, reached)

    async def remember(self, reached: Sequence[Reached]) -> None:
        """Take what candidates reached before, from the search."""
        self._rungs.remember(reached)

    async def forget(self, candidates: Sequence[str]) -> None:
        """Drop what candidates reached whose training failed."""
        for candidate in candidates:
            self._rungs.forget(candidate)

    async def lose(self, worker: str) -> None:
        """Take notice that a worker is lost."""
        self._gone.add(worker)
        sent = self._taken.pop(worker, None)
        if sent is None and worker in self._asked:
            return
        death = await self._died(actor) if (actor := self._actors.get(worker)) else _UNKNOWN
        if sent is None and not death.with_node:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                reason = f"no worker can be started: {death.reason}"
                self._results.put_nowait(("", {"refused": reason}))
        elif sent is not None and death.with_node and sent.nodes + 1 < _NODES:
            self._put(replace(sent, nodes=sent.nodes + 1))
        elif sent is not None:
            hung = time.monotonic() - sent.taken >= sent.allowed
            self._crashed(sent, _hung(sent) if hung else death.reason)

    def _crashed(self, sent: _Sent, reason: str) -> None:
        """Try the halves of a cohort, or the whole again, or give it up."""
        cohort = json.loads(sent.text)
        together = len(cohort["candidates"]) > 1
        if together and cohort["halving"] is None:
            for half in _halves(cohort):
                self._put(_Sent(half, sent.slack))
            return
        crashes = sent.crashes + 1
        if crashes < (_CRASHES_TOGETHER if together else _CRASHES_ALONE):
            self._put(replace(sent, crashes=crashes, nodes=0))
        else:
            told = f"it crashed its worker {crashes} times, at last: {reason}"
            self._results.put_nowait((sent.text, {"lost": told}))

    async def close(self) -> None:
        """Let workers stop that wait."""
        self._closed.set()
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._put(None)


def _hung(sent: _Sent) -> str:
    return (
        f"it has not answered for {sent.allowed:.0f} s, longer than evaluate.timeout lets all in a "
        "cohort take"
    )


def _halves(cohort: dict[str, Any]) -> list[str]:
    candidates = cohort["candidates"]
    half = len(candidates) // 2
    return [
        json.dumps({**cohort, "candidates": part})
        for part in (candidates[:half], candidates[half:])
    ]

"""Where cohorts wait for workers, and results for the search."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evoact.study.asha import Reached, Rungs

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A cohort on its way, and how many workers were lost with it."""

    text: str
    lost: int = 0
    taken: float = 0.0
    """When its worker took it."""


class Mailbox:
    """Hands cohorts to workers as they ask, and takes what they made of them.

    It also knows what candidates reached at rungs, whoever trains them.

    A Ray actor: workers and search reach it from their processes. A cohort whose
    worker is lost goes to another one.

    Args:
        tries: how many workers may be lost with a cohort, or in a row before
            they asked for any.
    """

    def __init__(self, tries: int) -> None:
        self._tries = tries
        self._waiting: asyncio.Queue[_Sent | None] = asyncio.Queue()
        self._results: asyncio.Queue[tuple[str, Result | None]] = asyncio.Queue()
        self._taken: dict[str, _Sent] = {}
        self._known: set[str] = set()
        self._gone: set[str] = set()
        self._stillborn = 0
        self._rungs = Rungs()
        self._worked = 0.0
        self._first: float | None = None
        self._last = 0.0

    async def submit(self, text: str) -> None:
        """Take a cohort from the search."""
        self._waiting.put_nowait(_Sent(text))

    async def result(self) -> tuple[str, Result | None]:
        """Wait for what became of a cohort; None if its workers were lost."""
        return await self._results.get()

    async def take(self, worker: str) -> str | None:
        """Give a worker its next cohort, when there is one; None to stop."""
        self._known.add(worker)
        self._stillborn = 0
        sent = await self._waiting.get()
        if sent is None or worker in self._gone:  # the call outlives a worker that is lost
            self._waiting.put_nowait(sent)
            return None
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        self._taken[worker] = replace(sent, taken=now)
        return sent.text

    async def give(self, worker: str, result: Result) -> None:
        """Take what a worker made of its cohort."""
        sent = self._taken.pop(worker, None)
        if sent is not None:  # else it was thought lost, and another does it again
            self._last = time.monotonic()
            self._worked += self._last - sent.taken
            self._results.put_nowait((sent.text, result))

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

    async def lose(self, worker: str, reason: str) -> None:
        """Take notice that a worker is lost."""
        self._gone.add(worker)
        sent = self._taken.pop(worker, None)
        if sent is not None and sent.lost + 1 < self._tries:
            self._waiting.put_nowait(replace(sent, lost=sent.lost + 1))
        elif sent is not None:
            self._results.put_nowait((sent.text, None))
        elif worker not in self._known:
            self._stillborn += 1
            if self._stillborn >= self._tries:
                self._results.put_nowait(("", {"refused": f"no worker can be started: {reason}"}))

    async def close(self) -> None:
        """Let workers stop that wait."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

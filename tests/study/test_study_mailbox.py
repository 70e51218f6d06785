"""The mailbox between search and workers, without Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from evoact.study.evaluators.mailbox import Mailbox


def mailed(scenario: Callable[[Mailbox], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(scenario(Mailbox(tries=3)), timeout=5)

    asyncio.run(run())


def test_cohorts_go_to_who_asks_in_their_order() -> None:
    async def scenario(box: Mailbox) -> None:
        waiting = asyncio.create_task(box.take("a"))
        await asyncio.sleep(0)
        for text in ("first", "second"):
            await box.submit(text)
        assert await waiting == "first"
        assert await box.take("b") == "second"
        await box.give("b", {"n": 2})
        await box.give("a", {"n": 1})
        assert [await box.result(), await box.result()] == [
            ("second", {"n": 2}),
            ("first", {"n": 1}),
        ]

    mailed(scenario)


def test_what_a_lost_worker_had_goes_to_another_but_not_for_ever() -> None:
    async def scenario(box: Mailbox) -> None:
        await box.submit("text")
        for worker in "abc":
            assert await box.take(worker) == "text"
            await box.lose(worker, "gone")
            await box.give(worker, {"late": True})  # it was only thought lost
        assert await box.result() == ("text", None)

    mailed(scenario)


def test_the_call_of_a_lost_worker_takes_nothing() -> None:
    async def scenario(box: Mailbox) -> None:
        call = asyncio.create_task(box.take("a"))
        await asyncio.sleep(0)
        await box.lose("a", "gone")
        await box.submit("text")
        assert await call is None
        assert await box.take("b") == "text"

    mailed(scenario)


def test_workers_that_cannot_start_end_the_search() -> None:
    async def scenario(box: Mailbox) -> None:
        for worker in "abc":
            await box.lose(worker, "see the logs")
        _, result = await box.result()
        assert result == {"refused": "no worker can be started: see the logs"}

    mailed(scenario)


@pytest.mark.parametrize("waiting", [0, 3])
def test_closed_it_gives_nothing_more(waiting: int) -> None:
    async def scenario(box: Mailbox) -> None:
        calls = [asyncio.create_task(box.take(worker)) for worker in "ab" if not waiting]
        await asyncio.sleep(0)
        for _ in range(waiting):
            await box.submit("text")
        await box.close()
        assert [await call for call in calls] == [None] * len(calls)
        assert await box.take("c") is None

    mailed(scenario)


def test_usage_counts_from_the_first_cohort_taken_to_the_last_given() -> None:
    async def scenario(box: Mailbox) -> None:
        assert await box.usage() == (0.0, 0.0)
        for text in ("first", "second"):
            await box.submit(text)
        await asyncio.sleep(0.02)  # no one is there yet: that is start-up
        await box.take("a")
        await box.take("b")
        await asyncio.sleep(0.02)
        await box.give("b", {})
        await asyncio.sleep(0.04)
        await box.give("a", {})
        await asyncio.sleep(0.02)
        worked, passed = await box.usage()
        assert passed >= 0.06
        assert passed < worked <= 2.0 * passed - 0.03

    mailed(scenario)

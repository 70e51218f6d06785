"""The mailbox between search and workers, without Ray."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from evoact.study.evaluators.deaths import Death
from evoact.study.evaluators.mailbox import Mailbox


async def died(actor: str) -> Death:
    """Say that actors called `node` were lost with one, and that others crashed."""
    return Death(with_node=actor == "node", reason="killed by signal 9")


def mailed(scenario: Callable[[Mailbox], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(scenario(Mailbox(died)), timeout=5)

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


def cohort(names: str, halving: object = None) -> str:
    data = {"candidates": list(names), "halving": halving, "timeout": 0.0, "tasks": []}
    return json.dumps(data)


def test_what_is_not_answered_in_time_goes_to_others_in_halves() -> None:
    async def scenario(box: Mailbox) -> None:
        box._grace = 0.0
        await box.submit(cohort("ab"), 0.05)  # a timeout of no time at all
        assert await taken(box, "stopped") == "ab"
        assert await taken(box, "1") == "a"
        await box.give("1", {"ok": "a"})
        assert await taken(box, "2") == "b"
        await box.give("stopped", {"late": True})  # nobody waits for it any more
        await box.submit(cohort("c"))
        assert await box.take("stopped") is None
        await box.lose("2")  # dead at once, by itself: that is told, and not that it hung
        assert await taken(box, "3") == "c"
        assert await box.result() == (cohort("a"), {"ok": "a"})

    mailed(scenario)


def test_who_hangs_is_told_from_who_crashes() -> None:
    async def scenario(box: Mailbox) -> None:
        box._grace = 60.0
        await box.submit(cohort("a"), 0.01)
        for worker in "12":
            assert await taken(box, worker, "other") == "a"
            await asyncio.sleep(0.02)
            await box.lose(worker)  # it has ended itself
        _, result = await box.result()
        assert result["lost"].startswith("it crashed its worker 2 times, at last: it has not ans")

    mailed(scenario)


async def taken(box: Mailbox, worker: str, actor: str = "") -> str:
    await box.hello(worker, actor)
    text = await box.take(worker)
    assert text is not None
    return "".join(json.loads(text)["candidates"])


def test_what_was_lost_with_a_node_goes_on_as_it_is_and_before_what_is_new() -> None:
    async def scenario(box: Mailbox) -> None:
        await box.submit(cohort("abc"))
        await box.submit(cohort("de"))
        assert await taken(box, "1", "node") == "abc"
        await box.lose("1")
        await box.give("1", {"late": True})  # it was only thought lost
        assert await taken(box, "2", "node") == "abc"
        assert await taken(box, "3", "node") == "de"

    mailed(scenario)


def test_what_takes_node_after_node_with_it_is_thought_to_kill_them() -> None:
    async def scenario(box: Mailbox) -> None:
        await box.submit(cohort("ab"))
        for worker in "12345":
            assert await taken(box, worker, "node") == "ab"
            await box.lose(worker)
        assert await taken(box, "6", "other") == "a"

    mailed(scenario)


def test_a_crash_halves_a_cohort_until_the_one_that_crashes_is_alone() -> None:
    async def scenario(box: Mailbox) -> None:
        await box.submit(cohort("abcde"))
        crashed, found = [], {}
        for number in range(8):
            worker = str(number)
            names = await taken(box, worker, "other")
            if "d" in names:
                crashed.append(names)
                await box.lose(worker)
            else:
                await box.give(worker, {"ok": names})
        while len(found) < 4:
            text, result = await box.result()
            found["".join(json.loads(text)["candidates"])] = result
        assert crashed == ["abcde", "cde", "de", "d", "d"]
        assert found.pop("d") == {
            "lost": "it crashed its worker 2 times, at last: killed by signal 9"
        }
        assert found == {names: {"ok": names} for names in ("ab", "c", "e")}

    mailed(scenario)


def test_what_rungs_compare_is_tried_whole() -> None:
    async def scenario(box: Mailbox) -> None:
        await box.submit(cohort("ab", {"rungs": [1]}))
        for worker in "12":
            assert await taken(box, worker) == "ab"
            await box.lose(worker)
        assert await taken(box, "3") == "ab"
        await box.crash("3", "RuntimeError: no")  # the worker tells it, and ends
        await box.lose("3")
        text, result = await box.result()
        assert text == cohort("ab", {"rungs": [1]})
        assert result == {"lost": "it crashed its worker 3 times, at last: RuntimeError: no"}

    mailed(scenario)


def test_a_worker_that_must_not_train_waits_for_the_end() -> None:
    async def scenario(box: Mailbox) -> None:
        await box.submit("text")
        waiting = asyncio.create_task(box.refuse("a", "has no GPU"))
        assert await box.result() == ("", {"unfit": "a", "reason": "has no GPU"})
        assert not waiting.done()
        assert await box.take("b") == "text"
        await box.close()
        await waiting

    mailed(scenario)


def test_the_call_of_a_lost_worker_takes_nothing() -> None:
    async def scenario(box: Mailbox) -> None:
        call = asyncio.create_task(box.take("a"))
        await asyncio.sleep(0)
        await box.lose("a")
        await box.submit("text")
        assert await call is None
        assert await box.take("b") == "text"

    mailed(scenario)


def test_workers_that_cannot_start_end_the_search() -> None:
    async def scenario(box: Mailbox) -> None:
        for worker in "abcd":
            await box.lose(worker)
        for worker in "ef":  # whose node is not well is not to blame
            await box.hello(worker, "node")
            await box.lose(worker)
        unfit = asyncio.create_task(box.refuse("g", "has no GPU"))
        await box.result()
        await box.lose("g")
        assert box._results.empty()
        await box.lose("h")
        _, result = await box.result()
        assert result == {"refused": "no worker can be started: see Ray's logs"}
        unfit.cancel()

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

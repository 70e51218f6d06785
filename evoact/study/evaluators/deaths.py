"""How a worker's actor died: with its node, or by itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

_SETTLE_SECONDS: Final = 15.0  # a node that fell silent is declared dead by then
_LOOK_SECONDS: Final = 0.2
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Death:
    """Whether a worker was lost with its node, and Ray's words on it."""

    with_node: bool
    reason: str


async def death_of(actor: str) -> Death:
    """Return how the actor with an id died, by Ray's table of actors.

    One that is alive for long after it failed has failed by itself.
    """
    from ray._private import state  # Ray tells it nowhere else without its dashboard

    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        found = await asyncio.to_thread(state.actors, actor)
        if found.get("State") == "DEAD":
            return _read(found["DeathCause"])
        if time.monotonic() > deadline:
            return Death(with_node=False, reason="its process failed (see Ray's logs)")
        await asyncio.sleep(_LOOK_SECONDS)


def _read(cause: Any) -> Death:
    """Read Ray's `ActorDeathCause`."""
    context = cause.actor_died_error_context
    if cause.HasField("oom_context"):
        return Death(with_node=False, reason=_line(cause.oom_context.error_message))
    node = context.reason == context.NODE_DIED or context.HasField("node_death_info")
    return Death(node, _line(context.error_message) or "see Ray's logs")


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]

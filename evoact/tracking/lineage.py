"""Where a candidate comes from: its ancestors in the search."""

from __future__ import annotations

from dataclasses import dataclass

from evoact.records import Candidate, History


@dataclass(frozen=True, slots=True)
class Lineage:
    """The ancestors of a candidate, itself first, and who is parent of whom.

    Attributes:
        members: each once, the nearest first.
        links: ids of parent and child.
        left_out: how many ancestors are not among the members.
    """

    members: tuple[Candidate, ...]
    links: tuple[tuple[str, str], ...]
    left_out: int


def lineage(history: History, candidate: Candidate, most: int = 20) -> Lineage:
    """Return a candidate's ancestors: the nearest `most` of them, itself among them."""
    found: dict[str, Candidate] = {candidate.id: candidate}
    waiting, links = [candidate], []
    while waiting:
        child = waiting.pop(0)
        for parent in child.parents:
            if parent not in history.born:  # of a journal that was cut, say
                continue
            links.append((parent, child.id))
            if parent not in found:
                found[parent] = history.candidates[parent]
                waiting.append(found[parent])
    kept = list(found.values())[:most]
    ids = {member.id for member in kept}
    inside = tuple(dict.fromkeys(link for link in links if ids.issuperset(link)))
    return Lineage(tuple(kept), inside, len(found) - len(kept))

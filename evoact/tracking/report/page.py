"""The page of a report: its template, filled."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evoact.records import History
from evoact.tracking.describe import spec_of
from evoact.tracking.figures import DARK, LIGHT, leading
from evoact.tracking.report.codes import codes_of
from evoact.tracking.report.content import (
    command_of,
    confirmed_tables,
    facts_of,
    failed_table,
    fame_table,
    own_rejected,
    rejected_table,
    space_of,
    spent_table,
    summary_of,
    versions_table,
)
from evoact.tracking.report.pictures import Params, pictures_of

_FOLDER: Final = Path(__file__).parent
_IN_PAGE: Final = ("card", "film", "genealogy", "confirmation", "progress", "front", "gallery")


def report_html(history: History, params: Params | None = None) -> str:
    """Return the report of a study, finished or not, as one HTML page.

    It loads nothing, from the net or from beside it: a content security policy within
    refuses to, and lets no script run but its own. All text is escaped.

    Args:
        history: the study; its specification at least.
        params: trained values of the best function, by layer, to be drawn with it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    page = environment.get_template("report.html").render(
        **_content(history),
        pictures=_drawn(history, params),
        light=LIGHT,
        dark=DARK,
        script=script,
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )
    # A text of a journal may hold what is no character, such as half of a surrogate pair.
    return page.encode("utf-8", "replace").decode("utf-8")


def _content(history: History) -> Mapping[str, Any]:
    assert history.started is not None, "the journal has no first line yet"
    best = leading(history)
    is_winner = best is not None and history.finished and history.finished.winner == best.id
    return {
        "name": history.started.name,
        "seed": history.started.seed,
        "version": history.started.versions.get("evoact", "?"),
        "is_finished": history.finished is not None,
        "summary": summary_of(history),
        "best": best,
        "best_title": "The winner" if is_winner else "The best so far",
        "facts": facts_of(best, history) if best else None,
        "codes": codes_of(best, history) if best else [],
        "confirmed": confirmed_tables(history),
        "fame": fame_table(history),
        "several": len(spec_of(history).objectives) > 1,
        "rejected": rejected_table(history),
        "own_rejected": own_rejected(history),
        "failed": failed_table(history),
        "spent": spent_table(history),
        "command": command_of(history),
        "space": space_of(history),
        "versions": versions_table(history),
    }


def _drawn(history: History, params: Params | None) -> dict[str, Mapping[str, Any]]:
    found = pictures_of(history, params)
    drawn = {name: (found[name], found[name].sources()) for name in _IN_PAGE if name in found}
    return {
        name: {"alt": picture.alt, "caption": picture.caption, **sources}
        for name, (picture, sources) in drawn.items()
        if sources
    }

"""`python -m evoact.cli.opening URL [HEALTH]`: open a page in a browser once its server is well."""

from __future__ import annotations

import sys
import time
import urllib.request
import webbrowser
from typing import Final

_SECONDS: Final = 120.0
_PAUSE: Final = 0.2


def open_when_well(url: str, health: str, seconds: float = _SECONDS) -> bool:
    """Open a page in the user's browser; False if its server is not well in time.

    Args:
        url: of the page.
        health: what answers when the server is well; empty to open the page at once.
        seconds: how long to wait.
    """
    deadline = time.monotonic() + seconds
    while health and not _answers(health):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return webbrowser.open(url)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5.0):  # noqa: S310  # http or https, from `evoact ui`
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if open_when_well(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "") else 1)

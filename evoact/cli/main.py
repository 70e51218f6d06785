"""Where the command line starts, and where every error becomes a message."""

from __future__ import annotations

import sys
import warnings

from evoact.errors import EvoactError, InputError

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130


def main() -> None:
    """Run the command that the arguments name, and exit with its code.

    0 done, 1 failed, 2 wrong input, 130 interrupted (and resumable), 143 the same
    by SIGTERM, 129 by SIGHUP.
    """
    from evoact.cli.app import app

    _show_own_warnings_only()
    try:
        app()  # exits by itself: 0, 2 for wrong usage, 130 on Ctrl-C
    except InputError as error:
        sys.exit(_say(error, WRONG_INPUT))
    except (EvoactError, OSError) as error:  # such as a disk that is full
        sys.exit(_say(error, FAILED))


def _say(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201  # the command line's own voice
    return code


def _show_own_warnings_only() -> None:
    """Show evoact's warnings as one line each, and nobody else's."""
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", module=r"evoact(\.|$)")
    warnings.showwarning = lambda message, *_, **__: print(  # noqa: T201  # as above
        f"warning: {message}", file=sys.stderr
    )

"""Where the command line starts, and where every error becomes a message."""

from __future__ import annotations

import sys
import warnings
from typing import Final

from evoact.errors import EvoactError, InputError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
_SIGNS: Final = {InputError: WRONG_INPUT, EvoactError: FAILED}


def main() -> None:
    """Run the command that the arguments name, and exit with its code.

    0 done, 1 failed, 2 wrong input, 130 interrupted (and resumable).
    """
    from evoact.cli.app import app

    _show_own_warnings_only()
    try:
        app()
    except InputError as error:
        code = _say(error, WRONG_INPUT)
    except EvoactError as error:
        code = _say(error, FAILED)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        code = DONE
    else:
        code = DONE
    sys.exit(code)


def _say(error: EvoactError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201  # the command line's own voice
    return code


def _show_own_warnings_only() -> None:
    """Show evoact's warnings as one line each, and nobody else's."""
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", module=r"evoact(\.|$)")
    warnings.showwarning = lambda message, *_, **__: print(  # noqa: T201  # as above
        f"warning: {message}", file=sys.stderr
    )

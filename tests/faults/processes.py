"""The command line in a process of its own that imported everything before: for killing it."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["evoact.api", "evoact.training", "evoact.cli.searching"])


def start(folder: Path, *arguments: str) -> BaseProcess:
    """Start `evoact ARGUMENTS` in a folder; what it prints is in `output.txt` there."""
    process = _CONTEXT.Process(target=_run, args=(folder, ["evoact", *arguments]))
    process.start()
    return process


def _run(folder: Path, arguments: list[str]) -> None:
    from evoact.cli import main

    os.chdir(folder)
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = arguments
    main()


def wait_until(happened: Callable[[], bool], process: BaseProcess, seconds: float = 200) -> None:
    """Wait until something happened, or the process has ended."""
    deadline = time.monotonic() + seconds
    while process.is_alive() and not happened():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.002)


def lines(journal: Path) -> int:
    """Return how many lines a journal has; -1 while there is none."""
    return journal.read_bytes().count(b"\n") if journal.exists() else -1

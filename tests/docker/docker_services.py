"""Where programs are, and ports that are free."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

# Programs of the environment that the tests run in, as in the image.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command: list, **more) -> Iterator[subprocess.Popen]:
    """A process that is there meanwhile; its children, groups of their own or not, end with it."""
    with subprocess.Popen(command, **more) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                found = psutil.Process(process.pid)
                for each in [*found.children(recursive=True), found]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()

"""Where programs are, and ports that are free."""

import os
import socket
import sys
from pathlib import Path

# Programs of the environment that the tests run in, as in the image.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

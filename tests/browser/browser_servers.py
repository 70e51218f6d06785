"""Servers that tests start: where they listen, and when they are well."""

import socket
import time
import urllib.request


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(url: str, process, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"{url} never answered"
            time.sleep(0.2)

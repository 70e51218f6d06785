"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def processor() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))

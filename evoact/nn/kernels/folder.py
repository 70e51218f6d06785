"""Where compiled kernels are kept: a folder into which its user alone can write.

A library is loaded into the process, so whoever can put a file there can run
code as its user.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path

from evoact.files import cache_dir


def kernel_folder() -> Path:
    """Return the folder `kernels` of the cache, or a temporary one where that is not safe."""
    folder = cache_dir().absolute() / "kernels"
    return folder if _made(folder) and why_unsafe(folder) is None else _temporary()


def why_unsafe(folder: Path) -> str | None:
    """Return who else could put a file into a folder, or swap it for another; or None.

    The folder must be this user's and closed to others; a folder above it may
    also be root's, and open where only owners may rename (as `/tmp` is).
    """
    for path in (folder.resolve(), *folder.resolve().parents):
        status = path.stat()
        inner = path == folder.resolve()
        if status.st_uid not in ({os.getuid()} if inner else {os.getuid(), 0}):
            return f"{path} belongs to user {status.st_uid}"
        open_to_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if open_to_others and (inner or not status.st_mode & stat.S_ISVTX):
            return f"{path} can be written by others (mode {stat.S_IMODE(status.st_mode):o})"
    return None


def _made(folder: Path) -> bool:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return False
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


@cache
def _temporary() -> Path:
    """Return a folder of this process alone, removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="evoact-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder

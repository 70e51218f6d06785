"""Writing files whole or not at all, and where what can be made again is kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_dir() -> Path:
    """Where what can be made again is kept: `$EVOACT_CACHE`, else the user's cache."""
    if given := os.environ.get("EVOACT_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "evoact"


def write_atomically(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put `data` at `path` in one step; readers see the old file or the new one.

    Args:
        path: where; its folder is made if needed.
        data: the whole content.
        durable: return only when file and name are on the disk.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())  # mkstemp's 0600 would hide it from other users
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """Return what this process takes from the permissions of new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

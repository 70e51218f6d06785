"""Writing files whole or not at all, and where what can be made again is kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

_THREADS: Final = 16


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
    write_all(path.parent, {path.name: data}, durable=durable)


def write_all(folder: Path, files: Mapping[str, bytes], *, durable: bool = False) -> None:
    """Put files into a folder, each as `write_atomically` does.

    Those that are to be `durable` go to the disk together: file systems put what several
    threads wait for into one commit, so that all take about as long as one.

    Raises:
        OSError: one cannot be written; none is there that was not, or only whole ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporaries: list[str] = []
    try:
        for data in files.values():
            _write_temporary(folder, data, temporaries)
        if durable:
            _sync_all(temporaries)
        for temporary, name in zip(temporaries, files, strict=True):
            os.replace(temporary, folder / name)
    except BaseException:
        for temporary in temporaries:
            Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(folder)


def _write_temporary(folder: Path, data: bytes, names: list[str]) -> None:
    """Write a file, whose name comes to `names`."""
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
    names.append(name)
    with open(descriptor, "wb") as file:
        file.write(data)
    os.chmod(name, 0o666 & ~umask())  # mkstemp's 0600 would hide it from other users


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    _sync(folder)


def _sync_all(paths: Sequence[str]) -> None:
    if len(paths) == 1:  # no thread for one
        _sync(paths[0])
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(_sync, paths))  # raises what one of them did


def _sync(path: Path | str) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """Return what this process takes from the permissions of new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

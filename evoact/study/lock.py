"""One writer a study: a lock on its folder, which says who holds it."""

from __future__ import annotations

import fcntl
import os
import socket
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final

from evoact.errors import StudyError

NAME: Final = "lock"


class StudyLock:
    """Holds the lock of a study's folder until `release`, or until the process ends.

    The system lets go of the lock of a process that is gone, however it ended, so the
    file that stays behind keeps nobody out. On NFS the lock holds between hosts where
    the mount has locks (version 4, or lockd); on a file system without any, that is
    told and the study is used unlocked.

    Raises:
        StudyError: another process holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = open(folder / NAME, "a+b", buffering=0)  # noqa: SIM115  # closed by release()
        except OSError as error:
            raise StudyError(f"{folder} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._holder()
            self._file.close()
            raise StudyError(
                f"{folder} is in use: {holder} runs this study; wait for its end, or stop it first"
            ) from error
        except OSError as error:
            warnings.warn(
                f"{folder} is on a file system without locks ({error.strerror}): see to it "
                "yourself that no other process runs this study",
                stacklevel=3,
            )
        self._sign(f"process {os.getpid()} on {socket.gethostname()}")

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read(1000).decode(errors="replace").strip() or "another process"

    def _sign(self, who: str) -> None:
        with suppress(OSError):  # a full disk: the lock holds unsigned
            self._file.truncate(0)
            self._file.write(who.encode())

    def release(self) -> None:
        """Let others write the study."""
        self._sign("")
        self._file.close()

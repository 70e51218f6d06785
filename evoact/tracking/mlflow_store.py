"""Where MLflow keeps what it is told: which store, whether it is there, making it ready."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from evoact.errors import InputError, nearest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

EXPERIMENT: Final = "evoact"
EMBEDDED, OFF = "embedded", "off"

_SERVERS: Final = ("http", "https")
_DATABASES: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SECRETS: Final = frozenset({"password", "pwd", "passwd", "sslpassword", "token"})
_WANTED: Final = (
    "wanted embedded, off, http(s)://HOST:PORT of an MLflow server, sqlite:////PATH/mlflow.db, "
    f"or a database URI ({', '.join(_DATABASES)})"
)
# What MLflow's pages ask for: they would take it for one of language models.
_KIND: Final[dict[str, Any]] = {"mlflow.experimentKind": "custom_model_development"}
_KEY: Final = "tracking.mlflow"
_CURE: Final = "; start the server, mend the URI, or set tracking.mlflow to embedded or off"


class StoreUnreachable(InputError):
    """A server or database does not answer; it may later."""


def tracking_uri(setting: str, runs_dir: str | Path) -> str | None:
    """Return the MLflow tracking URI that the key `tracking.mlflow` means.

    Args:
        setting: `embedded`, `off`, or a tracking URI.
        runs_dir: the folder of studies, where the embedded store lies.

    Returns:
        None for `off`.

    Raises:
        InputError: the folder's name cannot stand in a database URI.

    >>> tracking_uri("embedded", "/data/runs")
    'sqlite:////data/runs/mlflow.db'
    >>> tracking_uri("off", "/data/runs") is None
    True
    """
    if setting == OFF:
        return None
    if setting != EMBEDDED:
        return setting
    folder = Path(runs_dir).absolute()
    if strange := sorted(set("?#") & set(str(folder))):
        raise InputError(
            f"runs directory {str(folder)!r} has {strange[0]!r} in its name, which the embedded "
            "MLflow store cannot have; choose another, or set tracking.mlflow to off"
        )
    return f"sqlite:///{folder}/mlflow.db"


def check_reachable(uri: str, timeout: float = 20.0, key: str = _KEY) -> None:
    """Raise an error when a tracking URI leads nowhere, before it is used.

    A server must answer, a database must listen, a sqlite file's folder must
    be writable. MLflow's own client would retry for minutes.

    Args:
        uri: a tracking URI, see `tracking_uri`.
        timeout: seconds that a server may take to answer.
        key: where the URI comes from, for messages.

    Raises:
        InputError: it is no tracking URI, or its file cannot be written.
        StoreUnreachable: nobody answers there.
    """
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    try:
        if scheme == "sqlite":
            _check_file(sqlite_path(uri))
        elif scheme in _SERVERS:
            _check_server(uri, timeout)
        elif scheme in _DATABASES:
            address = (parts.hostname or "localhost", parts.port or _DATABASES[scheme])
            socket.create_connection(address, timeout).close()
        else:
            known = (EMBEDDED, OFF)
            raise InputError(f"{key} is {redacted(uri)!r}{nearest(uri, known)}; {_WANTED}")
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "reason", None) or error
        kind = StoreUnreachable if scheme in {*_SERVERS, *_DATABASES} else InputError
        raise kind(f"{key} is {redacted(uri)!r}: {reason}{_cure(key)}") from error


def _cure(key: str) -> str:
    return _CURE if key == _KEY else "; start the server, or mend the URI"


def sqlite_path(uri: str) -> Path:
    """Return the file of a sqlite URI, absolute.

    >>> str(sqlite_path("sqlite:////data/runs/mlflow.db"))
    '/data/runs/mlflow.db'
    """
    path = uri.partition(":///")[2].partition("?")[0]
    if not path or path == ":memory:":
        raise InputError(
            f"tracking.mlflow is {uri!r}, which names no file; wanted sqlite:////PATH/mlflow.db"
        )
    return Path(path).absolute()


def redacted(uri: str) -> str:
    """Return a URI without its password.

    >>> redacted("postgresql://me:secret@db/mlflow")
    'postgresql://me:***@db/mlflow'
    """
    try:
        parts: SplitResult = urlsplit(uri)
    except ValueError:  # it is none
        return f"{uri.partition('://')[0]}://..."
    if parts.password is None:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()


def refuse_password(uri: str, key: str = _KEY) -> None:
    """Raise `InputError` when a tracking URI holds a password.

    It would stand in the study's space.yaml and journal, which people share, and on
    command lines, which all users of a machine see. `key` is where the URI comes from,
    for messages.

    >>> refuse_password("http://mlflow:5000")
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise InputError(f"{key} is {redacted(uri)!r}: {error}; {_WANTED}") from error
    hidden = sorted({name.lower() for name in parse_qs(parts.query)} & _SECRETS)
    if parts.password is None and not hidden:
        return
    cure = (
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or write ~/.mlflow/credentials"
        if parts.scheme in _SERVERS
        else "set PGPASSWORD or write ~/.pgpass for PostgreSQL, or put an MLflow server before it"
    )
    shown = redacted(uri).partition("?")[0]
    where = "written to the study's files" if key == _KEY else "seen by all users of this machine"
    raise InputError(
        f"{key} is {shown!r} with a password, which would be {where}; leave it out, and {cure}"
    )


def _check_file(path: Path) -> None:
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    for needed in [path, folder] if path.exists() else [folder]:
        if not os.access(needed, os.W_OK):
            raise PermissionError(f"{needed} cannot be written")


def _check_server(uri: str, timeout: float) -> None:
    health = f"{uri.rstrip('/')}/health"
    try:
        with urllib.request.urlopen(_without_user(health), timeout=timeout):  # noqa: S310  # http or https only
            return
    except urllib.error.HTTPError as error:
        # 401 or 404 is an answer: hosted servers guard or lack this page.
        if error.code >= 500:
            raise
    except urllib.error.URLError as error:
        # A certificate that Python does not know may be known to MLflow's client.
        if not isinstance(error.reason, ssl.SSLCertVerificationError):
            raise


def _without_user(uri: str) -> str:
    """Leave out `user:password@`, which urllib takes for a part of the host."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def prepare_environment() -> None:
    """Set what MLflow reads of the environment, where the user has not: few tries, no telemetry.

    What SQLAlchemy says of MLflow's own mappings is for MLflow's makers; filtered for
    good, as filters for a while are not safe where a thread tells the store.
    """
    warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def prepare_store(uri: str, key: str = _KEY) -> str:
    """Make a store ready for runs, and return the id of evoact's experiment.

    A sqlite database is created and migrated here, once, before workers run.
    Telemetry and printed addresses of runs are turned off, and a server that
    goes away later is given up after some seconds, unless the user's
    environment says otherwise. `key` is where the URI comes from, for messages.

    Raises:
        InputError: the store refuses, or its experiment was deleted.
        StoreUnreachable: a server answers, but fails itself: its database may be down.
    """
    prepare_environment()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    with _quiet():
        try:
            if uri.startswith("sqlite"):
                _make_file(sqlite_path(uri))
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(EXPERIMENT) or _create(client, uri)
        except (MlflowException, ImportError) as error:  # or a database's driver is missing
            reason = str(error).partition("\n")[0].replace(uri, redacted(uri))
            kind = StoreUnreachable if _is_outage(uri, error) else InputError
            raise kind(f"{key} is {redacted(uri)!r}: {reason}{_cure(key)}") from error
    if found.lifecycle_stage == "deleted":
        raise InputError(
            f"the MLflow experiment {EXPERIMENT!r} was deleted; restore it with "
            f"MLFLOW_TRACKING_URI={redacted(uri)} mlflow experiments restore "
            f"-x {found.experiment_id}, or set tracking.mlflow to off"
        )
    return str(found.experiment_id)


def _make_file(path: Path) -> None:
    """Make a database where there is none, all at once: it takes a second, and may be ended."""
    if path.exists():
        return
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".mlflow-") as folder:
        made = Path(folder) / path.name
        MlflowClient(tracking_uri=f"sqlite:///{made}").search_experiments(max_results=1)
        with suppress(OSError):  # another was faster; or there are no links, and MLflow makes it
            os.link(made, path)


def _is_outage(uri: str, error: Exception) -> bool:
    """Whether a server failed by itself, and did not refuse: by HTTP's codes from 500 on."""
    from mlflow.exceptions import MlflowException

    if urlsplit(uri).scheme not in _SERVERS or not isinstance(error, MlflowException):
        return False
    status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]  # untyped in mlflow
    return status >= 500


def _create(client: MlflowClient, uri: str) -> Experiment:
    from mlflow.exceptions import MlflowException

    # Beside the database; a server knows itself where it keeps files.
    local = uri.startswith("sqlite")
    location = (sqlite_path(uri).parent / "mlartifacts").as_uri() if local else None
    try:
        made = client.create_experiment(EXPERIMENT, location, tags=_KIND)
        return client.get_experiment(made)
    except MlflowException:
        found = client.get_experiment_by_name(EXPERIMENT)  # another study was faster
        if found is None:
            raise
        return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep a line for each migration of a new database from the terminal, while a store opens."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)

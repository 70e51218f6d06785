import logging
import os
import socket
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from evoact import search
from evoact.errors import InputError
from evoact.records import SearchSpec
from evoact.tracking import check_reachable, prepare_store, refuse_password, tracking_uri


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def server():
    """A server that answers every page with the status it is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.paths.append(self.path)
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        http.status, http.paths = 200, []
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def test_settings(tmp_path):
    assert tracking_uri("embedded", tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert tracking_uri("off", tmp_path) is None
    assert tracking_uri("http://server:5000", tmp_path) == "http://server:5000"


def test_embedded_uri_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tracking_uri("embedded", "runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"


def test_a_folder_that_no_uri_can_name_is_refused():
    with pytest.raises(InputError, match=r"has '\?' in its name"):
        tracking_uri("embedded", "/tmp/why?")


@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
def test_nobody_listening_is_told_at_once(scheme):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"tracking\.mlflow is .*start the server") as caught:
        check_reachable(f"{scheme}://me:secret@127.0.0.1:{free_port()}/store")
    assert time.monotonic() - start < 3.0
    assert "secret" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        with pytest.raises(InputError, match="timed out"):
            check_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.5)
        assert time.monotonic() - start < 5.0


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_server_that_answers_is_there(server, status):
    server.status = status
    check_reachable(f"http://127.0.0.1:{server.server_port}/prefix/")
    assert server.paths == ["/prefix/health"]


def test_a_server_that_is_broken_is_told(server):
    server.status = 502
    with pytest.raises(InputError, match="Bad Gateway"):
        check_reachable(f"http://127.0.0.1:{server.server_port}")


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/x", "ftp://a", "http://127.0.0.1:abc"])
def test_what_is_no_tracking_uri_is_refused(uri):
    with pytest.raises(InputError, match=r"tracking\.mlflow is"):
        check_reachable(uri)


def test_misspelt_words_get_a_hint():
    with pytest.raises(InputError, match="did you mean 'embedded'"):
        check_reachable("embeded")


def test_sqlite_folder(tmp_path):
    check_reachable(f"sqlite:///{tmp_path}/new/folder/mlflow.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder"):
        check_reachable(f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.raises(InputError, match="names no file"):
        check_reachable("sqlite://")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_sqlite_folder_that_is_read_only(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        check_reachable(f"sqlite:///{tmp_path}/mlflow.db")


def test_prepared_store_is_quiet_and_has_the_experiment(tmp_path, store, caplog):
    from mlflow import MlflowClient

    experiment = MlflowClient(tracking_uri=store).get_experiment(prepare_store(store))
    assert experiment.name == "evoact"
    assert experiment.artifact_location.endswith("/mlartifacts")
    assert prepare_store(store) == experiment.experiment_id
    assert not [r for r in caplog.records if r.levelno >= logging.INFO]


def test_a_new_database_appears_whole(tmp_path, monkeypatch):
    """Who makes it may be killed in that second; and another study may have been faster."""
    path, seen, link = tmp_path / "mlflow.db", [], os.link

    def linked(made, wanted):
        with closing(sqlite3.connect(made)) as database:
            seen.append((path.exists(), database.execute("SELECT * FROM experiments").fetchall()))
        link(made, wanted)
        link(made, wanted)  # it is there now

    monkeypatch.setattr(os, "link", linked)
    experiment = prepare_store(f"sqlite:///{path}")
    ((was_there, experiments),) = seen
    assert not was_there
    assert experiments  # MLflow's default one
    assert prepare_store(f"sqlite:///{path}") == experiment
    assert os.listdir(tmp_path) == ["mlflow.db"]


def test_a_new_database_is_made_without_a_word(tmp_path, capfd):
    prepare_store(f"sqlite:///{tmp_path}/runs/mlflow.db")
    assert (tmp_path / "runs" / "mlflow.db").is_file()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_a_deleted_experiment_is_told_with_its_cure(store):
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=store).delete_experiment(prepare_store(store))
    with pytest.raises(InputError, match="mlflow experiments restore -x"):
        prepare_store(store)


def test_what_is_no_store_is_told(server):
    server.status = 404
    with pytest.raises(InputError, match=r"tracking\.mlflow is"):
        prepare_store(f"http://127.0.0.1:{server.server_port}")


@pytest.mark.parametrize(
    ("uri", "cure"),
    [
        ("http://me:hush@server:5000", "MLFLOW_TRACKING_PASSWORD"),
        ("postgresql+psycopg://me:hush@db/mlflow", "PGPASSWORD"),
        ("postgresql://db/mlflow?user=me&password=hush", "PGPASSWORD"),
        ("http://[hush", "wanted embedded"),
    ],
)
def test_a_uri_with_a_password_is_refused_without_showing_it(uri, cure):
    with pytest.raises(InputError, match=cure) as caught:
        refuse_password(uri)
    assert "hush" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        search(SearchSpec(tracking={"mlflow": uri}))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("uri", ["embedded", "off", "http://server:5000", "postgresql://me@db/x"])
def test_other_uris_are_not_refused(uri):
    refuse_password(uri)

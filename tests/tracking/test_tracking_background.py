"""The process that tells MLflow, real stores included."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from evoact.errors import InputError
from evoact.records import History
from evoact.tracking import Background, StoreUnreachable, WinnerFiles


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "demo"
    path.mkdir()
    return path


def runs(uri):
    """Return the runs of a store by name."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("evoact").experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment], max_results=100)}


def tell(background, records):
    history = History()
    for record in records:
        history.apply(record)
        background.on_record(record, history)


def test_a_whole_study_is_told_with_what_other_views_made(study, play, store, folder):
    records = study().records()
    told = []
    with Background(store) as background:
        background.prepare()
        background.ready()
        background.follow(folder, told.append)
        os.kill(background.pid, signal.SIGTERM)  # as the end of a job is told to all of it
        tell(background, records)
        play(records, WinnerFiles(folder))  # as a view that is slower than the search
        background.finish()
        background.close()
    assert not told
    found = runs(store)
    assert len(found) == 8
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    # What lies in the study's folder was sent: the same bytes, though a pt2 differs each time.
    (winner,) = (run for run in found.values() if run.data.tags["evoact.role"] == "winner")
    sent = Path(url2pathname(urlsplit(winner.info.artifact_uri).path)) / "export" / "winner.pt2"
    assert sent.read_bytes() == (folder / "winners" / "winner.pt2").read_bytes()


def test_errors_are_told_once_and_the_rest_is_told_when_the_store_is_back(study, store, folder):
    database = Path(store.removeprefix("sqlite:///"))
    whole = database.read_bytes()
    said, records = [], study().search()

    def warn(text):
        said.append((text, threading.current_thread()))
        database.write_bytes(whole)

    with Background(store) as background:
        background.prepare()
        background.ready()
        background.follow(folder, warn, "sync it")
        database.write_bytes(b"no database" * 1000)
        tell(background, records[:1])
        deadline = time.monotonic() + 60.0
        while not said:
            assert time.monotonic() < deadline
            background.on_record(records[1], History())  # warnings are passed on with records
            time.sleep(0.05)
        tell(background, records[2:])
        background.close()
    ((text, thread),) = said
    assert text.startswith("MlflowTracker failed: ")
    assert text.endswith("The search goes on; sync it.")
    assert thread is threading.current_thread()
    (run,) = runs(store).values()
    assert run.info.status == "KILLED"  # a study that did not finish


def test_its_end_does_not_end_the_search(study, store, folder):
    said = []
    with Background(store) as background:
        background.prepare()
        background.ready()
        background.follow(folder, said.append, "sync it")
        os.kill(background.pid, signal.SIGKILL)
        tell(background, study().records())
        background.close()
    (text,) = said
    assert text == ("MlflowTracker failed: its process ended with -9. The search goes on; sync it.")


def test_its_end_before_the_store_is_ready(study, tmp_path, monkeypatch):
    """Such as an MLflow that cannot be imported; its last words are told."""
    (tmp_path / "mlflow.py").write_text("raise ImportError('MLflow is broken')\n")
    monkeypatch.syspath_prepend(tmp_path)
    background = Background(f"sqlite:///{tmp_path}/mlflow.db")
    background.prepare()
    with pytest.raises(StoreUnreachable, match="ended with 1: ImportError: MLflow is broken"):
        background.ready()
    background.follow(tmp_path, pytest.fail)
    tell(background, study().records())
    background.close()


@pytest.fixture
def interrupts():
    """Jobs in the background of a script ignore Ctrl-C, and tests may be one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupt_ends_the_wait_and_the_process(study, store, folder):
    background = Background(store)
    background.prepare()
    background.ready()
    background.follow(folder, print)
    os.kill(background.pid, signal.SIGSTOP)  # it will not answer
    tell(background, study().records())
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        background.close()
    with pytest.raises(ProcessLookupError):
        os.kill(background.pid, 0)


def test_a_warning_that_is_an_error_ends_it(study, store, folder):
    def warn(text):
        raise RuntimeError(text)

    background = Background(store)
    background.prepare()
    background.ready()
    background.follow(folder, warn)
    os.kill(background.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="its process ended"):
        background.close()


KILLED = """
import sys, time
from evoact.tracking import Background

background = Background(sys.argv[1])
background.prepare()
background.ready()
print(background.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_a_search_that_is_killed(store):
    """Whoever goes on with the study tells all of it, and must not meet this one."""
    call = [sys.executable, "-c", textwrap.dedent(KILLED), store]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as search:
        pid = int(search.stdout.readline())
        search.kill()
    deadline = time.monotonic() + 60.0
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_no_store_is_refused_before_a_process_is_started():
    with pytest.raises(InputError, match="did you mean 'embedded'"):
        Background("embeded")


def test_a_store_that_is_down_or_refuses(store):
    with Background("http://127.0.0.1:9") as background:
        background.prepare()
        with pytest.raises(StoreUnreachable):
            background.ready()
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store)
    client.delete_experiment(client.get_experiment_by_name("evoact").experiment_id)
    with Background(store) as background:
        background.prepare()
        with pytest.raises(InputError, match="was deleted"):
            background.ready()

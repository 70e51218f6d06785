import sys
import threading

import pytest

from evoact.records import GenerationTold, History, StudyFinished
from evoact.tracking import Background


class Waits:
    """Takes nothing before it is let; keeps what it was told, what was known then, and where."""

    def __init__(self):
        self.let = threading.Event()
        self.seen = []
        self.closed = 0

    def on_record(self, record, history):
        assert self.let.wait(60.0)
        self.seen.append((record, len(history.told), threading.current_thread()))

    def close(self):
        self.closed += 1


def test_a_search_does_not_wait_and_each_record_is_told_with_what_was_known_then():
    background, history = Background(waits := Waits(), print), History()
    records = [*map(GenerationTold, range(5)), StudyFinished(None)]
    for record in records:
        history.apply(record)
        background.on_record(record, history)
    assert not waits.seen
    waits.let.set()
    background.close()
    assert [(record, told) for record, told, _ in waits.seen] == [
        *((GenerationTold(n), n + 1) for n in range(5)),
        (StudyFinished(None), 5),
    ]
    assert threading.current_thread() not in {thread for *_, thread in waits.seen}
    assert waits.closed == 1


def test_without_a_record_it_is_closed_all_the_same():
    background = Background(waits := Waits(), print)
    background.close()
    assert waits.closed == 1


class Fails(Waits):
    def on_record(self, record, history):
        super().on_record(record, history)
        raise ConnectionError("server gone")


def test_errors_are_told_once_by_the_thread_of_the_search():
    told = []
    background = Background(
        fails := Fails(), lambda text: told.append((text, threading.current_thread())), "sync it"
    )
    fails.let.set()
    for number in range(3):
        background.on_record(GenerationTold(number), History())
    background.close()
    ((text, thread),) = told
    assert text == "Fails failed: ConnectionError: server gone. The search goes on; sync it."
    assert thread is threading.current_thread()
    assert len(fails.seen) == 3


def test_a_warning_that_is_an_error_ends_the_search_and_not_the_thread():
    def warn(text):
        raise RuntimeError(text)

    background = Background(fails := Fails(), warn)
    fails.let.set()
    background.on_record(GenerationTold(0), History())
    with pytest.raises(RuntimeError, match="server gone"):
        background.close()
    assert fails.closed == 1


def test_an_interrupt_ends_the_wait(monkeypatch):
    background = Background(waits := Waits(), print)
    background.on_record(GenerationTold(0), History())

    def interrupted(self, timeout=None):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            background.close()
    assert not waits.seen
    waits.let.set()
    background.close()
    assert waits.closed == 1


def test_the_search_gets_its_turn_soon_while_a_listener_computes():
    before = sys.getswitchinterval()
    background = Background(waits := Waits(), print)
    background.on_record(GenerationTold(0), History())
    assert sys.getswitchinterval() < before / 10
    waits.let.set()
    background.close()
    assert sys.getswitchinterval() == pytest.approx(before)

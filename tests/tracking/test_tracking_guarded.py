from evoact.records import GenerationTold, StudyFinished
from evoact.tracking import Guarded


class Flaky:
    """Fails for generations, not for the end."""

    def __init__(self):
        self.seen = []

    def on_record(self, record, history):
        if isinstance(record, GenerationTold):
            raise ConnectionError("server gone")
        self.seen.append(record)

    def close(self):
        raise OSError("still gone")


def test_errors_do_not_pass_and_are_told_once(study, play):
    warnings = []
    guarded = Guarded(Flaky(), warnings.append)
    play(study().records(), guarded)
    guarded.close()
    assert len(warnings) == 1
    assert warnings[0].startswith("Flaky failed: ConnectionError: server gone.")
    assert guarded.failures == 3
    assert isinstance(guarded.error, OSError)
    assert isinstance(guarded.listener.seen[-1], StudyFinished)


def test_a_listener_that_works_is_left_alone(study, play):
    class Counts(Flaky):
        def on_record(self, record, history):
            self.seen.append(record)

        def close(self):
            self.seen.append("closed")

    guarded = Guarded(Counts(), lambda text: None)
    records = study().search()
    play(records, guarded)
    guarded.close()
    assert guarded.listener.seen == [*records, "closed"]
    assert guarded.error is None


def test_interrupts_pass():
    class Interrupted(Flaky):
        def on_record(self, record, history):
            raise KeyboardInterrupt

    try:
        Guarded(Interrupted(), print).on_record(GenerationTold(0), None)
    except KeyboardInterrupt:
        return
    raise AssertionError("the interrupt was swallowed")

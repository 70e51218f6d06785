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


class Slow(Flaky):
    """Fails at everything, after half a minute."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def on_record(self, record, history):
        self.seen.append(record)
        self.clock.now += 30.0
        raise TimeoutError("no answer")

    def close(self):
        self.seen.append("closed")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_fails_slowly_takes_a_tenth_of_the_time_at_most():
    clock = Clock()
    guarded = Guarded(slow := Slow(clock), lambda text: None, clock=clock)
    for generation in range(100):
        guarded.on_record(GenerationTold(generation), None)
        clock.now += 10.0
    assert 30.0 * len(slow.seen) <= clock.now / 10 + 30.0
    assert slow.seen[:2] == [GenerationTold(0), GenerationTold(30)]


def test_the_end_of_a_study_is_told_to_all():
    clock = Clock()
    guarded = Guarded(slow := Slow(clock), lambda text: None, clock=clock)
    guarded.on_record(GenerationTold(0), None)
    guarded.on_record(StudyFinished(None), None)
    guarded.close()
    assert slow.seen == [GenerationTold(0), StudyFinished(None)]


class Recovers(Slow):
    """Fails slowly, but for the end of the study."""

    def on_record(self, record, history):
        if not isinstance(record, StudyFinished):
            super().on_record(record, history)
        self.seen.append(record)


def test_what_is_back_at_the_end_is_closed_in_order():
    """A tracker finishes a study when it is closed."""
    clock = Clock()
    guarded = Guarded(back := Recovers(clock), lambda text: None, clock=clock)
    guarded.on_record(GenerationTold(0), None)
    guarded.on_record(StudyFinished(None), None)
    guarded.close()
    assert back.seen == [GenerationTold(0), StudyFinished(None), "closed"]


def test_the_cure_is_told():
    told = []
    guarded = Guarded(Flaky(), told.append, "call the plumber")
    guarded.on_record(GenerationTold(0), None)
    assert told[0].endswith("The search goes on; call the plumber.")

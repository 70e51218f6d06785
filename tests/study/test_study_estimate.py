"""The estimate of a search's time: of every task, and of several together."""

import itertools

import pytest

from evoact.records import NETWORKS, TASKS, SearchSpec
from evoact.study import estimate_seconds


@pytest.mark.parametrize(("name", "network"), [*itertools.product(TASKS, NETWORKS)])
def test_every_task_has_one(name, network):
    short, long = (
        estimate_seconds(SearchSpec(task={"name": name, "network": network, "epochs": epochs}))
        for epochs in (10, 20)
    )
    assert 0.0 < short < long


def test_several_tasks_take_as_long_as_each_after_the_other():
    tasks = [{"name": "digits", "network": "conv"}, {"name": "mnist1d"}]
    each = [estimate_seconds(SearchSpec(task=task)) for task in tasks]
    start = 2 * estimate_seconds(SearchSpec()) - estimate_seconds(SearchSpec(task={"epochs": 100}))
    assert estimate_seconds(SearchSpec(tasks=tasks)) == pytest.approx(sum(each) - start)

"""The shifted copy of validation data: each sample to one side, nothing lost."""

import numpy as np
import pytest

from evoact.tasks import load, shifted


@pytest.mark.parametrize(("name", "shape"), [("digits", (8, 8)), ("mnist1d", (40,))])
@pytest.mark.parametrize("by", [1, 3])
def test_each_sample_is_rolled_to_one_of_its_sides(name, shape, by):
    clean = load(name, 0).validation
    moved = shifted(name, clean, by, np.random.default_rng(0))
    assert moved.x.dtype == np.float32
    assert np.array_equal(moved.y, clean.y)
    sides = [(axis, sign * by) for axis in range(len(shape)) for sign in (-1, 1)]
    met = set()
    for before, after in zip(clean.x, moved.x, strict=True):
        fits = [
            (axis, step)
            for axis, step in sides
            if np.array_equal(np.roll(before.reshape(shape), step, axis).ravel(), after)
        ]
        assert fits
        met.update(fits)
    assert met == set(sides)


def test_the_data_themselves_are_left_as_they_are():
    before = load("digits", 3).validation.x.copy()
    clean = load("digits", 3).validation
    first, second = (shifted("digits", clean, 1, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first.x, second.x)
    assert np.array_equal(load("digits", 3).validation.x, before)

"""Stratified splits: those of scikit-learn, index by index."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from evoact.tasks.stratified import stratified


@pytest.mark.parametrize("seed", range(20))
def test_indices_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, classes = int(rng.integers(30, 400)), int(rng.integers(2, 7))
    shares = rng.dirichlet(np.ones(classes))
    y = np.concatenate([np.repeat(np.arange(classes), 4), rng.choice(classes, count, p=shares)])
    rng.shuffle(y)
    wanted = train_test_split(np.arange(len(y)), test_size=0.25, random_state=seed, stratify=y)
    for found, part in zip(stratified(y, 0.25, seed), wanted, strict=True):
        np.testing.assert_array_equal(found, part)


def test_ties_are_broken_alike() -> None:
    y = np.repeat(np.arange(6), 5)
    wanted = train_test_split(np.arange(30), test_size=0.25, random_state=3, stratify=y)
    for found, part in zip(stratified(y, 0.25, 3), wanted, strict=True):
        np.testing.assert_array_equal(found, part)


def test_a_worker_does_not_import_scikit_learn() -> None:
    """It takes a second: `load` of a generated data set does without."""
    code = "import sys; from evoact.tasks import load; load('mnist1d', 0); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "pandas", "scipy.stats"} & set(done.stdout.split())

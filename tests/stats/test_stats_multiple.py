import pytest

from evoact.stats import holm


def test_textbook_case():
    # Holm's procedure on four tests: 4 * .005, 3 * .01, 2 * .03, then .04 < .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], []),
        ([0.2], [0.2]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([1.0, 0.0], [1.0, 0.0]),
    ],
)
def test_small_families(given, wanted):
    assert holm(given) == pytest.approx(wanted)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match=r"within \[0, 1\]"):
        holm([0.5, p])

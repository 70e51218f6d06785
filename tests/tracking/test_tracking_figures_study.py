"""Figures of studies: of a real one that is kept, and of records whose numbers are known."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from evoact.language import parse
from evoact.records import Candidate, Evaluated, StudyFinished
from evoact.study import Study as StoredStudy
from evoact.tracking.figures import (
    DARK,
    LIGHT,
    candidate_figure,
    candidate_film,
    candidate_svg,
    confirmation_figure,
    figure_bytes,
    front_figure,
    function_figure,
    gallery_figure,
    genealogy_figure,
    overview_figure,
    progress_figure,
)
from evoact.tracking.figures.front import front_points, on_front
from evoact.tracking.figures.progress import steps_of
from evoact.tracking.lineage import lineage

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "quickstart"
OF_STUDY = (
    gallery_figure,
    progress_figure,
    front_figure,
    confirmation_figure,
    overview_figure,
)


@pytest.fixture(scope="module")
def kept():
    return StoredStudy.load(KEPT)


@pytest.fixture
def history(study, play):
    return play(study(controls=True).records())


def texts(figure):
    """What is written in a figure, and where; without what ticks beyond the limits would say."""
    figure.canvas.draw()
    found = {t: t.get_window_extent() for t in figure.findobj(Text) if t.get_visible()}
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        drawn = {tick.label1 for tick in axis._update_ticks() if axis.axes.get_visible()}
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            for label in {tick.label1, tick.label2} - drawn:
                found.pop(label, None)
    return [(t.get_text(), box) for t, box in found.items() if t.get_text().strip()]


def check_texts(figure):
    """No text is over another, none beyond the figure, none smaller than can be read."""
    found = texts(figure)
    for (first, a), (second, b) in combinations(found, 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(overlap) < 2.0, f"{first!r} lies over {second!r}"
    for text, box in found:
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text().strip()]
    assert min(sizes) >= 8.0


@pytest.mark.parametrize("draw", OF_STUDY)
def test_texts_of_a_real_study_are_apart(kept, draw):
    check_texts(draw(kept.history))


@pytest.mark.parametrize("draw", OF_STUDY)
def test_texts_of_a_small_study_are_apart(history, draw):
    check_texts(draw(history))


def test_texts_of_cards_and_films_are_apart(kept):
    winner = kept.winner()
    check_texts(function_figure(winner.late))
    check_texts(candidate_film(winner, kept.history.evaluations[winner.id, 0].curve))
    check_texts(genealogy_figure(kept.history, winner))


@pytest.mark.parametrize("draw", OF_STUDY)
def test_axes_say_what_they_are_of(kept, draw):
    for axes in draw(kept.history).axes:
        if axes.get_xticklabels() and axes.get_xticks().size and axes.xaxis.get_visible():
            assert axes.get_xlabel() or not axes.get_visible() or axes.get_label() == "x"


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_files_are_the_same_each_time(history, kind):
    first, second = (figure_bytes(progress_figure(history), kind) for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first


def test_themes_differ_in_colours_alone(history):
    light, dark = (progress_figure(history, style=style) for style in (LIGHT, DARK))
    assert light.get_facecolor() != dark.get_facecolor()
    for one, other in zip(light.axes[0].get_lines(), dark.axes[0].get_lines(), strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


# What they show


def test_progress_tells_each_candidate_and_the_best_so_far(history):
    steps = steps_of(history)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [step.number for step in steps if step.is_best] == [1, 2, 5]
    axes = progress_figure(history).axes[0]
    dots, best = axes.get_lines()[:2]
    assert dots.get_ydata().tolist() == pytest.approx([60, 61, 50, 66, 55, 64])
    assert best.get_ydata().tolist() == pytest.approx([60, 61, 66, 66])
    levels = {line.get_ydata()[0] for line in axes.get_lines() if len(set(line.get_ydata())) == 1}
    assert any(abs(level - 60.45) < 1e-9 for level in levels)  # relu, mean of 8 seeds


def test_a_lower_rung_is_never_the_best(study, play):
    records = study().search()
    higher = replace(records[2].evaluation, rung=1)
    records[2] = Evaluated(higher)  # the first one that was trained
    steps = steps_of(play(records))
    assert [step.number for step in steps if step.is_best] == [1]


def test_the_front_holds_whom_no_other_dominates(history):
    candidates, points, on = front_points(history)
    values = {c.text: (c.late.cost, p[1]) for c, p in zip(candidates, points, strict=True)}
    front = {c.text for c, is_on in zip(candidates, on, strict=True) if is_on}
    assert history.hall_of_fame(history.spec, 1)[0].text in front
    for text in front:
        cost, accuracy = values[text]
        assert not any(
            c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in values.values()
        )


def test_equal_points_are_on_the_front_together():
    points = np.random.default_rng(0).integers(0, 6, (200, 2)).astype(float)
    better = [
        ((points >= point).all(axis=1) & (points > point).any(axis=1)).any() for point in points
    ]
    assert on_front(points) == [not one for one in better]
    assert sum(on_front(points)) > len({*map(tuple, points[on_front(points)])})


def test_the_genealogy_reaches_back_to_who_has_no_parents(kept):
    family = lineage(kept.history, kept.winner())
    born = kept.history.born
    assert [born[member.id] for member in family.members] == [7, 4, 6, 3, 2, 2, 1, 0, 0]
    assert all(born[parent] < born[child] for parent, child in family.links)
    assert len(family.links) == 9
    oldest = [member.origin for member in family.members if not member.parents]
    assert oldest == ["random", "random"]
    assert family.left_out == 0
    nearest = lineage(kept.history, kept.winner(), most=2)
    assert nearest.members == family.members[:2]
    assert nearest.left_out == 7


def test_who_has_no_parents_has_no_genealogy(history):
    assert genealogy_figure(history, history.hall_of_fame(history.spec, 1)[0]) is None


def test_the_film_follows_the_g_that_was_trained(kept):
    winner = kept.winner()
    curve = kept.history.evaluations[winner.id, 0].curve
    figure = candidate_film(winner, curve)
    trained = figure.axes[0].get_lines()[0].get_ydata()
    assert trained.tolist() == [0.0, *(entry["g"] for entry in curve)]
    x, y = figure.axes[-1].get_lines()[1].get_data()
    np.testing.assert_allclose(y, winner.late.numpy()(x))
    assert candidate_film(Candidate(winner.late), curve) is None


def test_confirmed_intervals_are_those_of_the_summary(history):
    left, right = confirmation_figure(history).axes
    assert next(label.get_text() for label in left.get_yticklabels()) == "winner"
    means = [line.get_xdata()[0] for line in left.get_lines() if len(line.get_xdata()) == 1]
    assert means[0] == pytest.approx(100 * np.mean([0.6 + 0.0015 * r + 0.01 for r in range(1, 9)]))
    differences = [line.get_xdata()[0] for line in right.get_lines() if len(line.get_xdata()) == 1]
    assert any(
        abs(d - 100 * np.mean([0.02 + 0.0005 * r for r in range(1, 9)])) < 1e-9 for d in differences
    )


# Studies that are not at their end, and hostile ones


@pytest.mark.parametrize("draw", OF_STUDY)
def test_a_study_at_any_point_of_its_journal_is_drawn(study, play, draw):
    records = study(controls=True).records()
    for end in (1, 2, 3, 7, 12, 20, 40, len(records) - 1):
        figure = draw(play(records[:end]))
        assert figure is None or figure.axes


def test_a_study_without_any_success_is_drawn(study, play):
    nothing = ((None,) * 4, (None,) * 4)
    records = [*study(scores=nothing).search(), StudyFinished(None)]
    assert all(draw(play(records)) is None for draw in OF_STUDY)


def test_no_text_is_read_as_mathematics():
    figure = function_figure(parse("x"), title="$\\frac{ 5 $ <b>&amp; a_b")
    figure.canvas.draw()
    assert figure.get_suptitle() == "$\\frac{ 5 $ <b>&amp; a_b"


# Colours


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(a, b):
    """WCAG 2.2's contrast ratio."""
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("style", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_paper(style):
    for ground in (style.paper, style.panel):
        assert contrast(style.ink, ground) >= 7
        assert contrast(style.muted, ground) >= 4.5
        for line in (*style.lines, *style.stages):
            assert contrast(line, ground) >= 3


# Machado, Oliveira & Fernandes 2009: what who lacks a kind of cone sees.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(colour, seen):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(seen @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ linear / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("style", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_are_told_apart_with_any_colour_blindness(style, kind):
    told = [(style.function, style.derivative), style.stages, *combinations(style.lines[:4], 2)]
    for a, b in told:
        assert np.linalg.norm(lab(a, BLINDNESS[kind]) - lab(b, BLINDNESS[kind])) > 15, (a, b)


def test_a_sheet_that_is_used_again_shows_the_same(kept):
    """Whatever was drawn on it before: with bends, with layers, with how it was annealed."""
    ids = [one.candidate.id for one in kept.best(5)]
    drawn = [(kept.history.candidates[id_], kept.history.evaluations[id_, 0].curve) for id_ in ids]
    layers = {"act1": {"a0": 0.5}, "act2": {"a0": 2.0}}
    learnable = Candidate(parse("max(x, a0 * x) where a0 = 0.25"))
    several = [
        *((one, curve, {}) for one, curve in drawn),
        *((Candidate(one.late), (), {}) for one, _ in drawn),
        (learnable, (), layers),
        (learnable, (), {}),
        (Candidate(parse("group_sort(x, 2)")), (), {}),
    ]
    fresh = [figure_bytes(candidate_figure(one, c, params=p)) for one, c, p in several]
    for order in (1, -1):
        again = [candidate_svg(one, c, params=p) for one, c, p in several[::order]]
        assert again == fresh[::order]

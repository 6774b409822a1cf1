"""A chart's places: larger is further right and further up, names cover nothing, ticks are round."""

from __future__ import annotations

import pytest

from surgtwin.domain.verdict import Verdict
from surgtwin.report.document import Chart, ChartPoint
from ui.report.chart_shapes import BOTTOM, HEIGHT, LEFT, WIDTH, Line, Mark, Words, chart_shapes, round_step


def chart(*places: tuple[float, float], is_best: bool = True) -> Chart:
    points = tuple(ChartPoint(f"plan {n}", x, y, Verdict.SAFE, is_best, 1.0) for n, (x, y) in enumerate(places))
    return Chart("remnant, %", "margin, mm", points)


def marks(drawn: list) -> list[tuple[float, float]]:
    return [s.at for s in drawn if isinstance(s, Mark)]


def test_marks_lie_in_the_order_of_their_values_and_inside_the_axes() -> None:
    places = marks(chart_shapes(chart((20, 9), (40, -3), (70, 4))))
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[1][1] < places[2][1] < places[0][1]
    assert all(LEFT < x < WIDTH and BOTTOM < y < HEIGHT for x, y in places)


def test_a_marks_place_is_proportional_to_the_ticks_beside_it() -> None:
    drawn = chart_shapes(chart((20, 0), (40, 10)))
    ticks = {float(w.text): w.at[0] for w in drawn if isinstance(w, Words) and w.at[1] == BOTTOM - 12}
    (low, at_low), (high, at_high) = min(ticks.items()), max(ticks.items())
    for value, (x, _) in zip((20, 40), marks(drawn), strict=True):
        assert x == pytest.approx(at_low + (value - low) / (high - low) * (at_high - at_low))


def test_names_of_neighbours_do_not_cover_each_other() -> None:
    drawn = chart_shapes(chart((50, 10), (51, 10.1), (50.5, 9.9), (80, 2)))
    names = [w for w in drawn if isinstance(w, Words) and w.text.startswith("plan")]
    assert len({(round(w.at[1]), w.anchor) for w in names[:3]}) == 3


def test_equal_points_are_drawn_without_dividing_by_nothing() -> None:
    places = marks(chart_shapes(chart((50, 10), (50, 10))))
    assert places[0] == places[1]


def test_the_line_joins_only_the_best() -> None:
    def joins(is_best: bool) -> int:
        return len([s for s in chart_shapes(chart((1, 2), (3, 1), is_best=is_best)) if isinstance(s, Line)])

    assert joins(True) == joins(False) + 1


@pytest.mark.parametrize(
    ("rough", "step"), [(0.11, 0.2), (0.9, 1.0), (1.0, 1.0), (3.0, 5.0), (7.0, 10.0), (70.0, 100.0)]
)
def test_steps_are_round(rough, step) -> None:
    assert round_step(rough) == pytest.approx(step)

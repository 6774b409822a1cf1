"""A chart as lines, marks and words, so that HTML and PDF draw the same one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from surgtwin.domain.verdict import Verdict
from surgtwin.report.document import Chart, ChartPoint

WIDTH, HEIGHT = 460.0, 280.0
"""Of the whole chart, in points; y grows upwards."""
LEFT, RIGHT, BOTTOM, TOP = 52.0, 24.0, 44.0, 16.0
TICKS = 5
MARGIN_SHARE = 0.18
"""Room about the points, as a share of what they span."""
LEAST_SPAN = 2.0
WORDS = 9.0
MARK = 5.0


@dataclass(frozen=True)
class Line:
    """A straight line; `is_faint` for the grid."""

    start: tuple[float, float]
    end: tuple[float, float]
    is_faint: bool = False


@dataclass(frozen=True)
class Mark:
    """A plan's place, shaped by its verdict."""

    at: tuple[float, float]
    verdict: Verdict


@dataclass(frozen=True)
class Words:
    """A line of text; `anchor` is 'start', 'middle' or 'end'. `is_upright` turns it to read upwards."""

    at: tuple[float, float]
    text: str
    anchor: str = "middle"
    is_upright: bool = False


Shape = Line | Mark | Words


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    length: float

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * self.length

    def ticks(self) -> list[float]:
        step = round_step((self.high - self.low) / TICKS)
        first = np.ceil(self.low / step - 1e-9) * step
        return [float(v) for v in np.arange(first, self.high + step * 1e-9, step)]


def round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999))


def chart_shapes(chart: Chart) -> list[Shape]:
    """The chart's grid, its points with error bars and names, and the line through the best."""
    across = _axis([(p.x, p.x_error) for p in chart.points], LEFT, WIDTH - LEFT - RIGHT)
    up = _axis([(p.y, p.y_error) for p in chart.points], BOTTOM, HEIGHT - BOTTOM - TOP)
    shapes: list[Shape] = [*_grid(across, up), *_titles(chart)]
    front = sorted((p for p in chart.points if p.is_best), key=lambda p: (p.x, p.y))
    places = [(across.place(p.x), up.place(p.y)) for p in front]
    shapes += [Line(a, b) for a, b in pairwise(places)]
    for point in chart.points:
        shapes += _point(point, across, up)
    return shapes


def _axis(values: list[tuple[float, float]], start: float, length: float) -> _Axis:
    low, high = min(v - e for v, e in values), max(v + e for v, e in values)
    span = max(high - low, LEAST_SPAN)
    middle = (low + high) / 2
    half = span * (0.5 + MARGIN_SHARE)
    return _Axis(middle - half, middle + half, start, length)


def _grid(across: _Axis, up: _Axis) -> list[Shape]:
    shapes: list[Shape] = []
    right, top = across.start + across.length, up.start + up.length
    for value in across.ticks():
        x = across.place(value)
        shapes += [Line((x, BOTTOM), (x, top), is_faint=True), Words((x, BOTTOM - 12), f"{value:g}")]
    for value in up.ticks():
        y = up.place(value)
        shapes += [Line((LEFT, y), (right, y), is_faint=True), Words((LEFT - 6, y - 3), f"{value:g}", "end")]
    return [*shapes, Line((LEFT, BOTTOM), (right, BOTTOM)), Line((LEFT, BOTTOM), (LEFT, top))]


def _titles(chart: Chart) -> list[Shape]:
    x, y = LEFT + (WIDTH - LEFT - RIGHT) / 2, BOTTOM + (HEIGHT - BOTTOM - TOP) / 2
    return [Words((x, 10.0), chart.x_title), Words((14.0, y), chart.y_title, is_upright=True)]


def _point(point: ChartPoint, across: _Axis, up: _Axis) -> list[Shape]:
    x, y = across.place(point.x), up.place(point.y)
    bars: list[Shape] = []
    if point.x_error:
        bars.append(Line((across.place(point.x - point.x_error), y), (across.place(point.x + point.x_error), y)))
    if point.y_error:
        bars.append(Line((x, up.place(point.y - point.y_error)), (x, up.place(point.y + point.y_error))))
    is_right = x > LEFT + (WIDTH - LEFT - RIGHT) * 0.6
    name = Words((x - 9 if is_right else x + 9, y + 7), point.name, "end" if is_right else "start")
    return [*bars, Mark((x, y), point.verdict), name]

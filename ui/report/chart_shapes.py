"""A chart as lines, marks and words, so that HTML and PDF draw the same one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from surgtwin.domain.verdict import Verdict
from surgtwin.report.document import Chart, ChartPoint

from .clean_text import visible

WIDTH, HEIGHT = 460.0, 280.0
"""Of the whole chart, in points; y grows upwards."""
LEFT, RIGHT, BOTTOM, TOP = 52.0, 24.0, 44.0, 16.0
TICKS = 5
MARGIN_SHARE = 0.18
"""Room about the points, as a share of what they span."""
LEAST_SPAN = 2.0
WORDS = 9.0
MARK = 5.0
LONGEST_NAME = 40
LETTER_WIDTH = 0.58
"""Of the size of the words, on average."""


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
        return [float(v) + 0.0 for v in np.arange(first, self.high + step * 1e-9, step)]


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
    return [*shapes, *_names(chart, [(across.place(p.x), up.place(p.y)) for p in chart.points])]


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
    return [*bars, Mark((x, y), point.verdict)]


def _names(chart: Chart, places: list[tuple[float, float]]) -> list[Words]:
    """Each point's name beside it, where it covers no other name and no mark, if there is such a place."""
    taken = [_Box(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in places]
    words = []
    for point, (x, y) in zip(chart.points, places, strict=True):
        text = _short(visible(point.name))
        choices = [(_name_box(text, x, y, *beside), beside) for beside in _BESIDE]
        free = [c for c in choices if c[0].is_within_chart and not any(c[0].covers(t) for t in taken)]
        box, (anchor, right, above) = (free or [c for c in choices if c[0].is_within_chart] or choices)[0]
        taken.append(box)
        words.append(Words((x + right, y + above), text, anchor))
    return words


_BESIDE = (("start", 9.0, 7.0), ("end", -9.0, 7.0), ("start", 9.0, -13.0), ("end", -9.0, -13.0),
           ("middle", 0.0, 14.0), ("middle", 0.0, -20.0))  # fmt: skip
"""Where a name may stand beside its mark: anchor, and shift to the right and up."""


@dataclass(frozen=True)
class _Box:
    left: float
    low: float
    right: float
    high: float

    @property
    def is_within_chart(self) -> bool:
        return self.left >= LEFT and self.right <= WIDTH and self.low >= BOTTOM and self.high <= HEIGHT

    def covers(self, other: _Box) -> bool:
        return not (
            self.right < other.left or other.right < self.left or self.high < other.low or other.high < self.low
        )


def _short(name: str) -> str:
    """The name, cut at its end where it would not fit beside a mark."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _name_box(text: str, x: float, y: float, anchor: str, right: float, above: float) -> _Box:
    wide = WORDS * LETTER_WIDTH * len(text)
    left = x + right - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    return _Box(left, y + above - 2.0, left + wide, y + above + WORDS)

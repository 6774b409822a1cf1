"""What is drawn over the views for treated zones: their rims on slices and through organs, and the axis's stem."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.verdict import Verdict
from ui.render.palette import ACCENT, TEXT, VERDICT_COLOURS

from .verdict_look import MarginBands

_DARK = QColor(0, 0, 0, 190)
_STYLES = {
    Verdict.SAFE: (2.0, Qt.PenStyle.SolidLine),
    Verdict.UNPROVEN: (2.4, Qt.PenStyle.DashLine),
    Verdict.VIOLATED: (4.0, Qt.PenStyle.SolidLine),
}


def draw_hidden_rim(painter: QPainter, places: Sequence[QPointF], verdict: Verdict | None) -> None:
    """A zone's shape through what hides it, in its verdict's look; dotted while that is not known."""
    width, style = _STYLES[verdict] if verdict is not None else (1.0, Qt.PenStyle.DotLine)
    colour = QColor(*VERDICT_COLOURS[verdict.value], 200) if verdict is not None else QColor(*TEXT, 110)
    painter.setPen(QPen(colour, width / 1.6, style))
    painter.drawPolyline(list(places))


def draw_stem(painter: QPainter, middle: QPointF, end: QPointF) -> None:
    """The axis, from the middle to the handle that turns it."""
    for pen in (QPen(_DARK, 3.0), QPen(QColor(*ACCENT, 200), 1.2)):
        painter.setPen(pen)
        painter.drawLine(QLineF(middle, end))


def draw_treated(painter: QPainter, places: Sequence[QPointF], is_chosen: bool) -> None:
    """What a zone treats, hatched lightly so that the image stays legible."""
    path = QPainterPath()
    path.addPolygon(list(places))
    colour = QColor(*(ACCENT if is_chosen else TEXT), 60)
    painter.fillPath(path, QBrush(colour, Qt.BrushStyle.FDiagPattern))


def draw_rim(
    painter: QPainter,
    places: Sequence[QPointF],
    margins_mm: FloatArray,
    is_bare: NDArray[np.bool_],
    bands: MarginBands | None,
    is_chosen: bool,
) -> None:
    """A zone's rim in pieces of one verdict each; dotted where another zone covers it."""
    kinds = [_kind(bands, float(mm)) if bare else None for mm, bare in zip(margins_mm, is_bare, strict=True)]
    start = 0
    for kind, group in groupby(kinds):
        end = start + len(list(group))
        run = list(places[start : end + 1])
        for pen in _pens(kind, is_chosen):
            painter.setPen(pen)
            painter.drawPolyline(run)
        start = end


def _kind(bands: MarginBands | None, margin_mm: float) -> Verdict | str:
    return bands.verdict(margin_mm) if bands is not None else "unknown"


def _pens(kind: Verdict | str | None, is_chosen: bool) -> tuple[QPen, ...]:
    if kind is None:
        return (QPen(QColor(*TEXT, 130), 1.0, Qt.PenStyle.DotLine),)
    if not isinstance(kind, Verdict):
        return (QPen(_DARK, 4.0), QPen(QColor(*ACCENT), 2.0))
    width, style = _STYLES[kind]
    colour = QColor(*VERDICT_COLOURS[kind.value])
    if not is_chosen:
        colour.setAlpha(170)
    return (QPen(_DARK, width + 2.0), QPen(colour, width, style))

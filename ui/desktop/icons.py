"""The program's own icons: SVG files drawn for it, rendered sharp at every scale."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

FOLDER = Path(__file__).with_name("icons")
DRAWN_IN = "#e6e8eb"
"""The colour that stands for 'the text's colour' in the files."""
DISABLED = "#6a7078"
SIZES_PX = (16, 20, 32, 48, 64, 96)


@cache
def icon(name: str, colour: str = DRAWN_IN) -> QIcon:
    """The icon of that file name; drawn in `colour`, and greyed when disabled."""
    made = QIcon()
    for size in SIZES_PX:
        made.addPixmap(pixmap(name, size, colour), QIcon.Mode.Normal)
        made.addPixmap(pixmap(name, size, colour), QIcon.Mode.Selected)
        made.addPixmap(pixmap(name, size, DISABLED), QIcon.Mode.Disabled)
    return made


def pixmap(name: str, size: int, colour: str = DRAWN_IN, ratio: float = 1.0) -> QPixmap:
    """The icon as a picture of `size` logical pixels."""
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8").replace(DRAWN_IN, colour)
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def chip(colour: tuple[int, int, int], size: int = 14, hollow: bool = False) -> QIcon:
    """A rounded square in an organ's colour, hollow for one that is hidden."""
    made = QIcon()
    for scale in (1, 2, 3):
        picture = QPixmap(size * scale, size * scale)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(*colour))
        painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QColor(*colour))
        painter.drawRoundedRect(QRectF(picture.rect()).adjusted(scale, scale, -scale, -scale), 3 * scale, 3 * scale)
        painter.end()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            made.addPixmap(picture, mode)
    return made

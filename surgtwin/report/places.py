"""Three slices through the place that a figure is about."""

from __future__ import annotations

from ..domain.geometry import Point3
from .document import Block, Figure, FigureRow, Paragraph, Picture, PictureKind

SLICE_VIEWS = ("axial", "coronal", "sagittal")


def place_figures(plan: int, entry: str, at_mm: Point3 | None, text: str) -> list[Block]:
    """What is seen there, in words and in three slices; nothing if there is no place."""
    if at_mm is None:
        return []
    figures = tuple(
        Figure(Picture(PictureKind.SLICE, view, plan, entry, at_mm), view.capitalize()) for view in SLICE_VIEWS
    )
    return [Paragraph(text), FigureRow(figures)]

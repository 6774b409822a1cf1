"""The blocks that a report is made of. All texts are plain: whoever writes them into a format escapes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..domain.geometry import Point3
from ..domain.labels import Colour
from ..domain.verdict import Verdict


class Tone(StrEnum):
    """How a paragraph speaks."""

    NORMAL = "normal"
    QUIET = "quiet"
    WARNING = "warning"


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str
    tone: Tone = Tone.NORMAL


@dataclass(frozen=True)
class Cell:
    """One field of a table; with a verdict, the verdict's word and shape stand in it. A colour is shown before it."""

    text: str = ""
    verdict: Verdict | None = None
    colour: Colour | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, whether numbers stand in it (flush right), and its share of the width."""

    title: str
    is_number: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Table:
    """Rows under titled columns.

    Parameters
    ----------
    note
        What the figures mean, in small type below.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and values, one pair a line."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Callout:
    """The verdict that a reader must not miss, in a frame.

    Parameters
    ----------
    word
        What stands for the verdict where it is none on a plan, e.g. "rejected"; the verdict's own word if empty.
    """

    verdict: Verdict
    text: str
    word: str = ""


class PictureKind(StrEnum):
    """SCENE: the organs in 3D. SLICE: one slice of the image. MAP: a cut surface laid out flat."""

    SCENE = "scene"
    SLICE = "slice"
    MAP = "map"


@dataclass(frozen=True)
class Picture:
    """A picture that a report wants.

    Parameters
    ----------
    view
        Of a scene: a camera ("anterior", "right", ...) or "cut", which looks at the cut surface with the resected part
        taken away. Of a slice: "axial", "coronal" or "sagittal". Of a map: "cut".
    entry
        Name of the cut, zone, needle or path that it shows; empty shows all of the plan.
    at_mm
        LPS place that a slice goes through.
    plan
        Which of the report's plans; None for the twin without a plan.
    """

    kind: PictureKind
    view: str
    plan: int | None = None
    entry: str = ""
    at_mm: Point3 | None = None


@dataclass(frozen=True)
class Figure:
    """A picture with what it shows in words."""

    picture: Picture
    caption: str


@dataclass(frozen=True)
class FigureRow:
    """Figures side by side."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class KeyRow:
    """One line of a picture's key: the verdict's colour and hatching, and what it stands for."""

    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Key:
    """What the colours of the pictures before it mean."""

    title: str
    rows: tuple[KeyRow, ...]


@dataclass(frozen=True)
class Legend:
    """Which colour in the pictures is what, all in one line where they fit."""

    items: tuple[tuple[Colour, str], ...]


@dataclass(frozen=True)
class ChartPoint:
    """A named point with the verdict it is drawn in; `is_best` if no other point is better in both directions."""

    name: str
    x: float
    y: float
    verdict: Verdict
    is_best: bool
    x_error: float = 0.0
    y_error: float = 0.0


@dataclass(frozen=True)
class Chart:
    """Points over two axes, with what the axes are."""

    x_title: str
    y_title: str
    points: tuple[ChartPoint, ...]
    note: str = ""


Block = Paragraph | Table | Facts | Callout | FigureRow | Key | Legend | Chart


@dataclass(frozen=True)
class Section:
    """A titled part of a report."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report.

    Parameters
    ----------
    title
        On top of the first page.
    running_title
        Short, on every page: case, revision, plan.
    facts
        Who, what and when, below the title.
    """

    title: str
    running_title: str
    facts: Facts
    sections: tuple[Section, ...] = field(default=())

    def pictures(self) -> tuple[Picture, ...]:
        """Every picture that the report wants, once, in the order of appearance."""
        rows = [b for s in self.sections for b in s.blocks if isinstance(b, FigureRow)]
        return tuple(dict.fromkeys(f.picture for row in rows for f in row.figures))

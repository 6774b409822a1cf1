"""The trunk's outlines (skin, muscle, cavity), the muscles of the back, the diaphragm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .labelling import BODY_FAT
from .painting import Paint
from .person import Person
from .shapes import F32, UNBOUNDED, Box, Common, Grown, Rough, Shape, Union, Vector, Waves, bent_tube

SKIN_MM = 2.2
BOX_MARGIN_MM = 2.0
HIGHEST_SPINE_OFFSET_MM = 30.0
"""More than 0.6 of how far the spine curves back anywhere in an image."""


def spine_offset(z: float | F32) -> float | F32:
    """How far behind its place at z = 0 the spine lies (mm): it curves backwards in the chest."""
    up = np.maximum(z, 0)
    down = np.maximum(-z, 0)
    return 0.0008 * up * up / (1 + up / 400) - 0.0006 * down * down / (1 + down / 60)


@dataclass(frozen=True)
class Outline:
    """A superellipse (power 2.5) in every transverse plane, its width changing with height.

    Parameters
    ----------
    front_y, back_y
        Where it crosses the middle at z = 0.
    half_width
        At z = 0; `waist` is subtracted about the navel and `hips` added below.
    groove
        Depth in mm of the furrow along the spine.
    """

    half_width: float
    front_y: float
    back_y: float
    waist: float = 4.0
    hips: float = 14.0
    groove: float = 0.0

    @property
    def box(self) -> Box:
        x = self.half_width + self.hips + BOX_MARGIN_MM
        low, high = UNBOUNDED.low[2], UNBOUNDED.high[2]
        back = self.back_y + HIGHEST_SPINE_OFFSET_MM
        return Box((-x, self.front_y - 3 - BOX_MARGIN_MM, low), (x, back + BOX_MARGIN_MM, high))

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        hips = 1 / (1 + np.exp((z + 85) / np.float32(14)))
        top = np.maximum(z - 120, 0)
        width = self.half_width - self.waist * np.exp(-(((z + 30) / 40) ** 2)) + self.hips * hips - 0.0016 * top * top
        back = self.back_y + np.float32(0.6) * spine_offset(z)
        front = self.front_y + 0.0009 * top * top - 3 * hips
        half_depth = (back - front) / 2
        dy = y - (back + front) / 2
        u, v = np.abs(x) / width, np.abs(dy) / half_depth
        f = np.maximum(u * u * np.sqrt(u) + v * v * np.sqrt(v), np.float32(1e-6)) ** np.float32(0.4)
        d = np.sqrt(x * x + dy * dy) * (1 - 1 / f)
        if self.groove:
            d = d + self.groove * np.exp(-((x / 13) ** 2)) * (dy > 0)
        return np.asarray(d, dtype=np.float32)


@dataclass(frozen=True)
class Wall:
    """The trunk's nested outlines."""

    skin: Outline
    muscle: Outline
    cavity: Outline


def wall_of(person: Person) -> Wall:
    v = person.visceral_mm
    front, side, back = person.fat_mm
    cavity = Outline(131 + v, -82 - 1.5 * v, 78)
    muscle = Outline(144 + v, -93 - 1.5 * v, 102, groove=5.0)
    skin = Outline(144 + v + side, -93 - 1.5 * v - front, 102 + back, hips=20.0, groove=7.0)
    return Wall(skin, muscle, cavity)


@dataclass(frozen=True)
class Dome:
    """The space below one vault of the diaphragm."""

    x: float
    y: float
    top: float
    rx: float
    ry_front: float
    ry_back: float

    @property
    def box(self) -> Box:
        return UNBOUNDED

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        dy = y - self.y
        ry = np.where(dy > 0, np.float32(self.ry_back), np.float32(self.ry_front))
        q = np.minimum(((x - self.x) / self.rx) ** 2 + (dy / ry) ** 2, np.float32(3.0))
        height = self.top - 20 * q - 20 * q * q
        slope = (40 + 80 * q) * np.sqrt(q) / self.rx
        return np.asarray((z - height) / np.sqrt(1 + slope * slope), dtype=np.float32)


def diaphragm() -> Shape:
    """The space below the diaphragm: two domes and the tendon under the heart."""
    return Union(
        (
            Dome(-62, -8, 120, 56, 88, 66),
            Dome(66, 0, 107, 56, 80, 62),
            Dome(8, -38, 103, 62, 62, 62),
        ),
        blend=12.0,
    )


def _column(x: float, y: float, radii: tuple[float, ...], heights: tuple[float, ...], lean: float = 0.0) -> list[Shape]:
    """A muscle along the spine through `heights`, `lean` mm more lateral at the lowest."""
    points: list[Vector] = []
    for n, z in enumerate(heights):
        out = lean * n / (len(heights) - 1)
        points.append((x + np.sign(x) * out, y + float(spine_offset(z)), z))
    return list(bent_tube(points, radii, step_mm=14.0))


def back_muscles() -> list[Shape]:
    """Erector spinae, psoas and quadratus lumborum of both sides."""
    shapes: list[Shape] = []
    for side in (-1, 1):
        inner = _column(side * 25, 80, (17, 18, 20, 21), (260, 120, 0, -140))
        outer = _column(side * 44, 80, (11, 14, 17, 16), (200, 100, 0, -140))
        shapes.append(Union((*inner, *outer), blend=9.0))
        medial = _column(side * 27, 36, (4, 11, 15, 18), (45, 0, -60, -140), lean=12)
        lateral = _column(side * 34, 43, (3, 9, 13, 16), (40, 0, -60, -140), lean=16)
        shapes.append(Union((*medial, *lateral), blend=8.0))
        shapes.append(Union(_column(side * 58, 68, (6, 9, 10), (35, -20, -100), lean=12), blend=4.0))
        shapes.append(Union(_column(side * 66, 70, (5, 8, 9), (30, -20, -100), lean=14), blend=4.0))
    return shapes


def paint_wall(wall: Wall, person: Person, rng: np.random.Generator) -> list[Paint]:
    """Skin, fat, muscle, and the fat of the empty cavity."""
    hu = person.enhancement
    strands, marbling = Waves.random(rng, 22.0, 5), Waves.random(rng, 9.0, 5)

    def fat(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(hu.fat + 5 * strands.at(x, y, z), dtype=np.float32)

    def muscle(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(hu.muscle + 6 * marbling.at(x, y, z), dtype=np.float32)

    layer = Rough(wall.muscle, Waves.random(rng, 60.0), 3.0)
    deep = Common((Grown(wall.cavity, 5.2), _flank()), blend=3)
    deeper = Common((Grown(wall.cavity, 3.6), _flank()), blend=3)
    return [
        Paint(wall.skin, hu.skin, BODY_FAT),
        Paint(Grown(wall.skin, -SKIN_MM), fat, None),
        Paint(layer, muscle, None),
        Paint(deep, hu.fat + 60, None),
        Paint(deeper, muscle, None),
        Paint(wall.cavity, fat, None),
    ]


def _flank() -> Shape:
    """Where the abdominal wall shows its layers, with thin fat between."""
    from .shapes import Below

    return Common((Below((0, 0, 10), (0, 0, 1)), Below((0, 55, 0), (0, 1, 0))))


def paint_back(person: Person, rng: np.random.Generator) -> list[Paint]:
    """The muscles along the spine, with thin fat around them."""
    marbling = Waves.random(rng, 8.0, 6)

    def muscle(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(person.enhancement.muscle + 9 * marbling.at(x, y, z), dtype=np.float32)

    shapes = back_muscles()
    sheath = [Paint(Grown(s, 1.2), person.enhancement.fat, 0) for s in shapes]
    return sheath + [Paint(s, muscle, 0) for s in shapes]

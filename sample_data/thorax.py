"""What lies above the diaphragm: lungs with their vessels, heart, mediastinum; and the diaphragm itself."""

from __future__ import annotations

import numpy as np

from .branching import grow
from .labelling import HEART, LUNGS
from .painting import Paint
from .person import Person
from .shapes import F32, Below, Capsule, Common, Ellipsoid, Grown, Shape, Waves, Without, bent_tube
from .wall import Wall, diaphragm, spine_offset

DIAPHRAGM_MM = 2.2


def below_diaphragm(wall: Wall, gap_mm: float) -> Shape:
    """The room for the abdominal organs, `gap_mm` away from the wall and the diaphragm."""
    return Common((Grown(wall.cavity, -gap_mm), Grown(diaphragm(), -gap_mm)), blend=3.0)


def paint_thorax(wall: Wall, person: Person, rng: np.random.Generator) -> list[Paint]:
    """Diaphragm, lungs, mediastinal fat and heart, from the outside inwards."""
    hu = person.enhancement
    dome = diaphragm()
    lung_texture = Waves.random(rng, 14.0, 5)

    def lung(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(hu.lung + 22 * lung_texture.at(x, y, z) + 0.35 * y, dtype=np.float32)

    heart = Ellipsoid((26, -40, 150), (62, 40, 54), (0, 25, 35))
    column = bent_tube([(3, 20, 84), (4, 22, 130), (2, 24, 280)], [24, 27, 32], step_mm=30)
    chest = Common((Grown(wall.cavity, -2.5), Below((0, 0, 12), (0, 0, -1))))
    lungs = Without(chest, (Grown(dome, DIAPHRAGM_MM), Grown(heart, 6.0), *(Grown(c, 3.0) for c in column)), blend=5.0)
    muscular = Without(chest, (dome,))
    return [
        Paint(muscular, hu.muscle, 0),
        Paint(Without(muscular, (Grown(dome, DIAPHRAGM_MM),)), hu.fat, 0),
        Paint(lungs, lung, LUNGS),
        *_lung_vessels(rng),
        *(Paint(Common((c, Grown(chest, 3), _above(dome))), hu.fat, 0) for c in column),
        Paint(_clear_of(heart, dome), hu.heart * 0.75, HEART),
        Paint(_clear_of(Ellipsoid((42, -44, 138), (36, 25, 40), (0, 25, 35)), dome), hu.heart + 15, HEART),
        Paint(_clear_of(Ellipsoid((-8, -36, 156), (25, 26, 30)), dome), hu.heart + 10, HEART),
    ]


def _above(dome: Shape) -> Shape:
    return Without(Below((0, 0, 0), (0, 0, -1)), (Grown(dome, DIAPHRAGM_MM),))


def _clear_of(shape: Shape, dome: Shape) -> Shape:
    return Without(shape, (Grown(dome, DIAPHRAGM_MM),), blend=4.0)


def _lung_vessels(rng: np.random.Generator) -> list[Paint]:
    pieces: list[Capsule] = []
    for side in (-1, 1):
        for target in ((95, 40, 85), (80, 62, 110), (70, -35, 135), (105, 0, 130), (60, 50, 80)):
            start = (side * 42.0, 10.0 + float(spine_offset(165.0)), 170.0)
            end = (side * float(target[0]), float(target[1]), float(target[2]))
            pieces += grow(rng, start, end, 3.4, 4, spread_degrees=30)
    return [Paint(c, 40.0, None, only_over=(LUNGS,)) for c in pieces]

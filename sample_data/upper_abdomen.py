"""Spleen, kidneys, adrenals, stomach, duodenum, pancreas, oesophagus, and the great vessels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .labelling import (
    AORTA,
    CAVA,
    DUODENUM,
    LEFT_ADRENAL,
    LEFT_KIDNEY,
    OESOPHAGUS,
    PANCREAS,
    RIGHT_ADRENAL,
    RIGHT_KIDNEY,
    SPLEEN,
    STOMACH,
)
from .painting import Paint, Value
from .person import Person
from .shapes import (
    F32,
    Below,
    Capsule,
    Common,
    Ellipsoid,
    Grown,
    Rough,
    Shape,
    Union,
    Vector,
    Waves,
    Without,
    bent_tube,
    tube,
)
from .thorax import below_diaphragm
from .wall import Wall, spine_offset

GAS_HU = -980.0


def _behind(y: float, z: float) -> float:
    return y + float(spine_offset(z))


def sheathed(shapes: Sequence[Shape], value: Value, label: int, fat_hu: float, sheath_mm: float) -> list[Paint]:
    """Shapes of one organ with a coat of fat, the coat first."""
    return [
        *(Paint(Grown(s, sheath_mm), fat_hu, 0) for s in shapes),
        *(Paint(s, value, label) for s in shapes),
    ]


def paint_spleen(wall: Wall, person: Person, rng: np.random.Generator) -> list[Paint]:
    """A crescent between the left dome, the flank and the stomach."""
    s = person.size("spleen")
    whole = Ellipsoid((86, 30, 66), (48 * s, 52 * s, 50 * s), (25, 0, 20))
    hollow = Ellipsoid((42, 4, 66), (40, 44, 58), (0, 0, 25))
    notch = Ellipsoid((62, 34, 66), (12, 9, 14))
    shape = Common((Without(whole, (hollow, notch), blend=8), below_diaphragm(wall, 1.2)), blend=5)
    texture = Waves.random(rng, 14.0, 5)

    def pulp(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(person.enhancement.spleen + 3 * texture.at(x, y, z), dtype=np.float32)

    return [Paint(Rough(shape, Waves.random(rng, 45.0), 2.0), pulp, SPLEEN)]


def paint_kidneys(person: Person, rng: np.random.Generator) -> list[Paint]:
    """Beans in their fat capsules, with sinus fat, pelvis and ureter."""
    paints: list[Paint] = []
    for side, label, z in ((-1, RIGHT_KIDNEY, -8.0), (1, LEFT_KIDNEY, 8.0)):
        paints += _paint_kidney(person, rng, side, label, z)
    return paints


def _paint_kidney(person: Person, rng: np.random.Generator, side: int, label: int, height: float) -> list[Paint]:
    organ = "right kidney" if side < 0 else "left kidney"
    hu, s = person.enhancement, person.size(organ)

    def at(x: float, y: float, z: float) -> Vector:
        return person.place(organ, side * x, y, height + z)

    axis = [at(53, 30, 36), at(65, 33, 18), at(69, 34, -4), at(64, 31, -32)]
    bean = Union(bent_tube(axis, [16 * s, 22 * s, 23 * s, 18 * s]), blend=6.0)
    sinus = Ellipsoid(at(50, 26, 0), (15, 10, 21), (0, 0, side * 35.0))
    bean_with_hilum = Without(bean, (sinus,), blend=5.0)
    cortex = Waves.random(rng, 15.0, 6)

    def parenchyma(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(hu.kidney + 9 * cortex.at(x, y, z), dtype=np.float32)

    pelvis = [Ellipsoid(at(49, 25, -2), (9, 5.5, 11), (0, 0, side * 30.0))]
    ureter = bent_tube([at(42, 25, -8), at(37, 28, -38), at(34, 27, -90)], [3.2, 2.4, 2.2])
    return [
        Paint(Grown(bean, 7.0), hu.fat, 0),
        Paint(bean_with_hilum, parenchyma, label),
        *(Paint(p, 18.0, None) for p in pelvis),
        *(Paint(Grown(c, 1.5), hu.fat, None, only_over=(0,)) for c in ureter),
        *(Paint(c, 30.0, None, only_over=(0,)) for c in ureter),
    ]


def paint_adrenals(person: Person) -> list[Paint]:
    """Two thin limbs each, like an inverted Y."""
    hu = person.enhancement
    paints: list[Paint] = []
    for label, top, ends in (
        (RIGHT_ADRENAL, (-27, 20, 60), ((-31, 36, 46), (-40, 34, 44))),
        (LEFT_ADRENAL, (27, 8, 56), ((22, 24, 38), (36, 24, 40))),
    ):
        limbs = [Capsule(_f(top), _f(end), 3.4, 2.8) for end in ends]
        limbs += [Capsule((top[0], top[1], top[2] - 8.0), _f(end), 3.2, 2.8) for end in ends]
        paints += sheathed(limbs, hu.adrenal, label, hu.fat, 3.5)
    return paints


def _f(point: tuple[int, int, int]) -> Vector:
    return (float(point[0]), float(point[1]), float(point[2]))


def paint_stomach(person: Person, rng: np.random.Generator) -> list[Paint]:
    """Fundus under the left dome, body, antrum; with what was drunk and a bubble of gas in front."""
    hu, s = person.enhancement, person.size("stomach")
    centers = [(52, 4, 90), (60, -20, 80), (57, -45, 60), (36, -56, 40), (10, -59, 29), (-12, -52, 26), (-24, -42, 26)]
    radii = [25 * s, 28 * s, 26 * s, 21 * s, 16 * s, 12 * s, 8.0]
    bag = Union(bent_tube([person.place("stomach", *c) for c in centers], radii, step_mm=10), blend=6.0)
    outer = Rough(bag, Waves.random(rng, 32.0), 3.0)
    rugae = Waves.random(rng, 13.0, 6)
    inner = Rough(Grown(outer, -4.5), rugae, 2.5)
    _, dy, _ = person.place("stomach", 0, 0, 0)
    level = (0.0, dy - 48.0 + 8.0 * float(rng.uniform(-1, 1)), 0.0)
    meal = Waves.random(rng, 10.0, 6)

    def content(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(person.oral_contrast + 10 * meal.at(x, y, z), dtype=np.float32)

    return [
        Paint(Grown(outer, 2.0), hu.fat, 0),
        Paint(outer, hu.wall, STOMACH),
        Paint(inner, content, STOMACH),
        Paint(Common((inner, Below(level, (0, 1, 0)))), GAS_HU, STOMACH),
    ]


def paint_duodenum(person: Person, rng: np.random.Generator) -> list[Paint]:
    path: list[Vector] = [
        (-24, -42, 26), (-38, -30, 28), (-44, -14, 16), (-43, -6, -8), (-32, -8, -24), (-8, -14, -26), (16, -14, -16),
    ]  # fmt: skip
    pieces = bent_tube(path, [8, 11, 12, 12, 11, 10, 10], step_mm=7)
    hu = person.enhancement
    return [
        *sheathed(pieces, hu.wall, DUODENUM, hu.fat, 1.2),
        *(Paint(Grown(c, -2.8), 0.6 * person.oral_contrast + 10, DUODENUM) for c in pieces),
        *(Paint(Ellipsoid((-39, -33, 27), (4, 4, 4)), GAS_HU, DUODENUM) for _ in range(int(rng.integers(0, 2)))),
    ]


def paint_pancreas(person: Person, rng: np.random.Generator) -> list[Paint]:
    """Head in the duodenal loop, neck before the portal confluence, tail to the spleen; lobulated."""
    s = person.size("pancreas")
    path = [(-27, -15, 6), (-25, -20, 22), (-10, -29, 38), (12, -30, 46), (34, -17, 51), (52, 1, 56), (64, 13, 62)]
    radii = [12 * s, 14 * s, 9.5 * s, 10 * s, 10 * s, 9.5 * s, 7 * s]
    gland = Union(bent_tube([person.place("pancreas", *p) for p in path], radii, step_mm=8), blend=4.0)
    hu = person.enhancement
    fatty = Waves.random(rng, 8.0, 7)

    def lobules(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(hu.pancreas - 14 * np.maximum(fatty.at(x, y, z), 0), dtype=np.float32)

    shape = Rough(gland, Waves.random(rng, 11.0, 7), 2.6)
    return [Paint(Grown(shape, 1.5), hu.fat, 0), Paint(shape, lobules, PANCREAS)]


def paint_oesophagus(person: Person) -> list[Paint]:
    path: list[Vector] = [
        (3, _behind(-8, 260), 260), (3, _behind(-14, 170), 170), (5, _behind(-14, 130), 130), (18, 6, 106), (36, 8, 92),
    ]  # fmt: skip
    pieces = bent_tube(path, [8, 8, 8.5, 8.5, 8], flat=0.8)
    hu = person.enhancement
    lumen = bent_tube([(3.0, _behind(-8, 260), 260.0), (3.0, _behind(-14, 170), 170.0)], [2.5, 2.0])
    return [
        *sheathed(pieces, hu.wall - 20, OESOPHAGUS, hu.fat, 2.0),
        *(Paint(c, -600.0, OESOPHAGUS) for c in lumen),
    ]


def aorta_shape(person: Person) -> tuple[Capsule, ...]:
    s = person.size("aorta")
    path: list[Vector] = [
        (14, _behind(2, 270), 270), (11, _behind(3, 150), 150), (7, _behind(2, 95), 95), (5, 2, 45),
        (5, 0, 0), (3, 1, -52),
    ]  # fmt: skip
    return bent_tube(path, [12.5 * s, 11.5 * s, 11 * s, 10 * s, 9 * s, 8.5 * s])


def paint_great_vessels(person: Person) -> list[Paint]:
    """Aorta with its branches, cava with the renal and iliac veins; the crura of the diaphragm beside them."""
    hu = person.enhancement
    arteries = [
        *bent_tube([(5, -7, 46), (4, -22, 46), (-2, -26, 48)], [3.8, 3.4, 3.2]),
        *bent_tube([(-2, -26, 48), (-20, -28, 52), (-32, -30, 56)], [2.6, 2.4, 2.0]),
        *bent_tube([(-2, -26, 48), (22, -18, 58), (44, 2, 66), (62, 20, 72)], [2.8, 2.6, 2.4, 2.0]),
        *bent_tube([(5, -7, 34), (4, -18, 26), (2, -24, 0), (0, -30, -50)], [4.0, 3.8, 3.4, 2.6]),
        *bent_tube([(5, 0, 12), (-14, 10, 8), (-38, 24, -4), (-50, 26, -6)], [3.0, 2.8, 2.6, 2.4]),
        *bent_tube([(5, 0, 14), (22, 12, 12), (40, 24, 8), (50, 26, 6)], [3.0, 2.8, 2.6, 2.4]),
        *bent_tube([(3, 1, -50), (-12, 6, -80), (-30, 20, -130)], [6.2, 5.6, 5.2]),
        *bent_tube([(3, 1, -50), (18, 6, -80), (34, 20, -130)], [6.2, 5.6, 5.2]),
    ]
    renal_veins = [
        *bent_tube([(-20, 0, 4), (-36, 18, -2), (-50, 24, -8)], [5.0, 4.6, 4.0]),
        *bent_tube([(-18, -3, 14), (4, -13, 14), (24, 6, 10), (50, 24, 4)], [4.8, 4.0, 4.8, 4.0]),
    ]
    crura = [
        *bent_tube([(-13, 20, 98), (-13, 14, 60), (-9, 10, 25), (-6, 10, -4)], [4.5, 5, 4, 2]),
        *bent_tube([(22, 16, 98), (19, 14, 60), (16, 9, 25), (12, 9, 4)], [4.5, 5, 4, 2]),
    ]
    return [
        *(Paint(c, hu.muscle, 0) for c in crura),
        *sheathed(renal_veins, hu.cava + 15, CAVA, hu.fat, 1.2),
        *(Paint(c, hu.cava, CAVA) for c in cava_shape(person)),
        *(Paint(Grown(c, 1.5), hu.fat, 0) for c in arteries),
        *(Paint(c, hu.aorta, None) for c in arteries),
        *sheathed(aorta_shape(person), hu.aorta, AORTA, hu.fat, 2.0),
    ]


def cava_shape(person: Person) -> tuple[Capsule, ...]:
    s = person.size("cava")
    path: list[Vector] = [(-22, 4, -56), (-21, 0, 0), (-22, -3, 40), (-25, -8, 75), (-25, -16, 102), (-20, -22, 122)]
    trunk = bent_tube(path, [11 * s, 12 * s, 12.5 * s, 13 * s, 13 * s, 12.5 * s], flat=0.82)
    right = tube([(-22, 4, -54), (-28, 14, -85), (-36, 26, -130)], [8.5, 7.5, 7], flat=0.85)
    left = tube([(-22, 4, -54), (8, 14, -80), (36, 28, -130)], [8.0, 7.0, 7], flat=0.85)
    return (*trunk, *right, *left)

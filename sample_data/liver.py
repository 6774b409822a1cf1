"""The liver: lobes under the right dome, gallbladder, portal and hepatic veins, tumours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .branching import grow
from .frame import Build
from .labelling import FIRST_FURTHER_TUMOUR, GALLBLADDER, HEPATIC, LIVER, PORTAL, PORTAL_BRANCHES, tumour_label
from .painting import Paint
from .person import Person
from .shapes import (
    F32,
    Capsule,
    Common,
    Ellipsoid,
    Grown,
    Rough,
    Shape,
    Sphere,
    Union,
    Vector,
    Waves,
    Without,
    bent_tube,
)
from .thorax import below_diaphragm
from .wall import Wall

GAP_MM = 1.2
"""Diaphragm, peritoneum and a little fat between the liver and the wall."""


@dataclass(frozen=True)
class Tumour:
    """A spherical tumour of the liver; `center` in anatomy coordinates (mm, LPS from the aorta at the kidneys)."""

    center: Vector
    radius_mm: float


DEFAULT_TUMOURS = (Tumour((-92.0, -22.0, 66.0), 12.0), Tumour((-44.0, -50.0, 82.0), 8.0))


def liver_shape(wall: Wall, person: Person) -> Shape:
    """Right and left lobe and caudate, filling the room under the diaphragm, hollowed by its neighbours."""
    s = person.size("liver")
    right = Ellipsoid((-74, -6, 46), (70 * s, 86 * s, 86 * s), (0, 10, 0))
    left = Ellipsoid((-2, -50, 80), (72 * s, 30 * s, 33 * s), (0, 14, 8))
    caudate = Ellipsoid((-20, -6, 74), (17, 18, 24))
    lobes = Union((right, left, caudate), blend=22.0)
    visceral = Ellipsoid((8, -22, -14), (76, 78, 76), (0, -8, 0))
    hilum = Ellipsoid((-34, -26, 52), (20, 13, 9), (0, -20, 0))
    spine = Capsule((6, 46, -60), (6, 58, 170), 47, 47)
    stomach = Ellipsoid((60, 0, 92), (44, 56, 56))
    colon = Ellipsoid((-80, -66, -10), (42, 34, 26))
    carved = Without(lobes, (visceral, hilum, spine, stomach, colon), blend=12.0)
    return Common((carved, below_diaphragm(wall, GAP_MM)), blend=4.0)


def gallbladder_shape(person: Person) -> tuple[Capsule, ...]:
    s = person.size("gallbladder")
    points = [(-42, -20, 34), (-50, -26, 26), (-59, -34, 14), (-65, -42, 2)]
    placed = [person.place("gallbladder", *p) for p in points]
    return bent_tube(placed, [4 * s, 9 * s, 14.5 * s, 13.5 * s], step_mm=5)


PORTAL_TRUNK: tuple[Vector, ...] = ((-8, -16, 40), (-20, -19, 48), (-34, -23, 56))
SPLENIC_VEIN: tuple[Vector, ...] = ((-8, -16, 40), (12, -18, 46), (34, -6, 52), (55, 12, 58), (70, 26, 64))
MESENTERIC_VEIN: tuple[Vector, ...] = ((-8, -16, 40), (-11, -20, 20), (-12, -26, -5), (-10, -32, -35))
PORTAL_RIGHT: tuple[Vector, ...] = ((-34, -23, 56), (-52, -20, 62), (-68, -12, 64))
PORTAL_LEFT: tuple[Vector, ...] = ((-34, -23, 56), (-26, -34, 68), (-18, -48, 76))
CAVAL_MOUTH: Vector = (-25.0, -17.0, 101.0)


def portal_stem() -> tuple[Capsule, ...]:
    """What anatomists and data sets call portal and splenic vein: trunk, tributaries, first branches."""
    return (
        *bent_tube(PORTAL_TRUNK, [7.2, 7.2, 7.0]),
        *bent_tube(SPLENIC_VEIN, [5.2, 5.0, 4.6, 4.2, 3.6]),
        *bent_tube(MESENTERIC_VEIN, [5.4, 5.2, 4.6, 4.2]),
        *bent_tube(PORTAL_RIGHT, [6.2, 5.8, 5.2]),
        *bent_tube(PORTAL_LEFT, [5.4, 5.0, 4.6]),
    )


def portal_branches(rng: np.random.Generator) -> list[Capsule]:
    """The portal tree beyond its first branches, segment by segment."""
    pieces: list[Capsule] = []
    right, left = PORTAL_RIGHT[-1], PORTAL_LEFT[-1]
    for end in ((-92, 18, 40), (-90, 22, 76), (-94, -34, 48), (-84, -34, 84)):
        pieces += grow(rng, right, end, 4.2, 4)
    for end in ((12, -58, 84), (-4, -62, 62), (-36, -62, 74)):
        pieces += grow(rng, left, end, 3.6, 3)
    return pieces


def hepatic_veins(rng: np.random.Generator) -> list[Capsule]:
    """Right, middle and left hepatic vein and their branches, from the cava down."""
    pieces: list[Capsule] = []
    for end, radius in (((-78, 6, 82), 5.0), ((-54, -48, 80), 4.6), ((4, -52, 92), 4.2), ((-58, 20, 60), 3.2)):
        pieces += grow(rng, CAVAL_MOUTH, end, radius, 4, spread_degrees=30)
    return pieces


def paint_liver(wall: Wall, person: Person, rng: np.random.Generator) -> list[Paint]:
    """Liver with its fissure and vessels; gallbladder; the portal stem comes with the retroperitoneum."""
    hu = person.enhancement
    texture = Waves.random(rng, 16.0, 6)

    def parenchyma(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(hu.liver + 3.5 * texture.at(x, y, z), dtype=np.float32)

    liver = Rough(liver_shape(wall, person), Waves.random(rng, 55.0), 1.6)
    fissure = Ellipsoid((-10, -66, 58), (2.6, 20, 24), (0, 0, -12))
    bladder = gallbladder_shape(person)
    return [
        Paint(liver, parenchyma, LIVER),
        Paint(fissure, hu.fat + 20, 0, only_over=(LIVER,)),
        *(Paint(c, hu.hepatic, HEPATIC, only_over=(LIVER, HEPATIC)) for c in hepatic_veins(rng)),
        *(
            Paint(c, hu.portal, PORTAL_BRANCHES, only_over=(LIVER, HEPATIC, PORTAL_BRANCHES))
            for c in portal_branches(rng)
        ),
        *(Paint(c, hu.bile + 40, GALLBLADDER) for c in bladder),
        *(Paint(Grown(c, -1.2), hu.bile, GALLBLADDER) for c in bladder),
    ]


def paint_portal_stem(person: Person) -> list[Paint]:
    outside_liver = tuple(label for label in range(FIRST_FURTHER_TUMOUR) if label not in (LIVER, PORTAL_BRANCHES))
    sheath = [Paint(Grown(c, 1.5), person.enhancement.fat, 0, only_over=outside_liver) for c in portal_stem()]
    return sheath + [Paint(c, person.enhancement.portal, PORTAL) for c in portal_stem()]


def paint_tumours(tumours: Sequence[Tumour], person: Person, build: Build, rng: np.random.Generator) -> list[Paint]:
    """The tumours as exact spheres in the patient, a little brighter at the rim."""
    waves = Waves.random(rng, 7.0, 6)

    def necrotic(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(person.enhancement.tumour + 6 * waves.at(x, y, z), dtype=np.float32)

    paints = []
    for n, tumour in enumerate(tumours):
        center = build.patient_from_anatomy(tumour.center)
        label = tumour_label(n)
        paints.append(Paint(Sphere(center, tumour.radius_mm), person.enhancement.tumour + 14, label, in_patient=True))
        paints.append(Paint(Sphere(center, tumour.radius_mm - 1.6), necrotic, label, in_patient=True))
    return paints

"""Spine, ribs, sternum and the hip bones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .labelling import BONE
from .painting import Paint
from .shapes import F32, Capsule, Ellipsoid, Grown, Shape, Vector, Waves, bent_tube, tube
from .wall import Outline, spine_offset

F64 = npt.NDArray[np.float64]
VERTEBRA_MM = 33.0
"""From one lumbar vertebra to the next; thoracic ones are lower."""
CORTEX_HU, SPONGY_HU, RIB_HU, MARROW_HU = 420.0, 190.0, 620.0, 230.0
RIB_OUTSIDE_MM = 4.0
DISC_HU, CANAL_HU, CARTILAGE_HU = 88.0, 32.0, 105.0


def _levels() -> list[tuple[float, float]]:
    """(height of the middle, height of the body) of the vertebrae from L5 to T6."""
    levels, z = [], -VERTEBRA_MM * 3.0
    for _ in range(13):
        step = VERTEBRA_MM - max(0.0, z) * 0.045
        levels.append((z, step - 7.0))
        z += step
    return levels


def _y(z: float, y: float) -> float:
    return y + float(spine_offset(z))


def _body(z: float, height: float) -> list[Shape]:
    """A vertebral body: a waisted cylinder, built of three thick discs."""
    y = _y(z, 29)
    h = height / 2
    return [
        Ellipsoid((0, y, z - h * 0.45), (24.5, 18.0, h * 0.62), (0, 0, 0)),
        Ellipsoid((0, y, z + h * 0.45), (24.5, 18.0, h * 0.62), (0, 0, 0)),
        Ellipsoid((0, y, z), (22.0, 16.0, h * 0.95), (0, 0, 0)),
    ]


def _arch(z: float, is_lumbar: bool) -> list[Shape]:
    """Pedicles, laminae, transverse and spinous processes, facet joints."""
    pieces: list[Shape] = []
    out = 44.0 if is_lumbar else 30.0
    back = 62.0 if is_lumbar else 70.0
    for s in (-1, 1):
        pieces += tube([(s * 15, _y(z, 38), z + 5), (s * 16, _y(z, 56), z + 4)], [5.5, 5.0])
        pieces += tube([(s * 16, _y(z, 56), z + 4), (s * 12, _y(z, 64), z - 4), (0, _y(z, 71), z - 7)], [4.5, 4.0, 3.5])
        pieces += tube([(s * 16, _y(z, 57), z + 3), (s * out, _y(z, back), z + 4)], [4.5, 3.0])
        pieces += tube([(s * 17, _y(z, 60), z - 4), (s * 19, _y(z, 62), z - 15)], [5.5, 6.0])
    pieces += tube([(0, _y(z, 71), z - 7), (0, _y(z, 95), z - 16)], [3.2, 4.0])
    return pieces


def paint_spine(rng: np.random.Generator) -> list[Paint]:
    """Vertebrae with cortex and spongy bone, discs, the canal."""
    spongy_waves = Waves.random(rng, 6.0, 8)

    def spongy(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(SPONGY_HU + 12 * spongy_waves.at(x, y, z), dtype=np.float32)

    bodies: list[Shape] = []
    arches: list[Shape] = []
    discs: list[Shape] = []
    for z, height in _levels():
        bodies += _body(z, height)
        arches += _arch(z, is_lumbar=z < 60)
        top = z + (height + 7) / 2
        discs.append(Ellipsoid((0, _y(top, 28.5), top), (23.0, 16.5, 8.0)))
    canal = bent_tube([(0, _y(z, 55), z) for z in (-140, -60, 0, 80, 160, 280)], [10, 10, 10, 9, 9, 9], step_mm=12)
    cord = bent_tube([(0, _y(z, 55), z) for z in (-140, -60, 0, 80, 160, 280)], [7, 7.5, 7.5, 7, 7, 7], step_mm=12)
    return [
        *(Paint(shape, DISC_HU, 0) for shape in discs),
        *(Paint(shape, CORTEX_HU, BONE) for shape in (*bodies, *arches)),
        *(Paint(Grown(shape, -1.8), spongy, BONE) for shape in (*bodies, *arches)),
        *(Paint(shape, -40.0, 0) for shape in canal),
        *(Paint(shape, CANAL_HU, 0) for shape in cord),
    ]


def _rib(cavity: Outline, start_z: float, drop: float, reach: float, side: int) -> list[Vector]:
    """Points along one rib on the outside of the cavity, from the spine forwards.

    `reach` is how far round it goes: 1 is to the sternum; `drop` how much lower its front end lies.
    """
    t = np.linspace(0, reach, 12)
    angle = np.pi / 2 - np.pi * (0.07 + 0.93 * t)
    points = _on_outline(cavity, side * np.cos(angle), np.sin(angle), start_z - drop * t**1.3)
    points[0] = (side * 20, _y(start_z, 52), start_z)
    return points


def _on_outline(cavity: Outline, cos: F64, sin: F64, z: F64) -> list[Vector]:
    """The points 4 mm outside of the cavity's wall in those directions from the middle, by bisection."""
    low, high = np.full(len(z), 20.0), np.full(len(z), 220.0)
    for _ in range(30):
        r = (low + high) / 2
        is_within = cavity.distance(*(c.astype(np.float32) for c in (r * cos, r * sin, z))) < RIB_OUTSIDE_MM
        low, high = np.where(is_within, r, low), np.where(is_within, high, r)
    return [tuple(p) for p in np.stack([low * cos, low * sin, z], axis=1).tolist()]


def paint_ribs(cavity: Outline) -> list[Paint]:
    """The lower seven pairs of ribs with their cartilages, and the sternum."""
    bone: list[Capsule] = []
    cartilage: list[Capsule] = []
    for start_z, drop, reach in (
        (66, 40, 0.30), (95, 78, 0.50), (121, 92, 0.66), (145, 96, 0.72), (168, 96, 0.76),
        (190, 92, 0.80), (211, 88, 0.84), (231, 84, 0.86),
    ):  # fmt: skip
        for side in (-1, 1):
            points = _rib(cavity, start_z, drop, reach, side)
            bone += bent_tube(points, [4.2] + [4.6] * (len(points) - 2) + [4.8], step_mm=16, flat=1.0)
            if reach > 0.6:
                x, y, z = points[-1]
                end = (side * 10.0, y - 6.0, max(z + 22.0, 118.0))
                middle = ((x + end[0]) / 2, min(y, end[1]) - 3.0, z + 2.0)
                cartilage += bent_tube([points[-1], middle, end], [4.6, 4.6, 4.2], step_mm=12)
    sternum = tube([(0, -87, 112), (0, -88, 135)], [2.5, 4]) + tube([(0, -86, 140), (0, -76, 260)], [6, 7])
    wide = [Capsule((c.a[0] - 8, *c.a[1:]), (c.b[0] + 8, *c.b[1:]), c.r0, c.r1) for c in sternum]
    return [
        *(Paint(c, CARTILAGE_HU, 0) for c in cartilage),
        *(Paint(c, RIB_HU, BONE) for c in (*bone, *wide)),
        *(Paint(Grown(c, -2.0), MARROW_HU, BONE) for c in (*bone, *wide)),
    ]


def paint_hips(rng: np.random.Generator) -> list[Paint]:
    """The wings of the hip bones and the sacrum, where the image reaches down to them."""
    waves = Waves.random(rng, 8.0, 5)

    def spongy(x: F32, y: F32, z: F32) -> F32:
        return np.asarray(260 + 60 * waves.at(x, y, z), dtype=np.float32)

    wings: list[Shape] = []
    for s in (-1, 1):
        for t in np.linspace(0, 1, 22):
            crest = (s * (62 + 68 * t**0.8), 66 - 88 * t**1.5, -88 + 20 * np.sin(np.pi * min(1.0, t * 0.9 + 0.05)))
            foot = (s * (50 + 48 * t), 62 - 62 * t, -175.0)
            wings.append(Capsule(crest, foot, 5.2, 5.0))
    return _bony(wings, spongy)


def _bony(shapes: list[Shape], spongy: Callable[[F32, F32, F32], F32]) -> list[Paint]:
    cortex = [Paint(s, CORTEX_HU + 150, BONE) for s in shapes]
    return cortex + [Paint(Grown(s, -2.2), spongy, BONE) for s in shapes]

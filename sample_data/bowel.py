"""Colon with stool and gas, small bowel loops, the mesentery's vessels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .branching import grow
from .labelling import COLON, SMALL_BOWEL
from .painting import Paint
from .person import Person
from .shapes import F32, Below, Capsule, Common, Grown, Shape, Union, Vector, Waves, bent_tube, curve, tube
from .upper_abdomen import GAS_HU

HAUSTRUM_MM = 30.0
PART_PIECES = 6
"""Pieces of the colon that share one level of gas."""
CANDIDATES = 6000
LOOP_APART_MM = 23.0
COLLAPSED_SHARE, GAS_SHARE = 0.2, 0.12
Points = npt.NDArray[np.float64]
COLON_WALL_MM, BOWEL_WALL_MM = 2.2, 2.4
COLON_PATH: tuple[Vector, ...] = (
    (-74, 6, -160), (-82, 8, -110), (-97, 10, -75), (-99, 2, -40), (-88, -28, -20), (-62, -58, -12), (-25, -64, -22),
    (15, -64, -18), (52, -58, 8), (80, -44, 44), (98, -22, 58), (107, 8, 34), (106, 28, -20), (102, 26, -75),
    (84, 12, -115), (70, 6, -160),
)  # fmt: skip
COLON_RADII = (23, 24, 24, 22, 20, 18, 18, 18, 18, 18, 18, 16, 14, 14, 13, 13)


def _haustra(rng: np.random.Generator) -> tuple[Capsule, ...]:
    """The colon's outside: a tube that swells and narrows every few centimetres."""
    points, radii = curve(COLON_PATH, COLON_RADII, step_mm=7.0)
    phase = np.cumsum(rng.uniform(0.7, 1.3, len(points))) * 2 * np.pi * 7.0 / HAUSTRUM_MM
    swollen = [float(r * (0.9 + 0.14 * np.sin(p))) for r, p in zip(radii, phase, strict=True)]
    return tube(points, swollen)


def paint_colon(person: Person, rng: np.random.Generator) -> list[Paint]:
    """Wall, mottled stool, and gas in front of it where a piece holds some."""
    hu = person.enhancement
    pieces = _haustra(rng)
    coarse, fine = Waves.random(rng, 9.0, 7), Waves.random(rng, 5.0, 6)

    def stool(x: F32, y: F32, z: F32) -> F32:
        mottled = coarse.at(x, y, z) + 0.6 * fine.at(x, y, z)
        return np.asarray(35 + 20 * mottled - 450 * np.clip(mottled - 0.7, 0, 1.2), dtype=np.float32)

    paints = [Paint(Grown(c, 1.5), hu.fat, 0) for c in pieces]
    parts = [Union(pieces[n : n + PART_PIECES + 1], blend=5.0) for n in range(0, len(pieces), PART_PIECES)]
    paints += [Paint(p, hu.wall - 10, COLON) for p in parts]
    paints += [Paint(Grown(p, -COLON_WALL_MM), stool, COLON) for p in parts]
    for n, part in enumerate(parts):
        first = pieces[n * PART_PIECES]
        level = first.a[1] + float(rng.uniform(-1.1, 0.9)) * first.r0
        gas = Common((Grown(part, -COLON_WALL_MM), Below((0, level, 0), (0, 1, 0))))
        paints.append(Paint(gas, GAS_HU, COLON))
    return paints


def _loops(rng: np.random.Generator) -> list[tuple[Capsule, ...]]:
    """Short bent pieces of small bowel, packed at random where the small bowel lies."""
    loops = []
    for center in _apart([c for c in rng.uniform((-82, -66, -165), (84, 26, 28), (CANDIDATES, 3)) if _is_room(c)]):
        along = rng.normal(size=3) * (1.0, 0.8, 0.7)
        along /= np.linalg.norm(along)
        aside = np.cross(along, rng.normal(size=3))
        aside /= np.linalg.norm(aside)
        half, bow = rng.uniform(16, 32), rng.uniform(4, 14)
        ends = (center - half * along - bow * aside, center + bow * aside, center + half * along - bow * aside)
        radius = float(rng.uniform(9.5, 13.0))
        points = [tuple(p.tolist()) for p in ends]
        loops.append(bent_tube(points, [radius * f for f in (0.95, 1.0, 0.95)], step_mm=8.0))
    return loops


def _apart(points: list[Points]) -> Points:
    """The first point, and each further one that lies apart from all those taken."""
    left, taken = np.array(points), []
    while len(left):
        taken.append(left[0])
        left = left[((left - left[0]) ** 2).sum(axis=1) > LOOP_APART_MM**2]
    return np.array(taken)


def _is_room(point: Points) -> bool:
    """True where small bowel may lie: before the great vessels and the kidneys, higher up on the left (jejunum)."""
    x, y, z = point
    behind = 6.0 if abs(x) < 36 else 22.0 if z < -45 else 0.0
    top = 26.0 if x > 22 and y > -45 else -14.0
    return bool(y < behind and z < top and (x / 88) ** 2 + ((y + 18) / 60) ** 2 < 1)


def paint_small_bowel(cavity: Shape, person: Person, rng: np.random.Generator) -> list[Paint]:
    """Mesenteric vessels first, then the loops: wall, content, and gas here and there."""
    hu = person.enhancement
    paints: list[Paint] = []
    for end in ((-50, -35, -60), (-20, -45, -85), (25, -40, -85), (55, -32, -55), (60, -30, -20), (-58, -35, -30)):
        tree = grow(rng, (-2.0, -28.0, -10.0), end, 3.0, 3, spread_degrees=24)
        paints += [Paint(c, hu.portal - 10, None) for c in tree if _fits(c, cavity)]
    for pieces in _loops(rng):
        if not all(_fits(c, cavity) for c in pieces):
            continue
        paints += _paint_loop(pieces, person, rng)
    return paints


def _fits(piece: Capsule, cavity: Shape) -> bool:
    """True if both ends of the piece lie within the cavity."""
    x, y, z = np.array([piece.a, piece.b], dtype=np.float32).T
    return bool(np.all(cavity.distance(x, y, z) < -max(piece.r0, piece.r1)))


def _paint_loop(pieces: Sequence[Capsule], person: Person, rng: np.random.Generator) -> list[Paint]:
    content = person.bowel_contrast + float(rng.normal(0, 10))
    lumens = [Grown(c, -BOWEL_WALL_MM * float(rng.uniform(0.8, 1.5))) for c in pieces]
    is_collapsed = rng.random() < COLLAPSED_SHARE
    paints = [Paint(Grown(c, 1.3), person.enhancement.fat, 0) for c in pieces]
    paints += [Paint(c, person.enhancement.wall + 12, SMALL_BOWEL) for c in pieces]
    if not is_collapsed:
        paints += [Paint(c, content, SMALL_BOWEL) for c in lumens]
    if not is_collapsed and rng.random() < GAS_SHARE:
        level = pieces[0].a[1] - float(rng.uniform(0, 8))
        paints += [Paint(Common((c, Below((0, level, 0), (0, 1, 0)))), GAS_HU, SMALL_BOWEL) for c in lumens]
    return paints

"""Solid shapes as signed distances: negative inside, millimetres, evaluated point by point.

Every shape has a `box` outside of which it is empty, so that only the points that matter are evaluated. Distances of
ellipsoids, outlines and blends are first-order approximations; the surface itself (distance 0) is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Vector = tuple[float, float, float]
EVERYWHERE = 1e6
"""Half the size of an unbounded shape's box, mm."""
TINY = np.float32(1e-6)


@dataclass(frozen=True)
class Box:
    """Axis-aligned, from `low` to `high` (x, y, z)."""

    low: Vector
    high: Vector

    def grown(self, margin_mm: float) -> Box:
        x, y, z = self.low
        a, b, c = self.high
        m = margin_mm
        return Box((x - m, y - m, z - m), (a + m, b + m, c + m))

    def union(self, other: Box) -> Box:
        return Box(_each(min, self.low, other.low), _each(max, self.high, other.high))

    def intersection(self, other: Box) -> Box:
        return Box(_each(max, self.low, other.low), _each(min, self.high, other.high))


UNBOUNDED = Box((-EVERYWHERE,) * 3, (EVERYWHERE,) * 3)


def _each(choose: Callable[[float, float], float], a: Vector, b: Vector) -> Vector:
    return (choose(a[0], b[0]), choose(a[1], b[1]), choose(a[2], b[2]))


class Shape(Protocol):
    """Something solid."""

    @property
    def box(self) -> Box: ...

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        """Signed distance in mm at points given as three arrays of one shape."""
        ...


def turn(degrees_xyz: Vector) -> npt.NDArray[np.float64]:
    """(3, 3) rotation about x, then y, then z."""
    ax, ay, az = np.radians(degrees_xyz)
    rx = np.array([[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, np.sin(ax), np.cos(ax)]])
    ry = np.array([[np.cos(ay), 0, np.sin(ay)], [0, 1, 0], [-np.sin(ay), 0, np.cos(ay)]])
    rz = np.array([[np.cos(az), -np.sin(az), 0], [np.sin(az), np.cos(az), 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx)


@dataclass(frozen=True)
class Sphere:
    center: Vector
    radius: float

    @property
    def box(self) -> Box:
        return Box(self.center, self.center).grown(self.radius)

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        cx, cy, cz = map(np.float32, self.center)
        return np.asarray(
            np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) - np.float32(self.radius), dtype=np.float32
        )


@dataclass(frozen=True)
class Ellipsoid:
    """`degrees` turns it about x, then y, then z."""

    center: Vector
    radii: Vector
    degrees: Vector = (0.0, 0.0, 0.0)

    @property
    def box(self) -> Box:
        half = np.sqrt(((turn(self.degrees) * np.asarray(self.radii)) ** 2).sum(axis=1))
        c = np.asarray(self.center)
        return Box(tuple((c - half).tolist()), tuple((c + half).tolist()))

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        cx, cy, cz = map(np.float32, self.center)
        dx, dy, dz = x - cx, y - cy, z - cz
        if any(self.degrees):
            m = turn(self.degrees).astype(np.float32)
            dx, dy, dz = (dx * m[0, a] + dy * m[1, a] + dz * m[2, a] for a in range(3))
        rx, ry, rz = map(np.float32, self.radii)
        u, v, w = dx / rx, dy / ry, dz / rz
        k0 = np.sqrt(u * u + v * v + w * w)
        k1 = np.sqrt((u / rx) ** 2 + (v / ry) ** 2 + (w / rz) ** 2)
        near_center = np.float32(-min(self.radii))
        return np.where(k1 > TINY, k0 * (k0 - 1) / np.maximum(k1, TINY), near_center)


@dataclass(frozen=True)
class Capsule:
    """A straight piece of a tube with round ends, its radius going from `r0` to `r1`.

    `flat` squashes it along y (a flat vein): 1 is round, 0.7 is 30 % flatter.
    """

    a: Vector
    b: Vector
    r0: float
    r1: float
    flat: float = 1.0

    @property
    def box(self) -> Box:
        return Box(_each(min, self.a, self.b), _each(max, self.a, self.b)).grown(max(self.r0, self.r1))

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        ax, ay, az = map(np.float32, self.a)
        ab = (np.asarray(self.b) - np.asarray(self.a)).astype(np.float32)
        dx, dy, dz = x - ax, y - ay, z - az
        length2 = np.float32(max(float(ab @ ab), 1e-6))
        t = np.clip((dx * ab[0] + dy * ab[1] + dz * ab[2]) / length2, 0, 1)
        dx, dy, dz = dx - t * ab[0], (dy - t * ab[1]) / np.float32(self.flat), dz - t * ab[2]
        return np.asarray(
            np.sqrt(dx * dx + dy * dy + dz * dz) - (np.float32(self.r0) + t * np.float32(self.r1 - self.r0)),
            dtype=np.float32,
        )


@dataclass(frozen=True)
class Below:
    """The half-space in front of a plane: points p with (p - point) . normal < 0."""

    point: Vector
    normal: Vector

    @property
    def box(self) -> Box:
        low, high = list(UNBOUNDED.low), list(UNBOUNDED.high)
        along = [a for a in range(3) if self.normal[a]]
        if len(along) == 1:
            side = high if self.normal[along[0]] > 0 else low
            side[along[0]] = self.point[along[0]]
        return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        n = (np.asarray(self.normal) / np.linalg.norm(self.normal)).astype(np.float32)
        p = np.asarray(self.point, dtype=np.float32)
        return np.asarray((x - p[0]) * n[0] + (y - p[1]) * n[1] + (z - p[2]) * n[2], dtype=np.float32)


@dataclass(frozen=True)
class Grown:
    """`shape` with its surface moved outwards by `mm` (inwards if negative)."""

    shape: Shape
    mm: float

    @property
    def box(self) -> Box:
        return self.shape.box.grown(self.mm)

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        return self.shape.distance(x, y, z) - np.float32(self.mm)


def _smooth_min(a: F32, b: F32, blend: float) -> F32:
    if blend <= 0:
        return np.minimum(a, b)
    k = np.float32(blend)
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.asarray(np.minimum(a, b) - h * h * k * np.float32(0.25), dtype=np.float32)


@dataclass(frozen=True)
class Union:
    """All of the shapes; `blend` mm wide fillets where they meet."""

    shapes: Sequence[Shape]
    blend: float = 0.0

    @property
    def box(self) -> Box:
        box = self.shapes[0].box
        for shape in self.shapes[1:]:
            box = box.union(shape.box)
        return box.grown(self.blend / 4)

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        d = self.shapes[0].distance(x, y, z)
        for shape in self.shapes[1:]:
            d = _smooth_min(d, shape.distance(x, y, z), self.blend)
        return d


@dataclass(frozen=True)
class Common:
    """What all shapes share; edges rounded by `blend` mm."""

    shapes: Sequence[Shape]
    blend: float = 0.0

    @property
    def box(self) -> Box:
        box = self.shapes[0].box
        for shape in self.shapes[1:]:
            box = box.intersection(shape.box)
        return box

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        d = self.shapes[0].distance(x, y, z)
        for shape in self.shapes[1:]:
            d = -_smooth_min(-d, -shape.distance(x, y, z), self.blend)
        return d


@dataclass(frozen=True)
class Without:
    """`shape` less `holes`; edges rounded by `blend` mm."""

    shape: Shape
    holes: Sequence[Shape]
    blend: float = 0.0

    @property
    def box(self) -> Box:
        return self.shape.box

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        d = self.shape.distance(x, y, z)
        for hole in self.holes:
            d = -_smooth_min(-d, hole.distance(x, y, z), self.blend)
        return d


@dataclass(frozen=True)
class Waves:
    """A smooth scalar field of mean 0 and standard deviation about 1: a sum of plane waves.

    Parameters
    ----------
    vectors
        (n, 3) wave vectors, rad/mm.
    phases
        (n,)
    """

    vectors: npt.NDArray[np.float32]
    phases: npt.NDArray[np.float32]

    @classmethod
    def random(cls, rng: np.random.Generator, wavelength_mm: float, count: int = 6) -> Waves:
        """Isotropic, wavelengths within 30 % of the one given."""
        direction = rng.normal(size=(count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        size = 2 * np.pi / (wavelength_mm * rng.uniform(0.7, 1.3, size=(count, 1)))
        return cls((direction * size).astype(np.float32), rng.uniform(0, 2 * np.pi, count).astype(np.float32))

    def at(self, x: F32, y: F32, z: F32) -> F32:
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
        for (kx, ky, kz), phase in zip(self.vectors, self.phases, strict=True):
            total += np.sin(kx * x + ky * y + kz * z + phase)
        return total * np.float32(np.sqrt(2 / len(self.phases)))


@dataclass(frozen=True)
class Rough:
    """`shape` with a wavy surface, `mm` deep (about two standard deviations)."""

    shape: Shape
    waves: Waves = field(repr=False)
    mm: float

    @property
    def box(self) -> Box:
        return self.shape.box.grown(2 * self.mm)

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        return self.shape.distance(x, y, z) + self.waves.at(x, y, z) * np.float32(self.mm / 2)


def tube(points: Sequence[Vector], radii: Sequence[float], flat: float = 1.0) -> tuple[Capsule, ...]:
    """The pieces of a bent tube through `points` with the radius at each."""
    return tuple(Capsule(points[n], points[n + 1], radii[n], radii[n + 1], flat) for n in range(len(points) - 1))


def curve(points: Sequence[Vector], radii: Sequence[float], step_mm: float = 6.0) -> tuple[list[Vector], list[float]]:
    """A smooth curve (cubic Hermite through the points, by arc length) sampled every `step_mm`, with its radii."""
    p = np.asarray(points, dtype=np.float64)
    s = np.r_[0, np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))]
    tangents = np.gradient(p, s, axis=0)
    t = np.linspace(0, s[-1], max(2, int(np.ceil(s[-1] / step_mm)) + 1))
    n = np.clip(np.searchsorted(s, t, side="right") - 1, 0, len(s) - 2)
    h = s[n + 1] - s[n]
    u = ((t - s[n]) / h)[:, None]
    smooth = (
        (1 + 2 * u) * (1 - u) ** 2 * p[n]
        + u * (1 - u) ** 2 * h[:, None] * tangents[n]
        + u**2 * (3 - 2 * u) * p[n + 1]
        + u**2 * (u - 1) * h[:, None] * tangents[n + 1]
    )
    return [tuple(row) for row in smooth.tolist()], np.interp(t, s, radii).tolist()


def bent_tube(
    points: Sequence[Vector], radii: Sequence[float], *, step_mm: float = 6.0, flat: float = 1.0
) -> tuple[Capsule, ...]:
    """A tube along a smooth curve through `points`."""
    return tube(*curve(points, radii, step_mm), flat=flat)
